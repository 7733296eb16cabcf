package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/children"
)

const limit = 10 * time.Second

func runner() Runner {
	return Runner{Nursery: &children.Nursery{}, Accounts: account.Database{Root: "/"}}
}

func sh(script string) Spec { return Spec{Argv: []string{"/bin/sh", "-c", script}, Cwd: "/"} }

type output struct {
	mu             sync.Mutex
	stdout, stderr bytes.Buffer
}

func (o *output) emit(from Stream, b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if from == Stderr {
		o.stderr.Write(b)
	} else {
		o.stdout.Write(b)
	}
	return nil
}

func run(t *testing.T, spec Spec) (*output, Exit) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	process, err := runner().Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	_ = process.CloseStdin()
	out := &output{}
	exit, err := process.Wait(ctx, out.emit)
	if err != nil {
		t.Fatal(err)
	}
	return out, exit
}

func TestExitStatus(t *testing.T) {
	for script, want := range map[string]Exit{
		"exit 7":                {Code: 7},
		"true":                  {},
		"kill -TERM $$":         {Code: 143, Signal: unix.SIGTERM},
		"kill -KILL $$":         {Code: 137, Signal: unix.SIGKILL},
		"echo a; echo b >&2; :": {},
	} {
		if _, got := run(t, sh(script)); got != want {
			t.Errorf("%s: %+v, want %+v", script, got, want)
		}
	}
}

func TestOutputIsWholeAndApart(t *testing.T) {
	out, _ := run(t, sh("head -c 3000000 /dev/zero; echo err >&2"))
	if out.stdout.Len() != 3_000_000 || out.stderr.String() != "err\n" {
		t.Fatalf("%d bytes of stdout, stderr %q", out.stdout.Len(), out.stderr.String())
	}
}

func TestBackgroundWorkDoesNotHoldUpTheEnd(t *testing.T) {
	began := time.Now()
	out, exit := run(t, sh("echo said; sleep 30 & exit 3"))
	if took := time.Since(began); took > 5*time.Second {
		t.Fatalf("it took %s", took)
	}
	if exit.Code != 3 || out.stdout.String() != "said\n" {
		t.Fatalf("%+v, %q", exit, out.stdout.String())
	}
}

func TestEnvironmentLiesInLayers(t *testing.T) {
	spec := sh(`echo "$PATH|$HOME|$A|$B"`)
	spec.Defaults = map[string]string{"A": "default", "B": "default", "PATH": "/bin:/usr/bin"}
	spec.Env = map[string]string{"B": "asked"}
	spec.User = "4242:4242"
	if os.Geteuid() != 0 {
		t.Skip("only root can run as somebody else")
	}
	out, _ := run(t, spec)
	if got := out.stdout.String(); got != "/bin:/usr/bin|/|default|asked\n" {
		t.Fatalf("environment %q", got)
	}
}

func TestUserGetsHisGroupsAndNoOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run as somebody else")
	}
	spec := sh("id -u; id -g; id -G; : > /dev/stdout")
	spec.User = "4242:4343"
	out, exit := run(t, spec)
	if exit.Code != 0 || out.stdout.String() != "4242\n4343\n4343\n" {
		t.Fatalf("%+v %q %q", exit, out.stdout.String(), out.stderr.String())
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		spec   Spec
		reason Reason
		code   int
	}{
		"nothing":         {Spec{}, NotFound, 127},
		"empty name":      {Spec{Argv: []string{""}}, NotFound, 127},
		"not in PATH":     {Spec{Argv: []string{"no-such-program"}}, NotFound, 127},
		"no such file":    {Spec{Argv: []string{"/no/such"}}, NotFound, 127},
		"no interpreter":  {Spec{Argv: []string{write("a", "#!/no/such\n", 0o755)}}, NotFound, 127},
		"not executable":  {Spec{Argv: []string{write("b", "text", 0o644)}}, NotExecutable, 126},
		"a folder":        {Spec{Argv: []string{dir}}, NotExecutable, 126},
		"no program":      {Spec{Argv: []string{write("c", "text", 0o755)}}, NotExecutable, 126},
		"no such user":    {Spec{Argv: []string{"true"}, User: "no-such-user"}, NoSuchUser, 126},
		"no such folder":  {Spec{Argv: []string{"true"}, Cwd: "/no/such"}, NoSuchDirectory, 126},
		"file for folder": {Spec{Argv: []string{"true"}, Cwd: "/etc/passwd"}, NoSuchDirectory, 126},
	} {
		_, err := runner().Start(c.spec)
		var got *Rejection
		if !errors.As(err, &got) || got.Reason != c.reason || got.ExitCode != c.code {
			t.Errorf("%s: %v, want reason %d and code %d", name, err, c.reason, c.code)
		}
	}
}

func TestRefusalsLeaveNoDescriptors(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	script := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(script, []byte("text"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _ = runner().Start(Spec{Argv: []string{script}})
	before := count()
	for range 20 {
		_, _ = runner().Start(Spec{Argv: []string{script}})
		_, _ = runner().Start(Spec{Argv: []string{script}, TTY: &TTY{Rows: 1, Cols: 1}})
	}
	if after := count(); after > before {
		t.Fatalf("%d descriptors before, %d after", before, after)
	}
}

func TestAClientThatGoesAwayTakesTheGroupWithIt(t *testing.T) {
	for name, cause := range map[string]func(context.CancelFunc) func(Stream, []byte) error{
		"context": func(cancel context.CancelFunc) func(Stream, []byte) error {
			return func(Stream, []byte) error { cancel(); return nil }
		},
		"output": func(context.CancelFunc) func(Stream, []byte) error {
			return func(Stream, []byte) error { return errors.New("nobody reads") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			process, err := runner().Start(sh("trap '' HUP TERM; sleep 1000 & echo $!; wait"))
			if err != nil {
				t.Fatal(err)
			}
			var child int
			emit := cause(cancel)
			_, err = process.Wait(ctx, func(from Stream, b []byte) error {
				child, _ = strconv.Atoi(strings.TrimSpace(string(b)))
				return emit(from, b)
			})
			if err == nil {
				t.Fatal("it ended as if nothing had happened")
			}
			// Killed but perhaps not reaped yet by whoever inherited it: a zombie counts as gone.
			deadline := time.Now().Add(limit)
			for running(child) {
				if time.Now().After(deadline) {
					t.Fatalf("process %d of the group still runs", child)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return len(rest) > 0 && rest[0] != 'Z'
}

func TestTerminal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	spec := sh("stty size; tty; echo $TERM; read line; stty size; echo $line")
	spec.TTY = &TTY{Rows: 24, Cols: 80}
	process, err := runner().Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	out := &output{}
	exit, err := process.Wait(ctx, func(from Stream, b []byte) error {
		_ = out.emit(from, b)
		if strings.Contains(out.stdout.String(), DefaultTerm) {
			once.Do(func() {
				_ = process.Resize(50, 132)
				_, _ = process.Write([]byte("typed\n"))
			})
		}
		return nil
	})
	got := strings.Split(out.stdout.String(), "\r\n")
	if err != nil || exit.Code != 0 || got[0] != "24 80" || !strings.HasPrefix(got[1], "/dev/pts/") {
		t.Fatalf("%v %+v %q", err, exit, got)
	}
	if !strings.Contains(out.stdout.String(), "50 132\r\ntyped\r\n") {
		t.Fatalf("after the resize: %q", out.stdout.String())
	}
}
