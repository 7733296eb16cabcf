package line

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limit is for what must happen at once; a test that waits that long has failed.
const limit = 5 * time.Second

// newLine returns a listener and the host's end of its port.
func newLine(t *testing.T) (*Listener, *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	port, err := SocketPort(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.SetNonblock(fds[1], true)
	host := os.NewFile(uintptr(fds[1]), "host")
	_ = host.SetDeadline(time.Now().Add(limit))
	l := Listen(port)
	t.Cleanup(func() { _ = l.Close(); _ = host.Close() })
	return l, host
}

// await reads from the host's end until this control comes.
func await(t *testing.T, host io.Reader, want control) {
	t.Helper()
	var seen []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(seen, want.encode()) {
		if _, err := host.Read(one); err != nil {
			t.Fatalf("waited for kind %d: %v", want.kind, err)
		}
		seen = append(seen, one[0])
	}
}

func send(t *testing.T, host io.Writer, b []byte) {
	t.Helper()
	if _, err := host.Write(b); err != nil {
		t.Fatal(err)
	}
}

func accept(t *testing.T, l *Listener) <-chan net.Conn {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		if conn, err := l.Accept(); err == nil {
			accepted <- conn
		}
	}()
	return accepted
}

func within(t *testing.T, accepted <-chan net.Conn) net.Conn {
	t.Helper()
	select {
	case conn := <-accepted:
		return conn
	case <-time.After(limit):
		t.Fatal("no session came")
		return nil
	}
}

// shake is what a host does; it returns the session that comes of it.
func shake(t *testing.T, l *Listener, host *os.File, n nonce) net.Conn {
	t.Helper()
	accepted := accept(t, l)
	send(t, host, control{kindHello, n}.encode())
	await(t, host, control{kindReady, n})
	send(t, host, control{kindBegin, n}.encode())
	conn := within(t, accepted)
	await(t, host, control{kindBegin, n})
	return conn
}

func expect(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

func TestSessionCarriesBytes(t *testing.T) {
	l, host := newLine(t)
	conn := shake(t, l, host, nonce{1})
	send(t, host, []byte("ping"))
	expect(t, conn, "ping")
	if _, err := conn.Write([]byte("pong")); err != nil {
		t.Fatal(err)
	}
	expect(t, host, "pong")
}

func TestANewListenerSaysThatOldSessionsAreGone(t *testing.T) {
	_, host := newLine(t)
	await(t, host, control{kind: kindGone})
}

func TestHelloInTheMidstOfAStreamEndsItCleanly(t *testing.T) {
	l, host := newLine(t)
	old := shake(t, l, host, nonce{1})
	accepted := accept(t, l)
	send(t, host, append([]byte("half a fra"), control{kindHello, nonce{2}}.encode()...))
	// Nothing of the hello may reach the stale session: HTTP/2 would take it for a frame.
	got, err := io.ReadAll(old)
	if err != nil || string(got) != "half a fra" {
		t.Fatalf("the stale session read %q, %v", got, err)
	}
	await(t, host, control{kindReady, nonce{2}})
	send(t, host, control{kindBegin, nonce{2}}.encode())
	conn := within(t, accepted)
	send(t, host, []byte("fresh"))
	expect(t, conn, "fresh")
	if _, err := old.Write([]byte("late")); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("the stale session could write: %v", err)
	}
}

func TestStaleBytesBeforeAHelloAreSkipped(t *testing.T) {
	for name, stale := range map[string][]byte{
		"garbage":           []byte("\x00\x01garbage PRI * HTTP/2.0\r\n"),
		"half a marker":     marker[:9],
		"a marker, cut off": marker[:],
		"half a hello":      control{kindHello, nonce{9}}.encode()[:20],
		"a begin of before": control{kindBegin, nonce{9}}.encode(),
		"an unknown kind":   append(bytes.Clone(marker[:]), 0x77),
		"markers in a row":  bytes.Repeat(marker[:], 3),
		"an older hello":    control{kindHello, nonce{9}}.encode(),
	} {
		t.Run(name, func(t *testing.T) {
			l, host := newLine(t)
			accepted := accept(t, l)
			send(t, host, stale)
			// A hello that was cut off may take the beginning of the next one with it: that is why hosts repeat.
			for range 3 {
				send(t, host, control{kindHello, nonce{1}}.encode())
			}
			await(t, host, control{kindReady, nonce{1}})
			send(t, host, control{kindBegin, nonce{1}}.encode())
			conn := within(t, accepted)
			send(t, host, []byte("x"))
			expect(t, conn, "x")
		})
	}
}

