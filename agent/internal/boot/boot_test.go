package boot

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/netif"
)

func TestParseCommandLine(t *testing.T) {
	got, err := ParseCommandLine(`console=ttyS0 ro root=/dev/vda rootfstype=ext4 rw "rootflags=a=1 b" init=/sbin/x ` +
		`banger.init=agent banger.hostname=demo banger.dns=10.0.2.3,1.1.1.1 banger.ip=10.0.2.15/24,10.0.2.2 ` +
		"banger.getty=1 banger.same=1 banger.work=/dev/vdb systemd.machine_id=0123 unknown=1 -- banger.hostname=not-ours\n")
	want := CommandLine{
		Root: "/dev/vda", RootType: "ext4", RootFlags: "a=1 b", Init: "/sbin/x", Policy: PolicyAgent,
		Hostname: "demo", MachineID: "0123", DNS: []string{"10.0.2.3", "1.1.1.1"}, Getty: true, SameAgent: true, Work: "/dev/vdb",
		Network: &netif.Plan{Address: netip.MustParsePrefix("10.0.2.15/24"), Gateway: netip.MustParseAddr("10.0.2.2")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v\nwant %+v", got, err, want)
	}
}

func TestCommandLineDefaults(t *testing.T) {
	got, err := ParseCommandLine("")
	if err != nil || !reflect.DeepEqual(got, CommandLine{RootType: "ext4", Init: DefaultInit, Policy: PolicyAuto}) {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestCommandLineRefuses(t *testing.T) {
	for _, text := range []string{"banger.init=sysv", "banger.ip=10.0.2.15", "banger.ip=10.0.2.15/24,gateway", "banger.ip=/24"} {
		if got, err := ParseCommandLine(text); err == nil {
			t.Errorf("%s was taken: %+v", text, got)
		}
	}
}

func TestLoadListIsInOrder(t *testing.T) {
	got, err := parseLoadList([]byte("# order counts\nvirtio_ring.ko\r\n\n  virtio.ko\n"))
	if err != nil || !reflect.DeepEqual(got, []string{"virtio_ring.ko", "virtio.ko"}) {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestLoadListRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a path":   "../etc/x.ko",
		"a folder": "sub/x.ko",
		"too long": strings.Repeat("a.ko\n", maxListSize/5+1),
	} {
		if got, err := parseLoadList([]byte(text)); err == nil {
			t.Errorf("%s was taken: %d names", name, len(got))
		}
	}
}

func TestAMissingModuleIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, loadList), []byte("absent.ko\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := loadModules(dir); err == nil || !strings.Contains(err.Error(), "absent.ko") {
		t.Fatalf("%v", err)
	}
	if err := loadModules(t.TempDir()); err != nil {
		t.Fatalf("no list means no modules: %v", err)
	}
}

// image makes a root with executables and links.
func image(t *testing.T, executables []string, links map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, path := range executables {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, target := range links {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, full); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFindSystemd(t *testing.T) {
	for name, c := range map[string]struct {
		root string
		want string
	}{
		"in lib":         {image(t, []string{"lib/systemd/systemd"}, nil), "/lib/systemd/systemd"},
		"in usr/lib":     {image(t, []string{"usr/lib/systemd/systemd"}, nil), "/usr/lib/systemd/systemd"},
		"by the link":    {image(t, []string{"opt/systemd"}, map[string]string{"sbin/init": "../opt/systemd"}), "/opt/systemd"},
		"dangling":       {image(t, nil, map[string]string{"sbin/init": "/lib/systemd/systemd"}), ""},
		"another init":   {image(t, []string{"sbin/init", "bin/busybox"}, nil), ""},
		"busybox's init": {image(t, []string{"bin/busybox"}, map[string]string{"sbin/init": "/bin/busybox"}), ""},
		"nothing":        {image(t, nil, nil), ""},
	} {
		if got := findSystemd(c.root); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestChooseInit(t *testing.T) {
	const found = "/lib/systemd/systemd"
	const openRC = "/sbin/init"
	for _, c := range []struct {
		policy Policy
		found  string
		openRC string
		want   string
		fails  bool
	}{
		{PolicyAuto, found, openRC, found, false},
		{PolicyAuto, "", openRC, "", false},
		{PolicyAgent, found, openRC, "", false},
		{PolicySystemd, found, openRC, found, false},
		{PolicySystemd, "", openRC, openRC, false},
		{PolicySystemd, "", "", "", true},
	} {
		got, err := chooseInit(c.policy, c.found, c.openRC)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
}

func TestOnlySystemdGetsUnits(t *testing.T) {
	withOpenRC := image(t, []string{"sbin/openrc", "etc/init.d/banger-vsock-agent"}, map[string]string{"sbin/init": "/bin/busybox"})
	if init := findOpenRC(withOpenRC); init == "" || isSystemd(init) {
		t.Errorf("OpenRC as %q counts as systemd", init)
	}
	for _, links := range []map[string]string{nil, {"sbin/init": "../lib/systemd/systemd"}} {
		if init := findSystemd(image(t, []string{"lib/systemd/systemd"}, links)); !isSystemd(init) {
			t.Errorf("systemd as %q does not", init)
		}
	}
}

func TestPlanUnits(t *testing.T) {
	const unit = "banger-vsock-agent-b001.service"
	plan := planUnits(unitFacts{agent: "/x/agent", bootID: "b001", getty: false, canPowerOff: true})
	if !strings.Contains(plan.files[unit], "ExecStart=/x/agent serve\n") || len(plan.files) != 3 {
		t.Errorf("files: %q", plan.files)
	}
	if plan.links["sysinit.target.wants/"+unit] != "../"+unit {
		t.Errorf("nothing starts the agent: %q", plan.links)
	}
	if plan.links["banger-vsock-agent.service"] != unit {
		t.Errorf("nobody finds it: %q", plan.links)
	}
	if plan.links[consoleGetty] != os.DevNull {
		t.Error("a getty waits for a device that no udev announces")
	}
	const loader = "systemd-modules-load.service"
	if plan.links[loader] != os.DevNull || planUnits(unitFacts{modules: true, libkmod: true}).links[loader] != "" {
		t.Error("modules are looked for exactly where there are some")
	}
	if planUnits(unitFacts{modules: true}).links[loader] != os.DevNull || hasLibkmod(t.TempDir()) {
		t.Error("systemd loads modules without the library that it needs for it")
	}
	if !hasLibkmod(image(t, []string{"usr/lib/x86_64-linux-gnu/libkmod.so.2"}, nil)) {
		t.Error("Debian's libkmod is not found")
	}
	if _, masked := planUnits(unitFacts{getty: true}).links[consoleGetty]; masked {
		t.Error("the getty that was asked for is masked")
	}
	for _, unit := range []string{"systemd-poweroff.service", "systemd-halt.service"} {
		text := planUnits(unitFacts{}).files[unit+".d/50-banger.conf"]
		if !strings.Contains(text, "reboot-force") || !strings.Contains(text, "RebootArgument="+machine.PoweroffWord+"\n") {
			t.Errorf("a machine that cannot power off would halt for ever, or be started again: %s: %q", unit, text)
		}
	}
	if text := plan.files["systemd-halt.service.d/50-banger.conf"]; !strings.Contains(text, "poweroff-force") {
		t.Errorf("a machine that halts would run for ever: %q", text)
	}
}

func TestOpenRCCountsOnlyWithTheAgentInIt(t *testing.T) {
	without := image(t, []string{"sbin/openrc"}, map[string]string{"sbin/init": "/bin/busybox"})
	if got := findOpenRC(without); got != "" {
		t.Errorf("without the agent: %q", got)
	}
	with := image(t, []string{"sbin/openrc", "etc/init.d/banger-vsock-agent"}, map[string]string{"sbin/init": "/bin/busybox"})
	if got := findOpenRC(with); got != "/sbin/init" {
		t.Errorf("with the agent: %q", got)
	}
}

func TestDevicesThatNobodyWillAnnounce(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		work  string
		want  []string
	}{
		"no udev":                 {[]string{"dev/ttyS0", "dev/vdb"}, "", []string{"ttyS0", "vdb"}},
		"no udev, but it is ours": {[]string{"dev/ttyS0", "dev/vdb"}, "/dev/vdb", []string{"ttyS0"}},
		"udev, and all are there": {[]string{"usr/lib/systemd/systemd-udevd", "dev/ttyS0", "dev/vdb"}, "", nil},
		"udev, and a disk is not": {[]string{"lib/systemd/systemd-udevd", "dev/ttyS0"}, "", []string{"vdb"}},
	} {
		if got := absentDevices(image(t, c.files, nil), c.work, ""); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	all := image(t, []string{"usr/lib/systemd/systemd-udevd", "dev/ttyS0", "dev/vdb"}, nil)
	if got := absentDevices(all, "", "/dev/vdb"); !reflect.DeepEqual(got, []string{"vdb"}) {
		t.Errorf("the modules' disk is taken for the work disk: %q", got)
	}
	plan := planUnits(unitFacts{absent: []string{"vdb"}, dns: []string{"10.0.2.3", "1.1.1.1"}})
	if plan.links["kmod-static-nodes.service"] != os.DevNull || hasKmod(t.TempDir()) {
		t.Error("kmod's service runs without kmod or udev")
	}
	withKmod := image(t, []string{"usr/bin/kmod"}, nil)
	if planUnits(unitFacts{nodes: hasKmod(withKmod)}).links["kmod-static-nodes.service"] != "" {
		t.Error("kmod's service is masked where there are kmod and udev")
	}
	if plan.links["dev-vdb.device"] != os.DevNull {
		t.Errorf("nothing masks the device: %q", plan.links)
	}
	if got := plan.files[resolvedDropIn]; got != "[Resolve]\nDNS=10.0.2.3 1.1.1.1\n" {
		t.Errorf("%q", got)
	}
}

func TestApplyUnitsTwice(t *testing.T) {
	dir := t.TempDir()
	plan := planUnits(unitFacts{agent: "/x", bootID: "b001"})
	for range 2 {
		if err := applyUnits(dir, plan); err != nil {
			t.Fatal(err)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "systemd-firstboot.service")); err != nil || target != os.DevNull {
		t.Fatalf("%q, %v", target, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "sysinit.target.wants", "banger-vsock-agent-b001.service")); err != nil {
		t.Fatalf("the link leads nowhere: %v", err)
	}
}

// The host parses these lines: they are part of the contract.
func TestConsoleLines(t *testing.T) {
	var console bytes.Buffer
	Announce(&console, StageAgent)
	Warn(&console, os.ErrNotExist)
	if got := console.String(); got != "\r\nbanger: stage agent\r\n\r\nbanger: warning: file does not exist\r\n" {
		t.Fatalf("%q", got)
	}
}
