package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/guest"
	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/netif"
)

// FirstBoot is PID 1 on the root file system. The agent's file there is program; the one that runs, if that is empty.
// Where systemd shall run it does not return; otherwise the caller goes on as PID 1, and gets the agent's file.
func FirstBoot(ctx context.Context, program string) (string, error) {
	if err := mountAll(earlyMounts); err != nil {
		return "", err
	}
	if program == "" {
		// Only now: without /proc nobody knows.
		var err error
		if program, err = os.Executable(); err != nil {
			return "", fmt.Errorf("find the agent's own file: %w", err)
		}
	}
	return program, prepare(ctx, program)
}

// prepare makes the guest ready for whatever is to be PID 1.
func prepare(ctx context.Context, program string) error {
	if err := TakeConsole(); err != nil {
		return err
	}
	console := os.Stdout
	Announce(console, StageInit)
	line, err := ReadCommandLine()
	if err != nil {
		return err
	}
	for _, err := range []error{linkStandardFiles(), introduce(line), connectNetwork(line)} {
		if err != nil {
			Warn(console, err)
		}
	}
	if err := mountWorkDisk(ctx, console, line.Work); err != nil {
		return err
	}
	if err := mountVolumes(ctx, console, line.Volumes); err != nil {
		return err
	}
	warnOfModules(ctx, console, line.Modules, program)
	if err := bringDevices("/"); err != nil {
		Warn(console, err)
	}
	init, err := chooseInit(line.Policy, findSystemd("/"), findOpenRC("/"))
	if err != nil {
		return err
	}
	if init != "" {
		err := startInit(init, line, program)
		if line.Policy == PolicySystemd {
			return err
		}
		Warn(console, fmt.Errorf("going on without systemd: %w", err))
	}
	if err := mountAll(agentMounts); err != nil {
		return err
	}
	if err := linkMountTable("/"); err != nil {
		Warn(console, err)
	}
	return limitCtrlAltDel()
}

// isNewDisk tells whether a root disk has never been booted: the agent leaves its host key on each. Until then its
// resolv.conf is that of whoever built the image, as containers never see it.
func isNewDisk(root string) bool {
	_, err := os.Stat(filepath.Join(root, HostKeyPath))
	return errors.Is(err, fs.ErrNotExist)
}

// introduce tells the guest who it is.
func introduce(line CommandLine) error {
	var failed []error
	if line.Hostname != "" {
		failed = append(failed, guest.SetHostname("/", line.Hostname))
	}
	if line.MachineID != "" {
		failed = append(failed, guest.SetMachineID("/", line.MachineID))
	}
	if len(line.DNS) > 0 {
		failed = append(failed, guest.SetResolvers("/", line.DNS, isNewDisk("/")))
	}
	return errors.Join(failed...)
}

// connectNetwork configures the first interface, unless the kernel has done so.
func connectNetwork(line CommandLine) error {
	failed := netif.Up("lo")
	nic := netif.FirstNIC()
	if line.Network == nil || nic == "" || netif.HasAddress(nic) {
		return failed
	}
	return errors.Join(failed, netif.Apply(nic, *line.Network))
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// startInit returns only in failure.
func startInit(path string, line CommandLine, agent string) error {
	// A deleted file has this mark (proc_pid_exe(5)); then only the copy can be started again.
	if strings.HasSuffix(agent, " (deleted)") {
		agent = agentCopy
	}
	if isSystemd(path) {
		if err := applyUnits(runtimeUnits, planUnits(unitFacts{
			agent: agent, bootID: machine.BootID(), getty: line.Getty, canPowerOff: machine.CanPowerOff(), dns: line.DNS,
			absent:  absentDevices("/", line.Work, line.Modules),
			modules: hasModules(modulesPath("/", machine.KernelRelease())),
			nodes:   hasKmod("/") && hasUdev("/"),
			libkmod: hasLibkmod("/"),
		})); err != nil {
			return err
		}
	}
	Announce(os.Stdout, StageSystemd)
	environment := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=linux"}
	return fmt.Errorf("run %s: %w", path, unix.Exec(path, []string{path}, environment))
}

// limitCtrlAltDel makes the kernel send SIGINT to PID 1 instead of rebooting by itself.
func limitCtrlAltDel() error {
	// destroys: ends nothing: the kernel is told to ask PID 1 first
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF); err != nil {
		return fmt.Errorf("take over ctrl-alt-del: %w", err)
	}
	return nil
}
