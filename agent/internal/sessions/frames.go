package sessions

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A supervisor is spoken to over a socket of its own: a frame is one byte what, 4 bytes length, so many bytes. Each of the
// agent's is answered by yes or no, in their order; frameTaken may come at any time.
const (
	// frameWrite asks to be the one who writes, for as long as the connection lasts: frameAsk.
	frameWrite = 'w'
	// frameInput goes to the command; from a connection that has asked to write, as long as it may.
	frameInput    = 'i'
	frameInputEnd = 'e'
	frameResize   = 'r'
	frameSignal   = 's'
	// frameKill is answered when the command has been sent SIGKILL; the end of the connection is the session's.
	frameKill  = 'k'
	frameYes   = 'y'
	frameNo    = 'n'
	frameTaken = 't'
)

const maxFrameBytes = 64 << 10

type frame struct {
	what byte
	data []byte
}

// frameAsk is what goes with frameWrite, frameResize and frameSignal.
type frameAsk struct {
	Steal      bool   `json:",omitempty"`
	Rows, Cols uint16 `json:",omitempty"`
	Signal     int    `json:",omitempty"`
}

// refusals are the errors that cross the socket, by the words they cross it in.
var refusals = map[string]error{
	"ended": ErrEnded, "writer": ErrHasWriter, "taken": ErrTaken, "stdin": ErrNoStdin, "terminal": ErrNoTerminal,
}

func refusalWord(err error) string {
	for word, refusal := range refusals {
		if errors.Is(err, refusal) {
			return word
		}
	}
	return err.Error()
}

func refusalOf(word string) error {
	if err, known := refusals[word]; known {
		return err
	}
	return errors.New(word)
}

func readFrame(from io.Reader) (frame, error) {
	var header [5]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return frame{}, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length > maxFrameBytes {
		return frame{}, fmt.Errorf("a frame of %d bytes", length)
	}
	data := make([]byte, length)
	_, err := io.ReadFull(from, data)
	return frame{header[0], data}, err
}

func writeFrame(to io.Writer, what byte, data []byte) error {
	text := make([]byte, 5, 5+len(data))
	text[0] = what
	binary.BigEndian.PutUint32(text[1:], uint32(len(data)))
	_, err := to.Write(append(text, data...))
	return err
}

func askFrame(to io.Writer, what byte, ask frameAsk) error {
	text, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	return writeFrame(to, what, text)
}
