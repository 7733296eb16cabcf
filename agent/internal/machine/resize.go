package machine

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// EXT4_IOC_RESIZE_FS is _IOW('f', 16, __u64), in fs/ext4/ext4.h: grow a mounted file system to so many blocks.
const EXT4_IOC_RESIZE_FS = 0x40086610

// ErrNotExt4 says that a file system is of a kind that this agent cannot grow.
var ErrNotExt4 = errors.New("the file system is not ext4")

// Sizes are in bytes: what the file system held before and holds now, and what its device has.
type Sizes struct {
	Old, New, Device uint64
}

// GrowRoot makes the root file system as large as its block device.
func GrowRoot() (Sizes, error) { return Grow("/") }

// Grow makes the file system that is mounted here as large as its block device. Growing what is large enough already
// changes nothing.
func Grow(mountPoint string) (Sizes, error) {
	root, err := os.Open(mountPoint)
	if err != nil {
		return Sizes{}, err
	}
	defer func() { _ = root.Close() }()
	before, err := statfs(root)
	if err != nil {
		return Sizes{}, err
	}
	if before.Type != unix.EXT4_SUPER_MAGIC {
		return Sizes{}, ErrNotExt4
	}
	device, err := deviceSize(root)
	if err != nil {
		return Sizes{}, err
	}
	blocks := device / uint64(before.Bsize)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, root.Fd(), EXT4_IOC_RESIZE_FS, uintptr(unsafe.Pointer(&blocks)))
	if errno != 0 {
		return Sizes{}, fmt.Errorf("grow the file system at %s to %d blocks: %w", mountPoint, blocks, errno)
	}
	after, err := statfs(root)
	if err != nil {
		return Sizes{}, err
	}
	bytes := func(s unix.Statfs_t) uint64 { return s.Blocks * uint64(s.Bsize) }
	return Sizes{Old: bytes(before), New: bytes(after), Device: device}, nil
}

func statfs(file *os.File) (unix.Statfs_t, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &fs); err != nil {
		return fs, fmt.Errorf("measure the file system: %w", err)
	}
	return fs, nil
}

// deviceSize finds the block device by its number; sysfs counts in sectors of 512 bytes whatever the device's own.
func deviceSize(root *os.File) (uint64, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(root.Fd()), &stat); err != nil {
		return 0, fmt.Errorf("find its device: %w", err)
	}
	path := fmt.Sprintf("/sys/dev/block/%d:%d/size", unix.Major(stat.Dev), unix.Minor(stat.Dev))
	sectors, err := strconv.ParseUint(readLine(path), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("find the size of its device in %s: %w", path, err)
	}
	return sectors * 512, nil
}
