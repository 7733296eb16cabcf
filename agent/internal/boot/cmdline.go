// Package boot brings a guest from the kernel's first process to an agent that answers: as /init of an initramfs,
// and as PID 1 on the root file system.
package boot

import (
	"fmt"
	"net/netip"
	"strings"

	"banger.dev/agent/internal/netif"
)

// DefaultInit is what runs as PID 1 once the root file system is there.
const DefaultInit = "/usr/local/libexec/banger-first-boot"

// AgentPath is the agent's file in an image that banger has made.
const AgentPath = "/usr/local/libexec/banger-vsock-agent"

// Policy is what shall run as PID 1.
type Policy string

// The policies of banger.init=.
const (
	// PolicyAuto: systemd where the image has it, else the agent.
	PolicyAuto    Policy = "auto"
	PolicyAgent   Policy = "agent"
	PolicySystemd Policy = "systemd"
)

// CommandLine is what the agent reads of the kernel's.
type CommandLine struct {
	Root      string // root=/dev/vda
	RootType  string // rootfstype=ext4
	RootFlags string // rootflags=
	ReadOnly  bool   // ro, rw: the last one counts
	Init      string // init=
	Policy    Policy // banger.init=
	Hostname  string // banger.hostname=
	MachineID string // systemd.machine_id=, which systemd reads, too
	DNS       []string
	Network   *netif.Plan // banger.ip=10.0.2.15/24,10.0.2.2
	Work      string      // banger.work=/dev/vdb: the device of the work disk
	Volumes   []Volume    // banger.volume=/dev/vdc:/data:ro, once for each
	Line      string      // banger.line=serial: the ways to the host
	Modules   string      // banger.modules=/dev/vdc: the disk with the kernel's modules
	SameAgent bool        // banger.same=1: the agent in the image is the one in the initramfs
	Getty     bool        // banger.getty=1: let systemd ask for a login on the console
}

// ParseCommandLine reads /proc/cmdline. Words it does not know are somebody else's.
func ParseCommandLine(text string) (CommandLine, error) {
	c := CommandLine{RootType: "ext4", Init: DefaultInit, Policy: PolicyAuto}
	for _, word := range splitWords(text) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "root":
			c.Root = value
		case "rootfstype":
			c.RootType = value
		case "rootflags":
			c.RootFlags = value
		case "ro":
			c.ReadOnly = true
		case "rw":
			c.ReadOnly = false
		case "init":
			c.Init = value
		case "banger.init":
			c.Policy = Policy(value)
		case "banger.hostname":
			c.Hostname = value
		case "systemd.machine_id":
			c.MachineID = value
		case "banger.dns":
			c.DNS = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
		case "banger.ip":
			plan, err := parsePlan(value)
			if err != nil {
				return c, err
			}
			c.Network = &plan
		case "banger.work":
			c.Work = value
		case "banger.volume":
			volume, err := parseVolume(value)
			if err != nil {
				return c, err
			}
			c.Volumes = append(c.Volumes, volume)
		case "banger.line":
			c.Line = value
		case "banger.modules":
			c.Modules = value
		case "banger.same":
			c.SameAgent = value == "1"
		case "banger.getty":
			c.Getty = value == "1"
		}
	}
	switch c.Policy {
	case PolicyAuto, PolicyAgent, PolicySystemd:
		return c, nil
	default:
		return c, fmt.Errorf("banger.init=%s: auto, agent or systemd was expected", c.Policy)
	}
}

// parsePlan reads ADDRESS/PREFIX[,GATEWAY].
func parsePlan(value string) (netif.Plan, error) {
	address, gateway, hasGateway := strings.Cut(value, ",")
	var plan netif.Plan
	var err error
	if plan.Address, err = netip.ParsePrefix(address); err != nil {
		return plan, fmt.Errorf("banger.ip=%s: %w", value, err)
	}
	if hasGateway {
		if plan.Gateway, err = netip.ParseAddr(gateway); err != nil {
			return plan, fmt.Errorf("banger.ip=%s: %w", value, err)
		}
	}
	return plan, nil
}

// splitWords parts at blanks outside of double quotes, and takes the quotes away, as the kernel does (next_arg in
// lib/cmdline.c). What stands behind a lone "--" is for init, not for the kernel.
func splitWords(text string) []string {
	var words []string
	var word strings.Builder
	quoted, any := false, false
	flush := func() {
		if any {
			words = append(words, word.String())
		}
		word.Reset()
		any = false
	}
	for _, r := range text {
		switch {
		case r == '"':
			quoted, any = !quoted, true
		case !quoted && (r == ' ' || r == '\t' || r == '\n'):
			flush()
		default:
			word.WriteRune(r)
			any = true
		}
	}
	flush()
	for i, w := range words {
		if w == "--" {
			return words[:i]
		}
	}
	return words
}
