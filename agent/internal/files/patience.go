package files

import (
	"errors"
	"io/fs"
	"time"
)

// ErrSilent says that a file system does not answer: FUSE's is a process of the guest, a network's another machine.
var ErrSilent = errors.New("its file system does not answer")

const (
	// patience is more than a disk takes that is only slow, and less than a host waits.
	patience = 5 * time.Second
	// maxStuck bounds the threads that may be lost to such file systems; beyond it nobody waits any more.
	maxStuck = 32
)

// working has a place for each call that is under way.
var working = make(chan struct{}, maxStuck)

// within gives a call on a path up when it takes too long. The kernel does not let go of it: it ends by itself, or never.
func within[T any](limit time.Duration, doing, path string, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	timer := time.NewTimer(limit)
	defer timer.Stop()
	silent := &fs.PathError{Op: doing, Path: path, Err: ErrSilent}
	select {
	case working <- struct{}{}:
	case <-timer.C:
		return none, silent
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-working }()
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case got := <-done:
		return got.value, got.err
	case <-timer.C:
		return none, silent
	}
}
