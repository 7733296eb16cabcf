package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/machine"
)

// runtimeUnits is where systemd takes units from that are for this boot only: nothing in the image changes.
const runtimeUnits = "/run/systemd/system"

const (
	agentUnit     = "banger-vsock-agent"
	firstBootUnit = "banger-first-boot"
	// resolvedDropIn lies beside the units: /run/systemd/resolved.conf.d (resolved.conf(5)).
	resolvedDropIn = "../resolved.conf.d/50-banger.conf"
)

// unitFacts is what the units depend on.
type unitFacts struct {
	// agent is the path of its program.
	agent string
	// bootID is the kernel's.
	bootID string
	// getty: somebody shall be asked for a login on the console.
	getty bool
	// canPowerOff: the kernel knows how to.
	canPowerOff bool
	// absent are devices, by their names in /dev, whose units would be waited for in vain.
	absent []string
	// modules: the guest has modules of the kernel that runs.
	modules bool
	// nodes: systemd makes the nodes of devices, and udev gives some of them to everybody.
	nodes bool
	// libkmod: the image holds the library by which systemd loads them itself. Since 255 it may be installed without.
	libkmod bool
	// dns are the name servers for systemd-resolved, which owns resolv.conf where it runs.
	dns []string
}

// unitPlan is what shall lie in the folder of units: text of files, and targets of links, by path.
type unitPlan struct {
	files map[string]string
	links map[string]string
}

// masked would each hold up the boot for a minute and more: they wait for events that never come in a guest
// without udev, for a network that systemd does not manage, or for somebody at the console.
var masked = []string{
	"NetworkManager-wait-online.service",
	"systemd-firstboot.service",
	"systemd-networkd-wait-online.service",
}

const consoleGetty = "serial-getty@ttyS0.service"

func planUnits(facts unitFacts) unitPlan {
	agent, firstBoot := machine.OwnUnit(agentUnit, facts.bootID), machine.OwnUnit(firstBootUnit, facts.bootID)
	plan := unitPlan{
		files: map[string]string{
			agent:     fmt.Sprintf(agentUnitText, facts.agent),
			firstBoot: fmt.Sprintf(firstBootUnitText, facts.agent),
		},
		links: map[string]string{
			"sysinit.target.wants/" + agent:     "../" + agent,
			"sysinit.target.wants/" + firstBoot: "../" + firstBoot,
			// By the plain names people find them, where the image has no such units itself.
			agentUnit + ".service":     agent,
			firstBootUnit + ".service": firstBoot,
		},
	}
	if !facts.modules || !facts.libkmod {
		// It would look for each that a package names, find none, and fail; or fail before that.
		plan.links["systemd-modules-load.service"] = os.DevNull
	}
	if !facts.nodes {
		// It asks whether there are modules, and not for the program that it runs. Without udev it would take away what
		// bringDevices gives.
		plan.links["kmod-static-nodes.service"] = os.DevNull
	}
	for _, device := range facts.absent {
		plan.links["dev-"+device+".device"] = os.DevNull
	}
	if len(facts.dns) > 0 {
		plan.files[resolvedDropIn] = "[Resolve]\nDNS=" + strings.Join(facts.dns, " ") + "\n"
	}
	for _, unit := range masked {
		plan.links[unit] = os.DevNull
	}
	if !facts.getty {
		plan.links[consoleGetty] = os.DevNull
	}
	// A machine that halts goes on for ever, and its VMM with it.
	off := "[Unit]\nSuccessAction=poweroff-force\n"
	if !facts.canPowerOff {
		// One that cannot cut its power would halt; a reset ends its VMM. The word tells the host that this is no reboot.
		off = "[Unit]\nSuccessAction=reboot-force\nRebootArgument=" + machine.PoweroffWord + "\n"
		plan.files["systemd-poweroff.service.d/50-banger.conf"] = off
	}
	plan.files["systemd-halt.service.d/50-banger.conf"] = off
	return plan
}

// agentUnitText: early and on its own, since the host waits for it. It logs to /dev/kmsg by itself; systemd's
// journal would have to be there first. A restart leaves alone what was started through it.
const agentUnitText = `[Unit]
Description=banger agent: answers the host
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=%s serve
Restart=always
RestartSec=100ms
KillMode=process
TasksMax=infinity
StandardInput=null
StandardOutput=null
StandardError=null
`

// firstBootUnitText: what a machine needs once, and PID 1 did not do since nobody waits for it but sshd. It is skipped
// where there is no sshd, or where it has its keys: on every boot but the first.
const firstBootUnitText = `[Unit]
Description=banger: make this machine's own SSH host keys
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target ssh.service sshd.service ssh.socket sshd.socket
ConditionFileIsExecutable=/usr/sbin/sshd
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%s banger-first-boot
`

func hasKmod(root string) bool {
	for _, path := range []string{"bin/kmod", "usr/bin/kmod", "sbin/kmod", "usr/sbin/kmod"} {
		if isExecutable(filepath.Join(root, path)) {
			return true
		}
	}
	return false
}

func hasUdev(root string) bool {
	return isExecutable(filepath.Join(root, "/lib/systemd/systemd-udevd")) ||
		isExecutable(filepath.Join(root, "/usr/lib/systemd/systemd-udevd"))
}

func hasLibkmod(root string) bool {
	for _, folder := range []string{"usr/lib", "usr/lib64", "usr/lib/*", "lib", "lib64", "lib/*"} {
		if found, err := filepath.Glob(filepath.Join(root, folder, "libkmod.so.2")); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

// waitedFor are devices that units of container images and virtual machines name. Their own units turn active by an
// event of udev's, so without udev whoever needs one waits for 90 seconds.
var waitedFor = []string{"ttyS0", "vdb"}

// absentDevices are those of them that will never be announced, or are not what was meant: where there is no work disk, the
// disk of the kernel's modules has its name. What is mounted already is announced by that.
func absentDevices(root, work, modules string) []string {
	udev := hasUdev(root)
	var absent []string
	for _, name := range waitedFor {
		device := "/dev/" + name
		_, err := os.Stat(filepath.Join(root, device))
		if device == modules || device != work && (!udev || err != nil) {
			absent = append(absent, name)
		}
	}
	return absent
}

func applyUnits(dir string, plan unitPlan) error {
	for name, text := range plan.files {
		path := filepath.Join(dir, name)
		if err := files.EnsureFolder(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write units: %w", err)
		}
		// destroys: a unit of our own, by its name, in the folder for this boot
		if err := files.Replace(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write units: %w", err)
		}
	}
	for name, target := range plan.links {
		path := filepath.Join(dir, name)
		if err := files.EnsureFolder(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("link units: %w", err)
		}
		if err := os.Symlink(target, path); err != nil && !os.IsExist(err) {
			return fmt.Errorf("link units: %w", err)
		}
	}
	return nil
}
