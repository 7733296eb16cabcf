// Package guest holds what a host has told its guest, and changes the guest accordingly.
package guest

import (
	"maps"
	"slices"
	"sync"
)

// Settings are what Configure brought. They live in memory: nothing secret is written into an image.
type Settings struct {
	mu         sync.Mutex
	configured bool
	keys       []string
	env        map[string]string
	world      map[string]string
}

// SetKeys replaces the public keys that may log in.
func (s *Settings) SetKeys(authorized []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.Clone(authorized)
}

// SetEnv replaces the environment that every command starts with.
func (s *Settings) SetEnv(env map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configured = true
	s.env = maps.Clone(env)
}

// SetWorld replaces the variables that come of what the host lives with: they lie under those of SetEnv.
func (s *Settings) SetWorld(env map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world = maps.Clone(env)
}

// World is the variables of SetWorld alone.
func (s *Settings) World() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.world)
}

// Keys are lines of an authorized_keys file.
func (s *Settings) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys)
}

// Env is what every command starts with.
func (s *Settings) Env() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	env := make(map[string]string, len(s.world)+len(s.env))
	maps.Copy(env, s.world)
	maps.Copy(env, s.env)
	return env
}

// Configured tells whether a host has been here.
func (s *Settings) Configured() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.configured
}
