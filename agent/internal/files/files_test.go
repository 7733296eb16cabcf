package files

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hostile makes whatever an image may have put at a path.
func hostile(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	var err error
	switch kind {
	case "fifo":
		err = unix.Mkfifo(path, 0o644)
	case "endless":
		err = os.Symlink("/dev/zero", path)
	case "directory":
		err = os.Mkdir(path, 0o755)
	case "dangling":
		err = os.Symlink("nowhere", path)
	case "loop":
		err = os.Symlink("file", path)
	case "socket":
		fd, failed := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if failed == nil {
			t.Cleanup(func() { _ = unix.Close(fd) })
			failed = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
		}
		err = failed
	case "huge":
		if err = os.WriteFile(path, []byte("begin"), 0o644); err == nil {
			err = os.Truncate(path, 1<<30)
		}
	case "absent":
	default:
		t.Fatalf("no such kind: %s", kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// soon fails a test of something that would wait for ever.
func soon(t *testing.T, what string, do func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatalf("%s waits", what)
		return nil
	}
}

func TestReadingNeverWaitsAndNamesThePath(t *testing.T) {
	for kind, want := range map[string]error{
		"fifo": ErrNotRegular, "endless": ErrNotRegular, "directory": ErrNotRegular, "socket": ErrNotRegular,
		"dangling": fs.ErrNotExist, "absent": fs.ErrNotExist, "loop": unix.ELOOP, "huge": ErrTooLarge,
	} {
		path := hostile(t, kind)
		err := soon(t, kind, func() error { _, err := Read(path, 1<<16); return err })
		if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v of %s", kind, err, want, path)
		}
	}
}

func TestWritingNeverWaitsAndLeavesAloneWhatIsNoFile(t *testing.T) {
	for kind, want := range map[string]error{
		"fifo": ErrNotRegular, "endless": ErrNotRegular, "directory": ErrNotRegular, "socket": ErrNotRegular,
		"dangling": ErrNotRegular, "loop": ErrNotRegular, "absent": nil, "huge": nil,
	} {
		path := hostile(t, kind)
		before, _ := os.Lstat(path)
		err := soon(t, kind, func() error { return Replace(path, []byte("ours"), 0o644) })
		if !errors.Is(err, want) || err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v", kind, err, want)
		}
		if after, _ := os.Lstat(path); want != nil && !os.SameFile(before, after) {
			t.Errorf("%s: it is another one now", kind)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
			t.Errorf("%s: left %q", kind, left)
		}
	}
}

func TestAppendingNeverWaits(t *testing.T) {
	for _, kind := range []string{"fifo", "endless", "directory", "dangling", "loop", "socket"} {
		path := hostile(t, kind)
		err := soon(t, kind, func() error { _, err := Append(path, 0o644); return err })
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(hostile(t, "dangling")), "nowhere")); err == nil {
		t.Error("a link that leads nowhere was followed")
	}
}

func TestReplaceKeepsTheModeAndTheOtherNamesOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, path+".shared"); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for name, want := range map[string]string{path: "new", path + ".shared": "old"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestHeadIsBounded(t *testing.T) {
	if got, err := Head(hostile(t, "huge"), 5); err != nil || !bytes.Equal(got, []byte("begin")) {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestLinksMeanPathsBelowTheRoot(t *testing.T) {
	root := t.TempDir()
	links := map[string]string{
		"etc/absolute": "/run/file", "etc/relative": "../run/file", "etc/out": "../../../../run/file", "etc/twice": "absolute",
	}
	for name, target := range links {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
	}
	for name := range links {
		if got, err := Behind(root, name); err != nil || got != filepath.Join(root, "run/file") {
			t.Errorf("%s leads to %s, %v", name, got, err)
		}
	}
	if _, err := Behind(filepath.Dir(hostile(t, "loop")), "nothing"); err != nil {
		t.Error(err)
	}
	if _, err := Behind(filepath.Dir(hostile(t, "loop")), "file"); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a loop: %v", err)
	}
}

func TestALinkStandsWhereAFileOrALinkStood(t *testing.T) {
	for kind, want := range map[string]error{
		"absent": nil, "dangling": nil, "loop": nil, "endless": nil, "huge": nil,
		"fifo": ErrNotRegular, "directory": ErrNotRegular, "socket": ErrNotRegular,
	} {
		path := hostile(t, kind)
		if err := soon(t, kind, func() error { return ReplaceLink(path, "there") }); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", kind, err, want)
		}
		if target, _ := os.Readlink(path); want == nil && target != "there" {
			t.Errorf("%s: it leads to %q", kind, target)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
			t.Errorf("%s: left %q", kind, left)
		}
	}
}

func TestNamesOfWhatIsNoFolderAreAnError(t *testing.T) {
	for _, kind := range []string{"fifo", "endless", "dangling", "loop", "socket", "absent", "huge"} {
		path := hostile(t, kind)
		if err := soon(t, kind, func() error { _, err := Names(path, 10); return err }); err == nil {
			t.Errorf("%s has names", kind)
		}
	}
	folder := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, err := Names(folder, 2)
	if err != nil || len(names) != 2 {
		t.Errorf("%q, %v", names, err)
	}
	if names, err := Names(t.TempDir(), 2); err != nil || len(names) != 0 {
		t.Errorf("%q, %v", names, err)
	}
}
