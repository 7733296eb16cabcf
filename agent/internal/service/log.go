package service

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"banger.dev/agent/internal/changes"
	"banger.dev/agent/internal/files"
)

const (
	// maxLogBytes is of the log and, once more, of the one before it.
	maxLogBytes = 8 << 20
	oldLog      = ".1"
	logChunk    = 64 << 10
)

// logPath is on the guest's own disk, so that a start after a crash still shows what came before; in memory where
// that disk cannot be written, or holds something else there.
func logPath(dir string) string {
	if dir == DefaultDir {
		return pathOfLog("/var/log/banger", dir)
	}
	return filepath.Join(dir, "log")
}

func pathOfLog(kept, dir string) string {
	path := filepath.Join(kept, "service.log")
	info, err := os.Lstat(path)
	if files.EnsureFolder(kept, 0o750) == nil && (err != nil || info.Mode().IsRegular()) {
		return path
	}
	return filepath.Join(dir, "log")
}

// logFile is appended to, and begun anew when it is full.
type logFile struct {
	mu   sync.Mutex
	path string
	file *os.File
	size int64
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.open()
}

func (l *logFile) open() error {
	file, err := files.Append(l.path, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write is for several streams at once.
func (l *logFile) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+int64(len(text)) > maxLogBytes {
		_ = l.file.Close()
		// destroys: our own log, past its bound, over the one before
		if err := os.Rename(l.path, l.path+oldLog); err != nil {
			return 0, err
		}
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(text)
	l.size += int64(n)
	return n, err
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}

// readLog hands over the log from its beginning; with follow, it goes on until the context ends.
func readLog(ctx context.Context, path string, follow bool, emit func([]byte) error) error {
	if err := copyFile(path+oldLog, emit); err != nil {
		return err
	}
	changed, stop, err := changes.In(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer stop()
	var file *os.File
	defer func() { _ = file.Close() }()
	for {
		if file == nil {
			if file, err = files.Open(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if file != nil {
			if err := copyAll(file, emit); err != nil {
				return err
			}
			if isReplaced(file, path) {
				// What was written to it before it was put away.
				err := copyAll(file, emit)
				_ = file.Close()
				file = nil
				if err != nil {
					return err
				}
				continue
			}
		}
		if !follow {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func isReplaced(file *os.File, path string) bool {
	here, errHere := file.Stat()
	now, errNow := os.Stat(path)
	return errHere == nil && errNow == nil && !os.SameFile(here, now)
}

func copyFile(path string, emit func([]byte) error) error {
	file, err := files.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return copyAll(file, emit)
}

func copyAll(file *os.File, emit func([]byte) error) error {
	buffer := make([]byte, logChunk)
	for {
		n, err := file.Read(buffer)
		if n > 0 {
			if err := emit(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
