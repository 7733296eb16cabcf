package service

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"

	"banger.dev/agent/internal/changes"
)

// maxLineBytes is as much of a line as is looked at.
const maxLineBytes = 64 << 10

// errMatched ends the reading of a log.
var errMatched = errors.New("it matched")

// AwaitLine returns the first line that the command has printed in this boot and that matches; it waits for one. A line
// is looked at when it is whole. What a pattern costs grows with the log alone (RE2).
func (m *Manager) AwaitLine(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	from, err := m.awaitStart(ctx)
	if err != nil {
		return "", err
	}
	var line []byte
	found := ""
	err = readLogFrom(ctx, logPath(m.Dir), from, true, func(text []byte) error {
		for len(text) > 0 {
			piece, rest, isWhole := bytes.Cut(text, []byte{'\n'})
			line = append(line, piece[:min(len(piece), maxLineBytes-len(line))]...)
			text = rest
			if !isWhole {
				return nil
			}
			if trimmed := bytes.TrimSuffix(line, []byte{'\r'}); pattern.Match(trimmed) {
				found = string(trimmed)
				return errMatched
			}
			line = line[:0]
		}
		return nil
	})
	if errors.Is(err, errMatched) {
		return found, nil
	}
	return "", errors.Join(err, context.Cause(ctx))
}

// awaitStart waits until the supervisor has begun: systemd may have others to start first.
func (m *Manager) awaitStart(ctx context.Context) (logStart, error) {
	changed, stop, err := changes.In(m.Dir)
	if err != nil {
		return logStart{}, err
	}
	defer stop()
	for {
		var from logStart
		err := readJSON(filepath.Join(m.Dir, logStartFile), &from)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return from, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return logStart{}, context.Cause(ctx)
		}
	}
}
