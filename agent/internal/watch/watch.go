// Package watch tells what happens to names and contents below a path (inotify(7)).
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kind is what happened.
type Kind int

// The kinds, as the contract has them.
const (
	Created Kind = iota + 1
	Written
	Removed
	MovedAway
	MovedHere
	Changed
	// Lost says that so much happened that some of it is not told.
	Lost
)

// Event has a path below what is watched; empty is that itself.
type Event struct {
	Kind   Kind
	Path   string
	Folder bool
}

// maxFolders bounds the kernel's memory that one watch takes.
const maxFolders = 8192

// ErrTooMany says that more folders lie below a path than are watched.
var ErrTooMany = fmt.Errorf("more than %d folders are not watched", maxFolders)

const mask = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ATTRIB |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_EXCL_UNLINK

// Run calls ready once nothing is missed any more, and tell for each event, until the context ends or the path is gone.
func Run(ctx context.Context, path string, recursive bool, ready func() error, tell func(Event) error) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return &fs.PathError{Op: "watch", Path: path, Err: err}
	}
	source := os.NewFile(uintptr(fd), "inotify")
	defer func() { _ = source.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = source.Close() })
	defer stop()
	w := &watcher{fd: fd, root: path, recursive: recursive, paths: map[int]string{}, tell: tell}
	if err := w.add("", false); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	buffer := make([]byte, 64<<10)
	for len(w.paths) > 0 {
		n, err := source.Read(buffer)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if err := w.take(buffer[:n]); err != nil {
			return err
		}
	}
	return nil
}

type watcher struct {
	fd        int
	root      string
	recursive bool
	// paths are of the folders that are watched, below the root, by the kernel's number for each.
	paths map[int]string
	tell  func(Event) error
}

// add watches a folder and, when asked, those below. What stands in one that is new is told, since it may have come before
// it was watched.
func (w *watcher) add(below string, isNew bool) error {
	flags := uint32(mask)
	if below != "" {
		flags |= unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW
	}
	path := filepath.Join(w.root, below)
	number, err := unix.InotifyAddWatch(w.fd, path, flags)
	if below != "" && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES)) {
		// Gone again, or not for this user to look into.
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "watch", Path: path, Err: err}
	}
	w.paths[number] = below
	if len(w.paths) > maxFolders {
		return ErrTooMany
	}
	if !w.recursive {
		return nil
	}
	return w.addBelow(path, below, isNew)
}

func (w *watcher) addBelow(path, below string, isNew bool) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	dir := os.NewFile(uintptr(fd), path)
	defer func() { _ = dir.Close() }()
	for {
		entries, err := dir.ReadDir(1024)
		for _, entry := range entries {
			name := filepath.Join(below, entry.Name())
			if isNew {
				if err := w.tell(Event{Created, name, entry.IsDir()}); err != nil {
					return err
				}
			}
			if entry.IsDir() {
				if err := w.add(name, isNew); err != nil {
					return err
				}
			}
		}
		if err != nil || len(entries) == 0 {
			return nil
		}
	}
}

// take reads events as inotify(7) lays them out.
func (w *watcher) take(events []byte) error {
	for len(events) >= unix.SizeofInotifyEvent {
		event := (*unix.InotifyEvent)(unsafe.Pointer(&events[0]))
		end := unix.SizeofInotifyEvent + int(event.Len)
		name := strings.TrimRight(string(events[unix.SizeofInotifyEvent:end]), "\x00")
		if err := w.one(int(event.Wd), event.Mask, name); err != nil {
			return err
		}
		events = events[end:]
	}
	return nil
}

func (w *watcher) one(number int, mask uint32, name string) error {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		return w.tell(Event{Kind: Lost})
	}
	folder, known := w.paths[number]
	if !known {
		return nil
	}
	if mask&unix.IN_IGNORED != 0 {
		delete(w.paths, number)
		return nil
	}
	path, isFolder := filepath.Join(folder, name), mask&unix.IN_ISDIR != 0
	if name == "" && folder != "" {
		// The folder above tells it by name.
		return nil
	}
	kind, known := kindOf(mask)
	if !known {
		return nil
	}
	if err := w.tell(Event{kind, path, isFolder}); err != nil {
		return err
	}
	switch {
	case !w.recursive || !isFolder || name == "":
		return nil
	case kind == Created || kind == MovedHere:
		return w.add(path, kind == Created)
	case kind == MovedAway:
		w.forget(path)
	}
	return nil
}

// forget stops watching a folder that goes by another name now, and those in it.
func (w *watcher) forget(path string) {
	for number, at := range w.paths {
		if at == path || strings.HasPrefix(at, path+"/") {
			_, _ = unix.InotifyRmWatch(w.fd, uint32(number))
			delete(w.paths, number)
		}
	}
}

func kindOf(mask uint32) (Kind, bool) {
	for _, is := range []struct {
		bits uint32
		kind Kind
	}{
		{unix.IN_CREATE, Created}, {unix.IN_MODIFY, Written}, {unix.IN_DELETE | unix.IN_DELETE_SELF, Removed},
		{unix.IN_MOVED_FROM | unix.IN_MOVE_SELF, MovedAway}, {unix.IN_MOVED_TO, MovedHere}, {unix.IN_ATTRIB, Changed},
	} {
		if mask&is.bits != 0 {
			return is.kind, true
		}
	}
	return 0, false
}
