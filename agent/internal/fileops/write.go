package fileops

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// New is what a written file is to be.
type New struct {
	// Mode is nil for that of the file that gives way, else 0644.
	Mode  *uint32
	Owner Owner
	// Attributes are extended ones.
	Attributes map[string][]byte
	// Exclusive fails where something stands already.
	Exclusive bool
}

// bufferBytes is what is read or written at once.
const bufferBytes = 256 << 10

// maxLinks is the kernel's own bound (MAXSYMLINKS in linux/namei.h).
const maxLinks = 40

// Open opens a regular file to be read.
func Open(path string) (*os.File, Info, error) {
	file, err := files.Open(path)
	if err != nil {
		return nil, Info{}, err
	}
	info := Info{Path: path}
	if err := unix.Fstat(int(file.Fd()), &info.Stat); err != nil {
		return nil, info, errors.Join(at("stat", path, err), file.Close())
	}
	return file, info, nil
}

// Copy hands a part of a file to emit, in pieces that are good until it returns; length < 0 means all that follows.
func Copy(file *os.File, offset, length int64, emit func([]byte) error) error {
	buffer := make([]byte, bufferBytes)
	for length != 0 {
		want := buffer
		if length > 0 && length < bufferBytes {
			want = buffer[:length]
		}
		n, err := file.ReadAt(want, offset)
		if n > 0 {
			if err := emit(want[:n]); err != nil {
				return err
			}
		}
		offset += int64(n)
		if length > 0 {
			length -= int64(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Write gives a path a new content. It stands there whole or not at all: until then it has a name of its own beside it,
// and goes with an error. One that is there keeps its owner and, unless told, its mode; what is no regular file is refused.
func Write(path string, want New, content io.Reader) (written int64, err error) {
	path, err = followed(path)
	if err != nil {
		return 0, err
	}
	parent, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, at("write", path, err)
	}
	defer func() { _ = unix.Close(parent) }()
	name := filepath.Base(path)
	owner, mode, err := newOrAsBefore(parent, name, want)
	if err != nil {
		return 0, at("write", path, err)
	}
	temporary := TemporaryName(name)
	fd, err := unix.Openat(parent, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, at("write", path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer func() {
		if err != nil {
			_ = file.Close()
			// destroys: a temporary file of this call
			_ = unix.Unlinkat(parent, temporary, 0)
		}
	}()
	written, err = io.CopyBuffer(plainWriter{file}, content, make([]byte, bufferBytes))
	if err != nil {
		return written, err
	}
	if err = finish(fd, owner, mode, want.Attributes); err != nil {
		return written, at("write", path, err)
	}
	if err = file.Close(); err != nil {
		return written, err
	}
	flags := uint(0)
	if want.Exclusive {
		flags = unix.RENAME_NOREPLACE
	}
	// destroys: the regular file that the host writes anew, as was just seen
	err = unix.Renameat2(parent, temporary, parent, name, flags)
	return written, at("write", path, err)
}

// plainWriter keeps io.Copy from asking the file to read by itself: what is read is no file.
type plainWriter struct{ io.Writer }

// TemporaryName is what a file is called until it is whole.
func TemporaryName(name string) string {
	// NAME_MAX is 255 bytes.
	return fmt.Sprintf(".%s.banger-%s", name[:min(len(name), 200)], rand.Text()[:10])
}

func newOrAsBefore(parent int, name string, want New) (Owner, uint32, error) {
	owner, mode := want.Owner, uint32(0o644)
	var now unix.Stat_t
	switch err := unix.Fstatat(parent, name, &now, unix.AT_SYMLINK_NOFOLLOW); {
	case errors.Is(err, unix.ENOENT):
	case err != nil:
		return owner, mode, err
	case want.Exclusive:
		return owner, mode, unix.EEXIST
	case now.Mode&unix.S_IFMT == unix.S_IFDIR:
		return owner, mode, unix.EISDIR
	case now.Mode&unix.S_IFMT != unix.S_IFREG:
		return owner, mode, files.ErrNotRegular
	default:
		mode = now.Mode & 0o7777
		if owner == SameOwner && AsRoot() {
			owner = Owner{int(now.Uid), int(now.Gid)}
		}
	}
	if want.Mode != nil {
		mode = *want.Mode & 0o7777
	}
	return owner, mode, nil
}

func finish(fd int, owner Owner, mode uint32, attributes map[string][]byte) error {
	var now unix.Stat_t
	if err := unix.Fstat(fd, &now); err != nil {
		return err
	}
	isOwners := (owner.UID < 0 || uint32(owner.UID) == now.Uid) && (owner.GID < 0 || uint32(owner.GID) == now.Gid)
	if !isOwners {
		if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
			return fmt.Errorf("give it to %d:%d: %w", owner.UID, owner.GID, err)
		}
	}
	for name, value := range attributes {
		if err := unix.Fsetxattr(fd, name, value, 0); err != nil {
			return fmt.Errorf("set attribute %s: %w", name, err)
		}
	}
	// After the owner, since that takes set-user-ID away.
	return unix.Fchmod(fd, mode)
}

// followed is the path behind symbolic links, so that they stay what they are when the file behind them is replaced.
// As the kernel does in folders like /tmp (proc_sys_fs(5), protected_symlinks), it follows only links of the user himself,
// of root and of the folder's owner: another's could have root write wherever he likes.
func followed(path string) (string, error) {
	for range maxLinks {
		info, err := Stat(path, false)
		if err != nil || info.Stat.Mode&unix.S_IFMT != unix.S_IFLNK {
			// What is not there yet is to be made; anything else shows when it is opened.
			return path, nil
		}
		folder, err := Stat(filepath.Dir(path), true)
		if err != nil {
			return path, err
		}
		if owner := info.Stat.Uid; owner != 0 && owner != folder.Stat.Uid {
			return path, at("follow", path, fmt.Errorf("%w: a link of user %d in a folder of user %d", unix.EACCES, owner, folder.Stat.Uid))
		}
		target := info.Target
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return path, at("follow", path, unix.ELOOP)
}
