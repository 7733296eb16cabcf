package server

import (
	"errors"
	"io"
	"sync"

	"connectrpc.com/connect"
)

// incomingWindow is how much the agent holds of what comes for a file whose disk is slow. It is less than the connection's
// window, so that one such call holds up no other.
const incomingWindow = 2 << 20

// incoming is what a client sends, as a reader. The client, who must never be made to wait, sends no more than it has credit for.
type incoming struct {
	credit func(uint32) error

	mu      sync.Mutex
	changed sync.Cond
	chunks  [][]byte
	held    int
	owed    int
	err     error
}

func newIncoming(credit func(uint32) error) *incoming {
	in := &incoming{credit: credit}
	in.changed.L = &in.mu
	return in
}

// push fails if the client has sent more than it may.
func (in *incoming) push(chunk []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.held+len(chunk) > incomingWindow {
		return connect.NewError(connect.CodeResourceExhausted, errors.New("more data than there was credit for"))
	}
	if len(chunk) > 0 && in.err == nil {
		in.held += len(chunk)
		in.chunks = append(in.chunks, chunk)
		in.changed.Signal()
	}
	return nil
}

// end has the reader find this error once it has read all: io.EOF when nothing more comes.
func (in *incoming) end(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	if !errors.Is(err, io.EOF) {
		in.chunks = nil
	}
	in.changed.Signal()
}

// Read waits for the next of it.
func (in *incoming) Read(into []byte) (int, error) {
	n, give, err := in.take(into)
	if give > 0 {
		if err := in.credit(uint32(give)); err != nil {
			return n, err
		}
	}
	return n, err
}

func (in *incoming) take(into []byte) (n, give int, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.chunks) == 0 {
		if in.err != nil {
			return 0, 0, in.err
		}
		in.changed.Wait()
	}
	n = copy(into, in.chunks[0])
	in.chunks[0] = in.chunks[0][n:]
	if len(in.chunks[0]) == 0 {
		in.chunks = in.chunks[1:]
	}
	in.owed += n
	// Not for each chunk: fewer messages.
	if in.owed >= incomingWindow/4 {
		give = in.owed
		in.held -= give
		in.owed = 0
	}
	return n, give, nil
}
