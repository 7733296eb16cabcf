package command

import (
	"os"
	"path/filepath"
	"strings"

	"banger.dev/agent/internal/files"
)

// maxLocaleBytes bounds what is read of a file of the image's.
const maxLocaleBytes = 64 << 10

// systemLocale is LANG as the guest has it configured (locale.conf(5); Debian's own file before Debian 13), else the one
// that knows every character and no language, where the C library has it. Empty means that none is there.
func systemLocale(root string) string {
	for _, path := range []string{"etc/locale.conf", "etc/default/locale"} {
		text, err := files.Head(filepath.Join(root, path), maxLocaleBytes)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if value, found := strings.CutPrefix(strings.TrimSpace(line), "LANG="); found {
				return strings.Trim(value, `"'`)
			}
		}
	}
	// glibc's folder has the name in either spelling.
	for _, name := range []string{"C.utf8", "C.UTF-8"} {
		if _, err := os.Stat(filepath.Join(root, "usr/lib/locale", name)); err == nil {
			return "C.UTF-8"
		}
	}
	return ""
}
