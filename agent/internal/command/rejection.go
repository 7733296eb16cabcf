package command

import (
	"errors"
	"fmt"
	"syscall"

	"banger.dev/agent/internal/account"
)

// Reason is why a command could not be started.
type Reason int

// The reasons, as the contract has them.
const (
	NotFound Reason = iota + 1
	NotExecutable
	NoSuchUser
	NoSuchDirectory
	Resources
)

// Rejection is a command that could not be started, by fault of who asked.
type Rejection struct {
	Reason  Reason
	Message string
	// ExitCode is the status that a shell would give.
	ExitCode int
}

func (r *Rejection) Error() string { return r.Message }

func rejectf(reason Reason, exitCode int, format string, args ...any) *Rejection {
	return &Rejection{Reason: reason, ExitCode: exitCode, Message: fmt.Sprintf(format, args...)}
}

func isReason(err error, reason Reason) bool {
	var rejection *Rejection
	return errors.As(err, &rejection) && rejection.Reason == reason
}

func rejectUser(err error) error {
	// What is wrong with the guest's own files is no fault of the line, and is told as it is.
	return rejectf(NoSuchUser, 126, "%s", err)
}

// rejectStart explains what exec(2), or a step before it in the child, refused.
func rejectStart(err error, path string, user account.User, cwd string) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	switch errno {
	case syscall.ENOENT:
		// The file was there: what is not is the interpreter of its first line, or its dynamic loader.
		return rejectf(NotFound, 127, "%s: the interpreter or loader that it names is not in the guest", path)
	case syscall.ENOEXEC:
		return rejectf(NotExecutable, 126, "%s: not a program for this processor, nor a script with a first line of #!", path)
	case syscall.EACCES, syscall.EPERM:
		return rejectf(NotExecutable, 126, "%s: %s may not run it, or not enter %s", path, user.Name, cwd)
	case syscall.EAGAIN, syscall.ENOMEM, syscall.E2BIG, syscall.EMFILE, syscall.ENFILE:
		return rejectf(Resources, 126, "%s: %s", path, errno)
	default:
		return rejectf(NotExecutable, 126, "%s: %s", path, errno)
	}
}
