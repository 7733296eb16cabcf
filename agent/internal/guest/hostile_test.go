package guest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// makeHostile puts something at a path that no file should be, and that an image may well hold.
var makeHostile = map[string]func(path string) error{
	"FIFO":      func(path string) error { return unix.Mkfifo(path, 0o644) },
	"endless":   func(path string) error { return os.Symlink("/dev/zero", path) },
	"directory": func(path string) error { return os.Mkdir(path, 0o755) },
	"loop":      func(path string) error { return os.Symlink(filepath.Base(path), path) },
	"huge": func(path string) error {
		return errors.Join(os.WriteFile(path, []byte("begin\n"), 0o644), os.Truncate(path, 1<<30))
	},
}

// Whoever is root in a guest may put anything there while it runs, and the host tells it who it is at each resume.
func TestAGuestIsToldWhoItIsWhateverLiesThere(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	for name, write := range map[string]func(root string) error{
		"hostname":    func(root string) error { return writeFile(root, "etc/hostname", "demo\n", always) },
		"hosts":       func(root string) error { return setHosts(root, "demo") },
		"machine-id":  func(root string) error { return SetMachineID(root, id) },
		"resolv.conf": func(root string) error { return SetResolvers(root, []string{"10.0.2.3"}, false) },
	} {
		for kind, put := range makeHostile {
			root := t.TempDir()
			path := filepath.Join(root, "etc", name)
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), put(path)); err != nil {
				t.Fatal(err)
			}
			if kind == "endless" {
				// Links mean paths below the root.
				if err := errors.Join(os.Mkdir(filepath.Join(root, "dev"), 0o755), unix.Mkfifo(filepath.Join(root, "dev/zero"), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			done := during(func() error { return write(root) })
			select {
			case err := <-done:
				if kind != "huge" && (err == nil || !strings.Contains(err.Error(), path)) {
					t.Errorf("%s as %s: %v", name, kind, err)
				}
				if kind == "huge" && err != nil {
					t.Errorf("%s as %s: %v", name, kind, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s as %s: it waits", name, kind)
			}
		}
	}
}

func during(do func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return done
}

func TestAFileThatTwoNamesShareIsNotWrittenThrough(t *testing.T) {
	root, path := etc(t, "hostname", "image\n", "")
	other := filepath.Join(root, "precious")
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(root, "etc/hostname", "demo\n", always); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(other); err != nil || string(got) != "image\n" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestSealingPassesOverWhatIsNoFile(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc/ssh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hostname", "hosts", "machine-id", "resolv.conf"} {
		if err := unix.Mkfifo(filepath.Join(root, "etc", name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-during(func() error { return Forget(root, Identity{HostKey: "none"}) }):
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}
