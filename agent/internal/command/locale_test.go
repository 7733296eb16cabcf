package command

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSystemLocale(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":              {nil, ""},
		"glibc's":           {map[string]string{"usr/lib/locale/C.utf8/LC_CTYPE": ""}, "C.UTF-8"},
		"configured":        {map[string]string{"etc/locale.conf": "LC_TIME=C\nLANG=\"de_AT.UTF-8\"\n"}, "de_AT.UTF-8"},
		"Debian's file":     {map[string]string{"etc/default/locale": "LANG=fr_FR.UTF-8\n"}, "fr_FR.UTF-8"},
		"configured vainly": {map[string]string{"etc/locale.conf": "#LANG=x\n", "usr/lib/locale/C.UTF-8/x": ""}, "C.UTF-8"},
	} {
		root := t.TempDir()
		for path, text := range c.files {
			full := filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := systemLocale(root); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestALocaleThatIsNoFileIsNone(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "etc/locale.conf")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), unix.Mkfifo(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 1)
	go func() { done <- systemLocale(root) }()
	select {
	case got := <-done:
		if got != "" {
			t.Errorf("%q", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}
