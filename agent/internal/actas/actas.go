// Package actas works on files as a user of the guest, so that the kernel judges what he may, and not this program.
//
// One thread takes on the user's rights to files (setfsuid(2)), as file servers do, and ends with the work. A process of
// the user's own would cost each call the start of a program and each byte a pipe; and a thread with all of his ids could
// be signalled by him, and the agent with it (credentials(7)). What a user mounted for himself alone by FUSE is refused.
package actas

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/account"
)

// ErrBusy says that as much is under way as may be, or hangs in a file system that does not answer.
var ErrBusy = errors.New("too much is asked of the guest's files at once")

// Pool bounds the threads that work at once.
type Pool struct{ places chan struct{} }

// NewPool makes room for so many.
func NewPool(most int) *Pool { return &Pool{places: make(chan struct{}, most)} }

// Do runs work as the user. Its context ends the waiting for it, not the work: a file system may never answer. So work
// must not use what its caller owns after that. It starts no goroutine that touches files: that would be the agent itself.
func (p *Pool) Do(ctx context.Context, user account.User, work func() error) error {
	select {
	case p.places <- struct{}{}:
	default:
		return ErrBusy
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-p.places }()
		done <- as(user, work)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func as(user account.User, work func() error) error {
	// Only root can change who it is; agents under test run as anybody.
	if os.Geteuid() != 0 || isRoot(user) {
		return work()
	}
	// Never unlocked: the thread ends with this goroutine, and its rights with it.
	runtime.LockOSThread()
	if err := become(user); err != nil {
		return fmt.Errorf("become %s: %w", user.Name, err)
	}
	return work()
}

// isRoot: the agent's own rights. Root with another group is somebody else.
func isRoot(user account.User) bool { return user.UID == 0 && user.GID == 0 }

// become changes this thread alone, so it goes past the library, which changes all.
func become(user account.User) error {
	groups := append([]uint32{user.GID}, user.Groups...)
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0)
	if errno != 0 {
		return errno
	}
	for _, id := range []struct{ call, want uintptr }{
		{unix.SYS_SETFSGID, uintptr(user.GID)}, {unix.SYS_SETFSUID, uintptr(user.UID)},
	} {
		_, _, _ = unix.RawSyscall(id.call, id.want, 0, 0)
		// They tell what was before, and no error (setfsuid(2)): an id that none can have only asks.
		if now, _, _ := unix.RawSyscall(id.call, uintptr(^uint32(0)), 0, 0); uint32(now) != uint32(id.want) {
			return unix.EPERM
		}
	}
	if user.UID == 0 {
		return nil
	}
	// Without them neither attributes of the system's, nor devices, nor what a mount asks of an administrator.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&header, &none[0])
}
