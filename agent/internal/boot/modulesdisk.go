package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/machine"
)

const (
	// modulesDeviceLimit is how long the device of the modules' disk is awaited: it comes with the root's.
	modulesDeviceLimit = 10 * time.Second
	// modprobeSetting names the program that the kernel calls when something asks for a module (Documentation/admin-guide/
	// sysctl/kernel.rst).
	modprobeSetting = "/proc/sys/kernel/modprobe"
	// modprobeName is the agent's name as that program.
	modprobeName = "banger-modprobe"
	modprobeLink = "/run/banger/" + modprobeName
)

// bringModules makes the modules of the running kernel what modprobe finds, and modprobe what the kernel finds. A guest
// works without them as far as its kernel goes, so none of this ends a boot.
func bringModules(ctx context.Context, device, program string) error {
	if device == "" {
		return nil
	}
	return errors.Join(mountModules(ctx, device, modulesPath("/", machine.KernelRelease())), standInForModprobe("/", program))
}

// modulesPath is where modprobe looks (depmod(8)); images with a merged /usr have it as a link.
func modulesPath(root, release string) string {
	return filepath.Join(root, "lib/modules", release)
}

// mountModules leaves alone what the image brings for this very kernel: whoever installed it there may have added to it.
func mountModules(ctx context.Context, device, target string) error {
	if hasModules(target) {
		return nil
	}
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
	return mountDisk(ctx, "the modules' disk", device, target, modulesDeviceLimit, flags)
}

// hasModules tells whether depmod has been in a folder.
func hasModules(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "modules.dep"))
	return err == nil
}

// standInForModprobe has the kernel call the agent where the image holds no modprobe: the kernel asks for a file system,
// a protocol or a device's driver by itself, and nobody else would answer.
func standInForModprobe(root, program string) error {
	setting := filepath.Join(root, modprobeSetting)
	named, err := os.ReadFile(setting)
	if errors.Is(err, os.ErrNotExist) {
		return nil // A kernel without modules.
	}
	if err != nil {
		return err
	}
	if path := strings.TrimSpace(string(named)); path != "" && isExecutable(filepath.Join(root, path)) {
		return nil
	}
	if strings.HasSuffix(program, " (deleted)") {
		program = agentCopy
	}
	link := filepath.Join(root, modprobeLink)
	if err := files.EnsureFolder(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(program, link); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("give the kernel a modprobe: %w", err)
	}
	// destroys: nothing: a setting of the kernel's, below /proc
	if err := os.WriteFile(setting, []byte(modprobeLink), 0); err != nil {
		return fmt.Errorf("give the kernel a modprobe: %w", err)
	}
	return nil
}

// warnOfModules says what went wrong and goes on.
func warnOfModules(ctx context.Context, console io.Writer, device, program string) {
	if err := bringModules(ctx, device, program); err != nil {
		Warn(console, err)
	}
}
