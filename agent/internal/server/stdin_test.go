package server

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"
)

// sink is a command's stdin that reads only when it is told to, or has closed it.
type sink struct {
	mu     sync.Mutex
	got    bytes.Buffer
	gate   chan struct{}
	closed chan struct{}
	broken bool
}

func newSink() *sink { return &sink{gate: make(chan struct{}), closed: make(chan struct{})} }

func (s *sink) Write(b []byte) (int, error) {
	<-s.gate
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return 0, errors.New("broken pipe")
	}
	return s.got.Write(b)
}

func (s *sink) CloseStdin() error { close(s.closed); return nil }

func TestPushNeverWaitsAndIsBounded(t *testing.T) {
	s := newSink()
	q := newStdinQueue(s)
	go q.run(func(uint32) error { return nil })
	defer close(s.gate)
	defer q.stop()
	// The command reads nothing; still every push returns, until the window is full.
	for range 4 {
		if err := q.push(make([]byte, stdinWindow/4)); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.push([]byte("x")); !errors.Is(err, errTooMuchStdin) {
		t.Fatalf("a byte beyond the window: %v", err)
	}
}

func TestCreditAddsUpToWhatWasRead(t *testing.T) {
	for name, broken := range map[string]bool{"a command that reads": false, "a command that has closed its stdin": true} {
		t.Run(name, func(t *testing.T) {
			s := newSink()
			s.broken = broken
			close(s.gate)
			q := newStdinQueue(s)
			credits := make(chan uint32, 1000)
			go q.run(func(n uint32) error { credits <- n; return nil })
			window, sent := stdinWindow, 0
			chunk := bytes.Repeat([]byte("banger"), 10_000)
			for sent < 5*stdinWindow {
				for window < len(chunk) {
					select {
					case n := <-credits:
						window += int(n)
					case <-time.After(5 * time.Second):
						t.Fatalf("no credit came after %d bytes", sent)
					}
				}
				if err := q.push(chunk); err != nil {
					t.Fatalf("within its credit, after %d bytes: %v", sent, err)
				}
				window -= len(chunk)
				sent += len(chunk)
			}
			q.end()
			select {
			case <-s.closed:
			case <-time.After(5 * time.Second):
				t.Fatal("stdin was not closed")
			}
			if !broken && s.got.Len() != sent {
				t.Fatalf("%d of %d bytes arrived", s.got.Len(), sent)
			}
		})
	}
}
