package server

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"

	"connectrpc.com/connect"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/internal/command"
)

type execStream = connect.BidiStream[agentv1.ExecRequest, agentv1.ExecResponse]

// lastSignal is Linux's highest.
const lastSignal = 64

// Exec runs one command.
func (s *Server) Exec(ctx context.Context, stream *execStream) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be start"))
	}
	process, err := s.Runner.Start(specOf(start, s.Settings.Env()))
	var rejection *command.Rejection
	if errors.As(err, &rejection) {
		return stream.Send(rejectedMessage(rejection))
	}
	if err != nil {
		return connect.NewError(connect.CodeInternal, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e := &execution{stream: stream, process: process, stdin: newStdinQueue(process)}
	defer e.finish()
	if err := e.send(startedMessage(process.Pid())); err != nil {
		cancel(err)
	}
	go func() {
		if err := e.receive(); err != nil {
			cancel(err)
		}
	}()
	go e.stdin.run(func(credit uint32) error {
		return e.send(&agentv1.ExecResponse{Message: &agentv1.ExecResponse_StdinCredit{StdinCredit: credit}})
	})
	defer e.stdin.stop()
	exit, err := process.Wait(ctx, e.emit)
	if err != nil {
		return err
	}
	return e.send(exitMessage(exit))
}

func specOf(start *agentv1.ExecStart, defaults map[string]string) command.Spec {
	spec := command.Spec{Argv: start.Argv, Env: start.Env, Defaults: defaults, Cwd: start.Cwd, User: start.User}
	if start.Tty != nil {
		rows, cols := sizeOf(start.Tty.Size)
		spec.TTY = &command.TTY{Rows: rows, Cols: cols, Term: start.Tty.Term}
	}
	return spec
}

// sizeOf keeps what the kernel has room for.
func sizeOf(size *agentv1.TerminalSize) (rows, cols uint16) {
	const most = 1<<16 - 1
	return uint16(min(size.GetRows(), most)), uint16(min(size.GetCols(), most))
}

// execution is a command with its client.
type execution struct {
	stream  *execStream
	process *command.Process
	stdin   *stdinQueue
	// sending: stdout, stderr and credit come from goroutines of their own.
	sending sync.Mutex
	over    bool
}

// errOver is for what comes when the call has ended.
var errOver = errors.New("the call is over")

func (e *execution) send(message *agentv1.ExecResponse) error {
	e.sending.Lock()
	defer e.sending.Unlock()
	if e.over {
		return errOver
	}
	return e.stream.Send(message)
}

// finish comes before the handler's return: net/http2 panics when a response is written to after that, and the agent may
// be the guest's PID 1. A message that is on its way is waited for.
func (e *execution) finish() {
	e.sending.Lock()
	defer e.sending.Unlock()
	e.over = true
}

func (e *execution) emit(from command.Stream, b []byte) error {
	message := &agentv1.ExecResponse{Message: &agentv1.ExecResponse_Stdout{Stdout: b}}
	if from == command.Stderr {
		message.Message = &agentv1.ExecResponse_Stderr{Stderr: b}
	}
	return e.send(message)
}

// receive never waits for the command, so a signal gets through while stdin is full.
func (e *execution) receive() error {
	for {
		request, err := e.stream.Receive()
		if errors.Is(err, io.EOF) {
			e.stdin.end()
			return nil
		}
		if err != nil {
			return err
		}
		switch message := request.Message.(type) {
		case *agentv1.ExecRequest_Stdin:
			if err := e.stdin.push(message.Stdin); err != nil {
				return err
			}
		case *agentv1.ExecRequest_StdinEnd:
			e.stdin.end()
		case *agentv1.ExecRequest_Resize:
			rows, cols := sizeOf(message.Resize)
			_ = e.process.Resize(rows, cols)
		case *agentv1.ExecRequest_Signal:
			// Signal 0 would only ask; one that comes too late has nobody to go to.
			if message.Signal > 0 && message.Signal <= lastSignal {
				_ = e.process.Signal(syscall.Signal(message.Signal))
			}
		default:
			return connect.NewError(connect.CodeInvalidArgument, errors.New("start came twice, or a message is empty"))
		}
	}
}

func startedMessage(pid int) *agentv1.ExecResponse {
	return &agentv1.ExecResponse{Message: &agentv1.ExecResponse_Started{
		Started: &agentv1.ExecStarted{Pid: int32(pid), StdinCredit: stdinWindow},
	}}
}

func exitMessage(exit command.Exit) *agentv1.ExecResponse {
	return &agentv1.ExecResponse{Message: &agentv1.ExecResponse_Exit{
		Exit: &agentv1.ExecExit{Code: int32(exit.Code), Signal: int32(exit.Signal)},
	}}
}

func rejectedMessage(r *command.Rejection) *agentv1.ExecResponse {
	reason := agentv1.ExecRejection_EXEC_REJECTION_UNSPECIFIED
	switch r.Reason {
	case command.NotFound:
		reason = agentv1.ExecRejection_EXEC_REJECTION_NOT_FOUND
	case command.NotExecutable:
		reason = agentv1.ExecRejection_EXEC_REJECTION_NOT_EXECUTABLE
	case command.NoSuchUser:
		reason = agentv1.ExecRejection_EXEC_REJECTION_NO_SUCH_USER
	case command.NoSuchDirectory:
		reason = agentv1.ExecRejection_EXEC_REJECTION_NO_SUCH_DIRECTORY
	case command.Resources:
		reason = agentv1.ExecRejection_EXEC_REJECTION_RESOURCES
	}
	return &agentv1.ExecResponse{Message: &agentv1.ExecResponse_Rejected{
		Rejected: &agentv1.ExecRejected{Reason: reason, Message: r.Message, ExitCode: int32(r.ExitCode)},
	}}
}
