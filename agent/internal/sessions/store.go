package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/files"
)

// Where sessions are in a guest: on its disk, so that their logs outlive a boot, and their sockets for this boot. Where the
// disk cannot be written to, all is for this boot.
const (
	KeptDir    = "/var/lib/banger/sessions"
	RunDir     = "/run/banger/sessions"
	unkeptDir  = "/run/banger/unkept-sessions"
	socketEnd  = ".sock"
	startLimit = 25 * time.Second
)

// Store is the agent's end: the sessions of its guest.
type Store struct {
	// Dir has a folder for each session; empty: the guest's own place for them.
	Dir string
	// Run has a socket for each that runs.
	Run string
	// Program is the agent's own file.
	Program string
	BootID  string
	Nursery *children.Nursery

	// making: names are taken one at a time.
	making  sync.Mutex
	finding sync.Once
}

// kept is where sessions are. It is asked for when the first is: an agent begins before the disks of some systems are mounted.
func (s *Store) kept() string {
	s.finding.Do(func() {
		if s.Dir != "" {
			return
		}
		s.Dir = KeptDir
		if files.EnsureFolder(KeptDir, 0o700) != nil || unix.Access(KeptDir, unix.W_OK) != nil {
			s.Dir = unkeptDir
		}
	})
	return s.Dir
}

func (s *Store) dir(name string) string    { return filepath.Join(s.kept(), name) }
func (s *Store) socket(name string) string { return filepath.Join(s.Run, name+socketEnd) }

// Create starts a command, and answers when it runs. Errors by fault of the client are of type *command.Rejection.
func (s *Store) Create(ctx context.Context, name string, spec Spec) (Session, error) {
	s.making.Lock()
	defer s.making.Unlock()
	if err := files.EnsureFolder(s.kept(), 0o700); err != nil {
		return Session{}, err
	}
	names, err := s.names()
	if err != nil {
		return Session{}, err
	}
	if len(names) >= maxSessions {
		return Session{}, ErrTooMany
	}
	if name == "" {
		name = nameFor(spec.Argv, s.isThere)
	}
	switch {
	case !nameShape.MatchString(name):
		return Session{}, ErrBadName
	case s.isThere(name):
		return Session{}, fmt.Errorf("%w: %s", ErrExists, name)
	}
	if err := s.prepare(name, spec); err != nil {
		return Session{}, errors.Join(err, s.forget(name))
	}
	if err := s.launch(ctx, name, spec); err != nil {
		return Session{}, errors.Join(err, s.forget(name))
	}
	return s.Get(ctx, name)
}

// prepare leaves a folder that is no session yet: it has no status.
func (s *Store) prepare(name string, spec Spec) error {
	// What an agent has left that was killed here.
	if err := s.forget(name); err != nil {
		return err
	}
	if err := files.EnsureFolder(s.dir(name), 0o700); err != nil {
		return err
	}
	return write(filepath.Join(s.dir(name), aboutFile), spec.about(s.BootID))
}

