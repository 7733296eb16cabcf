package service

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit is for what must come, on a machine that may be loaded.
const limit = 30 * time.Second

// supervised runs a shell's script until it has ended for good, or until stop is called.
type supervised struct {
	t     *testing.T
	dir   string
	stop  context.CancelFunc
	ended chan error
}

func supervise(t *testing.T, script string, change func(*Spec)) *supervised {
	t.Helper()
	spec := Spec{
		Argv: []string{"/bin/sh", "-c", script}, Restart: Never, StopSignal: unix.SIGTERM, Grace: limit,
		Env: map[string]string{"WHERE": t.TempDir()},
	}
	if change != nil {
		change(&spec)
	}
	dir := t.TempDir()
	if err := writeJSON(filepath.Join(dir, specFile), spec); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	s := &supervised{t: t, dir: dir, stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- Supervise(ctx, dir) }()
	return s
}

// until waits for a status.
func (s *supervised) until(want func(Status) bool) Status {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var last Status
	manager := Manager{Dir: s.dir}
	found := false
	_ = manager.Watch(ctx, func(status Status) error {
		last = status
		if want(status) {
			found = true
			cancel()
		}
		return nil
	})
	if !found {
		s.t.Fatalf("it did not come to that: %+v", last)
	}
	return last
}

func (s *supervised) log() string {
	s.t.Helper()
	var text bytes.Buffer
	if err := readLog(context.Background(), logPath(s.dir), false, func(b []byte) error { _, err := text.Write(b); return err }); err != nil {
		s.t.Fatal(err)
	}
	return text.String()
}

func (s *supervised) wait() {
	s.t.Helper()
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Fatal(err)
		}
	case <-time.After(limit):
		s.t.Fatal("the supervisor goes on")
	}
}

func TestEndsWithItsCommand(t *testing.T) {
	for script, want := range map[string]struct {
		state State
		code  int
	}{"echo out; echo err >&2": {Exited, 0}, "exit 7": {Failed, 7}, "kill -9 $$": {Failed, 137}} {
		s := supervise(t, script, nil)
		s.wait()
		got := s.until(func(Status) bool { return true })
		if got.State != want.state || got.ExitCode == nil || *got.ExitCode != want.code || got.Pid != 0 {
			t.Errorf("%s: %+v", script, got)
		}
		if want.state == Exited && (!strings.Contains(s.log(), "out\n") || !strings.Contains(s.log(), "err\n")) {
			t.Errorf("log: %q", s.log())
		}
	}
}

func TestRestartsUntilItSucceeds(t *testing.T) {
	s := supervise(t, `echo run >>"$WHERE/runs"; [ $(wc -l <"$WHERE/runs") -ge 3 ]`, func(spec *Spec) { spec.Restart = OnFailure })
	s.wait()
	if got := s.until(func(Status) bool { return true }); got.State != Exited || got.Restarts != 2 {
		t.Fatalf("%+v", got)
	}
}

func TestAlwaysIsAlways(t *testing.T) {
	s := supervise(t, "exit 0", func(spec *Spec) { spec.Restart = Always })
	s.until(func(status Status) bool { return status.Restarts >= 2 })
	s.stop()
	s.wait()
	if got := s.until(func(Status) bool { return true }); got.State != Stopped {
		t.Fatalf("%+v", got)
	}
}

func TestIsAskedInItsOwnWay(t *testing.T) {
	s := supervise(t, `trap 'echo asked; exit 3' QUIT; trap '' TERM; echo ready; while :; do sleep 0.1; done`, func(spec *Spec) { spec.StopSignal = unix.SIGQUIT })
	follow(t, s, "ready\n")
	s.stop()
	s.wait()
	got := s.until(func(Status) bool { return true })
	if got.State != Stopped || *got.ExitCode != 3 || !strings.Contains(s.log(), "asked") {
		t.Fatalf("%+v, %q", got, s.log())
	}
}

func TestIsKilledWhenItsGraceIsOver(t *testing.T) {
	s := supervise(t, `trap '' TERM; echo ready; while :; do sleep 0.1; done`, func(spec *Spec) { spec.Grace = 200 * time.Millisecond })
	follow(t, s, "ready\n")
	s.stop()
	s.wait()
	if got := s.until(func(Status) bool { return true }); got.State != Stopped || *got.ExitCode != 137 {
		t.Fatalf("%+v", got)
	}
}

// follow reads the log as it grows until it says this.
func follow(t *testing.T, s *supervised, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var text bytes.Buffer
	if err := readLog(ctx, logPath(s.dir), true, func(b []byte) error {
		text.Write(b)
		if strings.Contains(text.String(), want) {
			cancel()
		}
		return nil
	}); err != nil || !strings.Contains(text.String(), want) {
		t.Fatalf("%q, %v", text.String(), err)
	}
}

func TestWhatCannotBeRunIsNotTriedAgain(t *testing.T) {
	s := supervise(t, "", func(spec *Spec) { spec.Argv, spec.Restart = []string{"/no/such/program"}, Always })
	s.wait()
	if got := s.until(func(Status) bool { return true }); got.State != Failed || *got.ExitCode != 127 || got.Error == "" {
		t.Fatalf("%+v", got)
	}
}

func TestThereIsOneSupervisor(t *testing.T) {
	s := supervise(t, "echo ready; sleep 100", nil)
	follow(t, s, "ready\n")
	if err := Supervise(context.Background(), s.dir); err != nil {
		t.Fatalf("the second one: %v", err)
	}
	var spec Spec
	if err := readJSON(filepath.Join(s.dir, specFile), &spec); err != nil {
		t.Fatal(err)
	}
	manager := Manager{Dir: s.dir}
	if err := manager.Start(spec); err != nil {
		t.Errorf("the same again: %v", err)
	}
	spec.Argv = []string{"another"}
	if err := manager.Start(spec); err != ErrAnother {
		t.Errorf("another: %v", err)
	}
	s.stop()
	s.wait()
}

func TestTheLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	log, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", logChunk-1) + "\n")
	for range 3 * maxLogBytes / logChunk {
		if _, err := log.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{path, path + oldLog} {
		if info, err := os.Stat(name); err != nil || info.Size() > maxLogBytes {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	read := 0
	if err := readLog(context.Background(), path, false, func(b []byte) error { read += len(b); return nil }); err != nil || read != 2*maxLogBytes {
		t.Errorf("%d bytes, %v", read, err)
	}
}
