package sshd

import (
	"bytes"
	"errors"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/files"
)

// maxKeysBytes bounds what is read of a user's authorized_keys.
const maxKeysBytes = 1 << 20

var errNotAuthorized = errors.New("this key may not log in")

// authorize lets in the host's keys as any user that the guest has, and a user's own as that user.
func (s *Server) authorize(user string, offered ssh.PublicKey) error {
	who, err := s.Accounts.Lookup(user)
	if err != nil {
		return err
	}
	for _, line := range s.Keys() {
		if holdsKey([]byte(line), offered) {
			return nil
		}
	}
	if holdsKey(ownKeys(who), offered) {
		return nil
	}
	return errNotAuthorized
}

func ownKeys(who account.User) []byte {
	text, err := files.Head(filepath.Join(who.Home, ".ssh", "authorized_keys"), maxKeysBytes)
	if err != nil {
		return nil
	}
	return text
}

// holdsKey reads lines of sshd(8)'s AUTHORIZED_KEYS FILE FORMAT. A line with options is passed over: options
// restrict, and what this server does not enforce it must not allow.
func holdsKey(text []byte, offered ssh.PublicKey) bool {
	want := offered.Marshal()
	for len(text) > 0 {
		key, _, options, rest, err := ssh.ParseAuthorizedKey(text)
		if err != nil {
			return false
		}
		if len(options) == 0 && bytes.Equal(key.Marshal(), want) {
			return true
		}
		text = rest
	}
	return false
}
