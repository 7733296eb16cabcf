package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/fileops"
)

// ErrInvalid says that an archive is none, or holds what none may.
var ErrInvalid = errors.New("the archive cannot be unpacked")

// UnpackOptions say what becomes of an archive.
type UnpackOptions struct {
	// Owner of all that is made; fileops.SameOwner: as the archive says where root unpacks, else who unpacks.
	Owner fileops.Owner
	// Keep fails where something stands already, but for folders.
	Keep bool
	// Plain has everything be of who unpacks, whoever that is: no owners, no devices, no set-user-ID, no attributes but
	// the user's. For archives of those who are not to become anything by them.
	Plain bool
	// Only is the one name that the archive may have at its top; no link on the way to what it makes is followed then, so
	// that it makes that and nothing beside it. Empty: all names.
	Only string
}

// Unpacked is what came of it.
type Unpacked struct {
	Entries int64
	Bytes   int64
}

// Unpack makes what an archive holds below a folder that is there. Nothing outside is touched, whatever names and links
// the archive and the folder hold. Each file gets its name when it is whole; what was there gives way, but folders stay.
func Unpack(target string, from io.Reader, options UnpackOptions) (done Unpacked, err error) {
	root, err := unix.Open(target, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return done, fmt.Errorf("unpack into %s: %w", target, err)
	}
	u := &unpacker{root: root, options: options, asRoot: fileops.AsRoot(), parent: -1, buffer: make([]byte, pieceBytes)}
	defer func() { err = errors.Join(err, u.close()) }()
	reader := tar.NewReader(from)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return done, u.leaveAll()
		}
		if err != nil {
			return done, readError(err)
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := u.entry(header, reader); err != nil {
			return done, fmt.Errorf("%q: %w", header.Name, err)
		}
		done.Entries++
		if header.Typeflag == tar.TypeReg {
			done.Bytes += header.Size
		}
	}
}

// readError tells what is wrong with an archive from what is wrong with the way that it comes.
func readError(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrFieldTooLong) {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}

type unpacker struct {
	root    int
	options UnpackOptions
	asRoot  bool
	// parent is the folder of the last entry, held open; parentName is its path below the root.
	parent     int
	parentName string
	// entered are the folders whose entries come just now, outermost first.
	entered []entered
	buffer  []byte
}

// entered is a folder that gets its mode and time once all in it is there.
type entered struct {
	name   string
	header *tar.Header
	made   bool
}

func (u *unpacker) close() error {
	if u.parent >= 0 {
		_ = unix.Close(u.parent)
	}
	return unix.Close(u.root)
}

// entry makes one of them.
func (u *unpacker) entry(header *tar.Header, content io.Reader) error {
	name, err := u.local(header.Name)
	if err != nil {
		return err
	}
	if err := u.leave(name); err != nil {
		return err
	}
	if name == "." {
		if header.Typeflag != tar.TypeDir {
			return fmt.Errorf("%w: it has no name", ErrInvalid)
		}
		// The target's own mode and owner are not the archive's to change.
		return nil
	}
	if err := u.goTo(filepath.Dir(name)); err != nil {
		return err
	}
	base := filepath.Base(name)
	switch header.Typeflag {
	case tar.TypeDir:
		return u.folder(name, base, header)
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.file(base, header, content)
	case tar.TypeSymlink:
		return u.symlink(base, header)
	case tar.TypeLink:
		return u.hardLink(base, header)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		return u.node(base, header)
	}
	return fmt.Errorf("%w: it is of type %q, which is not known", ErrInvalid, header.Typeflag)
}

// local is a name below the target, or an error.
func (u *unpacker) local(name string) (string, error) {
	trimmed := strings.TrimRight(name, "/")
	if trimmed == "" || !filepath.IsLocal(trimmed) || strings.ContainsRune(trimmed, 0) {
		return "", fmt.Errorf("%w: it leads out of the archive", ErrInvalid)
	}
	clean := filepath.Clean(trimmed)
	if only := u.options.Only; only != "" && clean != only && !strings.HasPrefix(clean, only+"/") {
		return "", fmt.Errorf("%w: it should have %q alone", ErrInvalid, only)
	}
	return clean, nil
}

// beneath opens a folder below the root; links that lead out of it are refused (openat2(2)).
func (u *unpacker) beneath(name string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	if u.options.Only != "" {
		how.Resolve |= unix.RESOLVE_NO_SYMLINKS
	}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(u.root, name, &how)
		// EAGAIN: something was renamed meanwhile, and the kernel cannot tell whether it stayed below.
		if (errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)) && try < 100 {
			continue
		}
		if errors.Is(err, unix.EXDEV) {
			err = fmt.Errorf("%s leads out of the target: %w", name, err)
		}
		return fd, err
	}
}

// goTo holds a folder below the root open, and makes it where it is not there.
func (u *unpacker) goTo(name string) error {
	if u.parent >= 0 && u.parentName == name {
		return nil
	}
	fd, err := u.beneath(name)
	if errors.Is(err, unix.ENOENT) {
		fd, err = u.makeFolders(name)
	}
	if err != nil {
		return err
	}
	u.hold(fd, name)
	return nil
}

func (u *unpacker) hold(fd int, name string) {
	if u.parent >= 0 {
		_ = unix.Close(u.parent)
	}
	u.parent, u.parentName = fd, name
}

// makeFolders makes folders that the archive itself does not name.
func (u *unpacker) makeFolders(name string) (int, error) {
	at, done := -1, ""
	for part := range strings.SplitSeq(name, "/") {
		done = filepath.Join(done, part)
		fd, err := u.beneath(done)
		if errors.Is(err, unix.ENOENT) {
			in := at
			if in < 0 {
				in = u.root
			}
			// A link that leads nowhere is none to make a folder at: mkdirat says EEXIST then.
			err = unix.Mkdirat(in, part, 0o755)
			if err == nil {
				fd, err = u.beneath(done)
			}
			if err == nil && u.options.Owner != fileops.SameOwner && !u.options.Plain {
				err = unix.Fchownat(fd, "", u.options.Owner.UID, u.options.Owner.GID, unix.AT_EMPTY_PATH)
			}
		}
		if at >= 0 {
			_ = unix.Close(at)
		}
		if err != nil {
			return -1, err
		}
		at = fd
	}
	return at, nil
}
