package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/uevent"
)

// mountDisk waits for a disk of ext4 as long as it may take to come, and mounts it on a folder that is made for it. What it
// is called stands in the errors: "the work disk".
func mountDisk(ctx context.Context, called, device, target string, limit time.Duration, flags uintptr) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := uevent.Await(ctx, func() bool {
		info, err := os.Stat(device)
		return err == nil && info.Mode()&os.ModeDevice != 0
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("waited %s for %s %s; block devices seen: %s", limit, called, device, blockDevices())
	}
	if err != nil {
		return err
	}
	if err := files.EnsureFolder(target, 0o755); err != nil {
		return fmt.Errorf("make a place for %s: %w", called, err)
	}
	if err := unix.Mount(device, target, "ext4", flags, ""); err != nil {
		return fmt.Errorf("mount %s: %s on %s: %w", called, device, target, err)
	}
	return nil
}
