package boot

import (
	"errors"

	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/sshd"
)

// HostKeyPath is where the agent's SSH host key is kept; it is there from the first boot on.
const HostKeyPath = "/etc/banger/ssh_host_ed25519_key"

// Settle is the same program as a systemd oneshot. After a start as PID 1 only the SSH host keys are left to do; where
// systemd was started directly, by init= or by a firmware, it does the rest, too.
func Settle() error {
	line, err := ReadCommandLine()
	if err != nil {
		return err
	}
	failed := []error{introduce(line), connectNetwork(line), sshd.EnsureGuestKeys("/etc/ssh")}
	if _, err := machine.GrowRoot(); err != nil && !errors.Is(err, machine.ErrNotExt4) {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
