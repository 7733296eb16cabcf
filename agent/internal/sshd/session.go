package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/command"
)

// maxEnv bounds the variables that a client may send in a session.
const maxEnv = 256

// Requests of a session, RFC 4254 section 6; the fields stand in the order of the wire.
type (
	ptyRequest struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}
	windowChange  struct{ Cols, Rows, Width, Height uint32 }
	envRequest    struct{ Name, Value string }
	execRequest   struct{ Command string }
	signalRequest struct{ Name string }
	exitStatus    struct{ Status uint32 }
	exitSignal    struct {
		Name     string
		CoreDump bool
		Message  string
		Language string
	}
)

// session is one channel in which one program runs.
type session struct {
	connection *connection
	channel    ssh.Channel
	env        map[string]string
	tty        *command.TTY
	// process is nil where the program could not be started.
	process *command.Process
}

func (c *connection) serveSession(ctx context.Context, accepted ssh.NewChannel) error {
	channel, requests, err := accepted.Accept()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{connection: c, channel: channel, env: make(map[string]string)}
	defer func() { _ = channel.Close() }()
	for request := range requests {
		argv, arg0, starts, ok := s.handle(request)
		if request.WantReply {
			_ = request.Reply(ok, nil)
		}
		if !starts || !ok {
			continue
		}
		err := s.start(argv, arg0)
		// Not before: a size that comes meanwhile is for the program's terminal.
		go s.handleWhileRunning(requests, cancel)
		if err != nil {
			return s.refuse(err)
		}
		return s.run(ctx)
	}
	return nil
}

// handle serves what comes before the program starts, and says which program that is.
func (s *session) handle(request *ssh.Request) (argv []string, arg0 string, starts, ok bool) {
	switch request.Type {
	case "pty-req":
		var pty ptyRequest
		if ssh.Unmarshal(request.Payload, &pty) != nil {
			return nil, "", false, false
		}
		s.tty = &command.TTY{Rows: uint16(pty.Rows), Cols: uint16(pty.Cols), Term: pty.Term}
		return nil, "", false, true
	case "env":
		var env envRequest
		if ssh.Unmarshal(request.Payload, &env) != nil || len(s.env) >= maxEnv {
			return nil, "", false, false
		}
		s.env[env.Name] = env.Value
		return nil, "", false, true
	case "shell":
		shell := s.connection.shell()
		return []string{shell}, "-" + filepath.Base(shell), true, true
	case "exec":
		var exec execRequest
		if ssh.Unmarshal(request.Payload, &exec) != nil {
			return nil, "", true, false
		}
		return []string{s.connection.shell(), "-c", exec.Command}, "", true, true
	case "subsystem":
		var subsystem execRequest
		if ssh.Unmarshal(request.Payload, &subsystem) != nil || subsystem.Command != "sftp" {
			return nil, "", true, false
		}
		return s.connection.server.SFTP, "", true, true
	}
	return nil, "", false, false
}

// shell is the user's own where the guest has it; an image may name one that it does not hold.
func (c *connection) shell() string {
	if unix.Access(c.user.Shell, unix.X_OK) == nil {
		return c.user.Shell
	}
	return "/bin/sh"
}

// handleWhileRunning ends with the channel, and so does the program then.
func (s *session) handleWhileRunning(requests <-chan *ssh.Request, gone context.CancelFunc) {
	defer gone()
	for request := range requests {
		ok := s.handleRunning(request)
		if request.WantReply {
			_ = request.Reply(ok, nil)
		}
	}
}

func (s *session) handleRunning(request *ssh.Request) bool {
	if s.process == nil {
		return false
	}
	switch request.Type {
	case "window-change":
		var size windowChange
		return ssh.Unmarshal(request.Payload, &size) == nil && s.process.Resize(uint16(size.Rows), uint16(size.Cols)) == nil
	case "signal":
		var wanted signalRequest
		if ssh.Unmarshal(request.Payload, &wanted) != nil {
			return false
		}
		sig := unix.SignalNum("SIG" + wanted.Name)
		return sig != 0 && s.process.Signal(sig) == nil
	}
	return false
}

// start leaves the program in s.process.
func (s *session) start(argv []string, arg0 string) error {
	process, err := s.connection.server.Runner.Start(command.Spec{
		Argv:     argv,
		Arg0:     arg0,
		Env:      s.env,
		Defaults: s.connection.server.Env(),
		User:     s.connection.ssh.User(),
		TTY:      s.tty,
		OnGone:   command.HangUp,
	})
	s.process = process
	return err
}

// run joins the program with the client until it ends.
func (s *session) run(ctx context.Context) error {
	process := s.process
	go func() {
		// A program that no longer reads is no reason to hold up the client.
		if _, err := io.Copy(process, s.channel); err != nil {
			_, _ = io.Copy(io.Discard, s.channel)
		}
		_ = process.CloseStdin()
	}()
	exit, err := process.Wait(ctx, s.emit)
	if err != nil {
		return err
	}
	_ = s.channel.CloseWrite()
	if exit.Signal != 0 {
		_, err = s.channel.SendRequest("exit-signal", false, ssh.Marshal(exitSignal{Name: signalName(exit.Signal)}))
		return err
	}
	return s.exit(exit.Code)
}

func (s *session) emit(from command.Stream, b []byte) error {
	var to io.Writer = s.channel
	if from == command.Stderr {
		to = s.channel.Stderr()
	}
	_, err := to.Write(b)
	return err
}

// refuse tells on stderr why there is no program, with the exit status of a shell.
func (s *session) refuse(err error) error {
	code := 126
	var rejection *command.Rejection
	if errors.As(err, &rejection) {
		code = rejection.ExitCode
	}
	newline := "\n"
	if s.tty != nil {
		newline = "\r\n"
	}
	if _, err := fmt.Fprintf(s.channel.Stderr(), "banger: %s%s", err, newline); err != nil {
		return err
	}
	return s.exit(code)
}

func (s *session) exit(code int) error {
	_, err := s.channel.SendRequest("exit-status", false, ssh.Marshal(exitStatus{Status: uint32(code)}))
	return err
}

// signalName is without "SIG", as RFC 4254 has it.
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); len(name) > len("SIG") {
		return name[len("SIG"):]
	}
	return fmt.Sprintf("%d@banger", sig)
}
