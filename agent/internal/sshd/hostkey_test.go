package sshd

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
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
