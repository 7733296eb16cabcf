package vsock

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnlyTheHostIsAccepted(t *testing.T) {
	for cid, want := range map[uint32]bool{
		unix.VMADDR_CID_HOST: true, unix.VMADDR_CID_LOCAL: false, unix.VMADDR_CID_HYPERVISOR: false, unix.VMADDR_CID_ANY: false, 3: false,
	} {
		if got := isHost(&unix.SockaddrVM{CID: cid, Port: 4711}); got != want {
			t.Errorf("a peer of context id %d: %v", cid, got)
		}
	}
	if isHost(nil) || isHost(&unix.SockaddrUnix{}) {
		t.Error("a peer without a context id is the host")
	}
}

// The guest's own loopback, where this kernel has it: what any process of a guest can do.
func TestALoopbackIsTurnedAway(t *testing.T) {
	const port = 54321
	listener, err := Listen(port)
	if err != nil {
		t.Skip("no vsock here: ", err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			t.Errorf("%s was accepted", conn.RemoteAddr())
			_ = conn.Close()
		}
	}()
	conn, err := Dial(unix.VMADDR_CID_LOCAL, port, 1e9)
	if err != nil {
		t.Skip("no loopback here: ", err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil || n > 0 {
		t.Error("it was answered")
	}
	_ = conn.Close()
}
