package boot

import (
	"errors"
	"os"
	"path/filepath"
)

// chooseInit returns the path of the image's own init, or nothing where the agent shall be PID 1. OpenRC stands in for
// systemd where a distribution has none, but only where it is asked for.
func chooseInit(policy Policy, systemd, openRC string) (string, error) {
	switch policy {
	case PolicyAgent:
		return "", nil
	case PolicySystemd:
		if systemd == "" && openRC == "" {
			return "", errors.New("banger.init=systemd, but the image has no systemd")
		}
		if systemd == "" {
			return openRC, nil
		}
	case PolicyAuto:
	}
	return systemd, nil
}

// findSystemd looks below a root where systemd is installed; /sbin/init counts if it leads there.
func findSystemd(root string) string {
	for _, path := range []string{"/lib/systemd/systemd", "/usr/lib/systemd/systemd"} {
		if isExecutable(filepath.Join(root, path)) {
			return path
		}
	}
	target, err := os.Readlink(filepath.Join(root, "/sbin/init"))
	if err != nil || !isSystemd(target) {
		return ""
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join("/sbin", target)
	}
	if isExecutable(filepath.Join(root, target)) {
		return target
	}
	return ""
}

// isSystemd tells systemd from OpenRC, which has no units. The folder that holds them is the mark by which programs know
// that systemd runs (sd_booted(3)), so under OpenRC it must not be there.
func isSystemd(init string) bool {
	return filepath.Base(init) == "systemd"
}

// findOpenRC looks for OpenRC with the agent among its services: without it nobody would hear of the guest again.
func findOpenRC(root string) string {
	const init = "/sbin/init"
	for _, path := range []string{init, "/sbin/openrc", "/etc/init.d/banger-vsock-agent"} {
		// Followed by the kernel, not here: busybox's init is a link to an absolute path.
		if _, err := os.Lstat(filepath.Join(root, path)); err != nil {
			return ""
		}
	}
	return init
}
