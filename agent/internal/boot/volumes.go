package boot

import (
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/machine"
)

// Volume is a disk that outlives the VM, and where it is mounted.
type Volume struct {
	Device, Target string
	ReadOnly       bool
}

// parseVolume reads DEVICE:PATH[:ro].
func parseVolume(value string) (Volume, error) {
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 || !strings.HasPrefix(parts[1], "/") || (len(parts) == 3 && parts[2] != "ro") {
		return Volume{}, fmt.Errorf("banger.volume=%s: DEVICE:/PATH[:ro] was expected", value)
	}
	return Volume{Device: parts[0], Target: parts[1], ReadOnly: len(parts) == 3}, nil
}

// mountVolumes mounts the VM's volumes in their order, and grows those that became larger. As with the work disk, one that
// cannot be had ends the boot: what is written there must never land on the root disk instead.
func mountVolumes(ctx context.Context, console io.Writer, volumes []Volume) error {
	for _, v := range volumes {
		flags := uintptr(unix.MS_NODEV)
		if v.ReadOnly {
			flags |= unix.MS_RDONLY
		}
		if err := mountDisk(ctx, "the volume of "+v.Target, v.Device, v.Target, workDeviceLimit, flags); err != nil {
			return err
		}
		if v.ReadOnly {
			continue
		}
		if _, err := machine.Grow(v.Target); err != nil {
			Warn(console, fmt.Errorf("the volume of %s stays as large as it was: %w", v.Target, err))
		}
	}
	return nil
}
