package server

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sys/unix"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/gen/banger/agent/v1/agentv1connect"
	"banger.dev/agent/internal/command"
	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/sessions"
)

// sessionCallLimit is less than a host waits: for a supervisor, and for a command that does not read.
const sessionCallLimit = 25 * time.Second

// maxSendBytes is of one call that sends to a session.
const maxSendBytes = 64 << 10

// mergeWithin is shorter than what anybody sees of a recording.
const mergeWithin = 10 * time.Millisecond

var errUnread = errors.New("the command does not read; what was sent it may still get")

// Sessions answers the calls about commands that live by themselves.
type Sessions struct {
	Store *sessions.Store
	// Env lies under what a session asks for itself.
	Env func() map[string]string
}

var _ agentv1connect.SessionsServiceHandler = (*Sessions)(nil)

// sessionError gives what failed the contract's code for it.
func sessionError(err error) error {
	var told *connect.Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	code := connect.CodeUnknown
	switch {
	case errors.Is(err, sessions.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		code = connect.CodeNotFound
	case errors.Is(err, sessions.ErrExists):
		code = connect.CodeAlreadyExists
	case errors.Is(err, sessions.ErrHasWriter), errors.Is(err, sessions.ErrTaken):
		code = connect.CodeAborted
	case errors.Is(err, sessions.ErrEnded), errors.Is(err, sessions.ErrRunning), errors.Is(err, sessions.ErrNoStdin),
		errors.Is(err, sessions.ErrNoTerminal):
		code = connect.CodeFailedPrecondition
	case errors.Is(err, sessions.ErrBadName):
		code = connect.CodeInvalidArgument
	case errors.Is(err, sessions.ErrTooMany), isOneOf(err, unix.ENOSPC, unix.EDQUOT, unix.EMFILE, unix.ENFILE, unix.ENOMEM):
		code = connect.CodeResourceExhausted
	case errors.Is(err, errUnread), errors.Is(err, files.ErrSilent), errors.Is(err, context.DeadlineExceeded):
		code = connect.CodeDeadlineExceeded
	}
	return connect.NewError(code, err)
}

// CreateSession starts a command.
func (s *Sessions) CreateSession(
	ctx context.Context, request *connect.Request[agentv1.CreateSessionRequest],
) (*connect.Response[agentv1.CreateSessionResponse], error) {
	want := specOf(request.Msg.GetCommand(), s.Env())
	if want.TTY != nil && (want.TTY.Rows == 0 || want.TTY.Cols == 0) {
		want.TTY.Rows, want.TTY.Cols = 24, 80
	}
	one, err := s.Store.Create(ctx, request.Msg.Name, sessions.Spec{
		Argv: want.Argv, Env: want.Env, Defaults: want.Defaults, Cwd: want.Cwd, User: want.User, TTY: want.TTY,
		KeepStdin: request.Msg.KeepStdin,
	})
	answer := &agentv1.CreateSessionResponse{}
	var rejection *command.Rejection
	switch {
	case errors.As(err, &rejection):
		answer.Outcome = &agentv1.CreateSessionResponse_Rejected{Rejected: rejectedMessage(rejection).GetRejected()}
	case err != nil:
		return nil, sessionError(err)
	default:
		answer.Outcome = &agentv1.CreateSessionResponse_Session{Session: sessionMessage(one)}
	}
	return connect.NewResponse(answer), nil
}

// ListSessions tells of all.
func (s *Sessions) ListSessions(
	ctx context.Context, _ *connect.Request[agentv1.ListSessionsRequest],
) (*connect.Response[agentv1.ListSessionsResponse], error) {
	all, err := s.Store.List(ctx)
	if err != nil {
		return nil, sessionError(err)
	}
	answer := &agentv1.ListSessionsResponse{}
	for _, one := range all {
		answer.Sessions = append(answer.Sessions, sessionMessage(one))
	}
	return connect.NewResponse(answer), nil
}

// GetSession tells of one.
func (s *Sessions) GetSession(
	ctx context.Context, request *connect.Request[agentv1.GetSessionRequest],
) (*connect.Response[agentv1.GetSessionResponse], error) {
	one, err := s.Store.Get(ctx, request.Msg.Name)
	if err != nil {
		return nil, sessionError(err)
	}
	return connect.NewResponse(&agentv1.GetSessionResponse{Session: sessionMessage(one)}), nil
}

// WatchSession tells of one, and of its end.
func (s *Sessions) WatchSession(
	ctx context.Context, request *connect.Request[agentv1.WatchSessionRequest], stream *connect.ServerStream[agentv1.WatchSessionResponse],
) error {
	one, err := s.Store.Get(ctx, request.Msg.Name)
	if err != nil {
		return sessionError(err)
	}
	if err := stream.Send(&agentv1.WatchSessionResponse{Session: sessionMessage(one)}); err != nil || one.State != sessions.Running {
		return err
	}
	if one, err = s.Store.Await(ctx, one.Name); err != nil {
		return sessionError(err)
	}
	return stream.Send(&agentv1.WatchSessionResponse{Session: sessionMessage(one)})
}

// ReadSessionLog hands over what a session has printed.
func (s *Sessions) ReadSessionLog(
	ctx context.Context, request *connect.Request[agentv1.ReadSessionLogRequest], stream *connect.ServerStream[agentv1.ReadSessionLogResponse],
) error {
	want := sessions.Replay{Last: -1, Merge: mergeWithin}
	if request.Msg.SinceNs > 0 {
		want.Since = time.Unix(0, request.Msg.SinceNs)
	}
	return sessionError(s.Store.Replay(ctx, request.Msg.Name, want, request.Msg.Follow, func(record sessions.Record) error {
		return stream.Send(&agentv1.ReadSessionLogResponse{Output: outputMessage(record)})
	}))
}

// SendToSession writes to a session.
func (s *Sessions) SendToSession(
	ctx context.Context, request *connect.Request[agentv1.SendToSessionRequest],
) (*connect.Response[agentv1.SendToSessionResponse], error) {
	want := request.Msg
	if len(want.Data) > maxSendBytes {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("more than 64 KiB in one piece"))
	}
	err := s.reach(ctx, want.Name, func(ctx context.Context, reached *sessions.Reached) error {
		if len(want.Data) > 0 {
			if err := reached.Input(ctx, want.Data); err != nil {
				return err
			}
		}
		if want.End {
			return reached.InputEnd(ctx)
		}
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = errUnread
	}
	if err != nil {
		return nil, sessionError(err)
	}
	return connect.NewResponse(&agentv1.SendToSessionResponse{}), nil
}

// reach makes bounded calls of a supervisor.
func (s *Sessions) reach(ctx context.Context, name string, work func(context.Context, *sessions.Reached) error) error {
	ctx, cancel := context.WithTimeout(ctx, sessionCallLimit)
	defer cancel()
	reached, err := s.Store.Reach(ctx, name)
	if err != nil {
		return err
	}
	defer reached.Close()
	return work(ctx, reached)
}

// ResizeSession gives a session's terminal another size.
func (s *Sessions) ResizeSession(
	ctx context.Context, request *connect.Request[agentv1.ResizeSessionRequest],
) (*connect.Response[agentv1.ResizeSessionResponse], error) {
	rows, cols := sizeOf(request.Msg.GetSize())
	if rows == 0 || cols == 0 {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("a terminal has rows and columns"))
	}
	err := s.reach(ctx, request.Msg.Name, func(ctx context.Context, reached *sessions.Reached) error {
		return reached.Resize(ctx, rows, cols)
	})
	if err != nil {
		return nil, sessionError(err)
	}
	return connect.NewResponse(&agentv1.ResizeSessionResponse{}), nil
}

