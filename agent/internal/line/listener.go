package line

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// readSize is the most that is read from a port at once; the driver hands over a page at a time.
const readSize = 64 << 10

// Listener accepts the sessions of a port, one after another: a new one begins where the old one has ended.
type Listener struct {
	port *Port

	// Of whoever reads: the acceptor, or the session that has begun.
	decoder decoder
	buffer  []byte
	unread  []byte

	current *session
	closed  chan struct{}
	once    sync.Once
}

var _ net.Listener = (*Listener)(nil)

// Listen tells the host, if one is there, that whatever session it had is gone, and waits for the next.
func Listen(port *Port) *Listener {
	port.tryWrite(control{kind: kindGone}.encode())
	return &Listener{port: port, buffer: make([]byte, readSize), closed: make(chan struct{})}
}

// Accept returns the next session, once the one before has ended. Errors are final.
func (l *Listener) Accept() (net.Conn, error) {
	if l.current != nil {
		select {
		case <-l.current.done:
		case <-l.closed:
			return nil, net.ErrClosed
		}
		if l.current.dropped.Load() {
			l.port.tryWrite(control{kindGone, l.current.nonce}.encode())
		}
		l.current = nil
	}
	n, err := l.handshake()
	if err != nil {
		if errors.Is(err, os.ErrClosed) {
			return nil, net.ErrClosed
		}
		return nil, err
	}
	l.current = &session{listener: l, nonce: n, done: make(chan struct{})}
	return l.current, nil
}

// handshake answers the newest hello until a begin confirms it. Whatever is not a control is of a stale stream.
func (l *Listener) handshake() (nonce, error) {
	var answered, newest nonce
	asked := false
	for {
		for len(l.unread) > 0 {
			var c control
			_, c, l.unread = l.decoder.next(l.unread)
			switch c.kind {
			case kindHello:
				newest, asked = c.nonce, true
			case kindBegin:
				if c.nonce == answered && c.nonce == newest {
					l.port.tryWrite(control{kindBegin, c.nonce}.encode())
					return c.nonce, nil
				}
			default:
			}
		}
		// One answer for all that came at once: hellos pile up while a guest boots.
		if asked {
			l.port.tryWrite(control{kindReady, newest}.encode())
			answered, asked = newest, false
		}
		n, err := l.port.readAwaiting(l.buffer)
		if err != nil {
			return nonce{}, err
		}
		l.unread = l.buffer[:n]
	}
}

// Close ends the session there is, and gives the port back.
func (l *Listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		err = l.port.file.Close()
	})
	return err
}

// Addr names the port.
func (l *Listener) Addr() net.Addr { return portAddr(l.port.file.Name()) }

type portAddr string

func (portAddr) Network() string  { return "serial" }
func (a portAddr) String() string { return string(a) }

// session is what goes over a port between two handshakes.
type session struct {
	listener *Listener
	nonce    nonce
	encoder  encoder
	// payload is decoded and not read yet; it lies in the listener's buffer, which is refilled only after it.
	payload []byte

	reading, writing sync.Mutex
	ended            atomic.Bool
	// dropped: ended by this side, so that the host must be told.
	dropped atomic.Bool
	once    sync.Once
	done    chan struct{}
}

// Read ends (io.EOF) when the host goes away, and when another one says hello.
func (s *session) Read(p []byte) (int, error) {
	n, err := s.read(p)
	if err != nil {
		s.end()
	}
	return n, err
}

func (s *session) read(p []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	l := s.listener
	for !s.ended.Load() {
		if len(s.payload) > 0 {
			n := copy(p, s.payload)
			s.payload = s.payload[n:]
			return n, nil
		}
		if len(l.unread) == 0 {
			n, err := l.port.read(l.buffer)
			if err != nil {
				return 0, io.EOF
			}
			l.unread = l.buffer[:n]
		}
		var c control
		s.payload, c, l.unread = l.decoder.next(l.unread)
		switch c.kind {
		case kindNone:
		case kindHello:
			// Left for the acceptor, as if it had just come.
			l.unread = append(c.encode(), l.unread...)
			return 0, io.EOF
		default:
			return 0, io.EOF
		}
	}
	return 0, io.EOF
}

func (s *session) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	for rest := p; len(rest) > 0; {
		if s.ended.Load() {
			return 0, net.ErrClosed
		}
		var out, suffix []byte
		out, suffix, rest = s.encoder.next(rest)
		if _, err := s.listener.port.file.Write(out); err != nil {
			return 0, err
		}
		if len(suffix) > 0 {
			if _, err := s.listener.port.file.Write(suffix); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

// Close drops the session; the host is told.
func (s *session) Close() error {
	s.dropped.CompareAndSwap(false, !s.ended.Load())
	s.end()
	return nil
}

// end calls back whoever reads or writes, and hands the port to the acceptor when they are gone.
func (s *session) end() {
	s.once.Do(func() {
		s.ended.Store(true)
		file := s.listener.port.file
		_ = file.SetDeadline(time.Unix(1, 0))
		s.reading.Lock()
		s.writing.Lock()
		_ = file.SetDeadline(time.Time{})
		s.writing.Unlock()
		s.reading.Unlock()
		close(s.done)
	})
}

func (s *session) LocalAddr() net.Addr  { return s.listener.Addr() }
func (s *session) RemoteAddr() net.Addr { return s.listener.Addr() }

// Deadlines would be of the port, and outlive the session. The HTTP/2 server needs none: it is told when the
// host goes away, and keeps its own time.
func (s *session) SetDeadline(time.Time) error      { return nil }
func (s *session) SetReadDeadline(time.Time) error  { return nil }
func (s *session) SetWriteDeadline(time.Time) error { return nil }
