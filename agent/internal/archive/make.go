package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/fileops"
)

// folder makes a folder, or takes one that is there; a link below the target that leads to one is one.
func (u *unpacker) folder(name, base string, header *tar.Header) error {
	err := unix.Mkdirat(u.parent, base, 0o700)
	made := err == nil
	if errors.Is(err, unix.EEXIST) {
		var fd int
		if fd, err = u.beneath(name); err == nil {
			_ = unix.Close(fd)
		} else if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) {
			if err = u.clear(base); err == nil {
				err, made = unix.Mkdirat(u.parent, base, 0o700), true
			}
		}
	}
	if err != nil {
		return err
	}
	u.entered = append(u.entered, entered{name, header, made})
	return nil
}

// leave gives the folders that an entry is not in their modes and times.
func (u *unpacker) leave(name string) error {
	for len(u.entered) > 0 {
		last := u.entered[len(u.entered)-1]
		if strings.HasPrefix(name, last.name+"/") {
			return nil
		}
		u.entered = u.entered[:len(u.entered)-1]
		if err := u.settle(last); err != nil {
			return fmt.Errorf("%q: %w", last.name, err)
		}
	}
	return nil
}

func (u *unpacker) leaveAll() error { return u.leave("") }

func (u *unpacker) settle(of entered) error {
	// By the folder's own descriptor, which O_PATH is none for these calls.
	at, err := u.beneath(of.name)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(at) }()
	fd, err := unix.Openat(at, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) && !of.made {
		// Somebody else's, that was there: it stays as it is.
		return nil
	}
	if err != nil {
		return err
	}
	return u.finish(os.NewFile(uintptr(fd), of.name), of.header, of.made)
}

// finish gives an open file what its header says, and closes it. What was there already and is somebody else's stays.
func (u *unpacker) finish(file *os.File, header *tar.Header, made bool) error {
	fd := int(file.Fd())
	err := u.attributes(fd, header)
	mode := u.modeOf(header)
	if owner, change := u.ownerOf(header); change {
		err = errors.Join(err, unix.Fchown(fd, owner.UID, owner.GID))
	}
	// After the owner, since that takes set-user-ID away.
	err = errors.Join(err, unix.Fchmod(fd, mode))
	time := unix.NsecToTimeval(header.ModTime.UnixNano())
	err = errors.Join(err, unix.Futimes(fd, []unix.Timeval{time, time}))
	if !made && errors.Is(err, unix.EPERM) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// ownerOf tells whose it becomes, and whether that is to be said.
func (u *unpacker) ownerOf(header *tar.Header) (fileops.Owner, bool) {
	if u.options.Plain {
		return fileops.SameOwner, false
	}
	if u.options.Owner != fileops.SameOwner {
		return u.options.Owner, true
	}
	// Who is not root can give nothing away, and what he unpacks is his.
	return fileops.Owner{UID: header.Uid, GID: header.Gid}, u.asRoot
}

func (u *unpacker) modeOf(header *tar.Header) uint32 {
	mode := uint32(header.Mode) & 0o7777
	// What would have run as another runs as nobody else for it.
	if u.options.Plain || !u.asRoot && u.options.Owner == fileops.SameOwner {
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	return mode
}

func (u *unpacker) attributes(fd int, header *tar.Header) error {
	for key, value := range header.PAXRecords {
		name, is := strings.CutPrefix(key, attributePrefix)
		if !is || u.options.Plain && !strings.HasPrefix(name, "user.") {
			continue
		}
		err := unix.Fsetxattr(fd, name, []byte(value), 0)
		// The system's own are not everybody's to set, and not every file system has all.
		isOwn := strings.HasPrefix(name, "user.")
		if err != nil && !errors.Is(err, unix.ENOTSUP) && (isOwn || !errors.Is(err, unix.EPERM)) {
			return fmt.Errorf("set attribute %s: %w", name, err)
		}
	}
	return nil
}

// file writes a file under another name, and gives it its own when it is whole.
func (u *unpacker) file(base string, header *tar.Header, content io.Reader) (err error) {
	if err := u.mayStand(base); err != nil {
		return err
	}
	temporary := fileops.TemporaryName(base)
	fd, err := unix.Openat(u.parent, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), base)
	defer func() {
		if err != nil {
			_ = file.Close()
			// destroys: a temporary file of this call
			_ = unix.Unlinkat(u.parent, temporary, 0)
		}
	}()
	if err = u.content(file, header, content); err != nil {
		return err
	}
	if err = u.finish(file, header, true); err != nil {
		return err
	}
	return u.place(temporary, base)
}

func (u *unpacker) content(file *os.File, header *tar.Header, content io.Reader) error {
	var to io.Writer = onlyWriter{file}
	if isSparse(header) {
		// Its size first: a file that could not be so long fails at once, and not after its holes were counted through.
		// destroys: nothing; the file was just made, and is empty
		if err := unix.Ftruncate(int(file.Fd()), header.Size); err != nil {
			return err
		}
		to = &holeWriter{file: file}
	}
	_, err := io.CopyBuffer(to, onlyReader{content}, u.buffer)
	return readError(err)
}

// onlyWriter and onlyReader keep io.Copy to its buffer.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

func isSparse(header *tar.Header) bool {
	if header.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// mayStand fails early where a name is taken for good.
func (u *unpacker) mayStand(base string) error {
	var stat unix.Stat_t
	err := unix.Fstatat(u.parent, base, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil && u.options.Keep {
		return unix.EEXIST
	}
	return err
}

// place gives what has a temporary name its own. An empty folder gives way, as it does to tar.
func (u *unpacker) place(temporary, base string) error {
	flags := uint(0)
	if u.options.Keep {
		flags = unix.RENAME_NOREPLACE
	}
	// destroys: what the archive of the host's has anew, which is not to be kept
	err := unix.Renameat2(u.parent, temporary, u.parent, base, flags)
	if errors.Is(err, unix.EISDIR) && !u.options.Keep {
		if err = u.clear(base); err == nil {
			// destroys: nothing; what stood there was just taken away
			err = unix.Renameat2(u.parent, temporary, u.parent, base, unix.RENAME_NOREPLACE)
		}
	}
	return err
}

// clear takes away what stands in an entry's place; of folders only empty ones.
func (u *unpacker) clear(base string) error {
	if u.options.Keep {
		return unix.EEXIST
	}
	// destroys: what the archive of the host's has anew, which is not to be kept
	err := unix.Unlinkat(u.parent, base, 0)
	if errors.Is(err, unix.EISDIR) {
		// destroys: a folder that is empty, in place of which the archive has something else
		err = unix.Unlinkat(u.parent, base, unix.AT_REMOVEDIR)
	}
	return err
}
