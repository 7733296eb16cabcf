package main

import (
	"context"
	"errors"
	"os"
	"time"

	"banger.dev/agent/internal/boot"
	"banger.dev/agent/internal/guest"
	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/unpack"
)

// unpackArchive is how a host copies files into a guest that has no tools of its own.
func unpackArchive(_ context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: unpack TARGET")
	}
	return unpack.Into(args[0], os.Stdin)
}

// sealGuest is the last that is run in a guest whose disk becomes an image.
func sealGuest(context.Context, []string) error {
	line, err := boot.ReadCommandLine()
	if err != nil {
		return err
	}
	uptime, err := machine.Uptime()
	if err != nil {
		return err
	}
	return guest.Forget("/", guest.Identity{
		Since:    time.Now().Add(-uptime),
		Hostname: line.Hostname, MachineID: line.MachineID, DNS: line.DNS, HostKey: hostKeyPath,
	})
}
