// Package sessions runs commands that live in the guest by themselves. Each has a supervisor, a process of its own, which
// holds its terminal or pipes, writes what it prints to a log on the guest's disk, and how it ended; so neither a
// client's end nor the agent's touches it. The agent knows of sessions by their folders, and reaches a supervisor by its socket.
package sessions

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"banger.dev/agent/internal/command"
	"banger.dev/agent/internal/files"
)

// What a call of this package may find, besides what the guest's files do.
var (
	ErrNotFound   = errors.New("there is no such session")
	ErrExists     = errors.New("there is a session of that name")
	ErrTooMany    = errors.New("there are too many sessions: delete some")
	ErrBadName    = errors.New("a session's name is of letters, digits, '-', '_' and '.', begins with a letter or digit, and has at most 63 of them")
	ErrEnded      = errors.New("the session has ended")
	ErrRunning    = errors.New("the session still runs")
	ErrHasWriter  = errors.New("another writes to the session")
	ErrTaken      = errors.New("another has taken the session over")
	ErrNoStdin    = errors.New("the session has no stdin, or its end was sent")
	ErrNoTerminal = errors.New("the session has no terminal")
)

const (
	maxSessions = 200
	// maxShownBytes is how much of a command's words is kept for people to see.
	maxShownBytes = 4 << 10
	// maxRecordBytes is more than a record of ours can have.
	maxRecordBytes = 64 << 10
)

var nameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Names of files in a session's folder.
const (
	aboutFile  = "about.json"
	statusFile = "status.json"
)

// Spec is a command that is to be a session.
type Spec struct {
	Argv     []string
	Env      map[string]string
	Defaults map[string]string
	Cwd      string
	User     string
	TTY      *command.TTY
	// KeepStdin keeps stdin open, to be sent to.
	KeepStdin bool
}

// About is what is kept of a Spec. The environment is not: it may hold secrets.
type About struct {
	Argv     []string
	Cwd      string
	User     string
	Terminal bool
	HasStdin bool
	Created  time.Time
	// BootID is the kernel's.
	BootID string
}

func (s Spec) about(bootID string) About {
	return About{
		Argv: shown(s.Argv), Cwd: s.Cwd, User: s.User, Terminal: s.TTY != nil, HasStdin: s.KeepStdin || s.TTY != nil,
		Created: time.Now(), BootID: bootID,
	}
}

// shown is as much of a command as people want to see.
func shown(argv []string) []string {
	left := maxShownBytes
	for i, word := range argv {
		if left -= len(word) + 1; left < 0 {
			return append(argv[:i:i], "…")
		}
	}
	return argv
}

// State is how a session does.
type State string

// The states.
const (
	Running State = "running"
	// Exited had status 0, Failed did not, or was ended by a signal.
	Exited State = "exited"
	Failed State = "failed"
	// Killed was ended by End.
	Killed State = "killed"
	// Rebooted was ended by the guest's going down.
	Rebooted State = "rebooted"
	// Lost is one whose supervisor is gone, and has not said how it ended.
	Lost State = "lost"
)

// Status is what a supervisor tells of its command.
type Status struct {
	State State
	// Pid is 0 when the command has ended.
	Pid int
	// ExitCode is nil before its end.
	ExitCode   *int
	Signal     syscall.Signal
	Since      time.Time
	Rows, Cols uint16
	HasWriter  bool
	// Cut: the beginning of the log is not kept any more.
	Cut bool
	// StdinEnded: nothing more can be sent.
	StdinEnded bool
}

// Session is all there is to know of one.
type Session struct {
	Name string
	About
	Status
	LogBytes int64
}

// write puts a record in its place. One that says how a session ended must outlive a crash of the guest.
func write(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	// destroys: our own record of a session
	return files.Replace(path, text, 0o600)
}

func read(path string, value any) error {
	text, err := files.Read(path, maxRecordBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}

// nameFor makes a name of a program's, and of a number where that is taken.
func nameFor(argv []string, taken func(string) bool) string {
	base := "session"
	if len(argv) > 0 {
		if name := filepath.Base(argv[0]); nameShape.MatchString(name) && len(name) <= 40 {
			base = name
		}
	}
	if !taken(base) {
		return base
	}
	for n := 2; ; n++ {
		if name := base + "-" + strconv.Itoa(n); !taken(name) {
			return name
		}
	}
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
