// Package vsock has the sockets between a guest and its host (vsock(7)), which Go's net package does not know.
package vsock

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// AgentPort is where the agent listens; the contract says so.
const AgentPort = 1024

// Listener accepts connections from the host.
type Listener struct {
	file *os.File
	raw  syscall.RawConn
	port uint32
}

var _ net.Listener = (*Listener)(nil)

// Listen takes a port. It fails where the kernel has no vsock.
func Listen(port uint32) (*Listener, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make a vsock: %w", err)
	}
	file := os.NewFile(uintptr(fd), "vsock")
	raw, err := file.SyscallConn()
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: port})
	}
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen on vsock port %d: %w", port, err), file.Close())
	}
	return &Listener{file: file, raw: raw, port: port}, nil
}

// Accept returns the next connection from the host. By its loopback any process of the guest could connect, too.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		fd, peer, err := l.accept()
		if err != nil {
			return nil, err
		}
		if !isHost(peer) {
			_ = unix.Close(fd)
			continue
		}
		return &conn{File: os.NewFile(uintptr(fd), "vsock"), local: l.Addr(), remote: addrOf(peer)}, nil
	}
}

// isHost: no process of a guest has the host's context id, whichever way it connects (vsock(7)).
func isHost(peer unix.Sockaddr) bool {
	vm, ok := peer.(*unix.SockaddrVM)
	return ok && vm.CID == unix.VMADDR_CID_HOST
}

func (l *Listener) accept() (int, unix.Sockaddr, error) {
	var fd int
	var peer unix.Sockaddr
	var errno error
	err := l.raw.Read(func(listening uintptr) bool {
		fd, peer, errno = unix.Accept4(int(listening), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return errno != unix.EAGAIN && errno != unix.EINTR
	})
	switch {
	case errors.Is(err, os.ErrClosed):
		return -1, nil, net.ErrClosed
	case err != nil:
		return -1, nil, err
	case errno != nil:
		return -1, nil, fmt.Errorf("accept on vsock port %d: %w", l.port, errno)
	}
	return fd, peer, nil
}

// Close stops listening.
func (l *Listener) Close() error { return l.file.Close() }

// Addr names the port.
func (l *Listener) Addr() net.Addr { return Addr{CID: unix.VMADDR_CID_ANY, Port: l.port} }

// Dial connects to a port of a guest (by its context id) or of the host (2).
func Dial(cid, port uint32, timeout time.Duration) (Conn, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a vsock: %w", err)
	}
	limit := unix.NsecToTimeval(timeout.Nanoseconds())
	err = unix.SetsockoptTimeval(fd, unix.AF_VSOCK, unix.SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrVM{CID: cid, Port: port})
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to vsock %d:%d: %w", cid, port, err), unix.Close(fd))
	}
	remote := Addr{CID: cid, Port: port}
	return &conn{File: os.NewFile(uintptr(fd), "vsock"), local: Addr{CID: unix.VMADDR_CID_ANY}, remote: remote}, nil
}

// Conn is a connection of which one direction can end before the other.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// conn needs no more than a file that the runtime polls.
type conn struct {
	*os.File
	local, remote net.Addr
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) CloseWrite() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var errno error
	if err := raw.Control(func(fd uintptr) { errno = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return err
	}
	return errno
}

// Addr is a context id and a port.
type Addr struct {
	CID, Port uint32
}

func addrOf(peer unix.Sockaddr) net.Addr {
	if vm, ok := peer.(*unix.SockaddrVM); ok {
		return Addr{CID: vm.CID, Port: vm.Port}
	}
	return Addr{}
}

// Network is "vsock".
func (Addr) Network() string { return "vsock" }

func (a Addr) String() string { return fmt.Sprintf("%d:%d", a.CID, a.Port) }
