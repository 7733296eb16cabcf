package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// DefaultGrace is the time between SIGTERM and SIGKILL.
const DefaultGrace = 5 * time.Second

// Systemd's own signals for PID 1 (systemd(1), SIGNALS), counted from glibc's SIGRTMIN, which is 34.
const (
	systemdPoweroff = unix.Signal(34 + 4)
	systemdReboot   = unix.Signal(34 + 5)
)

// End is how a machine is to end.
type End int

// The ends.
const (
	Poweroff End = iota
	Reboot
)

// CanPowerOff tells whether the kernel knows how to cut the power. Where it does not, a machine that powers off only
// halts; but a reboot ends the VMM, which is told not to start again.
func CanPowerOff() bool {
	_, err := os.Stat("/sys/firmware/acpi")
	line, _ := os.ReadFile("/proc/cmdline")
	return err == nil && !endsByReset(string(line))
}

// endsByReset tells machines that have no switch by how the driver has them reboot: by the keyboard controller
// (Firecracker, which has ACPI, and no power management in it) or by a triple fault (QEMU's microvm).
func endsByReset(commandLine string) bool {
	for _, word := range strings.Fields(commandLine) {
		if word == "reboot=k" || word == "reboot=t" {
			return true
		}
	}
	return false
}

// PoweroffWord goes with a reset that stands for a poweroff, where a machine has no switch: the kernel says it on the
// console with its last words (LINUX_REBOOT_CMD_RESTART2 of reboot(2)), and the host does not take it for a reboot.
const PoweroffWord = "banger-poweroff"

// rebootParameter is the file that systemd takes the word from for its last reboot(2).
const rebootParameter = "/run/systemd/reboot-param"

// AskSystemd has systemd stop everything in its order.
func AskSystemd(end End) error {
	sig := systemdPoweroff
	switch {
	case end == Reboot:
		sig = systemdReboot
	case !CanPowerOff():
		sig = systemdReboot
		// Without it the host would still know that it has asked for this end.
		// destroys: the host asked for the machine's end; a note for this boot
		_ = files.Replace(rebootParameter, []byte(PoweroffWord+"\n"), 0o644)
	}
	// destroys: the host asked for the machine's end
	if err := unix.Kill(1, sig); err != nil {
		return fmt.Errorf("ask systemd to end the machine: %w", err)
	}
	return nil
}

// AskInit has an init of another kind end the machine, by the tool that it comes with.
func AskInit(end End) error {
	tool := "poweroff"
	if end == Reboot || !CanPowerOff() {
		tool = "reboot"
	}
	if err := exec.Command(tool).Start(); err != nil {
		return fmt.Errorf("ask the guest's init to end the machine: %w", err)
	}
	return nil
}

// Halt ends the machine as PID 1: all processes get SIGTERM, after the grace SIGKILL; then the file systems are
// written out and made read-only. It returns only if the kernel refuses.
func Halt(end End, grace time.Duration) error {
	endProcesses(grace)
	unix.Sync()
	remountReadOnly()
	if end == Poweroff {
		if CanPowerOff() {
			// destroys: the host asked for the machine's end; all is written out
			_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
		}
		_ = restartWith(PoweroffWord)
	}
	// destroys: the host asked for the machine's end; all is written out
	return fmt.Errorf("end the machine: %w", unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART))
}

// restartWith resets the machine, with a word that the kernel says last.
func restartWith(word string) error {
	text, err := unix.BytePtrFromString(word)
	if err != nil {
		return err
	}
	// destroys: the host asked for the machine's end; all is written out
	_, _, errno := unix.Syscall6(unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2,
		unix.LINUX_REBOOT_CMD_RESTART2, uintptr(unsafe.Pointer(text)), 0, 0)
	return errno
}

// endProcesses reaps as it goes: whose children these are does not matter any more.
func endProcesses(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	// destroys: the host asked for the machine's end, and we are PID 1
	_ = unix.Kill(-1, unix.SIGTERM)
	// What is stopped could not hear it.
	// destroys: the host asked for the machine's end, and we are PID 1
	_ = unix.Kill(-1, unix.SIGCONT)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, err := unix.Wait4(-1, nil, 0, nil); err != nil && err != unix.EINTR {
				return
			}
		}
	}()
	select {
	case <-gone:
		return
	case <-ctx.Done():
	}
	// destroys: the host asked for the machine's end, and the time to end by itself is over
	_ = unix.Kill(-1, unix.SIGKILL)
	select {
	case <-gone:
	case <-time.After(time.Second):
		// Something sits in the kernel and cannot be killed; it shall not hold up the end.
	}
}

// remountReadOnly leaves the disks clean. In the reverse order, since a mount may lie on another.
func remountReadOnly() {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		fields := strings.Fields(lines[i])
		if len(fields) > 1 && strings.HasPrefix(fields[0], "/dev/") {
			_ = unix.Mount("", unescapeMount(fields[1]), "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
	}
}
