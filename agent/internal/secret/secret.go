// Package secret keeps what a host and the agent of its guest know of one another for as long as the guest runs.
package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"sync"

	"banger.dev/agent/internal/files"
)

// Size is of the secret, of a challenge and of a nonce.
const Size = 32

// DefaultPath lies in memory, and only root can read it: an agent that is started again still knows the secret.
const DefaultPath = "/run/banger/secret"

// Who shows that they know the secret; the contract says so. What one end has shown is nothing that the other would.
const (
	Host  = "banger host"
	Guest = "banger guest"
)

// ErrSize says that a secret is not of the length that all are.
var ErrSize = errors.New("a secret has 32 bytes")

// Keeper holds the secret of one boot. The zero value keeps it in its own memory alone.
type Keeper struct {
	path, bootID string

	mu    sync.Mutex
	value []byte
}

// Load returns the secret that an agent of the same boot has left, or a keeper that waits for one.
func Load(path, bootID string) *Keeper {
	k := &Keeper{path: path, bootID: bootID}
	text, err := files.Read(path, 4<<10)
	if err != nil {
		return k
	}
	boot, value, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if decoded, err := hex.DecodeString(value); err == nil && len(decoded) == Size && boot == bootID && bootID != "" {
		k.value = decoded
	}
	return k
}

// Known tells whether there is a secret.
func (k *Keeper) Known() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value != nil
}

// Take keeps the first secret that comes; any other leaves it as it is.
func (k *Keeper) Take(value []byte) error {
	if len(value) != Size {
		return ErrSize
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.value != nil {
		return nil
	}
	k.value = append([]byte(nil), value...)
	if k.path == "" {
		return nil
	}
	if err := files.EnsureFolder(filepath.Dir(k.path), 0o755); err != nil {
		return err
	}
	// destroys: our own secret, of the boot before
	return files.Replace(k.path, []byte(k.bootID+" "+hex.EncodeToString(value)+"\n"), 0o600)
}

// Proof shows that who knows the secret; it says nothing of the secret itself.
func (k *Keeper) Proof(who string, challenge, nonce []byte) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	mac := hmac.New(sha256.New, k.value)
	for _, part := range [][]byte{[]byte(who), challenge, nonce} {
		_, _ = mac.Write(part)
	}
	return mac.Sum(nil)
}

// Proves compares in a time that tells nothing of where two proofs differ.
func (k *Keeper) Proves(proof []byte, who string, challenge, nonce []byte) bool {
	return k.Known() && len(challenge) == Size && len(nonce) == Size && hmac.Equal(proof, k.Proof(who, challenge, nonce))
}
