// Package sshd is an SSH server for any guest: it needs no packages in the image, and no network. It is reached
// over the agent's own line only.
package sshd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/command"
)

// loginLimit is how long a client may take to log in: sshd_config(5)'s LoginGraceTime.
const loginLimit = 2 * time.Minute

// Server serves connections that somebody else has accepted.
type Server struct {
	HostKey  ssh.Signer
	Runner   command.Runner
	Accounts account.Database
	// Keys are the lines of authorized_keys that the host has brought.
	Keys func() []string
	// Env is what every session starts with.
	Env func() map[string]string
	// SFTP is the command of the subsystem: it runs as the user, who has no more rights through it than without.
	SFTP []string
	Log  *slog.Logger
}

// connection is one client.
type connection struct {
	server *Server
	ssh    *ssh.ServerConn
	user   account.User
	log    *slog.Logger
	// remote are the listeners that the client asked for, by address.
	mu     sync.Mutex
	remote map[string]net.Listener
}

// Serve speaks SSH until the client leaves or the context ends.
func (s *Server) Serve(ctx context.Context, raw net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-banger",
		PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, s.authorize(meta.User(), key)
		},
	}
	config.AddHostKey(s.HostKey)
	impatience := time.AfterFunc(loginLimit, func() { _ = raw.Close() })
	established, channels, requests, err := ssh.NewServerConn(raw, config)
	impatience.Stop()
	if err != nil {
		return fmt.Errorf("set up SSH: %w", err)
	}
	user, err := s.Accounts.Lookup(established.User())
	if err != nil {
		return err
	}
	c := &connection{
		server: s, ssh: established, user: user, log: s.Log.With("user", user.Name), remote: make(map[string]net.Listener),
	}
	defer c.closeListeners()
	go c.handleRequests(ctx, requests)
	for channel := range channels {
		go c.handleChannel(ctx, channel)
	}
	return nil
}

func (c *connection) handleChannel(ctx context.Context, channel ssh.NewChannel) {
	var err error
	switch channel.ChannelType() {
	case "session":
		err = c.serveSession(ctx, channel)
	case "direct-tcpip":
		err = c.dialTCP(ctx, channel)
	case "direct-streamlocal@openssh.com":
		err = c.dialUnix(ctx, channel)
	default:
		err = channel.Reject(ssh.UnknownChannelType, "no such channel type here")
	}
	if err != nil {
		c.log.Debug("ssh channel ended", "type", channel.ChannelType(), "error", err)
	}
}

// handleRequests serves what concerns the connection as a whole. An unknown request (keepalive@openssh.com is one)
// gets the "no" that clients expect.
func (c *connection) handleRequests(ctx context.Context, requests <-chan *ssh.Request) {
	for request := range requests {
		var ok bool
		var answer []byte
		switch request.Type {
		case "tcpip-forward":
			ok, answer = c.listenTCP(ctx, request.Payload)
		case "streamlocal-forward@openssh.com":
			ok = c.listenUnix(ctx, request.Payload)
		case "cancel-tcpip-forward":
			ok = c.cancelTCP(request.Payload)
		case "cancel-streamlocal-forward@openssh.com":
			ok = c.cancelUnix(request.Payload)
		}
		if request.WantReply {
			_ = request.Reply(ok, answer)
		}
	}
}
