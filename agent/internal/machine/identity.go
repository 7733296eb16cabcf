package machine

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// maxOSReleaseBytes bounds what is read of a file of the image's.
const maxOSReleaseBytes = 64 << 10

// BootID is another one after each boot of the kernel; empty without /proc.
func BootID() string { return readLine("/proc/sys/kernel/random/boot_id") }

// KernelRelease is what `uname -r` prints.
func KernelRelease() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// OSName is PRETTY_NAME of os-release(5); empty where there is none.
func OSName() string {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if text, err := files.Head(path, maxOSReleaseBytes); err == nil {
			return prettyName(text)
		}
	}
	return ""
}

func prettyName(text []byte) string {
	for line := range bytes.Lines(text) {
		if value, found := strings.CutPrefix(strings.TrimSpace(string(line)), "PRETTY_NAME="); found {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}

// Init is what runs as PID 1.
type Init int

// The kinds of PID 1 that make a difference to how a guest is ended.
const (
	OtherInit Init = iota
	SystemdInit
	AgentInit
)

// FindInit looks at PID 1.
func FindInit() Init {
	switch {
	case os.Getpid() == 1:
		return AgentInit
	case readLine("/proc/1/comm") == "systemd":
		return SystemdInit
	}
	return OtherInit
}

func readLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
