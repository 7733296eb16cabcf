package command

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// pipeBytes is asked for each pipe: fewer switches between a command and the agent. The kernel may give less.
const pipeBytes = 1 << 20

// streams are the two ends of a command's stdin, stdout and stderr: descriptors for it, files for the agent.
type streams struct {
	child  [3]int
	stdin  *os.File
	stdout *os.File
	// stderr is nil on a terminal.
	stderr *os.File
	// tty is the master of the terminal, else nil.
	tty *os.File
}

// openPipes makes three pipes that the user may open again through /dev/stdout and the like.
func openPipes(uid, gid uint32) (*streams, error) {
	var pipes [3][2]int
	for i := range pipes {
		if err := unix.Pipe2(pipes[i][:], unix.O_CLOEXEC); err != nil {
			closeAll(pipes[:i])
			return nil, rejectf(Resources, 126, "make a pipe: %s", err)
		}
		_, _ = unix.FcntlInt(uintptr(pipes[i][0]), unix.F_SETPIPE_SZ, pipeBytes)
		_ = unix.Fchown(pipes[i][0], int(uid), int(gid))
	}
	stdin, stdout, stderr := pipes[0], pipes[1], pipes[2]
	return &streams{
		child:  [3]int{stdin[0], stdout[1], stderr[1]},
		stdin:  pollable(stdin[1], "stdin"),
		stdout: pollable(stdout[0], "stdout"),
		stderr: pollable(stderr[0], "stderr"),
	}, nil
}

func closeAll(pipes [][2]int) {
	for _, p := range pipes {
		_ = unix.Close(p[0])
		_ = unix.Close(p[1])
	}
}

func pollable(fd int, name string) *os.File {
	_ = unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), name)
}

// openTerminal makes a terminal that belongs to the user.
func openTerminal(uid uint32, size TTY) (*streams, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, rejectf(Resources, 126, "open a terminal: /dev/ptmx: %s", err)
	}
	slave, err := openSlave(master)
	if err != nil {
		_ = unix.Close(master)
		return nil, rejectf(Resources, 126, "open a terminal: %s", err)
	}
	_ = unix.Fchown(slave, int(uid), -1)
	_ = unix.Fchmod(slave, 0o620)
	file := os.NewFile(uintptr(master), "terminal")
	s := &streams{child: [3]int{slave, slave, slave}, stdin: file, stdout: file, tty: file}
	if err := setSize(file, size.Rows, size.Cols); err != nil {
		s.close()
		s.closeChild()
		return nil, err
	}
	return s, nil
}

// openSlave needs no path to the terminal, and so no /dev/pts in the caller's view (ioctl_tty(2)).
func openSlave(master int) (int, error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return -1, fmt.Errorf("unlock it: %w", err)
	}
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	slave, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, flags)
	if errno == 0 {
		return int(slave), nil
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return -1, fmt.Errorf("ask for its number: %w", err)
	}
	return unix.Open(fmt.Sprintf("/dev/pts/%d", number), flags, 0)
}

func setSize(tty *os.File, rows, cols uint16) error {
	raw, err := tty.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("set the terminal's size: %w", err)
	}
	return nil
}

// closeChild gives up the command's ends, once it has them or never will.
func (s *streams) closeChild() {
	_ = unix.Close(s.child[0])
	if s.tty == nil {
		_ = unix.Close(s.child[1])
		_ = unix.Close(s.child[2])
	}
}

func (s *streams) close() {
	for _, file := range []*os.File{s.stdin, s.stdout, s.stderr} {
		if file != nil {
			_ = file.Close()
		}
	}
}
