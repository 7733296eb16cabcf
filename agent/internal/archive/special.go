package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/fileops"
)

func (u *unpacker) symlink(base string, header *tar.Header) error {
	if header.Linkname == "" {
		return fmt.Errorf("%w: a link to nothing", ErrInvalid)
	}
	return u.made(base, header, func(temporary string) error {
		return unix.Symlinkat(header.Linkname, u.parent, temporary)
	})
}

func (u *unpacker) node(base string, header *tar.Header) error {
	if u.options.Plain && header.Typeflag != tar.TypeFifo {
		return fmt.Errorf("%w: a device", unix.EPERM)
	}
	kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK}[header.Typeflag]
	device := int(unix.Mkdev(uint32(header.Devmajor), uint32(header.Devminor)))
	return u.made(base, header, func(temporary string) error {
		return unix.Mknodat(u.parent, temporary, kind|0o600, device)
	})
}

// made makes something that is no file under another name, gives it what its header says, and then its own name.
func (u *unpacker) made(base string, header *tar.Header, mknod func(temporary string) error) (err error) {
	if err := u.mayStand(base); err != nil {
		return err
	}
	temporary := fileops.TemporaryName(base)
	if err := mknod(temporary); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// destroys: a temporary link or node of this call
			_ = unix.Unlinkat(u.parent, temporary, 0)
		}
	}()
	if err = u.dress(temporary, header); err != nil {
		return err
	}
	return u.place(temporary, base)
}

// dress gives what was just made its owner, mode and time: by a descriptor of it, and only if that is what was made, since
// whoever may write to the folder may have put something else there.
func (u *unpacker) dress(temporary string, header *tar.Header) error {
	fd, err := unix.Openat(u.parent, temporary, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if flagOf(stat.Mode) != header.Typeflag || stat.Nlink != 1 {
		return errors.New("it became another file while it was unpacked")
	}
	if owner, change := u.ownerOf(header); change {
		if err := unix.Fchownat(fd, "", owner.UID, owner.GID, unix.AT_EMPTY_PATH); err != nil {
			return err
		}
	}
	if header.Typeflag != tar.TypeSymlink {
		if err := fileops.Chmod(fd, u.modeOf(header)); err != nil {
			return err
		}
	}
	time := unix.NsecToTimespec(header.ModTime.UnixNano())
	return unix.UtimesNanoAt(u.parent, temporary, []unix.Timespec{time, time}, unix.AT_SYMLINK_NOFOLLOW)
}

// hardLink gives another name to what the archive had before, or what stands below the target already.
func (u *unpacker) hardLink(base string, header *tar.Header) error {
	target, err := u.local(header.Linkname)
	if err != nil {
		return fmt.Errorf("a link to %q: %w", header.Linkname, err)
	}
	from, err := u.beneath(filepath.Dir(target))
	if err != nil {
		return fmt.Errorf("a link to %q: %w", header.Linkname, err)
	}
	defer func() { _ = unix.Close(from) }()
	if err := u.mayStand(base); err != nil {
		return err
	}
	temporary := fileops.TemporaryName(base)
	if err := unix.Linkat(from, filepath.Base(target), u.parent, temporary, 0); err != nil {
		return fmt.Errorf("a link to %q: %w", header.Linkname, err)
	}
	err = u.place(temporary, base)
	// rename(2) does nothing where both names are the same file already, so the other is taken away in either case.
	// destroys: a temporary name of this call
	_ = unix.Unlinkat(u.parent, temporary, 0)
	return err
}
