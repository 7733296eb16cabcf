// Package fileops does what a host asks of single files and folders of its guest. Paths are whole; links in them mean what
// they mean in the guest. Who may do what, the kernel judges: package actas says as whom.
package fileops

import (
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// Info is what stands at a path.
type Info struct {
	Path string
	Stat unix.Stat_t
	// Target is what a symbolic link says.
	Target string
}

const (
	// maxAttributes and maxAttributeBytes bound what is told of one file.
	maxAttributes     = 1000
	maxAttributeBytes = 256 << 10
	maxTargetBytes    = 4096
)

// Stat looks at a path; follow has it look at what a link leads to.
func Stat(path string, follow bool) (Info, error) {
	info := Info{Path: path}
	if follow {
		return info, at("stat", path, unix.Stat(path, &info.Stat))
	}
	if err := unix.Lstat(path, &info.Stat); err != nil {
		return info, at("stat", path, err)
	}
	if info.Stat.Mode&unix.S_IFMT == unix.S_IFLNK {
		buffer := make([]byte, maxTargetBytes)
		n, err := unix.Readlink(path, buffer)
		if err != nil {
			return info, at("readlink", path, err)
		}
		info.Target = string(buffer[:n])
	}
	return info, nil
}

// Attributes are a file's extended attributes, those that the user may see.
func Attributes(path string, follow bool) (map[string][]byte, error) {
	list, get := unix.Llistxattr, unix.Lgetxattr
	if follow {
		list, get = unix.Listxattr, unix.Getxattr
	}
	return readAttributes(path,
		func(into []byte) (int, error) { return list(path, into) },
		func(name string, into []byte) (int, error) { return get(path, name, into) })
}

// AttributesOf are those of an open file.
func AttributesOf(fd int, path string) (map[string][]byte, error) {
	return readAttributes(path,
		func(into []byte) (int, error) { return unix.Flistxattr(fd, into) },
		func(name string, into []byte) (int, error) { return unix.Fgetxattr(fd, name, into) })
}

func readAttributes(
	path string, list func([]byte) (int, error), get func(string, []byte) (int, error),
) (map[string][]byte, error) {
	size, err := list(nil)
	if err == unix.ENOTSUP || err == unix.EACCES || err == nil && size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, at("list attributes", path, err)
	}
	// XATTR_LIST_MAX of linux/limits.h.
	names := make([]byte, 64<<10)
	if size, err = list(names); err != nil {
		return nil, at("list attributes", path, err)
	}
	found := make(map[string][]byte)
	value, total := make([]byte, 64<<10), 0
	for _, name := range strings.Split(strings.TrimSuffix(string(names[:size]), "\x00"), "\x00") {
		n, err := get(name, value)
		if err != nil {
			// It went away, or is not for this user.
			continue
		}
		total += len(name) + n
		if len(found) == maxAttributes || total > maxAttributeBytes {
			return nil, at("read attributes", path, unix.E2BIG)
		}
		found[name] = append([]byte{}, value[:n]...)
	}
	return found, nil
}

func at(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: doing, Path: path, Err: err}
}
