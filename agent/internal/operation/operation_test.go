package operation

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
)

const id = "op-0123456789abcdef"

func naming(word string) http.Header {
	header := http.Header{}
	header.Set(Field, word)
	return header
}

func TestAnOperationsIdIsTakenAsItIsFormed(t *testing.T) {
	if got := Of(In(context.Background(), naming(id))); got != id {
		t.Errorf("got %q, want %q", got, id)
	}
	for _, word := range []string{
		"", "op-", "vm-0123456789abcdef", "op-ABC", "op-a b", "op-a\nlevel=ERROR", " " + id, id + "\x00", "op-ä",
		"op-" + strings.Repeat("a", 41),
	} {
		if got := Of(In(context.Background(), naming(word))); got != "" {
			t.Errorf("%q was taken as %q", word, got)
		}
	}
}

func TestEachLineOfAnOperationNamesIt(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(Log(slog.NewTextHandler(&out, nil)))
	log.Info("nobody's")
	if strings.Contains(out.String(), "operation") {
		t.Errorf("a line of no operation names one: %s", &out)
	}
	// A logger that is made of another goes on naming it.
	log.With("line", "vsock").InfoContext(In(context.Background(), naming(id)), "somebody's")
	if !strings.HasSuffix(out.String(), "msg=somebody's line=vsock operation="+id+"\n") {
		t.Errorf("got %s", &out)
	}
}

// called is what the log says after one call.
func called(t *testing.T, header http.Header, fails error, silent ...string) string {
	t.Helper()
	var out bytes.Buffer
	calls := Calls(slog.New(Log(slog.NewTextHandler(&out, nil))), silent...)
	request := connect.NewRequest(&struct{}{})
	for name, values := range header {
		request.Header()[name] = values
	}
	_, err := calls.WrapUnary(func(context.Context, connect.AnyRequest) (connect.AnyResponse, error) {
		return nil, fails
	})(context.Background(), request)
	if !errors.Is(err, fails) {
		t.Fatalf("the call ended with %v, want %v", err, fails)
	}
	return out.String()
}

func TestACallOfAnOperationIsWrittenWhenItEnds(t *testing.T) {
	if line := called(t, naming(id), nil); !strings.Contains(line, "level=INFO") || !strings.Contains(line, "operation="+id) {
		t.Errorf("got %q", line)
	}
	if line := called(t, naming(id), errors.New("no such user")); !strings.Contains(line, "level=WARN") ||
		!strings.Contains(line, `error="no such user"`) || !strings.Contains(line, "operation="+id) {
		t.Errorf("got %q", line)
	}
}

func TestOtherCallsAreNotWritten(t *testing.T) {
	if line := called(t, nil, nil); line != "" {
		t.Errorf("a call of no operation: %q", line)
	}
	if line := called(t, naming("op-\nforged"), nil); line != "" {
		t.Errorf("a call of something else: %q", line)
	}
	// A request that is made by hand has no procedure.
	if line := called(t, naming(id), nil, ""); line != "" {
		t.Errorf("a call that anybody may make: %q", line)
	}
}
