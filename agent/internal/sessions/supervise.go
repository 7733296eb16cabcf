package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/command"
	"banger.dev/agent/internal/files"
)

// endGrace is the time that a command has when the guest goes down. It is less than PID 1 gives to all.
const endGrace = 4 * time.Second

// hearWithin is more than a signal takes that was sent already.
const hearWithin = 200 * time.Millisecond

// started is what a supervisor tells whoever started it: one of the three, or that the command runs.
type started struct {
	Rejection *command.Rejection `json:",omitempty"`
	Error     string             `json:",omitempty"`
}

// Supervise runs a command as the session of a folder until it has ended. What it is comes from spec, as JSON; that it
// runs, or why not, goes to told. When the context ends, the guest goes down, and the command is asked to end.
func Supervise(ctx context.Context, dir, socket string, spec io.Reader, told io.WriteCloser) error {
	s, err := begin(dir, socket, spec)
	word := started{}
	if err != nil && !errors.As(err, &word.Rejection) {
		word.Error = err.Error()
	}
	if err := errors.Join(json.NewEncoder(told).Encode(word), told.Close()); err != nil && s != nil {
		// Whoever has asked for it is gone; it was asked for all the same.
		_ = err
	}
	if err != nil {
		return err
	}
	return s.run(ctx)
}

type supervisor struct {
	dir       string
	keepStdin bool
	process   *command.Process
	log       *segments
	listener  net.Listener

	// input is held while the command is written to.
	input sync.Mutex

	mu     sync.Mutex
	status Status
	writer *conversation
	// why is how an end that was asked for will be called.
	why State
}

func begin(dir, socket string, from io.Reader) (*supervisor, error) {
	var spec Spec
	if err := json.NewDecoder(from).Decode(&spec); err != nil {
		return nil, fmt.Errorf("read what to run: %w", err)
	}
	listener, err := listen(socket)
	if err != nil {
		return nil, err
	}
	s := &supervisor{dir: dir, listener: listener, keepStdin: spec.KeepStdin || spec.TTY != nil}
	if err := s.start(spec); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

func listen(socket string) (net.Listener, error) {
	if err := files.EnsureFolder(filepath.Dir(socket), 0o700); err != nil {
		return nil, err
	}
	// destroys: the socket of a supervisor of ours that is gone, by its name
	if err := os.Remove(socket); err != nil && !isMissing(err) {
		return nil, err
	}
	return net.Listen("unix", socket)
}

func (s *supervisor) start(spec Spec) error {
	log, err := openSegments(s.dir, logBounds)
	if err != nil {
		return err
	}
	runner := command.Runner{Nursery: &children.Nursery{}, Accounts: account.Database{Root: "/"}}
	process, err := runner.Start(command.Spec{
		Argv: spec.Argv, Env: spec.Env, Defaults: spec.Defaults, Cwd: spec.Cwd, User: spec.User, TTY: spec.TTY,
	})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	if !s.keepStdin {
		_ = process.CloseStdin()
	}
	s.log, s.process = log, process
	s.status = Status{State: Running, Pid: process.Pid(), Since: time.Now()}
	if spec.TTY != nil {
		s.sized(spec.TTY.Rows, spec.TTY.Cols)
	}
	return s.tell()
}

func (s *supervisor) run(ctx context.Context) error {
	ended := make(chan command.Exit, 1)
	go func() {
		exit, _ := s.process.Wait(context.Background(), func(from command.Stream, text []byte) error {
			kind := Stdout
			if from == command.Stderr {
				kind = Stderr
			}
			// A full disk costs the log, not the command.
			_ = s.log.Append(kind, text)
			s.noteCut()
			return nil
		})
		ended <- exit
	}()
	go s.accept()
	exit := s.await(ctx, ended)
	return s.end(exit)
}

func (s *supervisor) await(ctx context.Context, ended <-chan command.Exit) command.Exit {
	select {
	case exit := <-ended:
		s.noteEndOfAll(ctx, exit)
		return exit
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.why = Rebooted
	onTerminal := s.status.Rows > 0
	s.mu.Unlock()
	sig := unix.SIGTERM
	if onTerminal {
		// Shells that somebody types into pass over SIGTERM.
		sig = unix.SIGHUP
	}
	_ = s.process.Signal(sig)
	_ = s.process.Signal(unix.SIGCONT)
	select {
	case exit := <-ended:
		return exit
	case <-time.After(endGrace):
	}
	_ = s.process.Signal(unix.SIGKILL)
	return <-ended
}

// noteEndOfAll: PID 1 signals all processes at once, and the command may have ended before its supervisor hears of it.
func (s *supervisor) noteEndOfAll(ctx context.Context, exit command.Exit) {
	if exit.Code == 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(hearWithin):
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		s.why = Rebooted
	}
}

func (s *supervisor) end(exit command.Exit) error {
	closed := s.log.Close()
	s.mu.Lock()
	state := s.why
	switch {
	case state != "":
	case exit.Code == 0:
		state = Exited
	default:
		state = Failed
	}
	s.status.State, s.status.Since, s.status.Pid, s.status.HasWriter = state, time.Now(), 0, false
	s.status.ExitCode, s.status.Signal = &exit.Code, exit.Signal
	err := s.tell()
	s.mu.Unlock()
	return errors.Join(closed, err, syncFile(filepath.Join(s.dir, statusFile)), s.listener.Close())
}

// tell writes the status down. The lock is held, but for the first time.
func (s *supervisor) tell() error { return write(filepath.Join(s.dir, statusFile), s.status) }

// syncFile has what was written outlive a crash of the guest, its name too (fsync(2), of ext4 and XFS).
func syncFile(path string) error {
	file, err := files.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func (s *supervisor) noteCut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Cut || !s.log.Cut() {
		return
	}
	s.status.Cut = true
	_ = s.tell()
}

// sized notes the terminal's size; the lock is held, but for the first time.
func (s *supervisor) sized(rows, cols uint16) {
	s.status.Rows, s.status.Cols = rows, cols
	_ = s.log.Append(Size, []byte{byte(cols >> 8), byte(cols), byte(rows >> 8), byte(rows)})
}
