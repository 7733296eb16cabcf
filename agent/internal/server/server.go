// Package server answers the calls of the contract, agent.proto.
package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"banger.dev/agent/gen/banger/agent/v1/agentv1connect"
	"banger.dev/agent/internal/clock"
	"banger.dev/agent/internal/command"
	"banger.dev/agent/internal/guest"
	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/operation"
	"banger.dev/agent/internal/secret"
	"banger.dev/agent/internal/service"
	"banger.dev/agent/internal/sshd"
	"banger.dev/agent/internal/world"
)

// Protocol is the version of the contract.
const Protocol = 1

const (
	// maxMessageBytes bounds what a client can make the agent hold for one message.
	maxMessageBytes = 1 << 20
	// windowBytes keeps a line busy while credit is on its way back; net/http allows less than 4 MiB.
	windowBytes = 4<<20 - 1
	// maxStreams is of one session: commands and forwards that run at once.
	maxStreams = 1000
)

// Server is the agent as a host sees it.
type Server struct {
	Version  string
	Runner   command.Runner
	SSH      *sshd.Server
	Settings *guest.Settings
	Service  *service.Manager
	Secret   *secret.Keeper
	World    *world.Keeper
	Files    *Files
	Sessions *Sessions
	Vsock    VsockPorts
	Clock    clock.Clock
	// Root is where the guest's files begin: "/".
	Root string
	Init machine.Init
	// End ends the machine, soon.
	End func(end machine.End, grace time.Duration) error
	Log *slog.Logger
	// warned is when a stranger was last written of.
	warned atomic.Int64
}

var _ agentv1connect.AgentServiceHandler = (*Server)(nil)

// HTTP makes the server that speaks the contract on any listener: HTTP/2 with prior knowledge, without TLS.
func (s *Server) HTTP(ctx context.Context) *http.Server {
	mux := http.NewServeMux()
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(maxMessageBytes),
		// The line is as fast as memory: compressing would only slow it down.
		connect.WithCompression("gzip", nil, nil),
		connect.WithInterceptors(operation.Calls(s.Log,
			agentv1connect.AgentServiceInfoProcedure, agentv1connect.AgentServiceAuthenticateProcedure)),
	}
	mux.Handle(agentv1connect.NewAgentServiceHandler(s, options...))
	mux.Handle(agentv1connect.NewFilesServiceHandler(s.Files, options...))
	mux.Handle(agentv1connect.NewSessionsServiceHandler(s.Sessions, options...))
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:   s.admit(mux),
		Protocols: &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerConnection: windowBytes,
			MaxReceiveBufferPerStream:     windowBytes,
		},
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: withSession,
		ErrorLog:    slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
}
