package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"banger.dev/agent/internal/archive"
	"banger.dev/agent/internal/fileops"
)

// packFiles is for the host's side of a copy: what the guest packs, the host packs by the same code.
func packFiles(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("pack-files", flag.ContinueOnError)
	name := flags.String("name", "", "what the top is called in the archive")
	follow := flags.Bool("follow", false, "pack what links lead to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("usage: pack-files [--name NAME] [--follow] PATH")
	}
	return archive.Pack(flags.Arg(0), os.Stdout, archive.PackOptions{Name: *name, Follow: *follow})
}

// unpackFiles is for what comes from a guest, which may be hostile: it becomes one file or folder, of whoever runs this.
func unpackFiles(_ context.Context, args []string) error {
	if len(args) != 2 || args[1] == "" {
		return errors.New("usage: unpack-files FOLDER NAME")
	}
	options := archive.UnpackOptions{Owner: fileops.SameOwner, Plain: true, Only: args[1]}
	// destroys: what the user has a copy of the guest's take the place of
	done, err := archive.Unpack(args[0], os.Stdin, options)
	if err != nil {
		return err
	}
	// What follows the archive's end; who sends it would hear of a broken pipe.
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	_, err = fmt.Printf("{\"bytes\":%d,\"entries\":%d}\n", done.Bytes, done.Entries)
	return err
}
