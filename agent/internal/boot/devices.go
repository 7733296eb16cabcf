package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/machine"
)

// maxDevnames bounds modules.devname: a distribution's kernel has some twenty lines.
const maxDevnames = 64 << 10

// forAll are devices that udev's own rules (50-udev-default.rules) give to everybody. The kernel gives them to root, and
// images of containers have no udev: FUSE, and the networks of containers of a plain user, would fail.
var forAll = []string{"fuse", "net/tun"}

// deviceNode is one that is there before its driver: the first who opens it has the kernel load that.
type deviceNode struct {
	name string
	mode uint32
	dev  uint64
}

// bringDevices makes in /dev what kmod, systemd and udev make together on other machines.
func bringDevices(root string) error {
	failed := makeNodes(filepath.Join(root, "dev"), modulesPath(root, machine.KernelRelease()))
	for _, name := range forAll {
		if err := os.Chmod(filepath.Join(root, "dev", name), 0o666); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("give a device to all: %w", err))
		}
	}
	return failed
}

func makeNodes(dev, modules string) error {
	text, err := files.Read(filepath.Join(modules, "modules.devname"), maxDevnames)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed []error
	for _, node := range parseDevnames(string(text)) {
		path := filepath.Join(dev, node.name)
		if err := files.EnsureFolder(filepath.Dir(path), 0o755); err != nil {
			failed = append(failed, err)
		} else if err := unix.Mknod(path, node.mode|0o600, int(node.dev)); err != nil && !errors.Is(err, unix.EEXIST) {
			failed = append(failed, fmt.Errorf("make %s: %w", path, err))
		}
	}
	return errors.Join(failed...)
}

// parseDevnames reads lines as `tun net/tun c10:200`. What is none, as the comment at the top, is passed over.
func parseDevnames(text string) []deviceNode {
	var nodes []deviceNode
	for line := range strings.Lines(text) {
		var module, name string
		var kind rune
		var major, minor uint32
		if _, err := fmt.Sscanf(line, "%s %s %c%d:%d", &module, &name, &kind, &major, &minor); err != nil {
			continue
		}
		mode, known := map[rune]uint32{'c': unix.S_IFCHR, 'b': unix.S_IFBLK}[kind]
		if known && filepath.IsLocal(name) {
			nodes = append(nodes, deviceNode{name, mode, unix.Mkdev(major, minor)})
		}
	}
	return nodes
}
