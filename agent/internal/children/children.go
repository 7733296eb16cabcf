// Package children starts processes and learns how they end. As PID 1 the agent inherits every orphan of the
// guest and must reap it; so one place waits for all, and hands each exit status to whoever started the process.
package children

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Nursery starts processes. The zero value waits for each child by itself, and leaves other processes alone.
type Nursery struct {
	mu       sync.Mutex
	children map[int]*Child
	// reapsAll: a Reap loop does the waiting.
	reapsAll bool
}

// Child is a process that was started here.
type Child struct {
	Pid int

	nursery *Nursery
	reaped  bool
	status  syscall.WaitStatus
	done    chan struct{}
}

// Start runs a program; attr is as for syscall.ForkExec.
func (n *Nursery) Start(path string, argv []string, attr *syscall.ProcAttr) (*Child, error) {
	// Held across the fork, so that a child which ends at once is known before it is reaped.
	n.mu.Lock()
	defer n.mu.Unlock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return nil, err
	}
	child := &Child{Pid: pid, nursery: n, done: make(chan struct{})}
	if n.children == nil {
		n.children = make(map[int]*Child)
	}
	n.children[pid] = child
	if !n.reapsAll {
		go n.await(child)
	}
	return child, nil
}

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Status tells how it ended; only after Done.
func (c *Child) Status() syscall.WaitStatus { return c.status }

// Signal sends a signal to the child alone.
func (c *Child) Signal(sig syscall.Signal) error {
	c.nursery.mu.Lock()
	defer c.nursery.mu.Unlock()
	if c.reaped {
		return os.ErrProcessDone
	}
	// destroys: our own child, not reaped yet
	if err := syscall.Kill(c.Pid, sig); err != nil {
		return fmt.Errorf("send signal %d to %d: %w", sig, c.Pid, err)
	}
	return nil
}

// SignalGroup sends a signal to the process group that the child leads. Once the child is reaped its number may
// be another's, so then nothing is sent.
func (c *Child) SignalGroup(sig syscall.Signal) error {
	c.nursery.mu.Lock()
	defer c.nursery.mu.Unlock()
	if c.reaped {
		return os.ErrProcessDone
	}
	// destroys: the group that our own child leads, not reaped yet
	if err := syscall.Kill(-c.Pid, sig); err != nil {
		return fmt.Errorf("send signal %d to group %d: %w", sig, c.Pid, err)
	}
	return nil
}

// Reap waits for every child and every orphan until the context ends. For PID 1.
func (n *Nursery) Reap(ctx context.Context) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	defer signal.Stop(ended)
	n.mu.Lock()
	n.reapsAll = true
	n.mu.Unlock()
	for {
		for n.reapOne(-1) {
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}

// await waits without reaping, since that must happen under the lock.
func (n *Nursery) await(child *Child) {
	var info unix.Siginfo
	for unix.Waitid(unix.P_PID, child.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	n.reapOne(child.Pid)
}

func (n *Nursery) reapOne(which int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(which, &status, syscall.WNOHANG, nil)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if child := n.children[pid]; child != nil {
		delete(n.children, pid)
		child.reaped, child.status = true, status
		close(child.done)
	}
	return true
}
