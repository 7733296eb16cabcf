package operation

import (
	"context"
	"log/slog"
	"time"

	"connectrpc.com/connect"
)

// Calls makes each call's context one of its operation, and writes a line when a call of an operation has ended.
//
// silent are the procedures of which nothing is written: whoever has not shown who he is may call those, and would fill
// the guest's log.
func Calls(log *slog.Logger, silent ...string) connect.Interceptor {
	quiet := make(map[string]bool, len(silent))
	for _, procedure := range silent {
		quiet[procedure] = true
	}
	return interceptor{log, quiet}
}

type interceptor struct {
	log   *slog.Logger
	quiet map[string]bool
}

func (i interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		ctx, began := In(ctx, request.Header()), time.Now()
		answer, err := next(ctx, request)
		i.note(ctx, request.Spec().Procedure, began, err)
		return answer, err
	}
}

func (i interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		ctx, began := In(ctx, conn.RequestHeader()), time.Now()
		err := next(ctx, conn)
		i.note(ctx, conn.Spec().Procedure, began, err)
		return err
	}
}

// WrapStreamingClient is for clients, of which the agent has none.
func (i interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (i interceptor) note(ctx context.Context, procedure string, began time.Time, err error) {
	if Of(ctx) == "" || i.quiet[procedure] {
		return
	}
	attrs := []any{"procedure", procedure, "ms", time.Since(began).Milliseconds()}
	if err != nil {
		i.log.WarnContext(ctx, "a call of the host failed", append(attrs, "error", err)...)
		return
	}
	i.log.InfoContext(ctx, "a call of the host has ended", attrs...)
}
