package sessions

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// lastSignal is Linux's highest.
const lastSignal = 64

// maxWaitingFrames wait while the command does not read; then the agent does.
const maxWaitingFrames = 8

// conversation is one connection of the agent's to a supervisor.
type conversation struct {
	of   *supervisor
	conn net.Conn
	// asked: it has come to write.
	asked bool

	sending sync.Mutex
}

func (s *supervisor) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		c := &conversation{of: s, conn: conn}
		frames := make(chan frame, maxWaitingFrames)
		go c.receive(frames)
		go c.answer(frames)
	}
}

// receive sees the connection's end while the command is being written to, so that another may write.
func (c *conversation) receive(frames chan<- frame) {
	defer close(frames)
	defer c.of.leave(c)
	for {
		got, err := readFrame(c.conn)
		if err != nil {
			return
		}
		frames <- got
	}
}

func (c *conversation) answer(frames <-chan frame) {
	defer func() { _ = c.conn.Close() }()
	for got := range frames {
		if err := c.take(got); err != nil {
			_ = c.send(frameNo, []byte(refusalWord(err)))
			continue
		}
		_ = c.send(frameYes, nil)
	}
}

func (c *conversation) send(what byte, data []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return writeFrame(c.conn, what, data)
}

func (c *conversation) take(got frame) error {
	var ask frameAsk
	switch got.what {
	case frameWrite, frameResize, frameSignal:
		if err := json.Unmarshal(got.data, &ask); err != nil {
			return err
		}
	}
	s := c.of
	switch got.what {
	case frameWrite:
		c.asked = true
		return s.come(c, ask.Steal)
	case frameInput:
		return s.write(c, got.data)
	case frameInputEnd:
		return s.endInput(c)
	case frameResize:
		return s.resize(ask.Rows, ask.Cols)
	case frameSignal:
		// Signal 0 would only ask.
		if ask.Signal <= 0 || ask.Signal > lastSignal {
			return fmt.Errorf("there is no signal %d", ask.Signal)
		}
		return s.signal(syscall.Signal(ask.Signal))
	case frameKill:
		return s.kill()
	}
	return fmt.Errorf("there is no request %q", got.what)
}

// come makes a conversation the one that writes.
func (s *supervisor) come(c *conversation, steal bool) error {
	s.mu.Lock()
	if s.status.State != Running {
		s.mu.Unlock()
		return ErrEnded
	}
	before := s.writer
	if before != nil && before != c && !steal {
		s.mu.Unlock()
		return ErrHasWriter
	}
	s.writer, s.status.HasWriter = c, true
	err := s.tell()
	s.mu.Unlock()
	if before != nil && before != c {
		// It may not read; nobody waits for that.
		go func() { _ = before.send(frameTaken, nil) }()
	}
	return err
}

func (s *supervisor) leave(c *conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writer != c {
		return
	}
	s.writer, s.status.HasWriter = nil, false
	if s.status.State == Running {
		_ = s.tell()
	}
}

// may tells why a conversation must not write.
func (s *supervisor) may(c *conversation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.keepStdin || s.status.StdinEnded:
		return ErrNoStdin
	case c.asked && s.writer != c:
		return ErrTaken
	}
	return nil
}

func (s *supervisor) write(c *conversation, data []byte) error {
	s.input.Lock()
	defer s.input.Unlock()
	if err := s.may(c); err != nil {
		return err
	}
	if _, err := s.process.Write(data); err != nil {
		return fmt.Errorf("%w: %w", ErrNoStdin, err)
	}
	return nil
}

func (s *supervisor) endInput(c *conversation) error {
	s.input.Lock()
	defer s.input.Unlock()
	if err := s.may(c); err != nil {
		return err
	}
	s.mu.Lock()
	if s.status.Rows == 0 {
		// On a terminal it is a character like others.
		s.status.StdinEnded = true
	}
	err := s.tell()
	s.mu.Unlock()
	if closed := s.process.CloseStdin(); closed != nil && err == nil {
		err = closed
	}
	return err
}

func (s *supervisor) resize(rows, cols uint16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.Rows == 0 {
		return ErrNoTerminal
	}
	if rows == 0 || cols == 0 {
		return fmt.Errorf("a terminal of %d by %d", cols, rows)
	}
	if rows == s.status.Rows && cols == s.status.Cols {
		return nil
	}
	// Before the programs draw for it.
	s.sized(rows, cols)
	if err := s.process.Resize(rows, cols); err != nil {
		return err
	}
	return s.tell()
}

func (s *supervisor) kill() error {
	s.mu.Lock()
	s.why = Killed
	s.mu.Unlock()
	return s.signal(unix.SIGKILL)
}

func (s *supervisor) signal(sig syscall.Signal) error {
	err := s.process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return ErrEnded
	}
	return err
}
