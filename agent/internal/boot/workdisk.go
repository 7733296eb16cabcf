package boot

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/machine"
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
	if err := mountDisk(ctx, "the work disk", device, workMountPoint, workDeviceLimit, unix.MS_NODEV); err != nil {
		return err
	}
	if _, err := machine.Grow(workMountPoint); err != nil {
		// What is in it is there all the same.
		Warn(console, fmt.Errorf("the work disk stays as large as it was: %w", err))
	}
	return nil
}
