package main

import (
	"context"
	"errors"
	"flag"
	"io"

	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/modprobe"
)

// loadModules is what the kernel calls as `banger-modprobe -q -- NAME`.
func loadModules(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("banger-modprobe", flag.ContinueOnError)
	quiet := flags.Bool("q", false, "say nothing of a module that is not known")
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name a module, or an alias of one")
	}
	var failed []error
	for _, name := range flags.Args() {
		err := modprobe.Load("/lib/modules/"+machine.KernelRelease(), name, modprobe.Insert)
		if !*quiet || !errors.Is(err, modprobe.ErrUnknown) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
