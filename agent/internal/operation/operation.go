// Package operation has the agent's log say for which of the host's operations something is done.
package operation

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
)

// Field is the header of a call that names the operation; the host's API has it under the same name.
const Field = "Banger-Operation"

// form is that of the host's ids. What looks otherwise comes from no host of ours, and never reaches the log.
var form = regexp.MustCompile(`^op-[0-9a-z]{1,40}$`)

type key struct{}

// In makes a context of the operation that a call's header names.
func In(ctx context.Context, header http.Header) context.Context {
	if id := header.Get(Field); form.MatchString(id) {
		return context.WithValue(ctx, key{}, id)
	}
	return ctx
}

// Of is the operation of a context; empty where there is none.
func Of(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// Log makes a handler that adds the context's operation to each record.
func Log(to slog.Handler) slog.Handler { return handler{to} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if id := Of(ctx); id != "" {
		record = record.Clone()
		record.AddAttrs(slog.String("operation", id))
	}
	return h.Handler.Handle(ctx, record)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
