// Package line makes sessions out of a byte pipe that knows none: a virtio-serial port, which outlives
// whoever is at its other end, and carries bytes of the one before to the one after.
//
// A marker stands out of the stream of bytes; a kind and mostly a nonce follow it:
//
//	host  → guest   hello(nonce), again every few milliseconds until it is answered
//	guest → host    ready(nonce)
//	host  → guest   begin(nonce), and the host's stream from here on
//	guest → host    begin(nonce), and the guest's stream from here on
//	guest → host    gone(nonce): the guest has dropped the session, or is new and knows of none
//
// Where a stream itself holds the marker, its sender puts a literal byte behind it, which the receiver takes
// away. So a marker with any other kind is never payload, whatever the payload is: in the midst of a stream it
// means that the other end is a new one, and that the stream is stale.
package line

import "bytes"

// nonceSize is the number of random bytes by which a host knows its own answer.
const nonceSize = 8

// marker is random, and no two of its bytes are equal: after a mismatch only its first byte can start a new match.
// It also has no 0x00 and no 'P', so no frame header and no preface of HTTP/2 is ever taken for its beginning.
var marker = [...]byte{
	0xa4, 0x6a, 0x77, 0x62, 0xbf, 0x1b, 0xae, 0x43, 0xec, 0xe9, 0xf2, 0xa0, 0x2d, 0x9c, 0x89, 0x1f,
}

type kind byte

const (
	kindLiteral kind = 0x00 // no nonce: the marker before it is payload
	kindHello   kind = 0x01
	kindReady   kind = 0x02
	kindBegin   kind = 0x03
	kindGone    kind = 0x04

	kindNone   kind = 0xfe // nothing but data
	kindBroken kind = 0xff // a marker, and then no kind: whoever wrote it was cut off
)

type nonce [nonceSize]byte

type control struct {
	kind  kind
	nonce nonce
}

func (c control) encode() []byte {
	out := make([]byte, 0, len(marker)+1+nonceSize)
	out = append(out, marker[:]...)
	out = append(out, byte(c.kind))
	return append(out, c.nonce[:]...)
}

// scanner finds markers in a stream that comes in pieces.
type scanner struct {
	matched int
}

// find returns the length of what ends with the first whole marker, or all of it and false.
func (s *scanner) find(in []byte) (int, bool) {
	for i := 0; i < len(in); {
		switch {
		case s.matched == 0:
			at := bytes.IndexByte(in[i:], marker[0])
			if at < 0 {
				return len(in), false
			}
			i += at + 1
			s.matched = 1
		case in[i] != marker[s.matched]:
			s.matched = 0
		default:
			i++
			s.matched++
			if s.matched == len(marker) {
				s.matched = 0
				return i, true
			}
		}
	}
	return len(in), false
}

// decoder parts payload from controls. It holds nothing back: the bytes of a marker that is not whole yet are
// passed on as payload, since they may be, and a peer may wait for an answer to them. The same bytes before
// a control reach a session that is stale by then.
type decoder struct {
	scan  scanner
	state decoderState
	kind  kind
	nonce nonce
	have  int
}

type decoderState int

const (
	inPayload decoderState = iota
	atKind
	inNonce
)

// next takes the first run of payload, or the first control, off the input; the rest is for another call.
func (d *decoder) next(in []byte) (payload []byte, c control, rest []byte) {
	none := control{kind: kindNone}
	if len(in) == 0 {
		return nil, none, nil
	}
	switch d.state {
	case atKind:
		d.state = inPayload
		switch k := kind(in[0]); k {
		case kindLiteral:
			return nil, none, in[1:]
		case kindHello, kindReady, kindBegin, kindGone:
			d.state, d.kind, d.have = inNonce, k, 0
			return nil, none, in[1:]
		default:
			// Not taken off: it may be the first byte of a whole marker.
			return nil, control{kind: kindBroken}, in
		}
	case inNonce:
		n := copy(d.nonce[d.have:], in)
		d.have += n
		if d.have < nonceSize {
			return nil, none, nil
		}
		d.state = inPayload
		return nil, control{kind: d.kind, nonce: d.nonce}, in[n:]
	default:
		n, found := d.scan.find(in)
		if found {
			d.state = atKind
		}
		return in[:n], none, in[n:]
	}
}

// encoder writes payload so that no marker in it is taken for a control.
type encoder struct {
	scan scanner
}

// next takes off what can be written as it is; if literal, a literal byte must be written behind it.
func (e *encoder) next(in []byte) (out []byte, literal bool, rest []byte) {
	n, found := e.scan.find(in)
	return in[:n], found, in[n:]
}