// SignalSession sends a signal to a session's command.
func (s *Sessions) SignalSession(
	ctx context.Context, request *connect.Request[agentv1.SignalSessionRequest],
) (*connect.Response[agentv1.SignalSessionResponse], error) {
	if request.Msg.Signal <= 0 || request.Msg.Signal > lastSignal {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("there is no such signal"))
	}
	err := s.reach(ctx, request.Msg.Name, func(ctx context.Context, reached *sessions.Reached) error {
		return reached.Signal(ctx, int(request.Msg.Signal))
	})
	if err != nil {
		return nil, sessionError(err)
	}
	return connect.NewResponse(&agentv1.SignalSessionResponse{}), nil
}

// EndSession kills a session's command.
func (s *Sessions) EndSession(
	ctx context.Context, request *connect.Request[agentv1.EndSessionRequest],
) (*connect.Response[agentv1.EndSessionResponse], error) {
	ctx, cancel := context.WithTimeout(ctx, sessionCallLimit)
	defer cancel()
	one, err := s.Store.End(ctx, request.Msg.Name)
	if err != nil {
		return nil, sessionError(err)
	}
	return connect.NewResponse(&agentv1.EndSessionResponse{Session: sessionMessage(one)}), nil
}

// DeleteSession forgets a session.
func (s *Sessions) DeleteSession(
	ctx context.Context, request *connect.Request[agentv1.DeleteSessionRequest],
) (*connect.Response[agentv1.DeleteSessionResponse], error) {
	ctx, cancel := context.WithTimeout(ctx, sessionCallLimit)
	defer cancel()
	if err := s.Store.Delete(ctx, request.Msg.Name, request.Msg.Force); err != nil {
		return nil, sessionError(err)
	}
	return connect.NewResponse(&agentv1.DeleteSessionResponse{}), nil
}

