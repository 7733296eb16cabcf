package server

import (
	"errors"
	"io"
	"sync"

	"connectrpc.com/connect"
)

// stdinWindow is how much stdin the agent holds for a command that does not read.
const stdinWindow = 1 << 20

// creditStep is given back at once: fewer messages than one for each chunk.
const creditStep = stdinWindow / 4

var errTooMuchStdin = connect.NewError(connect.CodeResourceExhausted, errors.New("more stdin than there was credit for"))

// stdinSink is a command's stdin.
type stdinSink interface {
	io.Writer
	CloseStdin() error
}

// stdinQueue stands between the client, who must never be made to wait, and the command, which may never read.
type stdinQueue struct {
	sink stdinSink

	mu      sync.Mutex
	changed sync.Cond
	chunks  [][]byte
	held    int
	ended   bool
	stopped bool
}

func newStdinQueue(sink stdinSink) *stdinQueue {
	q := &stdinQueue{sink: sink}
	q.changed.L = &q.mu
	return q
}

// push fails if the client has sent more than it may.
func (q *stdinQueue) push(chunk []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held+len(chunk) > stdinWindow {
		return errTooMuchStdin
	}
	q.held += len(chunk)
	q.chunks = append(q.chunks, chunk)
	q.changed.Signal()
	return nil
}

func (q *stdinQueue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.changed.Signal()
}

func (q *stdinQueue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.changed.Signal()
}

// run feeds the command until stdin ends or stop is called. What a command that has closed its stdin will
// not take is thrown away, and paid for all the same, so that the client comes to its end.
func (q *stdinQueue) run(giveCredit func(uint32) error) {
	refused := false
	owed := 0
	for {
		chunk, more := q.next()
		if !more {
			_ = q.sink.CloseStdin()
			return
		}
		if !refused {
			_, err := q.sink.Write(chunk)
			refused = err != nil
		}
		owed += len(chunk)
		if !q.settle(owed) {
			continue
		}
		if giveCredit(uint32(owed)) != nil {
			return
		}
		owed = 0
	}
}

// next waits for a chunk; false when there will be none.
func (q *stdinQueue) next() ([]byte, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 && !q.ended && !q.stopped {
		q.changed.Wait()
	}
	if len(q.chunks) == 0 || q.stopped {
		return nil, false
	}
	chunk := q.chunks[0]
	q.chunks = q.chunks[1:]
	return chunk, true
}

// settle tells whether it is time to give back what is owed, and makes room for it if so.
func (q *stdinQueue) settle(owed int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if owed < creditStep && len(q.chunks) > 0 {
		return false
	}
	q.held -= owed
	return true
}
