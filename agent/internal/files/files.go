// Package files is how the agent opens what lies on the guest's disk. An image, and later whoever is root in the guest,
// decides what is found at a path: a FIFO that nobody writes to, a device without an end, a link that leads in circles.
// So no opening waits, only regular files are opened, every reading is bounded, and every error names the path.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotRegular says that a directory, a FIFO, a device or a socket stands where a file was expected.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge says that a file is longer than anything that the agent would read from there.
var ErrTooLarge = errors.New("too large")

// safely keeps an opening from waiting: for the other end of a FIFO, for whoever holds a lease (fcntl(2)).
const safely = unix.O_NONBLOCK | unix.O_NOCTTY

// Open opens a regular file for reading. Links are followed.
func Open(path string) (*os.File, error) { return open(path, os.O_RDONLY, 0) }

// Append opens a regular file, which is made if it is not there, to be written to at its end. A link is refused.
func Append(path string, mode fs.FileMode) (*os.File, error) {
	return open(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, mode)
}

// Hold opens a regular file, which is made if it is not there, to be locked. A link is refused.
func Hold(path string, mode fs.FileMode) (*os.File, error) {
	return open(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, mode)
}

// Create makes a file that was not there.
func Create(path string, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

func open(path string, flags int, mode fs.FileMode) (*os.File, error) {
	// Asked before, since opening a device may do something; and after, since it may have become another.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notRegular("open", path)
	}
	file, err := os.OpenFile(path, flags|safely, mode)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular("open", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Read returns what a regular file holds, if that is no more than so many bytes.
func Read(path string, maxBytes int) ([]byte, error) {
	text, err := Head(path, maxBytes+1)
	if err == nil && len(text) > maxBytes {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxBytes)}
	}
	return text, err
}

// Head returns the first bytes of a regular file, however long it is.
func Head(path string, maxBytes int) ([]byte, error) {
	return within(patience, "read", path, func() ([]byte, error) {
		file, err := Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		return io.ReadAll(io.LimitReader(file, int64(maxBytes)))
	})
}

// Replace gives a file another content, all or nothing. Whoever shares the old file by a hard link keeps it. The mode is
// that of a new file; one that is there keeps its own, and its owner. What is no regular file, a link too, is left alone.
func Replace(path string, content []byte, mode fs.FileMode) error {
	_, err := within(patience, "write", path, func() (struct{}, error) { return struct{}{}, replace(path, content, mode) })
	return err
}

func replace(path string, content []byte, mode fs.FileMode) (err error) {
	uid, gid := -1, -1
	now, err := os.Lstat(path)
	switch {
	case err == nil && !now.Mode().IsRegular():
		return notRegular("write", path)
	case err == nil:
		mode = now.Mode().Perm()
		if stat, ok := now.Sys().(*syscall.Stat_t); ok {
			uid, gid = int(stat.Uid), int(stat.Gid)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".banger-")
	if err != nil {
		return at(err, path)
	}
	defer func() {
		if err != nil {
			// destroys: a temporary file of this call
			_ = os.Remove(temporary.Name())
		}
	}()
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Chmod(mode), chown(temporary, uid, gid), temporary.Close()); err != nil {
		return at(err, path)
	}
	// destroys: a regular file that the caller writes anew, as was just seen; its proof is the caller's
	err = os.Rename(temporary.Name(), path)
	if errors.Is(err, unix.EBUSY) {
		// It is a mount of its own, as containers have it, and cannot be renamed over.
		// destroys: a temporary file of this call
		_ = os.Remove(temporary.Name())
		return overwrite(path, content)
	}
	return at(err, path)
}

func overwrite(path string, content []byte) error {
	// destroys: the same, where the file is a mount of its own
	file, err := open(path, os.O_WRONLY|os.O_TRUNC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

func chown(file *os.File, uid, gid int) error {
	// Only root gives files away; agents under test run as anybody.
	if uid < 0 || os.Geteuid() != 0 {
		return nil
	}
	return file.Chown(uid, gid)
}

// ReplaceLink has a symbolic link stand where a file or a link stands, or nothing. What is neither is left alone.
func ReplaceLink(path, target string) error {
	_, err := within(patience, "write", path, func() (struct{}, error) { return struct{}{}, replaceLink(path, target) })
	return err
}

func replaceLink(path, target string) error {
	now, err := os.Lstat(path)
	if err == nil && !now.Mode().IsRegular() && now.Mode().Type() != fs.ModeSymlink {
		return notRegular("write", path)
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".banger-link")
	// destroys: a temporary link of ours, by its name
	_ = os.Remove(temporary) // Of one that was cut off.
	if err := os.Symlink(target, temporary); err != nil {
		return at(err, path)
	}
	// destroys: a file or link that the caller replaces, as was just seen; its proof is the caller's
	if err := os.Rename(temporary, path); err != nil {
		// destroys: a temporary link of this call
		return errors.Join(at(err, path), os.Remove(temporary))
	}
	return nil
}

// Names returns what stands in a folder, as many as that.
func Names(path string, most int) ([]string, error) {
	return within(patience, "list", path, func() ([]string, error) {
		folder, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|safely, 0)
		if err != nil {
			return nil, err
		}
		defer func() { _ = folder.Close() }()
		names, err := folder.Readdirnames(most)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return names, err
	})
}

// EnsureFolder makes a folder, and those above it, where they are not there.
func EnsureFolder(path string, mode fs.FileMode) error {
	_, err := within(patience, "make", path, func() (struct{}, error) { return struct{}{}, os.MkdirAll(path, mode) })
	return err
}

// maxLinks is the kernel's own bound (MAXSYMLINKS in linux/namei.h).
const maxLinks = 40

// Behind returns what a path below a root leads to, by links that may lead nowhere. They mean paths below the root.
func Behind(root, name string) (string, error) {
	return within(patience, "follow", filepath.Join(root, name), func() (string, error) { return behind(root, name) })
}

func behind(root, name string) (string, error) {
	for range maxLinks {
		target, err := os.Readlink(filepath.Join(root, name))
		if err != nil {
			// EINVAL: there is something, and it is no link.
			return filepath.Join(root, name), nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join("/", filepath.Dir(name), target)
		}
		name = target
	}
	return "", &fs.PathError{Op: "follow", Path: filepath.Join(root, name), Err: unix.ELOOP}
}

func notRegular(doing, path string) error {
	return &fs.PathError{Op: doing, Path: path, Err: ErrNotRegular}
}

// at names the path that was asked for, where an error tells of a temporary one.
func at(err error, path string) error {
	if err == nil {
		return nil
	}
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	var renaming *os.LinkError
	if errors.As(err, &renaming) {
		err = renaming.Err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}