var sessionStates = map[sessions.State]agentv1.SessionState{
	sessions.Running:  agentv1.SessionState_SESSION_STATE_RUNNING,
	sessions.Exited:   agentv1.SessionState_SESSION_STATE_EXITED,
	sessions.Failed:   agentv1.SessionState_SESSION_STATE_FAILED,
	sessions.Killed:   agentv1.SessionState_SESSION_STATE_KILLED,
	sessions.Rebooted: agentv1.SessionState_SESSION_STATE_REBOOTED,
	sessions.Lost:     agentv1.SessionState_SESSION_STATE_LOST,
}

func sessionMessage(one sessions.Session) *agentv1.Session {
	message := &agentv1.Session{
		Name: one.Name, Argv: one.Argv, Cwd: one.Cwd, User: one.User, HasStdin: one.HasStdin && !one.StdinEnded,
		State: sessionStates[one.State], Pid: int32(one.Pid), Signal: int32(one.Signal),
		CreatedNs: one.Created.UnixNano(), SinceNs: one.Since.UnixNano(), HasWriter: one.HasWriter,
		LogBytes: uint64(one.LogBytes), LogCut: one.Cut,
	}
	if one.Terminal {
		message.Terminal = &agentv1.TerminalSize{Rows: uint32(one.Rows), Cols: uint32(one.Cols)}
	}
	if one.ExitCode != nil {
		code := int32(*one.ExitCode)
		message.ExitCode = &code
	}
	return message
}

func outputMessage(record sessions.Record) *agentv1.SessionOutput {
	message := &agentv1.SessionOutput{TimeNs: record.Time.UnixNano()}
	switch record.Kind {
	case sessions.Stdout:
		message.What = &agentv1.SessionOutput_Stdout{Stdout: record.Data}
	case sessions.Stderr:
		message.What = &agentv1.SessionOutput_Stderr{Stderr: record.Data}
	case sessions.Size:
		rows, cols := record.TerminalSize()
		message.What = &agentv1.SessionOutput_Size{Size: &agentv1.TerminalSize{Rows: uint32(rows), Cols: uint32(cols)}}
	}
	return message
}
