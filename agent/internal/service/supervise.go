package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/command"
	"banger.dev/agent/internal/files"
)

const (
	firstDelay = 100 * time.Millisecond
	longDelay  = 30 * time.Second
	// settled is how long a run must last for the next failure to count as the first.
	settled = 10 * time.Second
)

// Supervise runs the command of dir until it has ended for good, or the context has: then it gets its stop signal,
// and SIGKILL when its grace is over. It returns at once where another supervisor is at work.
func Supervise(ctx context.Context, dir string) error {
	lock, err := takeLock(dir)
	if err != nil || lock == nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	var spec Spec
	if err := readJSON(filepath.Join(dir, specFile), &spec); err != nil {
		return err
	}
	log, err := openLog(logPath(dir))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	mark := func(start logStart) error { return writeJSON(filepath.Join(dir, logStartFile), start) }
	began, err := log.start(func() error { return mark(logStart{}) })
	if err := errors.Join(err, mark(began)); err != nil {
		return err
	}
	s := &supervisor{
		dir: dir, spec: spec, log: log,
		runner: command.Runner{Nursery: &children.Nursery{}, Accounts: account.Database{Root: "/"}},
	}
	return s.run(ctx)
}

// takeLock returns nothing where another has it. The kernel drops it with its holder.
func takeLock(dir string) (*os.File, error) {
	if err := files.EnsureFolder(dir, 0o700); err != nil {
		return nil, err
	}
	file, err := files.Hold(filepath.Join(dir, lockFile), 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock the service: %w", err)
}

type supervisor struct {
	dir    string
	spec   Spec
	log    *logFile
	runner command.Runner
	status Status
}

func (s *supervisor) run(ctx context.Context) error {
	for delay := firstDelay; ; delay = min(delay*2, longDelay) {
		started := time.Now()
		process, err := s.runner.Start(s.spec.command())
		if err != nil {
			return s.cannotRun(err)
		}
		exit, asked := s.await(ctx, process)
		s.status.ExitCode = &exit.Code
		switch {
		case asked:
			return s.tell(Stopped, 0)
		case s.spec.Restart == Always, s.spec.Restart == OnFailure && exit.Code != 0:
		case exit.Code == 0:
			return s.tell(Exited, 0)
		default:
			return s.tell(Failed, 0)
		}
		if time.Since(started) > settled {
			delay = firstDelay
		}
		if err := s.tell(Restarting, 0); err != nil {
			return err
		}
		s.status.Restarts++
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return s.tell(Stopped, 0)
		}
	}
}

// await returns how a run ended, and whether it had been asked to.
func (s *supervisor) await(ctx context.Context, process *command.Process) (exit command.Exit, asked bool) {
	_ = process.CloseStdin()
	_ = s.tell(Running, process.Pid())
	ended := make(chan command.Exit, 1)
	go func() {
		exit, _ := process.Wait(context.Background(), func(_ command.Stream, text []byte) error {
			// A full disk costs the log, not the service.
			_, _ = s.log.Write(text)
			return nil
		})
		ended <- exit
	}()
	select {
	case exit := <-ended:
		return exit, false
	case <-ctx.Done():
	}
	// To the command alone, as containers have it: what it started is its own to end.
	_ = process.SignalOnly(s.spec.StopSignal)
	select {
	case exit := <-ended:
		return exit, true
	case <-time.After(s.spec.Grace):
	}
	_ = process.Signal(unix.SIGKILL)
	return <-ended, true
}

// cannotRun is for good: what is not there will not be there in a second.
func (s *supervisor) cannotRun(err error) error {
	var rejection *command.Rejection
	if errors.As(err, &rejection) {
		s.status.ExitCode = &rejection.ExitCode
	}
	s.status.Error = err.Error()
	return s.tell(Failed, 0)
}

func (s *supervisor) tell(state State, pid int) error {
	s.status.State, s.status.Pid, s.status.Since = state, pid, time.Now()
	return writeJSON(filepath.Join(s.dir, stateFile), s.status)
}
