package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

// clockTolerance is how far the guest's clock may be off before it is set: steps upset programs.
const clockTolerance = time.Second

// maxConfigBytes is more than anything that is written here: what is longer is somebody else's.
const maxConfigBytes = 64 << 10

var hostnamePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$`)

// SetHostname names the kernel, and, where the root below can be written, /etc/hostname and an /etc/hosts that knows it.
func SetHostname(root, name string) error {
	if !hostnamePattern.MatchString(name) {
		return fmt.Errorf("%q is not a host name", name)
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set the host name: %w", err)
	}
	return errors.Join(
		writeFile(root, "etc/hostname", name+"\n", always),
		setHosts(root, name),
	)
}

// SetMachineID gives an image that has none its machine-id(5). With one, systemd knows that this is no first boot
// at which somebody sits and answers questions.
func SetMachineID(root, id string) error {
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
		return fmt.Errorf("%q is not a machine id", id)
	}
	return writeFile(root, "etc/machine-id", id+"\n", func(now []byte) bool {
		text := strings.TrimSpace(string(now))
		return text == "" || text == "uninitialized"
	})
}

// SetResolvers writes /etc/resolv.conf unless there is one of the image's or the user's that says something, or even
// then. One that it has written itself follows the VM to another network.
func SetResolvers(root string, servers []string, replace bool) error {
	for _, server := range servers {
		if strings.ContainsAny(server, " \t\n") {
			return fmt.Errorf("%q is not a name server's address", server)
		}
	}
	when := func(now []byte) bool { return ifEmpty(now) || areOurResolvers(string(now)) }
	if replace {
		when = always
	}
	return writeFile(root, "etc/resolv.conf", resolversText(servers), when)
}

// resolversMark tells our resolv.conf from everybody else's.
const resolversMark = "# Written by banger, and written again when this VM's network changes.\n"

// areOurResolvers: one line more than we write, and it is the user's.
func areOurResolvers(now string) bool {
	servers, marked := strings.CutPrefix(now, resolversMark)
	for line := range strings.Lines(servers) {
		marked = marked && strings.HasPrefix(line, "nameserver ")
	}
	return marked
}

func resolversText(servers []string) string {
	var text strings.Builder
	text.WriteString(resolversMark)
	for _, server := range servers {
		fmt.Fprintf(&text, "nameserver %s\n", server)
	}
	return text.String()
}

// SetClock sets the time when it is off by more than clockTolerance, and tells whether it was.
func SetClock(wallClockNS int64) (bool, error) {
	to := time.Unix(0, wallClockNS)
	if time.Until(to).Abs() <= clockTolerance {
		return false, nil
	}
	spec := unix.NsecToTimespec(wallClockNS)
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &spec); err != nil {
		return false, fmt.Errorf("set the clock: %w", err)
	}
	return true, nil
}

func always([]byte) bool      { return true }
func ifEmpty(now []byte) bool { return len(bytes.TrimSpace(now)) == 0 }

// writeFile writes where `when` agrees to the beginning of what is there by now. A link that leads nowhere is followed:
// its target is made, often in /run, so that nothing of the image changes. A root that cannot be written is left alone.
func writeFile(root, name, content string, when func(now []byte) bool) (err error) {
	path, err := files.Behind(root, name)
	if err != nil {
		return err
	}
	if path != filepath.Join(root, name) {
		defer func() {
			if err != nil {
				err = fmt.Errorf("%s is a link: %w", filepath.Join(root, name), err)
			}
		}()
	}
	now, err := files.Head(path, maxConfigBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !when(now) || string(now) == content {
		return nil
	}
	err = files.EnsureFolder(filepath.Dir(path), 0o755)
	if err == nil {
		// destroys: the machine's name and addresses, which the host has told
		err = files.Replace(path, []byte(content), 0o644)
	}
	if errors.Is(err, unix.EROFS) {
		return nil
	}
	return err
}
