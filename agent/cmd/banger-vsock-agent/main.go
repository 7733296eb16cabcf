// Command banger-vsock-agent is everything of banger's that runs inside a guest, in one file with several jobs.
// The name it is called by says which: /init in our initramfs, banger-first-boot as PID 1; else the first argument.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"banger.dev/agent/internal/boot"
)

// version is set by the linker.
var version = "dev"

// job is one thing that this program does.
type job struct {
	usage string
	run   func(ctx context.Context, args []string) error
}

func jobs() map[string]job {
	return map[string]job{
		"initramfs-init":    {"be /init: load modules, mount the root file system, go on there", initramfsInit},
		"banger-first-boot": {"prepare the guest: as PID 1, then run systemd or stay; or as a service, once", firstBoot},
		"serve":             {"answer the host; for systemd, and with --listen-unix or --serial-fd for tests", serve},
		"supervise":         {"keep the command running that this machine is for; by the agent, or by systemd", supervise},
		"session-run":       {"FOLDER SOCKET: be the supervisor of a session; what to run comes on stdin; by the agent", sessionRun},
		"sftp-server":       {"serve SFTP on stdin and stdout, as the user who runs it", sftpServer},
		"vsock-connect":     {"CID PORT: join stdin and stdout to a vsock, on the host", vsockConnect},
		"unpack":            {"TARGET: unpack the tar archive on stdin; TARGET takes the place of its one top entry", unpackArchive},
		"pack-files":        {"[--name NAME] [--follow] PATH: pack a file or folder as a tar archive on stdout, on the host", packFiles},
		"unpack-files":      {"FOLDER NAME: unpack the tar archive on stdin, which has but NAME, into FOLDER, on the host", unpackFiles},
		"banger-modprobe":   {"[-q] [--] NAME…: load kernel modules, for a kernel whose image has no modprobe", loadModules},
		"seal":              {"forget who this guest is, so that its disk can become an image", sealGuest},
		"version":           {"print the version", printVersion},
	}
}

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "init" && os.Getpid() == 1 {
		name = "initramfs-init"
	}
	if _, known := jobs()[name]; !known && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	chosen, known := jobs()[name]
	if !known {
		usage()
		os.Exit(2)
	}
	if err := chosen.run(context.Background(), args); err != nil {
		if os.Getpid() == 1 {
			boot.Fail(os.Stdout, err)
		}
		fmt.Fprintf(os.Stderr, "banger-vsock-agent %s: %v\n", name, err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: banger-vsock-agent JOB [ARGUMENT…]")
	names := make([]string, 0, len(jobs()))
	for name := range jobs() {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(os.Stderr, "  %-18s %s\n", name, jobs()[name].usage)
	}
}

func printVersion(context.Context, []string) error {
	_, err := fmt.Println(version)
	return err
}
