package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/changes"
	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/files"
	"banger.dev/agent/internal/machine"
)

const unitName = "banger-service"

// askSystemdLimit bounds how long systemd may take to put a job into its queue.
const askSystemdLimit = 20 * time.Second

// unitText: systemd asks the supervisor alone to end, which asks the command in the way that it wants to be asked.
const unitText = `[Unit]
Description=banger: the command that this machine is for
After=network.target

[Service]
ExecStart=%s supervise
KillMode=mixed
TimeoutStopSec=%d
TasksMax=infinity
StandardInput=null
StandardOutput=null
StandardError=journal
`

// ErrAnother says that a command other than the one asked for is being looked after.
var ErrAnother = errors.New("another command is being kept running")

// Manager is the agent's end of it.
type Manager struct {
	Dir string
	// Program is the agent's own file.
	Program string
	Nursery *children.Nursery
	Init    machine.Init

	mu    sync.Mutex
	child *children.Child
	grace time.Duration
}

// Start has the command run. What runs already is left alone.
func (m *Manager) Start(spec Spec) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	lock, err := takeLock(m.Dir)
	if err != nil {
		return err
	}
	if lock == nil {
		var now Spec
		if err := readJSON(filepath.Join(m.Dir, specFile), &now); err != nil {
			return err
		}
		asked := spec
		now.Defaults, asked.Defaults = nil, nil
		if !reflect.DeepEqual(now, asked) {
			return ErrAnother
		}
		return nil
	}
	err = writeJSON(filepath.Join(m.Dir, specFile), spec)
	// The supervisor takes it anew.
	if err := errors.Join(err, lock.Close()); err != nil {
		return err
	}
	m.grace = spec.Grace
	if m.Init == machine.SystemdInit {
		return m.startUnit(spec)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	m.child, err = m.Nursery.Start(m.Program, []string{"banger-vsock-agent", "supervise", m.Dir}, &syscall.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	return err
}

func (m *Manager) startUnit(spec Spec) error {
	const dir = "/run/systemd/system"
	seconds := int((spec.Grace + 5*time.Second).Seconds())
	if err := files.EnsureFolder(dir, 0o755); err != nil {
		return err
	}
	unit := machine.OwnUnit(unitName, machine.BootID())
	// destroys: a unit of our own, by its name, in the folder for this boot
	if err := files.Replace(filepath.Join(dir, unit), fmt.Appendf(nil, unitText, m.Program, seconds), 0o644); err != nil {
		return err
	}
	// By the plain name people find it, where the image has no such unit itself.
	if err := os.Symlink(unit, filepath.Join(dir, unitName+".service")); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askSystemdLimit)
	defer cancel()
	// It waits for its turn in the boot; nobody shall wait for that here.
	ask := exec.CommandContext(ctx, "systemctl", "start", "--no-block", unit)
	ask.WaitDelay = time.Second
	if out, err := ask.CombinedOutput(); err != nil {
		return fmt.Errorf("start %s: %w: %s", unit, err, out)
	}
	return nil
}

// Stop ends the command as it wants to be ended, where this process is the one that has to: under systemd its unit is.
func (m *Manager) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.child == nil || m.child.Signal(unix.SIGTERM) != nil {
		return
	}
	select {
	case <-m.child.Done():
	case <-time.After(m.grace + time.Second):
	}
}

// Watch tells the status, and again whenever it changes, until the context ends. Before there is one it waits.
func (m *Manager) Watch(ctx context.Context, emit func(Status) error) error {
	changed, stop, err := changes.In(m.Dir)
	if err != nil {
		return err
	}
	defer stop()
	var last Status
	for {
		var status Status
		err := readJSON(filepath.Join(m.Dir, stateFile), &status)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && !reflect.DeepEqual(status, last) {
			if err := emit(status); err != nil {
				return err
			}
			last = status
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// Log hands over what the command has printed, oldest first; with follow, it goes on until the context ends.
func (m *Manager) Log(ctx context.Context, follow bool, emit func([]byte) error) error {
	return readLog(ctx, logPath(m.Dir), follow, emit)
}
