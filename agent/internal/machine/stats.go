// Package machine tells what the guest is and uses, grows its root file system, and ends it.
package machine

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxDisks bounds an answer, whatever is mounted.
const maxDisks = 64

// userHZ is the unit of /proc/stat, fixed for user space on all architectures that Go knows on Linux.
const userHZ = 100

// Memory is of /proc/meminfo, in bytes.
type Memory struct {
	Total, Available, SwapTotal, SwapFree uint64
}

// CPU is the time since boot of all processors together.
type CPU struct {
	Count                             int
	User, System, Idle, IOWait, Steal time.Duration
}

// Disk is a mounted file system on a block device.
type Disk struct {
	Device, MountPoint, Type string
	Total, Available         uint64
}

// Uptime is the time since the kernel started.
func Uptime() (time.Duration, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0, fmt.Errorf("read the uptime: %w", err)
	}
	return time.Duration(now.Nano()), nil
}

// ReadMemory asks the kernel.
func ReadMemory() (Memory, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return Memory{}, err
	}
	return parseMemory(text), nil
}

func parseMemory(text []byte) Memory {
	kib := make(map[string]uint64)
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); len(fields) > 0 {
			kib[name], _ = strconv.ParseUint(fields[0], 10, 64)
		}
	}
	return Memory{
		Total:     kib["MemTotal"] << 10,
		Available: kib["MemAvailable"] << 10,
		SwapTotal: kib["SwapTotal"] << 10,
		SwapFree:  kib["SwapFree"] << 10,
	}
}

// ReadCPU asks the kernel.
func ReadCPU() (CPU, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return CPU{}, err
	}
	return parseCPU(text), nil
}

// parseCPU reads the line "cpu user nice system idle iowait irq softirq steal …" and counts the "cpuN" ones (proc_stat(5)).
func parseCPU(text []byte) CPU {
	var cpu CPU
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu") {
			continue
		}
		if fields[0] != "cpu" {
			cpu.Count++
			continue
		}
		ticks := func(i int) time.Duration {
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			return time.Duration(n) * time.Second / userHZ
		}
		cpu.User = ticks(1) + ticks(2)
		cpu.System = ticks(3) + ticks(6) + ticks(7)
		cpu.Idle, cpu.IOWait, cpu.Steal = ticks(4), ticks(5), ticks(8)
	}
	return cpu
}

// ReadLoad returns the averages of 1, 5 and 15 minutes, and the number of tasks, threads included.
func ReadLoad() (load [3]float64, err error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return load, err
	}
	fields := strings.Fields(string(text))
	for i := range min(len(load), len(fields)) {
		load[i], _ = strconv.ParseFloat(fields[i], 64)
	}
	return load, nil
}

// CountProcesses counts /proc's folders.
func CountProcesses() (int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return 0, err
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, name := range names {
		if name[0] >= '1' && name[0] <= '9' {
			count++
		}
	}
	return count, nil
}

// ReadDisks lists each block device once, where it was mounted first.
func ReadDisks() ([]Disk, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var disks []Disk
	for _, m := range parseMounts(text) {
		var fs unix.Statfs_t
		if len(disks) == maxDisks {
			break
		}
		if unix.Statfs(m.mountPoint, &fs) != nil {
			continue
		}
		size := uint64(fs.Bsize)
		disks = append(disks, Disk{m.device, m.mountPoint, m.fsType, fs.Blocks * size, fs.Bavail * size})
	}
	return disks, nil
}

type mount struct {
	device, mountPoint, fsType string
}

// parseMounts reads proc_pid_mountinfo(5): "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw".
func parseMounts(text []byte) []mount {
	var mounts []mount
	seen := make(map[string]bool)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		before, after, found := strings.Cut(lines.Text(), " - ")
		head, tail := strings.Fields(before), strings.Fields(after)
		if !found || len(head) < 5 || len(tail) < 2 {
			continue
		}
		numbers, device := head[2], tail[1]
		// A process of the guest answers for FUSE, or does not; it may call its device what it likes.
		if !strings.HasPrefix(device, "/dev/") || strings.HasPrefix(tail[0], "fuse") || seen[numbers] {
			continue
		}
		seen[numbers] = true
		mounts = append(mounts, mount{device, unescapeMount(head[4]), tail[0]})
	}
	return mounts
}

// unescapeMount undoes the octal escapes of space, tab, newline and backslash.
func unescapeMount(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}
