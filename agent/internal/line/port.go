package line

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Port is a character device (or, in tests, a socket) that stays while hosts come and go.
type Port struct {
	file *os.File
	raw  syscall.RawConn
	// endIsFinal: no host comes back after the end of file, as on a socket.
	endIsFinal bool
}

// OpenPort opens the device of a virtio-serial port.
func OpenPort(path string) (*Port, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the agent's port: %w", err)
	}
	return newPort(file, false)
}

// SocketPort makes a port out of an inherited stream socket, which stands in for the device where there is no VM.
func SocketPort(fd int) (*Port, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("use descriptor %d as the agent's port: %w", fd, err)
	}
	return newPort(os.NewFile(uintptr(fd), "port"), true)
}

func newPort(file *os.File, endIsFinal bool) (*Port, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	// Without the poller there are no deadlines, and a reader could not be called back.
	if err := file.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(fmt.Errorf("%s cannot be polled: %w", file.Name(), err), file.Close())
	}
	return &Port{file: file, raw: raw, endIsFinal: endIsFinal}, nil
}

// read returns io.EOF when the host goes away.
func (p *Port) read(b []byte) (int, error) {
	return p.readUntil(b, false)
}

// readAwaiting is read, but waits for a host that is away.
//
// A port without a host reads as end of file at once, and again and again. But the poller is told of each change
// once, so waiting for the next one costs nothing: the driver announces the host, and then its bytes.
func (p *Port) readAwaiting(b []byte) (int, error) {
	return p.readUntil(b, !p.endIsFinal)
}

func (p *Port) readUntil(b []byte, awaitHost bool) (int, error) {
	var n int
	var errno error
	err := p.raw.Read(func(fd uintptr) bool {
		n, errno = ignoringEINTR(func() (int, error) { return unix.Read(int(fd), b) })
		away := errno == nil && n == 0
		return errno != unix.EAGAIN && (!away || !awaitHost)
	})
	switch {
	case err != nil:
		return 0, err
	case errno != nil:
		return 0, fmt.Errorf("read the agent's port: %w", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// tryWrite writes what fits now. What is lost is asked for again by the other end.
func (p *Port) tryWrite(b []byte) {
	_ = p.raw.Write(func(fd uintptr) bool {
		_, _ = ignoringEINTR(func() (int, error) { return unix.Write(int(fd), b) })
		return true
	})
}

// ignoringEINTR repeats a call that a signal interrupted.
func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
