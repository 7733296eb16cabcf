package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"banger.dev/agent/internal/boot"
	"banger.dev/agent/internal/guest"
	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/sessions"
	"banger.dev/agent/internal/unpack"
	"banger.dev/agent/internal/world"
)

// unpackArchive is how a host copies files into a guest that has no tools of its own.
func unpackArchive(_ context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: unpack TARGET")
	}
	return unpack.Into(args[0], os.Stdin)
}

// sealGuest is the last that is run in a guest whose disk becomes an image.
func sealGuest(ctx context.Context, _ []string) error {
	line, err := boot.ReadCommandLine()
	if err != nil {
		return err
	}
	uptime, err := machine.Uptime()
	if err != nil {
		return err
	}
	host := world.Keeper{Root: "/", Run: runProgram}
	_, undoing := host.Set(ctx, world.Wanted{})
	return errors.Join(errors.Join(undoing...), sessions.ForgetAll(), guest.Forget("/", guest.Identity{
		Since:    time.Now().Add(-uptime),
		Hostname: line.Hostname, MachineID: line.MachineID, DNS: line.DNS, HostKey: hostKeyPath,
	}))
}

func runProgram(ctx context.Context, argv []string) error {
	said, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, said[max(0, len(said)-300):])
	}
	return nil
}
