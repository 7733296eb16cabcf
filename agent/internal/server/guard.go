package server

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/gen/banger/agent/v1/agentv1connect"
	"banger.dev/agent/internal/secret"
)

const (
	// provingLimit is how long a connection may take to show that it is the host's, on a line that anybody may reach.
	provingLimit = 10 * time.Second
	// maxUnproven are such connections at once.
	maxUnproven = 16
	// warnEvery keeps strangers from filling the guest's log.
	warnEvery = 10 * time.Second
)

var errUnproven = connect.NewError(connect.CodeUnauthenticated, errors.New("this connection has not shown that it is the host's"))

// Trust is what a line says of who is at its other end.
type Trust int

// The kinds of lines.
const (
	// Trusted lines lead to the user who runs this guest, and to nobody else.
	Trusted Trust = iota
	// Open lines can be reached by any user of the host.
	Open
)

// Guard makes connections of a line that know how far they are trusted.
func (s *Server) Guard(line net.Listener, trust Trust) net.Listener {
	return &guard{Listener: line, trust: trust, places: make(chan struct{}, maxUnproven)}
}

type guard struct {
	net.Listener
	trust Trust
	// places are taken by connections of an open line until they are proven.
	places chan struct{}
}

// Accept turns away whoever comes to an open line while too many have not said who they are.
func (g *guard) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &guardedConn{Conn: conn, session: &session{trust: g.trust, leave: func() {}}}
		if _, err := rand.Read(c.session.challenge[:]); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		if g.trust == Trusted {
			return c, nil
		}
		select {
		case g.places <- struct{}{}:
			limit := time.AfterFunc(provingLimit, func() { _ = conn.Close() })
			c.session.leave = sync.OnceFunc(func() { limit.Stop(); <-g.places })
			return c, nil
		default:
			_ = conn.Close()
		}
	}
}

type guardedConn struct {
	net.Conn
	session *session
}

// Close gives the place back, too.
func (c *guardedConn) Close() error {
	c.session.leave()
	return c.Conn.Close()
}

// session is what is known of a connection.
type session struct {
	trust     Trust
	challenge [secret.Size]byte
	// proven: the host's; failed: it has tried, and gets no second try.
	proven, failed atomic.Bool
	// leave gives the connection's place to another.
	leave func()
}

type sessionKey struct{}

// sessionOf is never nil: a connection that nobody guards is trusted.
func sessionOf(ctx context.Context) *session {
	if of, ok := ctx.Value(sessionKey{}).(*session); ok {
		return of
	}
	return &session{leave: func() {}}
}

func withSession(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*guardedConn); ok {
		return context.WithValue(ctx, sessionKey{}, c.session)
	}
	return ctx
}

// admits tells whether a connection may do more than ask who is here. Before a guest has its secret, a trusted line says
// enough: a host of an older banger knows of no other way.
func (s *Server) admits(of *session) bool {
	return of.proven.Load() || of.trust == Trusted && !s.Secret.Known()
}

// admit answers strangers itself.
func (s *Server) admit(next http.Handler) http.Handler {
	refusal := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case agentv1connect.AgentServiceInfoProcedure, agentv1connect.AgentServiceAuthenticateProcedure:
			r.Body = http.MaxBytesReader(w, r.Body, maxStrangersBytes)
		default:
			if !s.admits(sessionOf(r.Context())) {
				_ = refusal.Write(w, r, errUnproven)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// maxStrangersBytes is more than any request that is answered before its sender is known.
const maxStrangersBytes = 4 << 10

// Authenticate takes the secret, where there is none yet, and has each end show that it knows it.
func (s *Server) Authenticate(
	ctx context.Context, request *connect.Request[agentv1.AuthenticateRequest],
) (*connect.Response[agentv1.AuthenticateResponse], error) {
	of, want := sessionOf(ctx), request.Msg
	if !s.Secret.Known() {
		if of.trust != Trusted {
			return nil, connect.NewError(connect.CodeFailedPrecondition, errors.New("the secret comes over the guest's other line first"))
		}
		if err := s.Secret.Take(want.Secret); err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err)
		}
	}
	if of.failed.Load() || !s.Secret.Proves(want.Proof, secret.Host, of.challenge[:], want.Nonce) {
		of.failed.Store(true)
		s.warnOfStranger()
		return nil, errUnproven
	}
	of.proven.Store(true)
	of.leave()
	return connect.NewResponse(&agentv1.AuthenticateResponse{
		Proof: s.Secret.Proof(secret.Guest, of.challenge[:], want.Nonce),
	}), nil
}

func (s *Server) warnOfStranger() {
	now, last := time.Now().UnixNano(), s.warned.Load()
	if now-last > int64(warnEvery) && s.warned.CompareAndSwap(last, now) {
		s.Log.Warn("somebody who does not know this boot's secret tried to speak to the agent")
	}
}
