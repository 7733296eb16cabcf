package sshd

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"banger.dev/agent/internal/bridge"
)

// lowPorts are for root (ip(7)).
const lowPorts = 1024

// dialTimeout bounds how long a target in the guest may take to answer.
const dialTimeout = 15 * time.Second

// Payloads of forwards: RFC 4254 section 7, and OpenSSH's PROTOCOL section 2.4 for unix sockets.
type (
	tcpChannel struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	unixChannel struct {
		Path       string
		OriginHost string
		OriginPort uint32
	}
	tcpForward struct {
		Host string
		Port uint32
	}
	tcpForwardPort struct{ Port uint32 }
	unixForward    struct{ Path string }
	unixForwarded  struct{ Path, Reserved string }
)

func (c *connection) dialTCP(ctx context.Context, channel ssh.NewChannel) error {
	var target tcpChannel
	if err := ssh.Unmarshal(channel.ExtraData(), &target); err != nil {
		return channel.Reject(ssh.ConnectionFailed, "bad request")
	}
	return dial(ctx, channel, "tcp", net.JoinHostPort(target.Host, strconv.Itoa(int(target.Port))))
}

// dialUnix is for root: the agent opens the socket, so file permissions would not hold back anybody else.
func (c *connection) dialUnix(ctx context.Context, channel ssh.NewChannel) error {
	var target unixChannel
	if err := ssh.Unmarshal(channel.ExtraData(), &target); err != nil {
		return channel.Reject(ssh.ConnectionFailed, "bad request")
	}
	if c.user.UID != 0 {
		return channel.Reject(ssh.Prohibited, "only root may reach unix sockets")
	}
	return dial(ctx, channel, "unix", target.Path)
}

func dial(ctx context.Context, channel ssh.NewChannel, network, address string) error {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return channel.Reject(ssh.ConnectionFailed, err.Error())
	}
	accepted, requests, err := channel.Accept()
	if err != nil {
		_ = conn.Close()
		return err
	}
	go ssh.DiscardRequests(requests)
	return bridge.Join(conn.(bridge.Stream), accepted)
}

func (c *connection) listenTCP(ctx context.Context, payload []byte) (bool, []byte) {
	var want tcpForward
	if ssh.Unmarshal(payload, &want) != nil || c.user.UID != 0 && want.Port != 0 && want.Port < lowPorts {
		return false, nil
	}
	host := want.Host
	if host == "*" {
		host = ""
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(int(want.Port))))
	if err != nil {
		c.log.Warn("remote forward refused", "error", err)
		return false, nil
	}
	bound := uint32(listener.Addr().(*net.TCPAddr).Port)
	if !c.keep(tcpKey(want.Host, bound), listener) {
		return false, nil
	}
	go c.acceptAll(ctx, listener, "forwarded-tcpip", func(conn net.Conn) []byte {
		origin, _ := conn.RemoteAddr().(*net.TCPAddr)
		return ssh.Marshal(tcpChannel{want.Host, bound, origin.IP.String(), uint32(origin.Port)})
	})
	if want.Port == 0 {
		return true, ssh.Marshal(tcpForwardPort{bound})
	}
	return true, nil
}

func (c *connection) listenUnix(ctx context.Context, payload []byte) bool {
	var want unixForward
	if ssh.Unmarshal(payload, &want) != nil || c.user.UID != 0 {
		return false
	}
	listener, err := net.Listen("unix", want.Path)
	if err != nil {
		c.log.Warn("remote forward refused", "error", err)
		return false
	}
	if !c.keep(unixKey(want.Path), listener) {
		return false
	}
	go c.acceptAll(ctx, listener, "forwarded-streamlocal@openssh.com", func(net.Conn) []byte {
		return ssh.Marshal(unixForwarded{Path: want.Path})
	})
	return true
}

func (c *connection) acceptAll(ctx context.Context, listener net.Listener, kind string, extra func(net.Conn) []byte) {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			channel, requests, err := c.ssh.OpenChannel(kind, extra(conn))
			if err != nil {
				_ = conn.Close()
				return
			}
			go ssh.DiscardRequests(requests)
			_ = bridge.Join(conn.(bridge.Stream), channel)
		}()
	}
}

func (c *connection) cancelTCP(payload []byte) bool {
	var which tcpForward
	return ssh.Unmarshal(payload, &which) == nil && c.release(tcpKey(which.Host, which.Port))
}

func (c *connection) cancelUnix(payload []byte) bool {
	var which unixForward
	return ssh.Unmarshal(payload, &which) == nil && c.release(unixKey(which.Path))
}

func tcpKey(host string, port uint32) string { return fmt.Sprintf("tcp:%s:%d", host, port) }
func unixKey(path string) string             { return "unix:" + path }

// keep refuses, and closes, a second listener of the same name.
func (c *connection) keep(key string, listener net.Listener) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, taken := c.remote[key]; taken {
		_ = listener.Close()
		return false
	}
	c.remote[key] = listener
	return true
}

func (c *connection) release(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	listener, found := c.remote[key]
	delete(c.remote, key)
	return found && listener.Close() == nil
}

func (c *connection) closeListeners() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, listener := range c.remote {
		_ = listener.Close()
	}
	clear(c.remote)
}
