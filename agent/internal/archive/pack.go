package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/fileops"
)

const (
	// maxDepth bounds the folders that are open at once.
	maxDepth = 256
	// maxLinked bounds the files of several names that are remembered; more of them are packed once for each name.
	maxLinked = 100_000
	// namesAtOnce is what is held of one folder, however many names it has.
	namesAtOnce = 1024
	// pieceBytes is what is handed on at once.
	pieceBytes = 256 << 10
)

// ErrTooDeep says that folders lie in one another deeper than anybody needs.
var ErrTooDeep = fmt.Errorf("more than %d folders in one another", maxDepth)

// PackOptions say how a tree is packed.
type PackOptions struct {
	// Name is what the top is called in the archive; empty: as the path's last part.
	Name string
	// Follow packs what links lead to, in place of the links.
	Follow bool
}

// Pack writes what stands at a path as an archive: owners, modes, times, attributes, hard links, holes, devices. Sockets
// are left out. What changes meanwhile is packed as it is found, and no link is followed that came in between.
func Pack(path string, to io.Writer, options PackOptions) error {
	name := options.Name
	if name == "" {
		name = filepath.Base(path)
	}
	buffered := bufio.NewWriterSize(to, pieceBytes)
	p := &packer{to: buffered, follow: options.Follow, linked: map[inode]string{}}
	parent, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(parent) }()
	if err := p.one(place{parent, filepath.Base(path), path}, name, 0); err != nil {
		return err
	}
	// The end is two blocks of zeros.
	if _, err := buffered.Write(make([]byte, 2*blockBytes)); err != nil {
		return err
	}
	return buffered.Flush()
}

type inode struct{ device, number uint64 }

type packer struct {
	to     *bufio.Writer
	follow bool
	// linked are the names in the archive of files that have several.
	linked map[inode]string
	// within are the folders that are open, lest followed links lead in circles.
	within []inode
	buffer []byte
}

// place is a name in a folder that is held open; path is for people.
type place struct {
	parent int
	name   string
	path   string
}

func (p place) fail(doing string, err error) error {
	return &fs.PathError{Op: doing, Path: p.path, Err: err}
}

func (p *packer) one(at place, name string, depth int) error {
	var stat unix.Stat_t
	nofollow, flags := unix.AT_SYMLINK_NOFOLLOW, unix.O_NOFOLLOW
	if p.follow {
		nofollow, flags = 0, 0
	}
	if err := unix.Fstatat(at.parent, at.name, &stat, nofollow); err != nil {
		if depth > 0 && errors.Is(err, unix.ENOENT) && !p.follow {
			// Gone since its folder was read.
			return nil
		}
		return at.fail("stat", err)
	}
	flags |= unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return p.folder(at, name, flags, depth)
	case unix.S_IFREG:
		return p.file(at, name, flags)
	case unix.S_IFSOCK:
		return nil
	}
	e := entryOf(name, stat)
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(at.parent, at.name, target)
		if err != nil {
			return at.fail("readlink", err)
		}
		e.link = string(target[:n])
	case unix.S_IFCHR, unix.S_IFBLK:
		e.major, e.minor = unix.Major(stat.Rdev), unix.Minor(stat.Rdev)
	}
	return writeHeader(p.to, e)
}

func entryOf(name string, stat unix.Stat_t) entry {
	return entry{
		name: name, flag: flagOf(stat.Mode), mode: stat.Mode & 0o7777,
		uid: stat.Uid, gid: stat.Gid, modified: stat.Mtim.Sec,
	}
}

// open opens what was just seen, unless it has become something else.
func (p *packer) open(at place, flags int, kind uint32) (*os.File, unix.Stat_t, error) {
	var stat unix.Stat_t
	fd, err := unix.Openat(at.parent, at.name, flags, 0)
	if err != nil {
		return nil, stat, at.fail("open", err)
	}
	file := os.NewFile(uintptr(fd), at.path)
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, stat, errors.Join(at.fail("stat", err), file.Close())
	}
	if stat.Mode&unix.S_IFMT != kind {
		return nil, stat, errors.Join(at.fail("open", errors.New("it became another kind of file while it was packed")), file.Close())
	}
	return file, stat, nil
}

func (p *packer) folder(at place, name string, flags, depth int) error {
	if depth == maxDepth {
		return at.fail("pack", ErrTooDeep)
	}
	dir, stat, err := p.open(at, flags|unix.O_DIRECTORY, unix.S_IFDIR)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	self := inode{stat.Dev, stat.Ino}
	if slices.Contains(p.within, self) {
		return at.fail("pack", unix.ELOOP)
	}
	p.within = append(p.within, self)
	defer func() { p.within = p.within[:len(p.within)-1] }()
	e := entryOf(name+"/", stat)
	if e.records, err = attributeRecords(dir); err != nil {
		return err
	}
	if err := writeHeader(p.to, e); err != nil {
		return err
	}
	for {
		names, err := dir.Readdirnames(namesAtOnce)
		for _, child := range names {
			below := place{int(dir.Fd()), child, at.path + "/" + child}
			if err := p.one(below, name+"/"+child, depth+1); err != nil {
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

func (p *packer) file(at place, name string, flags int) error {
	file, stat, err := p.open(at, flags, unix.S_IFREG)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	e := entryOf(name, stat)
	self := inode{stat.Dev, stat.Ino}
	if first, known := p.linked[self]; known {
		e.flag, e.link = '1', first
		return writeHeader(p.to, e)
	}
	if stat.Nlink > 1 && len(p.linked) < maxLinked {
		p.linked[self] = name
	}
	e.size = stat.Size
	if e.records, err = attributeRecords(file); err != nil {
		return err
	}
	parts, hasHoles := partsOf(file, stat)
	if !hasHoles {
		if err := writeHeader(p.to, e); err != nil {
			return err
		}
		return p.content(file, []part{{0, stat.Size}}, 0)
	}
	e, text := sparse(e, parts)
	if err := writeHeader(p.to, e); err != nil {
		return err
	}
	if _, err := p.to.Write(text); err != nil {
		return err
	}
	return p.content(file, parts, int64(len(text)))
}

// content writes parts of a file, and fills the last block; written is what stands before it. A file that has become
// shorter goes on with zeros: its header has told its size.
func (p *packer) content(file *os.File, parts []part, written int64) error {
	if p.buffer == nil {
		p.buffer = make([]byte, pieceBytes)
	}
	for _, from := range parts {
		written += from.length
		for from.length > 0 {
			piece := p.buffer[:min(from.length, pieceBytes)]
			n, err := file.ReadAt(piece, from.offset)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			clear(piece[n:])
			if _, err := p.to.Write(piece); err != nil {
				return err
			}
			from.offset += int64(len(piece))
			from.length -= int64(len(piece))
		}
	}
	_, err := p.to.Write(make([]byte, padding(written)))
	return err
}

// attributePrefix is star's, which GNU tar writes, too.
const attributePrefix = "SCHILY.xattr."

func attributeRecords(file *os.File) ([]record, error) {
	attributes, err := fileops.AttributesOf(int(file.Fd()), file.Name())
	if err != nil || len(attributes) == 0 {
		return nil, err
	}
	records := make([]record, 0, len(attributes))
	for name, value := range attributes {
		records = append(records, record{attributePrefix + name, string(value)})
	}
	sort.Slice(records, func(i, j int) bool { return records[i].key < records[j].key })
	return records, nil
}
