package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"banger.dev/agent/internal/files"
)

// Identity is what a boot has told a guest of itself.
type Identity struct {
	Hostname  string
	MachineID string
	DNS       []string
	// HostKey is the path of the agent's SSH host key.
	HostKey string
	// Since is when the boot began: SSH host keys made after it were made by a package, for this one machine. A VM whose
	// sshd has none gets its own at its first boot.
	Since time.Time
}

// Forget takes back what introduce and the agent wrote for this one machine, so that its disk can be an image for
// others: each file only while it still says what was written. What the machine-id was before is not known; empty is
// what images ship it as.
func Forget(root string, was Identity) error {
	id := filepath.Join(root, "etc/machine-id")
	var failed error
	if now, err := files.Head(id, maxConfigBytes); err == nil && string(now) == was.MachineID+"\n" {
		// destroys: the machine's id as this machine got it; an image shall not hold it
		failed = files.Replace(id, nil, 0o444)
	}
	return errors.Join(
		failed,
		removeIf(root, "etc/hostname", func(now string) bool { return now == was.Hostname+"\n" }),
		forgetHosts(root, was.Hostname),
		removeIf(root, "etc/resolv.conf", func(now string) bool { return len(was.DNS) > 0 && now == resolversText(was.DNS) }),
		removeIf(root, "var/lib/dbus/machine-id", func(now string) bool { return now == was.MachineID+"\n" }),
		removeIf(root, was.HostKey, func(string) bool { return true }),
		forgetHostKeys(filepath.Join(root, "etc/ssh"), was.Since),
	)
}

// forgetHostKeys leaves those alone that the image was shipped with.
func forgetHostKeys(dir string, since time.Time) error {
	keys, err := filepath.Glob(filepath.Join(dir, "ssh_host_*_key*"))
	if err != nil || since.IsZero() {
		return err
	}
	var failed []error
	for _, key := range keys {
		info, err := os.Lstat(key)
		if err == nil && info.Mode().IsRegular() && info.ModTime().After(since) {
			// destroys: a host key made after the image was, so this machine's alone; an image shall not hold it
			err = os.Remove(key)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// removeIf removes a regular file; a link is the image's own.
func removeIf(root, name string, says func(now string) bool) error {
	path := filepath.Join(root, name)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at /%s: %w", name, err)
	}
	now, err := files.Head(path, maxConfigBytes)
	if err != nil {
		return err
	}
	if !says(string(now)) {
		return nil
	}
	// destroys: a regular file that says of this machine what the record of its first boot says
	return os.Remove(path)
}
