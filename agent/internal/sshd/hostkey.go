package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"banger.dev/agent/internal/files"
)

// maxKeyBytes bounds a host key; ours has some 400 bytes.
const maxKeyBytes = 64 << 10

// LoadHostKey reads the guest's own key, or makes one on the first boot. Where the file cannot be kept (a root
// that is read-only) the key lasts until the agent ends.
func LoadHostKey(path string, log *slog.Logger) (ssh.Signer, error) {
	text, err := files.Read(path, maxKeyBytes)
	if err == nil {
		signer, failed := ssh.ParsePrivateKey(text)
		if failed == nil {
			return signer, nil
		}
		err = failed
	}
	if !errors.Is(err, fs.ErrNotExist) {
		// SSH is one thing of many that the agent is there for.
		log.Warn("the SSH host key cannot be read: making another", "path", path, "error", err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the SSH host key: %w", err)
	}
	if err := saveHostKey(path, private); err != nil {
		log.Warn("the SSH host key is not kept", "path", path, "error", err)
	}
	return ssh.NewSignerFromKey(private)
}

// EnsureGuestKeys gives the guest's own sshd a host key where it has none: one that no other machine of its image has.
func EnsureGuestKeys(dir string) error {
	// Without its folder there is no sshd.
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	keys, err := filepath.Glob(filepath.Join(dir, "ssh_host_*_key"))
	if err != nil || len(keys) > 0 {
		return err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make sshd's host key: %w", err)
	}
	name, err := ssh.NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("make sshd's host key: %w", err)
	}
	path := filepath.Join(dir, "ssh_host_ed25519_key")
	// destroys: our own key, which is being made anew
	if err := files.Replace(path+".pub", ssh.MarshalAuthorizedKey(name), 0o644); err != nil {
		return err
	}
	return saveHostKey(path, private)
}

func saveHostKey(path string, private ed25519.PrivateKey) error {
	block, err := ssh.MarshalPrivateKey(private, "banger")
	if err != nil {
		return err
	}
	if err := files.EnsureFolder(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// destroys: our own key, which is being made anew
	return files.Replace(path, pem.EncodeToMemory(block), 0o600)
}
