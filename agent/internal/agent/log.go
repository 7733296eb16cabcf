package agent

import (
	"bytes"
	"io"
	"log/slog"
	"os"

	"banger.dev/agent/internal/operation"
)

// maxRecord keeps a line within what /dev/kmsg takes at once (LOG_LINE_MAX in kernel/printk).
const maxRecord = 900

// KernelLog writes into the kernel's ring buffer: it is there before anything else, bounded, and read by
// systemd's journal. Where it cannot be opened, the log goes to stderr.
func KernelLog() *slog.Logger {
	file, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err != nil {
		return StderrLog()
	}
	return newLog(&kernelWriter{file})
}

// StderrLog is for agents under test.
func StderrLog() *slog.Logger { return newLog(os.Stderr) }

func newLog(to io.Writer) *slog.Logger {
	return slog.New(operation.Log(slog.NewTextHandler(to, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			// Whoever keeps the log knows the time.
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
}

type kernelWriter struct{ file *os.File }

// Write adds a record of facility daemon. Errors get the level that a kernel which is told to be quiet still prints on its
// console; all else is for whoever reads the log.
func (w *kernelWriter) Write(p []byte) (int, error) {
	text := bytes.TrimSpace(p[:min(len(p), maxRecord)])
	level := "<30>"
	if bytes.HasPrefix(text, []byte("level=ERROR")) {
		level = "<27>"
	}
	record := append([]byte(level+"banger-agent: "), text...)
	if _, err := w.file.Write(append(record, '\n')); err != nil {
		return 0, err
	}
	return len(p), nil
}
