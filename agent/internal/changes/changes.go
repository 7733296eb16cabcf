// Package changes tells that something in a folder has changed.
package changes

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// In tells when something in a folder has changed (inotify(7)); several changes may be told as one. The channel
// is closed when the watch ends.
func In(dir string) (changes <-chan struct{}, stop func(), err error) {
	if err := files.EnsureFolder(dir, 0o750); err != nil {
		return nil, nil, err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	file := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		_ = file.Close()
		return nil, nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	told := make(chan struct{}, 1)
	go func() {
		defer close(told)
		events := make([]byte, 64<<10)
		for {
			if _, err := file.Read(events); err != nil {
				return
			}
			select {
			case told <- struct{}{}:
			default:
				// One that is not taken yet says the same.
			}
		}
	}()
	return told, func() { _ = file.Close() }, nil
}