// launch starts a supervisor, and waits until it says that the command runs.
func (s *Store) launch(ctx context.Context, name string, spec Spec) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	specOut, specIn, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = specOut.Close() }()
	toldOut, toldIn, err := os.Pipe()
	if err != nil {
		return errors.Join(err, specIn.Close())
	}
	defer func() { _ = toldOut.Close() }()
	child, err := s.Nursery.Start(s.Program, []string{"banger-vsock-agent", "session-run", s.dir(name), s.socket(name)}, &syscall.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []uintptr{specOut.Fd(), null.Fd(), null.Fd(), toldIn.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	_ = toldIn.Close()
	if err != nil {
		return errors.Join(err, specIn.Close())
	}
	// One that does not read ends its pipe, and so this.
	go func() {
		_ = json.NewEncoder(specIn).Encode(spec)
		_ = specIn.Close()
	}()
	err = awaitStart(ctx, toldOut)
	if err != nil {
		// It may be about to start the command; nobody would know of it.
		_ = child.Signal(unix.SIGKILL)
	}
	return err
}

func awaitStart(ctx context.Context, from *os.File) error {
	deadline := time.Now().Add(startLimit)
	if limit, has := ctx.Deadline(); has && limit.Before(deadline) {
		deadline = limit
	}
	_ = from.SetReadDeadline(deadline)
	var word started
	err := json.NewDecoder(io.LimitReader(from, maxRecordBytes)).Decode(&word)
	switch {
	case err != nil:
		return fmt.Errorf("the session's supervisor did not say that it runs: %w", err)
	case word.Rejection != nil:
		return word.Rejection
	case word.Error != "":
		return errors.New(word.Error)
	}
	return nil
}

// isThere tells whether a name is a session's.
func (s *Store) isThere(name string) bool {
	_, err := os.Lstat(filepath.Join(s.dir(name), statusFile))
	return err == nil
}

func (s *Store) names() ([]string, error) {
	found, err := files.Names(s.kept(), maxNames)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range found {
		if nameShape.MatchString(name) && s.isThere(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}

// List tells of all, in the order of their names. One whose records cannot be read is left out.
func (s *Store) List(ctx context.Context) ([]Session, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	var sessions []Session
	for _, name := range names {
		if one, err := s.Get(ctx, name); err == nil {
			sessions = append(sessions, one)
		}
	}
	return sessions, nil
}

// Get tells of one.
func (s *Store) Get(ctx context.Context, name string) (Session, error) {
	if !nameShape.MatchString(name) || !s.isThere(name) {
		return Session{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	one := Session{Name: name}
	if err := read(filepath.Join(s.dir(name), aboutFile), &one.About); err != nil {
		return Session{}, err
	}
	status := filepath.Join(s.dir(name), statusFile)
	if err := read(status, &one.Status); err != nil {
		return Session{}, err
	}
	if one.State == Running && !s.lives(ctx, name) {
		// It may have ended since it was asked.
		if err := read(status, &one.Status); err != nil {
			return Session{}, err
		}
		one.Status = settled(one, s.BootID)
	}
	one.LogBytes = logBytes(s.dir(name))
	return one, nil
}

// settled is what is to be said of one whose supervisor is gone.
func settled(one Session, bootID string) Status {
	if one.State != Running {
		return one.Status
	}
	status := one.Status
	status.State, status.Pid, status.HasWriter = Lost, 0, false
	if one.BootID != bootID {
		status.State = Rebooted
	}
	return status
}

func (s *Store) lives(ctx context.Context, name string) bool {
	reached, err := reach(ctx, s.socket(name))
	if err != nil {
		return false
	}
	reached.Close()
	return true
}

// Reach connects to the supervisor of one that runs.
func (s *Store) Reach(ctx context.Context, name string) (*Reached, error) {
	if _, err := s.Get(ctx, name); err != nil {
		return nil, err
	}
	return reach(ctx, s.socket(name))
}

// Replay hands over what a session has printed, and with follow what it prints, until it has ended.
func (s *Store) Replay(ctx context.Context, name string, want Replay, follow bool, emit func(Record) error) error {
	if _, err := s.Get(ctx, name); err != nil {
		return err
	}
	var ended <-chan struct{}
	if follow {
		if reached, err := reach(ctx, s.socket(name)); err == nil {
			defer reached.Close()
			ended = reached.Gone()
		}
	}
	return replay(ctx, s.dir(name), want, ended, emit)
}

// Await returns when a session has ended, with how it did.
func (s *Store) Await(ctx context.Context, name string) (Session, error) {
	reached, err := s.Reach(ctx, name)
	if err == nil {
		defer reached.Close()
		select {
		case <-reached.Gone():
		case <-ctx.Done():
			return Session{}, context.Cause(ctx)
		}
	} else if !errors.Is(err, ErrEnded) {
		return Session{}, err
	}
	return s.Get(ctx, name)
}

// End kills the command of one that runs, and waits for its end.
func (s *Store) End(ctx context.Context, name string) (Session, error) {
	reached, err := s.Reach(ctx, name)
	if err == nil {
		err = reached.kill(ctx)
		reached.Close()
	}
	// One that has ended meanwhile has nothing to be killed.
	if err != nil && !errors.Is(err, ErrEnded) {
		return Session{}, err
	}
	return s.Await(ctx, name)
}

// Delete forgets one that has ended, with its log; with force it is ended first.
func (s *Store) Delete(ctx context.Context, name string, force bool) error {
	one, err := s.Get(ctx, name)
	if err != nil {
		return err
	}
	if one.State == Running {
		if !force {
			return ErrRunning
		}
		if _, err := s.End(ctx, name); err != nil {
			return err
		}
	}
	s.making.Lock()
	defer s.making.Unlock()
	return s.forget(name)
}

func (s *Store) forget(name string) error {
	// destroys: the folder and the socket of a session that has ended, or never began, by its name below our own folder
	return errors.Join(os.RemoveAll(s.dir(name)), removeSocket(s.socket(name)))
}

func removeSocket(path string) error {
	// destroys: the socket of a supervisor of ours that is gone, by its name
	if err := os.Remove(path); err != nil && !isMissing(err) {
		return err
	}
	return nil
}

// ForgetAll leaves no session in a guest whose disk becomes an image.
func ForgetAll() error {
	// destroys: our own folder of sessions, of this one machine; an image shall not hold it
	return os.RemoveAll(KeptDir)
}
