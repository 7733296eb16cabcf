package account

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// lookup fails a test of a lookup that waits.
func lookup(t *testing.T, d Database, spec string) (User, error) {
	t.Helper()
	type answer struct {
		user User
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		user, err := d.Lookup(spec)
		done <- answer{user, err}
	}()
	select {
	case got := <-done:
		return got.user, got.err
	case <-time.After(10 * time.Second):
		t.Fatalf("Lookup(%q) waits", spec)
		return User{}, nil
	}
}

func TestPasswdThatIsNoFileIsNamed(t *testing.T) {
	for kind, put := range map[string]func(path string) error{
		"FIFO":      func(path string) error { return unix.Mkfifo(path, 0o644) },
		"endless":   func(path string) error { return os.Symlink("/dev/zero", path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		for _, name := range []string{"passwd", "group"} {
			d := database(t, passwd, group)
			path := filepath.Join(d.Root, "etc", name)
			if err := errors.Join(os.Remove(path), put(path)); err != nil {
				t.Fatal(err)
			}
			for _, spec := range []string{"", "alice"} {
				_, err := lookup(t, d, spec)
				if !errors.Is(err, files.ErrNotRegular) || !strings.Contains(err.Error(), path) {
					t.Errorf("%s as %s: Lookup(%q): %v", name, kind, spec, err)
				}
			}
			// The way into such a guest, to put it right.
			if got, err := lookup(t, d, "0"); err != nil || got.UID != 0 || got.GID != 0 {
				t.Errorf("%s as %s: Lookup of a number: %+v, %v", name, kind, got, err)
			}
		}
	}
}

func TestAUserBehindWhatIsReadIsNotSaidToBeAbsent(t *testing.T) {
	filler := strings.Repeat("x:x:5000:5000::/:/bin/sh\n", maxFileBytes/25+1)
	d := database(t, passwd+filler+"late:x:6000:6000::/:/bin/sh\n", group)
	if _, err := d.Lookup("late"); !errors.Is(err, files.ErrTooLarge) || errors.Is(err, ErrNoSuchUser) || !strings.Contains(err.Error(), "/etc/passwd") {
		t.Errorf("%v", err)
	}
	if _, err := d.Lookup("alice"); err != nil {
		t.Errorf("one that stands before it: %v", err)
	}
}
