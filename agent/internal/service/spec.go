// Package service keeps one command running in the guest: the one that its VM was made for. A supervisor of its own
// process does it, so that neither a client's end nor the agent's touches it; the two know each other by files.
package service

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"banger.dev/agent/internal/command"
	"banger.dev/agent/internal/files"
)

// DefaultDir holds what the supervisor and the agent tell one another. It is gone with the boot.
const DefaultDir = "/run/banger/service"

// DefaultGrace is the time between the stop signal and SIGKILL, as containers have it.
const DefaultGrace = 10 * time.Second

// maxJSONBytes is more than a message of the host's can hold.
const maxJSONBytes = 4 << 20

const (
	specFile  = "spec.json"
	stateFile = "state.json"
	lockFile  = "lock"
	// logStartFile says where the log of this boot begins.
	logStartFile = "log-start.json"
)

// Restart is when a command that has ended is run again.
type Restart string

// The policies.
const (
	Never     Restart = "no"
	OnFailure Restart = "on-failure"
	Always    Restart = "always"
)

// Spec is the command and how it is looked after.
type Spec struct {
	Argv []string
	Env  map[string]string
	// Defaults lie under Env. They are no part of what makes it another command.
	Defaults   map[string]string
	Cwd        string
	User       string
	Restart    Restart
	StopSignal syscall.Signal
	Grace      time.Duration
}

func (s Spec) command() command.Spec {
	return command.Spec{Argv: s.Argv, Env: s.Env, Defaults: s.Defaults, Cwd: s.Cwd, User: s.User}
}

// State is how the command does.
type State string

// The states. Restarting waits between two runs; Exited had status 0, Failed did not; Stopped was asked to end.
const (
	Running    State = "running"
	Restarting State = "restarting"
	Exited     State = "exited"
	Failed     State = "failed"
	Stopped    State = "stopped"
)

// Status is what there is to know of the command.
type Status struct {
	State State
	// Pid is 0 while nothing runs.
	Pid int
	// ExitCode is of the last run that ended; nil before.
	ExitCode *int
	Restarts int
	Since    time.Time
	// Error tells why it could not be run.
	Error string
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	// destroys: our own record of the command that the host wants run
	return files.Replace(path, text, 0o600)
}

func readJSON(path string, value any) error {
	text, err := files.Read(path, maxJSONBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}
