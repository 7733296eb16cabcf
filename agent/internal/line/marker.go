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
//
// A receiver keeps what may be the beginning of a marker until it knows. So that nobody waits for it, a sender
// whose bytes end like that puts a marker of kind pause behind them, which means nothing.
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
	kindPause   kind = 0x05 // no nonce: there is more to come, but not yet

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

// decoder parts payload from controls.
type decoder struct {
	state decoderState
	// matched bytes of a marker have come, and are kept.
	matched int
	kind    kind
	nonce   nonce
	have    int
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
			return marker[:], none, in[1:]
		case kindPause:
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
		payload, rest = d.nextPayload(in)
		return payload, none, rest
	}
}

func (d *decoder) nextPayload(in []byte) (payload, rest []byte) {
	if d.matched == 0 {
		at := bytes.IndexByte(in, marker[0])
		if at < 0 {
			return in, nil
		}
		d.matched = 1
		return in[:at], in[at+1:]
	}
	for i, b := range in {
		if b != marker[d.matched] {
			kept := marker[:d.matched]
			d.matched = 0
			return kept, in[i:]
		}
		d.matched++
		if d.matched == len(marker) {
			d.matched, d.state = 0, atKind
			return nil, in[i+1:]
		}
	}
	return nil, nil
}

// encoder writes payload so that no marker in it is taken for a control.
type encoder struct {
	matched int
}

// next takes off what can be written as it is; the suffix, if any, must be written behind it.
func (e *encoder) next(in []byte) (out, suffix, rest []byte) {
	for i := 0; i < len(in); {
		switch {
		case e.matched == 0:
			at := bytes.IndexByte(in[i:], marker[0])
			if at < 0 {
				return in, nil, nil
			}
			i += at + 1
			e.matched = 1
		case in[i] != marker[e.matched]:
			e.matched = 0
		default:
			i++
			e.matched++
			if e.matched == len(marker) {
				e.matched = 0
				return in[:i], []byte{byte(kindLiteral)}, in[i:]
			}
		}
	}
	if e.matched > 0 {
		e.matched = 0
		return in, append(marker[:len(marker):len(marker)], byte(kindPause)), nil
	}
	return in, nil, nil
}
