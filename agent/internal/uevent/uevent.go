// Package uevent waits for devices without asking for them again and again: the kernel tells of each.
package uevent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kernelGroup is the multicast group of the kernel's own events; udev's are in another.
const kernelGroup = 1

// Await returns once the condition holds. It is tried at once, and again after every event of a device.
func Await(ctx context.Context, condition func() bool) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return fmt.Errorf("listen to the kernel's device events: %w", err)
	}
	file := os.NewFile(uintptr(fd), "uevents")
	defer func() { _ = file.Close() }()
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		return fmt.Errorf("listen to the kernel's device events: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	event := make([]byte, 8<<10)
	for !condition() {
		// What the event says does not matter. If there were too many (ENOBUFS), it is time to look, too.
		if _, err := file.Read(event); err != nil && !errors.Is(err, unix.ENOBUFS) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("read the kernel's device events: %w", err)
		}
	}
	return nil
}
