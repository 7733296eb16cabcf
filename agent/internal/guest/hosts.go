package guest

import (
	"bytes"
	"errors"
	"strings"

	"banger.dev/agent/internal/files"
)

const (
	// hostsMark ends the one line of /etc/hosts that is ours, so that it can be told from the image's (hosts(5)).
	hostsMark = "# this machine's name, by banger"
	// nameAddress is what Debian gives a machine's own name that has no address of its own: it is there without a network.
	nameAddress = "127.0.1.1"
	// maxHostsBytes: a longer one is somebody's list of a million names, and is left as it is.
	maxHostsBytes = 60 << 10
)

// setHosts has /etc/hosts know the name. What the image says there stays.
func setHosts(root, name string) error {
	const file = "etc/hosts"
	var seen []byte
	if err := writeFile(root, file, "", func(now []byte) bool { seen = bytes.Clone(now); return false }); err != nil {
		return err
	}
	if len(seen) > maxHostsBytes {
		return nil
	}
	return writeFile(root, file, hostsText(string(seen), name), func(now []byte) bool { return bytes.Equal(now, seen) })
}

// forgetHosts takes back what setHosts wrote: the whole file, or its line in one of the image's.
func forgetHosts(root, name string) error {
	const file = "etc/hosts"
	if err := removeIf(root, file, func(now string) bool { return now == hostsText("", name) }); err != nil {
		return err
	}
	var without strings.Builder
	found := false
	err := writeFile(root, file, "", func(now []byte) bool {
		if len(now) > maxHostsBytes {
			return false
		}
		for line := range strings.Lines(string(now)) {
			if isOurs(line) {
				found = true
			} else {
				without.WriteString(line)
			}
		}
		return false
	})
	if err != nil || !found {
		return notWhereNoFile(err)
	}
	return writeFile(root, file, without.String(), always)
}

// notWhereNoFile passes over what is no file: nothing of ours is in it.
func notWhereNoFile(err error) error {
	if errors.Is(err, files.ErrNotRegular) {
		return nil
	}
	return err
}

// hostsText is /etc/hosts with a line for the name, in place of an earlier line of ours; without one, where the image
// gives that name an address by itself.
func hostsText(now, name string) string {
	if strings.TrimSpace(now) == "" {
		now = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	}
	if !strings.HasSuffix(now, "\n") {
		now += "\n"
	}
	ours := hostsLine(name)
	if knowsName(now, name) {
		ours = ""
	}
	var text strings.Builder
	for line := range strings.Lines(now) {
		if !isOurs(line) {
			text.WriteString(line)
			continue
		}
		text.WriteString(ours)
		ours = ""
	}
	text.WriteString(ours)
	return text.String()
}

// hostsLine has the whole name first: that is what `hostname -f` says.
func hostsLine(name string) string {
	names := name
	if short, _, isWhole := strings.Cut(name, "."); isWhole {
		names += " " + short
	}
	return nameAddress + "\t" + names + "\t" + hostsMark + "\n"
}

func isOurs(line string) bool {
	return strings.HasPrefix(line, nameAddress) && strings.HasSuffix(strings.TrimSpace(line), hostsMark)
}

// knowsName tells whether a line that is not ours gives the name an address.
func knowsName(text, name string) bool {
	for line := range strings.Lines(text) {
		if isOurs(line) {
			continue
		}
		said, _, _ := strings.Cut(line, "#")
		for i, field := range strings.Fields(said) {
			if i > 0 && strings.EqualFold(field, name) {
				return true
			}
		}
	}
	return false
}
