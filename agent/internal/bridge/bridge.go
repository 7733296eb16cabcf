// Package bridge joins two byte streams, each of whose directions can end on its own.
package bridge

import (
	"errors"
	"io"
)

// chunkBytes is the most that is carried at once.
const chunkBytes = 64 << 10

// Stream is a socket, an SSH channel, a call of Forward.
type Stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Join carries bytes both ways until both have ended, or one has failed; then both streams are closed.
func Join(a, b Stream) error {
	results := make(chan error, 2)
	carry := func(to, from Stream) {
		_, err := io.CopyBuffer(writerOnly{to}, readerOnly{from}, make([]byte, chunkBytes))
		if err == nil {
			err = to.CloseWrite()
		}
		results <- err
	}
	go carry(a, b)
	go carry(b, a)
	first := <-results
	if first == nil {
		first = <-results
		return errors.Join(first, a.Close(), b.Close())
	}
	// One direction is broken: the other is called back by closing both.
	_ = a.Close()
	_ = b.Close()
	<-results
	return first
}

// The wrappers keep io.CopyBuffer from shortcuts that would choose their own buffers.
type writerOnly struct{ io.Writer }
type readerOnly struct{ io.Reader }