func TestABeginWithoutItsHelloOpensNothing(t *testing.T) {
	l, host := newLine(t)
	accepted := accept(t, l)
	send(t, host, control{kindHello, nonce{1}}.encode())
	await(t, host, control{kindReady, nonce{1}})
	send(t, host, control{kindBegin, nonce{2}}.encode())
	select {
	case <-accepted:
		t.Fatal("a stranger's begin opened a session")
	case <-time.After(100 * time.Millisecond):
	}
}

func TestClosingASessionTellsTheHostAndFreesThePort(t *testing.T) {
	l, host := newLine(t)
	conn := shake(t, l, host, nonce{1})
	blocked := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		blocked <- err
	}()
	_ = conn.Close()
	select {
	case err := <-blocked:
		if err == nil {
			t.Fatal("a read of a closed session succeeded")
		}
	case <-time.After(limit):
		t.Fatal("the reader was not called back")
	}
	accepted := accept(t, l)
	await(t, host, control{kindGone, nonce{1}})
	send(t, host, control{kindHello, nonce{2}}.encode())
	await(t, host, control{kindReady, nonce{2}})
	send(t, host, control{kindBegin, nonce{2}}.encode())
	within(t, accepted)
}

func TestAWriterThatNobodyReadsIsCalledBack(t *testing.T) {
	l, host := newLine(t)
	conn := shake(t, l, host, nonce{1})
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(make([]byte, 16<<20))
		written <- err
	}()
	_ = conn.Close()
	select {
	case err := <-written:
		if err == nil {
			t.Fatal("16 MiB went where nobody reads")
		}
	case <-time.After(limit):
		t.Fatal("the writer was not called back")
	}
}

// encodeAll is what a sender puts on the line for these writes.
func encodeAll(writes [][]byte) []byte {
	var e encoder
	var wire []byte
	for _, w := range writes {
		for len(w) > 0 {
			var out, suffix []byte
			out, suffix, w = e.next(w)
			wire = append(append(wire, out...), suffix...)
		}
	}
	return wire
}

// decodeAll feeds pieces of at most size bytes, and fails on any control.
func decodeAll(t *testing.T, wire []byte, size int) []byte {
	t.Helper()
	var d decoder
	var out []byte
	for len(wire) > 0 {
		piece := wire[:min(size, len(wire))]
		wire = wire[len(piece):]
		for len(piece) > 0 {
			var payload []byte
			var c control
			payload, c, piece = d.next(piece)
			if c.kind != kindNone {
				t.Fatalf("payload was taken for a control of kind %d", c.kind)
			}
			out = append(out, payload...)
		}
	}
	return out
}

func TestPayloadIsNeverAControlHoweverItIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	// Pieces that look as much like controls as can be.
	pieces := [][]byte{
		marker[:], marker[:1], marker[:15], control{kindHello, nonce{1}}.encode(), {0}, {5}, {1}, []byte("text"),
	}
	for range 2000 {
		var writes [][]byte
		for range 1 + random.IntN(6) {
			writes = append(writes, pieces[random.IntN(len(pieces))])
		}
		want := bytes.Join(writes, nil)
		wire := encodeAll(writes)
		if got := decodeAll(t, wire, 1+random.IntN(40)); !bytes.Equal(got, want) {
			t.Fatalf("%x became %x", want, got)
		}
	}
}

func TestNothingOfAWriteIsKeptFromItsReader(t *testing.T) {
	for n := range len(marker) {
		payload := append([]byte("a"), marker[:n]...)
		if got := decodeAll(t, encodeAll([][]byte{payload}), 1<<10); !bytes.Equal(got, payload) {
			t.Fatalf("%d bytes of a marker at the end of a write: %x arrived", n, got)
		}
	}
}
