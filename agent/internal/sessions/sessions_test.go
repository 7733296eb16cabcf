package sessions

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/command"
)

// The test's own program is the supervisor, too, as the agent's is.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "session-run" {
		unix.CloseOnExec(3)
		ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
		defer stop()
		if Supervise(ctx, os.Args[2], os.Args[3], os.Stdin, os.NewFile(3, "told")) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type lab struct {
	*testing.T
	*Store
	ctx context.Context
}

func newLab(t *testing.T) lab {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A socket's address holds 108 bytes (unix(7)).
	run, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	l := lab{t, &Store{Dir: t.TempDir(), Run: run, Program: program, BootID: "one", Nursery: &children.Nursery{}}, ctx}
	t.Cleanup(func() {
		left, err := l.List(context.Background())
		for _, one := range left {
			err = errors.Join(err, l.Delete(context.Background(), one.Name, true))
		}
		cancel()
		if err := errors.Join(err, os.RemoveAll(run)); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l lab) create(name, script string, change func(*Spec)) Session {
	l.Helper()
	spec := Spec{Argv: []string{"/bin/sh", "-c", script}}
	if change != nil {
		change(&spec)
	}
	one, err := l.Create(l.ctx, name, spec)
	if err != nil {
		l.Fatal(err)
	}
	return one
}

func withStdin(spec *Spec)    { spec.KeepStdin = true }
func withTerminal(spec *Spec) { spec.TTY = &command.TTY{Rows: 24, Cols: 80} }

func (l lab) reach(name string) *Reached {
	l.Helper()
	reached, err := l.Reach(l.ctx, name)
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(reached.Close)
	return reached
}

func (l lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l lab) fails(err, want error) {
	l.Helper()
	if !errors.Is(err, want) {
		l.Errorf("it failed with %v, and not with %v", err, want)
	}
}

// untilSaid waits for a word of the command's.
func (l lab) untilSaid(name, word string) {
	l.Helper()
	found := errors.New("found")
	var text bytes.Buffer
	err := l.Replay(l.ctx, name, all, true, func(record Record) error {
		text.Write(record.Data)
		if record.Kind != Size && strings.Contains(text.String(), word) {
			return found
		}
		return nil
	})
	if !errors.Is(err, found) {
		l.Fatalf("it said %q and not %s: %v", text.String(), word, err)
	}
}

func (l lab) await(name string) Session {
	l.Helper()
	one, err := l.Await(l.ctx, name)
	l.must(err)
	return one
}

func (l lab) printed(name string, kinds ...Kind) string {
	l.Helper()
	var text bytes.Buffer
	l.must(l.Replay(l.ctx, name, all, false, func(record Record) error {
		for _, kind := range kinds {
			if record.Kind == kind {
				text.Write(record.Data)
			}
		}
		return nil
	}))
	return text.String()
}

func TestASessionTellsWhatItPrintedAndHowItEnded(t *testing.T) {
	l := newLab(t)
	l.create("works", "echo out; echo err >&2", nil)
	one := l.await("works")
	if one.State != Exited || *one.ExitCode != 0 || one.Pid != 0 || one.LogBytes == 0 {
		t.Errorf("%+v", one)
	}
	if out, err := l.printed("works", Stdout), l.printed("works", Stderr); out != "out\n" || err != "err\n" {
		t.Errorf("%q and %q", out, err)
	}
	l.create("fails", "exit 7", nil)
	if one := l.await("fails"); one.State != Failed || *one.ExitCode != 7 {
		t.Errorf("%+v", one)
	}
	l.create("", "sleep 60", nil)
	if one, err := l.End(l.ctx, "sh"); err != nil || one.State != Killed || one.Signal != unix.SIGKILL || *one.ExitCode != 137 {
		t.Errorf("%+v %v", one, err)
	}
	if again := l.create("", "true", nil); again.Name != "sh-2" {
		t.Errorf("the second is called %s", again.Name)
	}
}

func TestWhatIsNoSessionIsRefused(t *testing.T) {
	l := newLab(t)
	l.create("here", "sleep 60", nil)
	for name, want := range map[string]error{
		"here": ErrExists, "../there": ErrBadName, ".": ErrBadName, "a/b": ErrBadName, strings.Repeat("x", 64): ErrBadName,
	} {
		_, err := l.Create(l.ctx, name, Spec{Argv: []string{"true"}})
		l.fails(err, want)
	}
	var rejection *command.Rejection
	if _, err := l.Create(l.ctx, "none", Spec{Argv: []string{"/no/such"}}); !errors.As(err, &rejection) || rejection.ExitCode != 127 {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"none", "..", ""} {
		_, err := l.Get(l.ctx, name)
		l.fails(err, ErrNotFound)
	}
	l.fails(l.Delete(l.ctx, "here", false), ErrRunning)
	l.fails(l.reach("here").Input(l.ctx, []byte("x")), ErrNoStdin)
	l.fails(l.reach("here").Resize(l.ctx, 10, 10), ErrNoTerminal)
	if entries, err := os.ReadDir(l.Dir); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
}

func TestOneWritesAndIsTakenOverFrom(t *testing.T) {
	l := newLab(t)
	l.create("cat", "cat", withStdin)
	first, second := l.reach("cat"), l.reach("cat")
	l.must(first.Write(l.ctx, false))
	l.must(first.Input(l.ctx, []byte("first\n")))
	l.fails(second.Write(l.ctx, false), ErrHasWriter)
	l.must(second.Write(l.ctx, true))
	<-first.Taken()
	l.fails(first.Input(l.ctx, []byte("lost\n")), ErrTaken)
	l.must(second.Input(l.ctx, []byte("second\n")))
	// What is sent needs no turn.
	l.must(l.reach("cat").Input(l.ctx, []byte("sent\n")))
	if one, err := l.Get(l.ctx, "cat"); err != nil || !one.HasWriter {
		t.Errorf("%+v %v", one, err)
	}
	second.Close()
	third := l.reach("cat")
	for third.Write(l.ctx, false) != nil {
		l.must(l.ctx.Err())
	}
	l.must(third.InputEnd(l.ctx))
	l.fails(third.Input(l.ctx, []byte("late\n")), ErrNoStdin)
	if one := l.await("cat"); one.State != Exited {
		t.Errorf("%+v", one)
	}
	if got := l.printed("cat", Stdout); got != "first\nsecond\nsent\n" {
		t.Errorf("%q", got)
	}
	_, err := l.Reach(l.ctx, "cat")
	l.fails(err, ErrEnded)
}

func TestWhoReadsNothingKeepsNobodyFromTakingOver(t *testing.T) {
	l := newLab(t)
	l.create("deaf", "sleep 60", withStdin)
	first := l.reach("deaf")
	l.must(first.Write(l.ctx, false))
	stuck, cancel := context.WithTimeout(l.ctx, 300*time.Millisecond)
	defer cancel()
	for stuck.Err() == nil {
		_ = first.Input(stuck, make([]byte, maxFrameBytes))
	}
	second := l.reach("deaf")
	for second.Write(l.ctx, false) != nil {
		l.must(l.ctx.Err())
	}
	l.must(l.reach("deaf").Signal(l.ctx, int(unix.SIGTERM)))
	if one := l.await("deaf"); one.State != Failed || one.Signal != unix.SIGTERM {
		t.Errorf("%+v", one)
	}
}

func TestATerminalHasItsSizeInTheLog(t *testing.T) {
	l := newLab(t)
	l.create("tty", `trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done`, withTerminal)
	l.untilSaid("tty", "24 80")
	l.must(l.reach("tty").Resize(l.ctx, 40, 100))
	one := l.await("tty")
	if one.Rows != 40 || one.Cols != 100 {
		t.Errorf("%+v", one)
	}
	var sizes [][2]uint16
	l.must(l.Replay(l.ctx, "tty", all, false, func(record Record) error {
		if rows, cols := record.TerminalSize(); record.Kind == Size {
			sizes = append(sizes, [2]uint16{rows, cols})
		}
		return nil
	}))
	if len(sizes) != 2 || sizes[0] != [2]uint16{24, 80} || sizes[1] != [2]uint16{40, 100} {
		t.Errorf("%v", sizes)
	}
	if got := l.printed("tty", Stdout); !strings.Contains(got, "40 100") {
		t.Errorf("%q", got)
	}
}

func TestAnotherAgentFindsWhatOneHasLeft(t *testing.T) {
	l := newLab(t)
	l.create("stays", "echo up; cat", withStdin)
	l.untilSaid("stays", "up")
	next := lab{t, &Store{Dir: l.Dir, Run: l.Store.Run, Program: l.Program, BootID: "one", Nursery: &children.Nursery{}}, l.ctx}
	if one, err := next.Get(l.ctx, "stays"); err != nil || one.State != Running {
		t.Errorf("%+v %v", one, err)
	}
	l.must(next.reach("stays").Input(l.ctx, []byte("over\n")))
	next.untilSaid("stays", "over")
	l.must(next.Delete(l.ctx, "stays", true))
	_, err := l.Get(l.ctx, "stays")
	l.fails(err, ErrNotFound)
}

func TestWhatNobodySawTheEndOf(t *testing.T) {
	l := newLab(t)
	one := l.create("gone", "echo up; exec sleep 60", nil)
	l.untilSaid("gone", "up")
	l.must(unix.Kill(supervisorOf(t, one), unix.SIGKILL))
	t.Cleanup(func() { _ = unix.Kill(one.Pid, unix.SIGKILL) })
	if one := l.await("gone"); one.State != Lost || one.ExitCode != nil || one.Pid != 0 {
		t.Errorf("%+v", one)
	}
	l.BootID = "another"
	if one, err := l.Get(l.ctx, "gone"); err != nil || one.State != Rebooted {
		t.Errorf("%+v %v", one, err)
	}
	if got := l.printed("gone", Stdout); got != "up\n" {
		t.Errorf("%q", got)
	}
}

// supervisorOf is the parent of a session's command.
func supervisorOf(t *testing.T, one Session) int {
	t.Helper()
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(one.Pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	parent, err := strconv.Atoi(strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))[2])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

func TestTheGuestGoesDown(t *testing.T) {
	l := newLab(t)
	for name, first := range map[string]func(Session) int{
		"asked":       func(one Session) int { return supervisorOf(t, one) },
		"ended first": func(one Session) int { return one.Pid },
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.ReplaceAll(name, " ", "-")
			one := l.create(id, "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done", nil)
			l.untilSaid(id, "up")
			supervisor := supervisorOf(t, one)
			l.must(unix.Kill(first(one), unix.SIGTERM))
			time.Sleep(20 * time.Millisecond)
			_ = unix.Kill(supervisor, unix.SIGTERM)
			if one := l.await(id); one.State != Rebooted || one.ExitCode == nil || *one.ExitCode != 5 {
				t.Errorf("%+v", one)
			}
		})
	}
}

func TestTheEnvironmentIsNotKept(t *testing.T) {
	l := newLab(t)
	l.create("secret", `echo "has $TOKEN"; sleep 60`, func(spec *Spec) { spec.Env = map[string]string{"TOKEN": "hush-hush"} })
	l.untilSaid("secret", "has hush-hush")
	for _, name := range []string{aboutFile, statusFile} {
		text, err := os.ReadFile(filepath.Join(l.dir("secret"), name))
		l.must(err)
		if strings.Contains(string(text), "hush") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
