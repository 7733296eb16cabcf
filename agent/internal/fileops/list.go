package fileops

import (
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// MaxPage is the most that is told at once.
	MaxPage = 1000
	// maxDepth bounds the folders that are open at once.
	maxDepth = 64
	// maxNames is of one folder: they are held to be put in order.
	maxNames = 200_000
)

// Page is a part of a list.
type Page struct {
	// Entries have paths below the folder.
	Entries []Info
	More    bool
}

// List tells what is in a folder, and so many folders deep, after a path of an earlier page. The order is that of the
// paths' parts: a folder comes before what is in it, and that before its neighbours.
func List(path string, depth, limit int, after string) (Page, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return Page{}, at("list", path, err)
	}
	l := &lister{limit: limit}
	var from []string
	if after != "" {
		from = strings.Split(after, "/")
	}
	err = l.folder(os.NewFile(uintptr(fd), path), "", min(max(depth, 1), maxDepth), from)
	return l.page, err
}

type lister struct {
	limit int
	page  Page
}

// folder lists what comes after `from`, and closes the folder.
func (l *lister) folder(dir *os.File, prefix string, depth int, from []string) error {
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(maxNames + 1)
	if err != nil && err != io.EOF {
		return err
	}
	if len(names) > maxNames {
		return at("list", dir.Name(), unix.EFBIG)
	}
	slices.Sort(names)
	for _, name := range names {
		var below []string
		known := false
		if len(from) > 0 {
			if name < from[0] {
				continue
			}
			if known = name == from[0]; known {
				below = from[1:]
			}
		}
		info := Info{Path: prefix + name}
		if unix.Fstatat(int(dir.Fd()), name, &info.Stat, unix.AT_SYMLINK_NOFOLLOW) != nil {
			// Gone since.
			continue
		}
		if !known {
			if len(l.page.Entries) == l.limit {
				l.page.More = true
				return nil
			}
			l.add(dir, name, info)
		}
		if depth == 1 || info.Stat.Mode&unix.S_IFMT != unix.S_IFDIR {
			continue
		}
		fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			// One that the user may not look into is still listed itself.
			continue
		}
		if err := l.folder(os.NewFile(uintptr(fd), dir.Name()+"/"+name), info.Path+"/", depth-1, below); err != nil || l.page.More {
			return err
		}
	}
	return nil
}

func (l *lister) add(dir *os.File, name string, info Info) {
	if info.Stat.Mode&unix.S_IFMT == unix.S_IFLNK {
		buffer := make([]byte, maxTargetBytes)
		if n, err := unix.Readlinkat(int(dir.Fd()), name, buffer); err == nil {
			info.Target = string(buffer[:n])
		}
	}
	l.page.Entries = append(l.page.Entries, info)
}
