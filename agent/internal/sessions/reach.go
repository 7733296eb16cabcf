package sessions

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// reachLimit is more than a supervisor takes to be reached, which does nothing but wait.
const reachLimit = 5 * time.Second

// Reached is a connection to a session's supervisor. Its calls are made one at a time.
type Reached struct {
	conn    net.Conn
	calling sync.Mutex
	answers chan frame
	taken   chan struct{}
	gone    chan struct{}
}

// reach connects to the supervisor; ErrEnded where there is none.
func reach(ctx context.Context, socket string) (*Reached, error) {
	dialer := net.Dialer{Timeout: reachLimit}
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrEnded, err)
	}
	r := &Reached{conn: conn, answers: make(chan frame, 1), taken: make(chan struct{}), gone: make(chan struct{})}
	go r.receive()
	return r, nil
}

func (r *Reached) receive() {
	defer close(r.gone)
	isTaken := false
	for {
		got, err := readFrame(r.conn)
		if err != nil {
			return
		}
		switch got.what {
		case frameTaken:
			if !isTaken {
				isTaken = true
				close(r.taken)
			}
		default:
			select {
			case r.answers <- got:
			default:
				// An answer that nobody has asked for: no supervisor of ours.
				return
			}
		}
	}
}

// Taken is closed when another writes.
func (r *Reached) Taken() <-chan struct{} { return r.taken }

// Gone is closed when the supervisor has ended, or Close was called.
func (r *Reached) Gone() <-chan struct{} { return r.gone }

// Close lets go. Who writes does so no more.
func (r *Reached) Close() { _ = r.conn.Close() }

func (r *Reached) call(ctx context.Context, send func() error) error {
	r.calling.Lock()
	defer r.calling.Unlock()
	if err := send(); err != nil {
		return fmt.Errorf("%w: %s", ErrEnded, err)
	}
	select {
	case got := <-r.answers:
		return answered(got)
	case <-r.gone:
	case <-ctx.Done():
		// Its answer would be taken for the next one's.
		r.Close()
		return context.Cause(ctx)
	}
	select {
	case got := <-r.answers:
		return answered(got)
	default:
		return ErrEnded
	}
}

func answered(got frame) error {
	switch got.what {
	case frameYes:
		return nil
	case frameNo:
		return refusalOf(string(got.data))
	}
	return fmt.Errorf("the supervisor answered %q", got.what)
}

func (r *Reached) ask(ctx context.Context, what byte, ask frameAsk) error {
	return r.call(ctx, func() error { return askFrame(r.conn, what, ask) })
}

// Write makes this connection the one that writes.
func (r *Reached) Write(ctx context.Context, steal bool) error {
	return r.ask(ctx, frameWrite, frameAsk{Steal: steal})
}

// Input waits until the command has room for what is written to it.
func (r *Reached) Input(ctx context.Context, data []byte) error {
	return r.call(ctx, func() error { return writeFrame(r.conn, frameInput, data) })
}

// InputEnd ends stdin, or sends the terminal's character for it.
func (r *Reached) InputEnd(ctx context.Context) error {
	return r.call(ctx, func() error { return writeFrame(r.conn, frameInputEnd, nil) })
}

// Resize gives the terminal another size.
func (r *Reached) Resize(ctx context.Context, rows, cols uint16) error {
	return r.ask(ctx, frameResize, frameAsk{Rows: rows, Cols: cols})
}

// Signal goes to the command's process group.
func (r *Reached) Signal(ctx context.Context, signal int) error {
	return r.ask(ctx, frameSignal, frameAsk{Signal: signal})
}

func (r *Reached) kill(ctx context.Context) error {
	return r.call(ctx, func() error { return writeFrame(r.conn, frameKill, nil) })
}
