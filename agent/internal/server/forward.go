package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/internal/bridge"
)

type forwardStream = connect.BidiStream[agentv1.ForwardRequest, agentv1.ForwardResponse]

// dialTimeout bounds how long a target in the guest may take to answer.
const dialTimeout = 15 * time.Second

// Forward joins the call to something inside the guest.
func (s *Server) Forward(ctx context.Context, stream *forwardStream) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn := &forwardConn{stream: stream, gone: ctx.Done(), cancel: cancel, incoming: make(chan []byte)}
	defer conn.finish()
	go conn.receive()
	switch target := first.GetTarget().GetTarget().(type) {
	case *agentv1.ForwardTarget_Ssh:
		if err := conn.connected(); err != nil {
			return err
		}
		if err := s.SSH.Serve(ctx, conn); err != nil {
			s.Log.InfoContext(ctx, "ssh session ended", "error", err)
		}
		return nil
	case *agentv1.ForwardTarget_Tcp:
		return dialAndJoin(ctx, conn, "tcp", net.JoinHostPort(target.Tcp.Host, strconv.Itoa(int(target.Tcp.Port))))
	case *agentv1.ForwardTarget_Unix:
		return dialAndJoin(ctx, conn, "unix", target.Unix)
	case *agentv1.ForwardTarget_Vsock:
		return join(ctx, conn, func() (bridge.Stream, error) { return s.Vsock.Dial(ctx, target.Vsock.Port) })
	default:
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be target"))
	}
}

func dialAndJoin(ctx context.Context, conn *forwardConn, network, address string) error {
	return join(ctx, conn, func() (bridge.Stream, error) {
		dialer := net.Dialer{Timeout: dialTimeout}
		target, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return target.(bridge.Stream), nil
	})
}

func join(ctx context.Context, conn *forwardConn, dial func() (bridge.Stream, error)) error {
	target, err := dial()
	if err != nil {
		return connect.NewError(connect.CodeUnavailable, err)
	}
	// A client that goes away ends the reading from it, but not a reading from the target that waits.
	stop := context.AfterFunc(ctx, func() { _ = target.Close() })
	defer stop()
	if err := conn.connected(); err != nil {
		_ = target.Close()
		return err
	}
	if err := bridge.Join(conn, target); err != nil {
		return connect.NewError(connect.CodeAborted, err)
	}
	return nil
}

// forwardConn is a call as a connection.
type forwardConn struct {
	stream  *forwardStream
	gone    <-chan struct{}
	cancel  context.CancelFunc
	sending sync.Mutex
	unread  []byte
	// incoming is closed when no more will come; failure, set before that, tells why.
	incoming chan []byte
	failure  error
}

var _ net.Conn = (*forwardConn)(nil)

func (c *forwardConn) send(message *agentv1.ForwardResponse) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	select {
	case <-c.gone:
		return net.ErrClosed
	default:
		return c.stream.Send(message)
	}
}

// finish comes before the handler's return, after which nothing may be sent (see execution.finish).
func (c *forwardConn) finish() {
	c.cancel()
	c.sending.Lock()
	defer c.sending.Unlock()
}

func (c *forwardConn) connected() error {
	return c.send(&agentv1.ForwardResponse{
		Message: &agentv1.ForwardResponse_Connected{Connected: &agentv1.ForwardConnected{}},
	})
}

// receive hands on what the client sends. It is apart from Read since a call cannot be closed under a reader:
// only when its handler returns does Receive.
func (c *forwardConn) receive() {
	defer close(c.incoming)
	for {
		request, err := c.stream.Receive()
		if err != nil {
			c.failure = err
			return
		}
		switch message := request.Message.(type) {
		case *agentv1.ForwardRequest_Data:
			select {
			case c.incoming <- message.Data:
			case <-c.gone:
				c.failure = net.ErrClosed
				return
			}
		case *agentv1.ForwardRequest_End:
			c.failure = io.EOF
			return
		default:
			c.failure = connect.NewError(connect.CodeInvalidArgument, errors.New("target came twice, or a message is empty"))
			return
		}
	}
}

func (c *forwardConn) Read(p []byte) (int, error) {
	for len(c.unread) == 0 {
		select {
		case data, more := <-c.incoming:
			if !more {
				return 0, c.failure
			}
			c.unread = data
		case <-c.gone:
			return 0, net.ErrClosed
		}
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

func (c *forwardConn) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		piece := rest[:min(len(rest), maxMessageBytes/2)]
		err := c.send(&agentv1.ForwardResponse{Message: &agentv1.ForwardResponse_Data{Data: piece}})
		if err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[len(piece):]
	}
	return len(p), nil
}

func (c *forwardConn) CloseWrite() error {
	return c.send(&agentv1.ForwardResponse{Message: &agentv1.ForwardResponse_End{End: &agentv1.ForwardEnd{}}})
}

// Close ends the call from this side; its handler then returns.
func (c *forwardConn) Close() error {
	c.cancel()
	return nil
}

func (c *forwardConn) LocalAddr() net.Addr  { return callAddr{} }
func (c *forwardConn) RemoteAddr() net.Addr { return callAddr{} }

// Deadlines are not known to a call; a client that goes away ends it.
func (c *forwardConn) SetDeadline(time.Time) error      { return nil }
func (c *forwardConn) SetReadDeadline(time.Time) error  { return nil }
func (c *forwardConn) SetWriteDeadline(time.Time) error { return nil }

type callAddr struct{}

func (callAddr) Network() string { return "agent" }
func (callAddr) String() string  { return "host" }
