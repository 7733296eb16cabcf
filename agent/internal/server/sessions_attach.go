package server

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"

	"connectrpc.com/connect"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/internal/sessions"
)

type attachStream = connect.BidiStream[agentv1.AttachSessionRequest, agentv1.AttachSessionResponse]

// AttachSession joins a client with a session, until the session ends or the client goes away.
func (s *Sessions) AttachSession(ctx context.Context, stream *attachStream) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be start"))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &attachment{stream: stream, store: s, name: start.Name}
	defer a.finish()
	one, err := s.Store.Get(ctx, start.Name)
	if err != nil {
		return sessionError(err)
	}
	if start.Write && one.State == sessions.Running {
		if err := a.write(ctx, start); err != nil {
			return sessionError(err)
		}
		defer a.writer.Close()
		if one, err = s.Store.Get(ctx, start.Name); err != nil {
			return sessionError(err)
		}
	}
	if err := a.send(a.startedMessage(one)); err != nil {
		return err
	}
	go func() {
		if err := a.receive(ctx); err != nil {
			cancel(err)
		}
	}()
	if a.stdin != nil {
		defer a.stdin.stop()
		go a.stdin.run(func(credit uint32) error {
			return a.send(&agentv1.AttachSessionResponse{Message: &agentv1.AttachSessionResponse_StdinCredit{StdinCredit: credit}})
		})
		go a.tellTaken(ctx)
	}
	return sessionError(a.follow(ctx, start))
}

func (a *attachment) follow(ctx context.Context, start *agentv1.AttachStart) error {
	want := sessions.Replay{
		Last: int64(min(start.HistoryBytes, 1<<40)),
		// Who is attached wants to see it, whenever it was.
		Merge: math.MaxInt64,
		Live: func() error {
			return a.send(&agentv1.AttachSessionResponse{Message: &agentv1.AttachSessionResponse_Live{Live: &agentv1.AttachLive{}}})
		},
	}
	err := a.store.Store.Replay(ctx, a.name, want, true, func(record sessions.Record) error {
		return a.send(&agentv1.AttachSessionResponse{Message: &agentv1.AttachSessionResponse_Output{Output: outputMessage(record)}})
	})
	if err != nil {
		return err
	}
	one, err := a.store.Store.Get(ctx, a.name)
	if err != nil {
		return err
	}
	return a.send(&agentv1.AttachSessionResponse{Message: &agentv1.AttachSessionResponse_Ended{Ended: sessionMessage(one)}})
}

// attachment is a session with one of its clients.
type attachment struct {
	stream *attachStream
	store  *Sessions
	name   string
	// writer and stdin are nil for who only reads.
	writer *sessions.Reached
	stdin  *stdinQueue

	sending sync.Mutex
	over    bool
}

func (a *attachment) write(ctx context.Context, start *agentv1.AttachStart) error {
	limited, cancel := context.WithTimeout(ctx, sessionCallLimit)
	defer cancel()
	reached, err := a.store.Store.Reach(limited, a.name)
	if errors.Is(err, sessions.ErrEnded) {
		// Since it was looked at.
		return nil
	}
	if err != nil {
		return err
	}
	if err := reached.Write(limited, start.Steal); err != nil {
		reached.Close()
		return err
	}
	a.writer, a.stdin = reached, newStdinQueue(sessionInput{ctx, reached})
	if rows, cols := sizeOf(start.Size); rows > 0 && cols > 0 {
		if err := reached.Resize(limited, rows, cols); err != nil && !errors.Is(err, sessions.ErrNoTerminal) {
			reached.Close()
			return err
		}
	}
	return nil
}

// sessionInput is a session's stdin, as the queue before it knows one.
type sessionInput struct {
	ctx     context.Context
	reached *sessions.Reached
}

func (i sessionInput) Write(data []byte) (int, error) {
	for at := 0; at < len(data); at += maxSendBytes {
		if err := i.reached.Input(i.ctx, data[at:min(at+maxSendBytes, len(data))]); err != nil {
			return at, err
		}
	}
	return len(data), nil
}

// CloseStdin is called at the client's end, too: that is not the session's.
func (i sessionInput) CloseStdin() error { return nil }

func (a *attachment) send(message *agentv1.AttachSessionResponse) error {
	a.sending.Lock()
	defer a.sending.Unlock()
	if a.over {
		return errOver
	}
	return a.stream.Send(message)
}

// finish comes before the handler's return, as for a command.
func (a *attachment) finish() {
	a.sending.Lock()
	defer a.sending.Unlock()
	a.over = true
}

func (a *attachment) tellTaken(ctx context.Context) {
	select {
	case <-a.writer.Taken():
		_ = a.send(&agentv1.AttachSessionResponse{Message: &agentv1.AttachSessionResponse_Taken{Taken: &agentv1.AttachTaken{}}})
	case <-a.writer.Gone():
	case <-ctx.Done():
	}
}

// receive never waits for the command, so a signal gets through while stdin is full.
func (a *attachment) receive(ctx context.Context) error {
	for {
		request, err := a.stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.take(ctx, request); err != nil {
			return err
		}
	}
}

func (a *attachment) take(ctx context.Context, request *agentv1.AttachSessionRequest) error {
	if start := request.GetStart(); start != nil || request.Message == nil {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("start came twice, or a message is empty"))
	}
	if a.stdin == nil || isClosed(a.writer.Taken()) {
		// It was written before its client could know.
		return nil
	}
	switch message := request.Message.(type) {
	case *agentv1.AttachSessionRequest_Stdin:
		return a.stdin.push(message.Stdin)
	case *agentv1.AttachSessionRequest_Resize:
		rows, cols := sizeOf(message.Resize)
		return a.beside(ctx, func(ctx context.Context, reached *sessions.Reached) error { return reached.Resize(ctx, rows, cols) })
	case *agentv1.AttachSessionRequest_Signal:
		return a.beside(ctx, func(ctx context.Context, reached *sessions.Reached) error {
			return reached.Signal(ctx, int(message.Signal))
		})
	}
	return nil
}

// beside asks over a connection of its own, past what waits to be read. What is refused comes too late, or has nobody to go to.
func (a *attachment) beside(ctx context.Context, work func(context.Context, *sessions.Reached) error) error {
	_ = a.store.reach(ctx, a.name, work)
	return nil
}

func isClosed(channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}

func (a *attachment) startedMessage(one sessions.Session) *agentv1.AttachSessionResponse {
	started := &agentv1.AttachStarted{Session: sessionMessage(one)}
	if a.stdin != nil {
		started.StdinCredit = stdinWindow
	}
	return &agentv1.AttachSessionResponse{Message: &agentv1.AttachSessionResponse_Started{Started: started}}
}
