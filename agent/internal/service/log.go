package service

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

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
	// first is the file in which the log of this boot begins, while that is kept: no other gets its inode's number then.
	first *os.File
	// putAway counts the files that were full; forget is called when first is not kept any more.
	putAway int
	forget  func() error
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
		// The second time its first file has gone.
		if l.putAway++; l.putAway == 2 && l.first != nil {
			if err := errors.Join(l.forget(), l.first.Close()); err != nil {
				return 0, err
			}
			l.first = nil
		}
	}
	n, err := l.file.Write(text)
	l.size += int64(n)
	return n, err
}

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first != nil {
		return errors.Join(l.first.Close(), l.file.Close())
	}
	return l.file.Close()
}

// logStart is where the log of this boot begins; zero where that is not kept any more, so that all that is came after it.
type logStart struct {
	Inode  uint64
	Offset int64
}

// start tells where the next byte will be written. When that is not kept any more, forget is called.
func (l *logFile) start(forget func() error) (logStart, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	inode, err := inodeOf(l.file)
	if err != nil {
		return logStart{}, err
	}
	first, err := files.Open(l.path)
	l.first, l.forget, l.putAway = first, forget, 0
	return logStart{Inode: inode, Offset: l.size}, err
}

func inodeOf(file *os.File) (uint64, error) {
	var stat unix.Stat_t
	err := unix.Fstat(int(file.Fd()), &stat)
	return stat.Ino, err
}

// readLog hands over the log from its beginning; with follow, it goes on until the context ends.
func readLog(ctx context.Context, path string, follow bool, emit func([]byte) error) error {
	return readLogFrom(ctx, path, logStart{}, follow, emit)
}

// readLogFrom does the same from a place in it.
func readLogFrom(ctx context.Context, path string, from logStart, follow bool, emit func([]byte) error) error {
	if err := copyFile(path, from, emit); err != nil {
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
			if err := from.skip(file); err != nil {
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

// copyFile hands over what was put away of the log, unless what is wanted begins after it.
func copyFile(path string, from logStart, emit func([]byte) error) error {
	file, err := files.Open(path + oldLog)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if now, err := files.Open(path); err == nil {
		inode, err := inodeOf(now)
		if err := errors.Join(err, now.Close()); err != nil || inode == from.Inode {
			return err
		}
	}
	if err := from.skip(file); err != nil {
		return err
	}
	return copyAll(file, emit)
}

// skip passes over what was written before, where this is the file in which that is.
func (from logStart) skip(file *os.File) error {
	if file == nil || from.Inode == 0 {
		return nil
	}
	inode, err := inodeOf(file)
	if err == nil && inode == from.Inode {
		_, err = file.Seek(from.Offset, io.SeekStart)
	}
	return err
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
