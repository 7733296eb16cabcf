// Package command runs programs for clients: as which user, where, with which environment, on pipes or on a terminal.
package command

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/children"
)

// lingerLimit is how long output is awaited after the command has ended while something else, left in the
// background, still holds its stdout.
const lingerLimit = 250 * time.Millisecond

// chunkBytes is the most output that is handed over at once.
const chunkBytes = 64 << 10

// endOfTransmission is what a terminal takes for end of file, unless a program has set it otherwise (termios(3)).
const endOfTransmission = 0x04

// Spec is what a client asks for.
type Spec struct {
	Argv []string
	// Env goes over Defaults, and both over what the user's account gives.
	Env      map[string]string
	Defaults map[string]string
	Cwd      string
	User     string
	TTY      *TTY
	// Arg0, if set, is what the program sees as its own name, as login shells do.
	Arg0 string
	// OnGone is what becomes of the command when its client goes away.
	OnGone OnGone
}

// OnGone is what becomes of a command whose client goes away.
type OnGone int

const (
	// Kill ends the process group at once.
	Kill OnGone = iota
	// HangUp tells the process group (SIGHUP), as sshd does when a connection breaks: nohup(1) outlives it.
	HangUp
)

// TTY asks for a terminal.
type TTY struct {
	Rows, Cols uint16
	Term       string
}

// Runner starts commands in the guest.
type Runner struct {
	Nursery  *children.Nursery
	Accounts account.Database
}

// Process is a command that runs, in a session of its own.
type Process struct {
	child   *children.Child
	streams *streams
	onGone  OnGone
}

// Exit is how a command ended.
type Exit struct {
	// Code is the exit status, or 128 and the signal, as shells have it.
	Code   int
	Signal syscall.Signal
}

// Stream says where output came from.
type Stream int

// The streams of output. A terminal has only Stdout.
const (
	Stdout Stream = iota + 1
	Stderr
)

// Start runs the command. Errors by fault of the client are of type *Rejection.
func (r Runner) Start(spec Spec) (*Process, error) {
	if len(spec.Argv) == 0 {
		return nil, rejectf(NotFound, 127, "the command is empty")
	}
	user, err := r.Accounts.Lookup(spec.User)
	if err != nil {
		return nil, rejectUser(err)
	}
	cwd, err := workingDirectory(spec, user)
	if err != nil {
		return nil, err
	}
	env := environment(user, spec)
	path, err := program(spec.Argv[0], env["PATH"], cwd)
	if err != nil {
		return nil, err
	}
	argv := spec.Argv
	if spec.Arg0 != "" {
		argv = append([]string{spec.Arg0}, argv[1:]...)
	}
	s, err := openStreams(user, spec.TTY)
	if err != nil {
		return nil, err
	}
	defer s.closeChild()
	child, err := r.Nursery.Start(path, argv, &syscall.ProcAttr{
		Dir:   cwd,
		Env:   environ(env),
		Files: []uintptr{uintptr(s.child[0]), uintptr(s.child[1]), uintptr(s.child[2])},
		Sys:   processAttributes(user, spec.TTY != nil),
	})
	if err != nil {
		s.close()
		return nil, rejectStart(err, path, user, cwd)
	}
	return &Process{child: child, streams: s, onGone: spec.OnGone}, nil
}

func openStreams(user account.User, tty *TTY) (*streams, error) {
	if tty != nil {
		return openTerminal(user.UID, *tty)
	}
	return openPipes(user.UID, user.GID)
}

func processAttributes(user account.User, onTerminal bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Setctty: onTerminal}
	// Only root can change who it is; agents under test run as anybody.
	if os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: user.UID, Gid: user.GID, Groups: user.Groups}
	}
	return attr
}

// Pid is the number of the process, of its group and of its session.
func (p *Process) Pid() int { return p.child.Pid }

// Done is closed when the process has ended; output may still be on its way.
func (p *Process) Done() <-chan struct{} { return p.child.Done() }

// Signal goes to the whole process group.
func (p *Process) Signal(sig syscall.Signal) error { return p.child.SignalGroup(sig) }

// SignalOnly goes to the process itself, and to none that it has started.
func (p *Process) SignalOnly(sig syscall.Signal) error { return p.child.Signal(sig) }

// Resize tells the terminal, and so the programs on it (SIGWINCH).
func (p *Process) Resize(rows, cols uint16) error {
	if p.streams.tty == nil {
		return nil
	}
	return setSize(p.streams.tty, rows, cols)
}

// Write feeds stdin, and blocks while the command does not read.
func (p *Process) Write(b []byte) (int, error) { return p.streams.stdin.Write(b) }

// CloseStdin ends stdin. A terminal cannot be closed in one direction, but knows a character for it.
func (p *Process) CloseStdin() error {
	if p.streams.tty != nil {
		_, err := p.streams.stdin.Write([]byte{endOfTransmission})
		return err
	}
	return p.streams.stdin.Close()
}

// Wait hands the output to emit, from one goroutine a stream, until the command has ended and its output with it.
// When the context ends first, or emit fails, the client is gone, and the command gets what OnGone says.
func (p *Process) Wait(ctx context.Context, emit func(Stream, []byte) error) (Exit, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer p.streams.close()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		p.copyOutput(func(from Stream, b []byte) error {
			err := emit(from, b)
			if err != nil {
				cancel(err)
			}
			return err
		})
	}()
	select {
	case <-p.child.Done():
	case <-ctx.Done():
		p.abandon()
		<-copied
		return Exit{}, context.Cause(ctx)
	}
	linger := time.NewTimer(lingerLimit)
	defer linger.Stop()
	select {
	case <-copied:
	case <-linger.C:
		p.stopReading()
		<-copied
	}
	return p.exit(), context.Cause(ctx)
}

func (p *Process) abandon() {
	if p.onGone == HangUp {
		_ = p.Signal(unix.SIGHUP)
		p.streams.close()
		return
	}
	_ = p.Signal(unix.SIGKILL)
	p.streams.close()
	<-p.child.Done()
}

func (p *Process) exit() Exit {
	status := p.child.Status()
	if status.Signaled() {
		return Exit{Code: 128 + int(status.Signal()), Signal: status.Signal()}
	}
	return Exit{Code: status.ExitStatus()}
}

func (p *Process) copyOutput(emit func(Stream, []byte) error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if p.streams.stderr != nil {
			copyStream(p.streams.stderr, func(b []byte) error { return emit(Stderr, b) })
		}
	}()
	copyStream(p.streams.stdout, func(b []byte) error { return emit(Stdout, b) })
	<-ended
}

// stopReading makes each reader take what is there by now, and no more.
func (p *Process) stopReading() {
	for _, file := range []*os.File{p.streams.stdout, p.streams.stderr} {
		if file != nil {
			_ = file.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

func copyStream(file *os.File, emit func([]byte) error) {
	buffer := make([]byte, chunkBytes)
	for {
		n, err := file.Read(buffer)
		if n > 0 && emit(buffer[:n]) != nil {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			drain(file, buffer, emit)
			return
		}
		// End of file; EIO from a terminal that nobody holds any more; or closed from this side.
		if err != nil {
			return
		}
	}
}

// drain takes what the command had written before it ended: no more than fits into a pipe, since what it left
// behind may write for ever.
func drain(file *os.File, buffer []byte, emit func([]byte) error) {
	_ = file.SetReadDeadline(time.Time{})
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	for left := pipeBytes; left > 0; {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = unix.Read(int(fd), buffer[:min(left, len(buffer))])
			return true
		})
		if err != nil || n <= 0 || emit(buffer[:n]) != nil {
			return
		}
		left -= n
	}
}
