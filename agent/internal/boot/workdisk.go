package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/uevent"
)

const (
	// workMountPoint is where a VM's work disk is found, whatever runs as PID 1.
	workMountPoint = "/work"
	// workDeviceLimit is how long the work disk's device is awaited.
	workDeviceLimit = 30 * time.Second
)

// mountWorkDisk mounts the VM's second disk, and grows its file system where the disk has become larger. systemd finds
// it mounted, and unmounts it at the end as it does with any other. A work disk that cannot be had ends the boot: what
// is written to /work must never land on the root disk instead.
func mountWorkDisk(ctx context.Context, console io.Writer, device string) error {
	if device == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, workDeviceLimit)
	defer cancel()
	err := uevent.Await(ctx, func() bool {
		info, err := os.Stat(device)
		return err == nil && info.Mode()&os.ModeDevice != 0
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("waited %s for the work disk %s; block devices seen: %s", workDeviceLimit, device, blockDevices())
	}
	if err != nil {
		return err
	}
	if err := files.EnsureFolder(workMountPoint, 0o755); err != nil {
		return fmt.Errorf("make a place for the work disk: %w", err)
	}
	if err := unix.Mount(device, workMountPoint, "ext4", unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("mount the work disk: %s on %s: %w", device, workMountPoint, err)
	}
	if _, err := machine.Grow(workMountPoint); err != nil {
		// What is in it is there all the same.
		Warn(console, fmt.Errorf("the work disk stays as large as it was: %w", err))
	}
	return nil
}
