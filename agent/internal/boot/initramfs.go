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
	"banger.dev/agent/internal/uevent"
)

const (
	newRoot = "/newroot"
	// rootDeviceLimit is how long the root's device is awaited.
	rootDeviceLimit = 30 * time.Second
	// agentCopy is where the agent lives in a guest whose image does not hold it.
	agentCopy = "/run/banger/agent"
	initPath  = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// RunInitramfs is /init: it loads modules, mounts the root and goes on there. It returns without an error only where this
// process is to go on as the root's first one.
func RunInitramfs(ctx context.Context) error {
	if err := mountAll(earlyMounts); err != nil {
		return err
	}
	if err := TakeConsole(); err != nil {
		return err
	}
	console := os.Stdout
	Announce(console, StageInitramfs)
	line, err := ReadCommandLine()
	if err != nil {
		return err
	}
	modulesErr := loadModules(modulesDir)
	if modulesErr != nil {
		Warn(console, modulesErr)
	}
	if err := awaitRootDevice(ctx, line.Root); err != nil {
		return errors.Join(err, modulesErr)
	}
	if err := mountRoot(line); err != nil {
		return err
	}
	Announce(console, StageRoot)
	if err := switchRoot(); err != nil {
		return err
	}
	if line.SameAgent && line.Init == DefaultInit && isExecutable(AgentPath) {
		return goOn()
	}
	return execInit(line.Init)
}

// goOn has this process be what it would otherwise become by exec, which costs a tenth of a start by emulation.
func goOn() error {
	for name, value := range map[string]string{"PATH": initPath, "HOME": "/", "TERM": "linux"} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	// The name that ps shows: 15 bytes (proc_pid_comm(5)), of the thread that leads the process.
	return os.WriteFile("/proc/1/task/1/comm", []byte("banger-first-bo"), 0)
}

// ReadCommandLine is ParseCommandLine of what the kernel was started with.
func ReadCommandLine() (CommandLine, error) {
	text, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return CommandLine{}, fmt.Errorf("read the kernel's command line: %w", err)
	}
	return ParseCommandLine(string(text))
}

func awaitRootDevice(ctx context.Context, device string) error {
	if !strings.HasPrefix(device, "/dev/") {
		return fmt.Errorf("root=%s: a device such as /dev/vda was expected", device)
	}
	ctx, cancel := context.WithTimeout(ctx, rootDeviceLimit)
	defer cancel()
	err := uevent.Await(ctx, func() bool {
		info, err := os.Stat(device)
		return err == nil && info.Mode()&os.ModeDevice != 0
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("waited %s for the root device %s; block devices seen: %s", rootDeviceLimit, device, blockDevices())
	}
	return err
}

func blockDevices() string {
	entries, err := os.ReadDir("/sys/class/block")
	if err != nil || len(entries) == 0 {
		return "none"
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return strings.Join(names, " ")
}

func mountRoot(line CommandLine) error {
	if err := files.EnsureFolder(newRoot, 0o755); err != nil {
		return err
	}
	var flags uintptr
	if line.ReadOnly {
		flags = unix.MS_RDONLY
	}
	if err := unix.Mount(line.Root, newRoot, line.RootType, flags, line.RootFlags); err != nil {
		return fmt.Errorf("mount the root file system: %s as %s: %w", line.Root, line.RootType, err)
	}
	return nil
}

// switchRoot makes newRoot the root, takes the early mounts along, and frees the initramfs's memory.
func switchRoot() error {
	for _, spec := range earlyMounts {
		target := filepath.Join(newRoot, spec.target)
		if err := files.EnsureFolder(target, 0o755); err != nil {
			return fmt.Errorf("make a place for %s in the image: %w", spec.target, err)
		}
		if err := unix.Mount(spec.target, target, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("take %s along: %w", spec.target, err)
		}
	}
	old, err := os.Open("/")
	if err != nil {
		return err
	}
	if err := unix.Chdir(newRoot); err != nil {
		return fmt.Errorf("enter the root file system: %w", err)
	}
	emptyInitramfs(old)
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root file system to /: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return unix.Chdir("/")
}

// emptyInitramfs deletes what lies on the initramfs's own file system, and nothing of any other.
func emptyInitramfs(root *os.File) {
	defer func() { _ = root.Close() }()
	var fs unix.Statfs_t
	if unix.Fstatfs(int(root.Fd()), &fs) != nil || fs.Type != unix.RAMFS_MAGIC && fs.Type != unix.TMPFS_MAGIC {
		return
	}
	entries, err := root.ReadDir(-1)
	if err != nil {
		return
	}
	for _, entry := range entries {
		// The new root is a mount and must not be walked into; so is nothing else here any more.
		if path := "/" + entry.Name(); path != newRoot {
			// destroys: the initramfs's own root, in memory: its file system was just asked, and the image is a mount apart
			_ = os.RemoveAll(path)
		}
	}
}

// execInit replaces this process by the image's init. An image that holds none gets this very program, from memory.
func execInit(path string) error {
	environment := []string{"PATH=" + initPath, "HOME=/", "TERM=linux"}
	err := unix.Exec(path, []string{path}, environment)
	if path != DefaultInit {
		return fmt.Errorf("run init=%s: %w", path, err)
	}
	if err := copySelf(agentCopy); err != nil {
		return fmt.Errorf("keep the agent in memory: %w", err)
	}
	err = unix.Exec(agentCopy, []string{filepath.Base(DefaultInit)}, environment)
	return fmt.Errorf("run the agent from %s: %w", agentCopy, err)
}

// copySelf reads the running program, whose file may be deleted by now.
func copySelf(path string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer func() { _ = self.Close() }()
	if err := files.EnsureFolder(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := files.Create(path, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, self)
	return errors.Join(err, out.Close())
}
