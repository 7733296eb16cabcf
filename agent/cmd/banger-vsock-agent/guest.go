package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/agent"
	"banger.dev/agent/internal/boot"
	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/secret"
	"banger.dev/agent/internal/server"
	"banger.dev/agent/internal/service"
	"banger.dev/agent/internal/sessions"
)

const hostKeyPath = boot.HostKeyPath

// initramfsInit goes on as the first program of the root file system where that one is this very program.
func initramfsInit(ctx context.Context, _ []string) error {
	if err := boot.RunInitramfs(ctx); err != nil {
		return err
	}
	return pidOne(ctx, boot.AgentPath)
}

// firstBoot goes on as PID 1 where systemd does not take over; as a oneshot service it does what is left to do, once.
func firstBoot(ctx context.Context, _ []string) error {
	if os.Getpid() != 1 {
		return boot.Settle()
	}
	return pidOne(ctx, "")
}

// pidOne is the guest's first process, on its root file system. The agent's file there is program, or the one that runs.
func pidOne(ctx context.Context, program string) error {
	program, err := boot.FirstBoot(ctx, program)
	if err != nil {
		return err
	}
	// A program that is PID 1 gets no signal it has not asked for.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGPWR)
	type ending struct {
		how   machine.End
		grace time.Duration
	}
	ends := make(chan ending, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nursery := &children.Nursery{}
	go nursery.Reap(ctx)
	looksAfter := manager(nursery, program)
	stopped := make(chan error, 1)
	go func() {
		stopped <- agent.Run(ctx, agent.Options{
			Version: version, Program: program, HostKey: hostKeyPath, Lines: guestLines(), Secret: guestSecret(), Nursery: nursery,
			Log: agent.KernelLog(), Service: looksAfter,
			Sessions: sessionStore(nursery, program, "", sessions.RunDir),
			Ready: func() {
				boot.Announce(os.Stdout, boot.StageAgent)
				rest()
			},
			End: func(how machine.End, grace time.Duration) error {
				select {
				case ends <- ending{how, grace}:
				default:
					// An end is under way already.
				}
				return nil
			},
		})
	}()
	end := ending{machine.Poweroff, machine.DefaultGrace}
	select {
	case end = <-ends:
	case got := <-signals:
		// What busybox's tools send to its init: SIGTERM to reboot, SIGUSR2 to power off, SIGUSR1 to halt. SIGINT is ctrl-alt-del.
		if got == unix.SIGINT || got == unix.SIGTERM {
			end.how = machine.Reboot
		}
	case err := <-stopped:
		return fmt.Errorf("the agent stopped: %w", err)
	}
	// While the agent still answers: whoever watches the service hears how it ended.
	looksAfter.Stop()
	cancel()
	<-stopped
	return machine.Halt(end.how, end.grace)
}

func manager(nursery *children.Nursery, program string) *service.Manager {
	return &service.Manager{Dir: service.DefaultDir, Program: program, Nursery: nursery, Init: machine.FindInit()}
}

// supervise is what keeps the VM's own command running.
func supervise(ctx context.Context, args []string) error {
	dir := service.DefaultDir
	if len(args) > 0 {
		dir = args[0]
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM)
	defer stop()
	return service.Supervise(ctx, dir)
}

// sessionRun is the supervisor of one session. It tells who started it by descriptor 3 whether the command runs.
func sessionRun(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: session-run FOLDER SOCKET")
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM)
	defer stop()
	unix.CloseOnExec(3)
	return sessions.Supervise(ctx, args[0], args[1], os.Stdin, os.NewFile(3, "told"))
}

func sessionStore(nursery *children.Nursery, program, dir, run string) *sessions.Store {
	return &sessions.Store{Dir: dir, Run: run, Program: program, BootID: machine.BootID(), Nursery: nursery}
}

func guestLines() []agent.Line {
	// What cannot be read says as little as an older host's.
	line, _ := boot.ReadCommandLine()
	return agent.GuestLines(line.Line)
}

func guestSecret() *secret.Keeper { return secret.Load(secret.DefaultPath, machine.BootID()) }

// serve is the job under systemd, and, with lines of its own, in tests.
func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	listenUnix := flags.String("listen-unix", "", "listen on this socket instead of the guest's lines")
	serialFD := flags.Int("serial-fd", -1, "use this inherited socket as the serial port, instead of the guest's lines")
	open := flags.Bool("open", false, "trust nobody who connects to that socket")
	sessionsDir := flags.String("sessions", "", "keep sessions, and their sockets, in this folder instead of the guest's")
	hostKey := flags.String("host-key", hostKeyPath, "file of the SSH host key")
	if err := flags.Parse(args); err != nil {
		return err
	}
	options := agent.Options{
		Version: version, HostKey: *hostKey, Lines: guestLines(), Nursery: &children.Nursery{}, Log: agent.KernelLog(),
		Secret: guestSecret(),
		Ready:  serviceReady, End: endService,
	}
	var err error
	if options.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find the agent's own file: %w", err)
	}
	options.Service = manager(options.Nursery, options.Program)
	if *sessionsDir != "" {
		options.Sessions = sessionStore(options.Nursery, options.Program, *sessionsDir, *sessionsDir)
	} else {
		options.Sessions = sessionStore(options.Nursery, options.Program, "", sessions.RunDir)
	}
	if *listenUnix != "" || *serialFD >= 0 {
		options.Lines, options.Log, options.Secret = nil, agent.StderrLog(), &secret.Keeper{}
		options.Ready = func() { fmt.Println("ready") }
		options.End = func(machine.End, time.Duration) error { return errors.New("this is not a guest") }
	}
	if *listenUnix != "" {
		line := agent.Unix(*listenUnix)
		if *open {
			line.Trust = server.Open
		}
		options.Lines = append(options.Lines, line)
	}
	if *serialFD >= 0 {
		options.Lines = append(options.Lines, agent.SerialDescriptor(*serialFD))
	}
	ctx, stop := signal.NotifyContext(ctx, unix.SIGTERM, unix.SIGINT)
	defer stop()
	return agent.Run(ctx, options)
}

// rest has an idle guest cost its host little.
func rest() {
	if err := errors.Join(machine.GiveBack(), machine.BeQuiet()); err != nil {
		agent.KernelLog().Warn("an idle guest costs more than it need", "error", err)
	}
}

func serviceReady() {
	agent.NotifyReady()
	rest()
	if console, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0); err == nil {
		boot.Announce(console, boot.StageAgent)
		_ = console.Close()
	}
}

// endService leaves the end to whoever is PID 1.
func endService(how machine.End, _ time.Duration) error {
	if machine.FindInit() == machine.SystemdInit {
		return machine.AskSystemd(how)
	}
	return machine.AskInit(how)
}
