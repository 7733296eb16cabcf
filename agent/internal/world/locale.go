package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"banger.dev/agent/internal/files"
)

const (
	localeConf    = "etc/locale.conf"
	defaultLocale = "etc/default/locale"
	// localeArchive is where glibc has all locales in one file; localedef(1).
	localeArchive = "usr/lib/locale/locale-archive"
	searchBytes   = 1 << 20
)

var localePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,15}(_[A-Za-z0-9]{1,8})?(\.[A-Za-z0-9-]{1,20})?(@[A-Za-z0-9]{1,20})?$`)

func (k *Keeper) setLocale(_ context.Context, notes *notes, wanted Wanted) (map[string]string, error) {
	lang := wanted.Locale
	if lang == "" {
		return nil, errors.Join(notes.putBack(localeConf), notes.putBack(defaultLocale))
	}
	if !localePattern.MatchString(lang) {
		return nil, fmt.Errorf("%.80q is not a locale", lang)
	}
	if !k.hasLocale(lang) {
		return nil, errors.Join(
			notes.putBack(localeConf), notes.putBack(defaultLocale),
			fmt.Errorf("the guest has no locale %s: it keeps its own; install the guest's locales", lang),
		)
	}
	name, other := k.localeFile()
	now, err := notes.look(name)
	if err == nil {
		err = notes.put(name, content{File: withLang(now.File, lang)})
	}
	return map[string]string{"LANG": lang}, errors.Join(err, notes.putBack(other))
}

// localeFile is where this guest has its LANG, and where it has not.
func (k *Keeper) localeFile() (string, string) {
	_, hasConf := os.Lstat(k.path(localeConf))
	info, hasDefault := os.Lstat(k.path(defaultLocale))
	if hasConf != nil && (isFolder(k.path("etc/default")) && hasDefault != nil || hasDefault == nil && info.Mode().IsRegular()) {
		return defaultLocale, localeConf
	}
	return localeConf, defaultLocale
}

func withLang(now []byte, lang string) []byte {
	var text strings.Builder
	for line := range strings.Lines(string(now)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "LANG=") {
			text.WriteString(strings.TrimRight(line, "\n") + "\n")
		}
	}
	return []byte(text.String() + "LANG=" + lang + "\n")
}

// hasLocale looks for it as glibc does: a folder of its own, or a name in the archive, its character set spelled plainly.
func (k *Keeper) hasLocale(lang string) bool {
	if lang == "C" || lang == "POSIX" {
		return true
	}
	plain := normalLocale(lang)
	for _, name := range []string{lang, plain} {
		if isFolder(k.path(filepath.Join("usr/lib/locale", name))) {
			return true
		}
	}
	return k.archiveHolds(plain)
}

// normalLocale is `de_DE.utf8` of `de_DE.UTF-8`.
func normalLocale(lang string) string {
	base, modifier, hasModifier := strings.Cut(lang, "@")
	name, charset, hasCharset := strings.Cut(base, ".")
	if hasCharset {
		name += "." + strings.ToLower(strings.ReplaceAll(charset, "-", ""))
	}
	if hasModifier {
		name += "@" + modifier
	}
	return name
}

func (k *Keeper) archiveHolds(name string) bool {
	// Names stand at the beginning, before the locales themselves.
	head, err := files.Head(k.path(localeArchive), searchBytes)
	return err == nil && bytes.Contains(head, []byte("\x00"+name+"\x00"))
}
