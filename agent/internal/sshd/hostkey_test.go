package sshd

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

func TestGuestKeysAreMadeOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ssh_host_ed25519_key")
	var first []byte
	for range 2 {
		if err := EnsureGuestKeys(dir); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && string(first) != string(text) {
			t.Error("the key became another")
		}
		first = text
	}
	private, err := ssh.ParsePrivateKey(first)
	if err != nil {
		t.Fatal(err)
	}
	if public, err := os.ReadFile(path + ".pub"); err != nil || string(public) != string(ssh.MarshalAuthorizedKey(private.PublicKey())) {
		t.Errorf("%q, %v", public, err)
	}
}

func TestGuestKeysOfAnotherKindAreKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ssh_host_rsa_key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := EnsureGuestKeys(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ssh_host_ed25519_key")); !os.IsNotExist(err) {
		t.Errorf("a key was added: %v", err)
	}
}

func TestAHostKeyThatIsNoFileCostsOnlyItsBeingKept(t *testing.T) {
	for kind, put := range map[string]func(path string) error{
		"FIFO":      func(path string) error { return unix.Mkfifo(path, 0o600) },
		"endless":   func(path string) error { return os.Symlink("/dev/zero", path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"loop":      func(path string) error { return os.Symlink(filepath.Base(path), path) },
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		done := make(chan error, 1)
		go func() {
			_, err := LoadHostKey(path, slog.New(slog.NewTextHandler(&log, nil)))
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil || !strings.Contains(log.String(), path) {
				t.Errorf("%s: %v; it said %q", kind, err, log.String())
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it waits", kind)
		}
	}
}
