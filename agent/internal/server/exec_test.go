package server

import (
	"context"
	"errors"
	"net"
	"testing"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
)

// A stream whose call has ended must not be touched: here it is nil, and touching it would panic.
func TestNothingIsSentAfterACommandsCall(t *testing.T) {
	e := &execution{}
	e.finish()
	if err := e.send(&agentv1.ExecResponse{}); !errors.Is(err, errOver) {
		t.Fatalf("sent after the end: %v", err)
	}
}

func TestNothingIsSentAfterAForwardsCall(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &forwardConn{gone: ctx.Done(), cancel: cancel}
	c.finish()
	if err := c.send(&agentv1.ForwardResponse{}); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("sent after the end: %v", err)
	}
}
