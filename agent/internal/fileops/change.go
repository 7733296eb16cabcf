package fileops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Owner is whose something is to become; -1 leaves it.
type Owner struct{ UID, GID int }

// SameOwner changes nothing.
var SameOwner = Owner{-1, -1}

// Change is what is to become of a file; what is nil stays.
type Change struct {
	Mode     *uint32
	Owner    Owner
	Modified *time.Time
	Set      map[string][]byte
	Unset    []string
}

// Apply changes what is at a path, or with follow what a link there leads to.
func Apply(path string, follow bool, change Change) error {
	flags := unix.O_PATH | unix.O_CLOEXEC
	nofollow := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		nofollow = 0
	} else {
		flags |= unix.O_NOFOLLOW
	}
	// Held, so that each change is of the same file, whatever comes to stand at the path meanwhile.
	fd, err := unix.Open(path, flags, 0)
	if err != nil {
		return at("change", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	// Before the mode, since it takes set-user-ID away.
	if change.Owner != SameOwner {
		if err := unix.Fchownat(fd, "", change.Owner.UID, change.Owner.GID, unix.AT_EMPTY_PATH); err != nil {
			return at("chown", path, err)
		}
	}
	if change.Mode != nil {
		err := Chmod(fd, *change.Mode&0o7777)
		if errors.Is(err, unix.EACCES) {
			// On an older kernel what stands at the path by now is judged as the user's own choice.
			err = unix.Chmod(path, *change.Mode&0o7777)
		}
		if err != nil {
			return at("chmod", path, err)
		}
	}
	set, unset := unix.Lsetxattr, unix.Lremovexattr
	if follow {
		set, unset = unix.Setxattr, unix.Removexattr
	}
	for name, value := range change.Set {
		if err := set(path, name, value, 0); err != nil {
			return at("set attribute "+name+" of", path, err)
		}
	}
	for _, name := range change.Unset {
		if err := unset(path, name); err != nil {
			return at("remove attribute "+name+" of", path, err)
		}
	}
	if change.Modified != nil {
		times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(change.Modified.UnixNano())}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, times, nofollow); err != nil {
			return at("set the time of", path, err)
		}
	}
	return nil
}

// Chmod is of a held file (O_PATH, too), where the kernel can do that (fchmodat2(2), Linux 6.6), else by its name below
// /proc, whose folder is root's alone: then a user who is not gets an error.
func Chmod(fd int, mode uint32) error {
	err := unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH)
	if err == nil || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS) {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFLNK {
		return unix.EOPNOTSUPP
	}
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode)
}

// AsRoot tells whether this thread has root's rights to files (see package actas).
func AsRoot() bool {
	// An id that none can have only asks (setfsuid(2)).
	id, _ := unix.SetfsuidRetUid(-1)
	return id == 0
}

// MakeFolder makes a folder; with parents those above it, too, and it is content with one that is there. Those that are
// made get the owner.
func MakeFolder(path string, mode uint32, owner Owner, parents bool) error {
	if !parents {
		return makeOne(path, mode, owner)
	}
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		at = filepath.Join(at, part)
		makeMode := uint32(0o755)
		if at == filepath.Clean(path) {
			makeMode = mode
		}
		if err := makeOne(at, makeMode, owner); err != nil && !errors.Is(err, unix.EEXIST) {
			// One that is there may stand where nothing can be made.
			if _, found := Stat(at, true); found != nil {
				return err
			}
		}
	}
	info, err := Stat(path, true)
	if err == nil && info.Stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = &os.PathError{Op: "mkdir", Path: path, Err: unix.ENOTDIR}
	}
	return err
}

func makeOne(path string, mode uint32, owner Owner) error {
	if err := unix.Mkdir(path, 0o700); err != nil {
		return at("mkdir", path, err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return at("mkdir", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if owner != SameOwner {
		if err := unix.Fchown(fd, owner.UID, owner.GID); err != nil {
			return at("chown", path, err)
		}
	}
	return at("chmod", path, unix.Fchmod(fd, mode&0o7777))
}

// Rename gives something another path; with replace, what stands there gives way, if rename(2) lets it.
func Rename(from, to string, replace bool) error {
	flags := uint(unix.RENAME_NOREPLACE)
	if replace {
		flags = 0
	}
	// destroys: what stands at the new path, when the host has asked for that
	if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// Remove removes a file, a link or an empty folder; with recursive, a folder with all that is in it, following no link.
func Remove(path string, recursive bool) error {
	if filepath.Clean(path) == "/" {
		return at("remove", path, unix.EBUSY)
	}
	if !recursive {
		// destroys: what the host asks to be removed, by its path
		return os.Remove(path)
	}
	if _, err := Stat(path, false); err != nil {
		return err
	}
	// destroys: what the host asks to be removed with all that is in it, by its path; no link is followed
	return os.RemoveAll(path)
}
