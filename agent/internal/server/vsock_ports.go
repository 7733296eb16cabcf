package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"banger.dev/agent/internal/bridge"
	"banger.dev/agent/internal/vsock"
)

const (
	// vsockLocal is the context id of the guest itself (VMADDR_CID_LOCAL in linux/vm_sockets.h).
	vsockLocal = 1
	// localDial bounds a connection within the guest.
	localDial = 2 * time.Second
	// maxVsockPorts bounds what a host can ask for.
	maxVsockPorts = 64
)

// VsockPorts offers TCP ports of the guest's loopback on vsock ports of the same numbers, so that a host reaches what
// listens there without a network. The zero value offers none.
type VsockPorts struct {
	mu      sync.Mutex
	offered map[uint32]bool
}

// Offer adds ports. One that somebody in the guest has taken is theirs; without vsock there is nothing to offer on, and
// the host has its other line.
func (v *VsockPorts) Offer(ctx context.Context, ports []uint32, log *slog.Logger) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(ports) > maxVsockPorts {
		return fmt.Errorf("at most %d vsock ports are offered", maxVsockPorts)
	}
	for _, port := range ports {
		if v.offered[port] {
			continue
		}
		listener, err := vsock.Listen(port)
		if err != nil {
			log.InfoContext(ctx, "a vsock port is not offered", "port", port, "error", err)
			continue
		}
		if v.offered == nil {
			v.offered = make(map[uint32]bool)
		}
		v.offered[port] = true
		go serveVsockPort(listener, port)
	}
	return nil
}

// Dial connects to what is behind a vsock port of this guest.
func (v *VsockPorts) Dial(ctx context.Context, port uint32) (bridge.Stream, error) {
	conn, err := dialLoopback(ctx, port)
	v.mu.Lock()
	ours := v.offered[port]
	v.mu.Unlock()
	// The agent's own listener would take any connection, whether anybody is behind it or not.
	if err == nil || ours {
		return conn, err
	}
	return vsock.Dial(vsockLocal, port, localDial)
}

func dialLoopback(ctx context.Context, port uint32) (bridge.Stream, error) {
	dialer := net.Dialer{Timeout: localDial}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return nil, err
	}
	return conn.(bridge.Stream), nil
}

// serveVsockPort goes on for as long as the agent does.
func serveVsockPort(listener *vsock.Listener, port uint32) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			target, err := dialLoopback(context.Background(), port)
			if err != nil {
				_ = conn.Close()
				return
			}
			_ = bridge.Join(conn.(bridge.Stream), target)
		}()
	}
}
