package boot

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Stage is how far a boot has come. The host reads the stages off the console, in lines of a fixed form.
type Stage string

// The stages, in order.
const (
	StageInitramfs Stage = "initramfs" // our /init runs
	StageRoot      Stage = "root"      // the root file system is mounted
	StageInit      Stage = "init"      // first-boot runs as PID 1
	StageSystemd   Stage = "systemd"   // it hands over to systemd
	StageAgent     Stage = "agent"     // the agent listens
)

const (
	stagePrefix  = "banger: stage "
	failedPrefix = "banger: failed: "
	warnPrefix   = "banger: warning: "
)

// Announce prints a stage's line.
func Announce(console io.Writer, stage Stage) { say(console, stagePrefix+string(stage)) }

// Warn prints what went wrong, but does not end the boot.
func Warn(console io.Writer, err error) { say(console, warnPrefix+err.Error()) }

// Fail prints why the boot ends here, and ends the machine: a VM that hangs would tell nobody.
func Fail(console io.Writer, err error) {
	say(console, failedPrefix+err.Error())
	unix.Sync()
	if os.Getpid() == 1 {
		// destroys: the boot failed for good, and its console says why
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	}
	os.Exit(1)
}

// say begins on a line of its own: the kernel may be in the midst of one.
func say(console io.Writer, line string) { _, _ = fmt.Fprintf(console, "\r\n%s\r\n", line) }

// TakeConsole makes the console stdin, stdout and stderr of PID 1. The kernel could not where its root had no
// /dev/console.
func TakeConsole() error {
	fd, err := unix.Open("/dev/console", unix.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open the console: %w", err)
	}
	for std := range 3 {
		if fd == std {
			continue
		}
		if err := unix.Dup3(fd, std, 0); err != nil {
			return fmt.Errorf("take the console: %w", err)
		}
	}
	if fd > 2 {
		return unix.Close(fd)
	}
	return nil
}
