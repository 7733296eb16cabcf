package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

type mountSpec struct {
	target, fsType string
	flags          uintptr
	options        string
}

const noSuidDevExec = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// earlyMounts are what everything else needs. systemd finds them mounted and leaves them as they are.
var earlyMounts = []mountSpec{
	{"/proc", "proc", noSuidDevExec, ""},
	{"/sys", "sysfs", noSuidDevExec, ""},
	{"/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755"},
	// Not noexec: the agent of an image that has none runs from here.
	{"/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
}

// agentMounts are what a guest without systemd needs besides.
var agentMounts = []mountSpec{
	{"/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
	{"/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	{"/dev/mqueue", "mqueue", noSuidDevExec, ""},
	{"/sys/fs/cgroup", "cgroup2", noSuidDevExec, "nsdelegate"},
}

// optionalMounts may be missing from a kernel's configuration.
var optionalMounts = map[string]bool{"mqueue": true, "cgroup2": true}

// mountAll mounts what is not mounted yet.
func mountAll(specs []mountSpec) error {
	for _, spec := range specs {
		if isMountPoint(spec.target) {
			continue
		}
		err := files.EnsureFolder(spec.target, 0o755)
		if err == nil {
			err = unix.Mount(spec.fsType, spec.target, spec.fsType, spec.flags, spec.options)
		}
		// EBUSY: mounted already, by the kernel itself, at the root of another mount.
		if err != nil && !errors.Is(err, unix.EBUSY) && !optionalMounts[spec.fsType] {
			return fmt.Errorf("mount %s on %s: %w", spec.fsType, spec.target, err)
		}
	}
	return nil
}

// isMountPoint compares device numbers with the parent's: there may be no /proc yet to ask.
func isMountPoint(path string) bool {
	var here, parent unix.Stat_t
	if unix.Stat(path, &here) != nil || unix.Stat(path+"/..", &parent) != nil {
		return false
	}
	return here.Dev != parent.Dev
}

// linkStandardFiles makes the links in /dev that programs expect, and udev or systemd would make.
func linkStandardFiles() error {
	for name, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
		"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, name); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make %s: %w", name, err)
		}
	}
	return nil
}

// linkMountTable makes /etc/mtab where an image has none, as engines of containers do: pacman, for one, asks it for the
// space that is left. With systemd it is systemd's to make (tmpfiles.d(5)). What is there, or cannot be written, stays.
func linkMountTable(root string) error {
	err := os.Symlink("../proc/self/mounts", filepath.Join(root, "etc/mtab"))
	if errors.Is(err, os.ErrExist) || errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EROFS) {
		return nil
	}
	return err
}
