package children

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const limit = 10 * time.Second

func start(t *testing.T, n *Nursery, script string) *Child {
	t.Helper()
	child, err := n.Start("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{
		Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return child
}

func status(t *testing.T, child *Child) int {
	t.Helper()
	select {
	case <-child.Done():
		return child.Status().ExitStatus()
	case <-time.After(limit):
		t.Fatal("the child's end was not told")
		return 0
	}
}

func TestEachChildHasItsOwnStatus(t *testing.T) {
	n := &Nursery{}
	a, b := start(t, n, "exit 3"), start(t, n, "exit 4")
	if status(t, b) != 4 || status(t, a) != 3 {
		t.Fatal("statuses were mixed up")
	}
}

func TestNoSignalGoesToAChildThatIsReaped(t *testing.T) {
	child := start(t, &Nursery{}, "exit 0")
	status(t, child)
	if err := child.SignalGroup(unix.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("a signal went to whoever has the number now: %v", err)
	}
}

// As PID 1 the agent reaps everybody's orphans. A subreaper inherits them, too, and can be tried without a VM; but
// it reaps all children of its process, so it runs in one of its own.
func TestReapsOrphansAndKeepsStatuses(t *testing.T) {
	if os.Getenv("REAPER") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "REAPER=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	n := &Nursery{}
	go n.Reap(t.Context())
	for i := range 200 {
		if got := status(t, start(t, n, "(sleep 0.01 &) ; exit "+strconv.Itoa(i%10))); got != i%10 {
			t.Fatalf("child %d ended with %d", i, got)
		}
	}
	deadline := time.Now().Add(limit)
	for {
		left, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
		if err != nil || strings.TrimSpace(string(left)) == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not reaped: %s", left)
		}
		time.Sleep(time.Millisecond)
	}
}
