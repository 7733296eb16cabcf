package actas

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/account"
)

var somebody = account.User{Name: "somebody", UID: 4321, GID: 4322, Groups: []uint32{4322, 4323}}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody")
	}
}

func TestTheKernelJudgesAsTheUser(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	// The test's folder lies below folders of root's alone.
	for at := dir; at != os.TempDir(); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	open, shared := filepath.Join(dir, "open"), filepath.Join(dir, "shared")
	for path, gid := range map[string]int{open: 0, shared: 4323} {
		if err := errors.Join(os.Mkdir(path, 0o700), os.Chown(path, 0, gid), os.Chmod(path, 0o770)); err != nil {
			t.Fatal(err)
		}
	}
	pool := NewPool(1)
	err := pool.Do(context.Background(), somebody, func() error {
		if err := os.WriteFile(filepath.Join(open, "x"), nil, 0o600); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a folder of root's: %v", err)
		}
		if err := os.WriteFile(filepath.Join(shared, "mine"), nil, 0o600); err != nil {
			t.Errorf("a folder of a group of his: %v", err)
		}
		if err := unix.Mknod(filepath.Join(shared, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); !errors.Is(err, unix.EPERM) {
			t.Errorf("a device: %v", err)
		}
		if err := unix.Setxattr(filepath.Join(shared, "mine"), "security.capability", []byte("x"), 0); err == nil {
			t.Error("he gave his own file capabilities")
		}
		if _, err := os.ReadFile("/proc/self/environ"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("the agent's environment: %v", err)
		}
		if _, err := os.Open("/proc/self/mem"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("the agent's memory: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(shared, "mine"))
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != somebody.UID || stat.Gid != somebody.GID {
		t.Errorf("the new file is of %d:%d", stat.Uid, stat.Gid)
	}
}

func TestOthersStayWhoTheyAre(t *testing.T) {
	asRoot(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pool := NewPool(20)
	for range 50 {
		err := pool.Do(context.Background(), somebody, func() error { _, err := os.ReadFile(secret); return err })
		if !errors.Is(err, fs.ErrPermission) {
			t.Fatalf("somebody: %v", err)
		}
		if _, err := os.ReadFile(secret); err != nil {
			t.Fatalf("root has become somebody: %v", err)
		}
		if err := pool.Do(context.Background(), account.User{Name: "root"}, func() error { _, err := os.ReadFile(secret); return err }); err != nil {
			t.Fatalf("root: %v", err)
		}
	}
}

func TestWhatHangsIsLeftAndCounted(t *testing.T) {
	pool := NewPool(1)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	answer := make(chan struct{})
	if err := pool.Do(ctx, account.User{}, func() error { <-answer; return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it waited: %v", err)
	}
	if err := pool.Do(context.Background(), account.User{}, func() error { return nil }); !errors.Is(err, ErrBusy) {
		t.Fatalf("a place was free: %v", err)
	}
	close(answer)
	for pool.Do(context.Background(), account.User{}, func() error { return nil }) != nil {
		time.Sleep(time.Millisecond)
	}
}
