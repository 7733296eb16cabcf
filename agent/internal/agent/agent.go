// Package agent puts the parts together: a server of the contract, on every line there is to the host.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"banger.dev/agent/internal/account"
	"banger.dev/agent/internal/children"
	"banger.dev/agent/internal/command"
	"banger.dev/agent/internal/guest"
	"banger.dev/agent/internal/machine"
	"banger.dev/agent/internal/secret"
	"banger.dev/agent/internal/server"
	"banger.dev/agent/internal/service"
	"banger.dev/agent/internal/sessions"
	"banger.dev/agent/internal/sshd"
	"banger.dev/agent/internal/world"
)

// farewell is how long answers that are under way may take before the agent ends.
const farewell = 300 * time.Millisecond

// Options are what differs between a guest and a test.
type Options struct {
	Version string
	// Program is the agent's own file.
	Program string
	HostKey string
	Lines   []Line
	// Secret is what the agent and its host know of one another.
	Secret  *secret.Keeper
	Nursery *children.Nursery
	Service *service.Manager
	// Sessions are the guest's.
	Sessions *sessions.Store
	// Ready is called once the first line listens.
	Ready func()
	// End ends the machine; it must not wait for it.
	End func(end machine.End, grace time.Duration) error
	Log *slog.Logger
}

// Line is a way to the host. Listen may wait until the device is there, and fails for good where it never will be.
type Line struct {
	Name string
	// Trust is what it says of who is at its other end.
	Trust  server.Trust
	Listen func(context.Context) (net.Listener, error)
}

// Run serves until the context ends.
func Run(ctx context.Context, options Options) error {
	hostKey, err := sshd.LoadHostKey(options.HostKey, options.Log)
	if err != nil {
		return err
	}
	accounts := account.Database{Root: "/"}
	runner := command.Runner{Nursery: options.Nursery, Accounts: accounts}
	settings := &guest.Settings{}
	service := &server.Server{
		Version: options.Version,
		Runner:  runner,
		SSH: &sshd.Server{
			HostKey: hostKey, Runner: runner, Accounts: accounts, Keys: settings.Keys, Env: settings.Env,
			SFTP: []string{options.Program, "sftp-server"}, Log: options.Log,
		},
		Settings: settings, Service: options.Service, Secret: options.Secret, Files: server.NewFiles(accounts),
		Sessions: &server.Sessions{Store: options.Sessions, Env: settings.Env}, Root: "/", Init: machine.FindInit(), End: options.End, Log: options.Log,
	}
	service.World = &world.Keeper{
		Root: "/", Run: runner.Run, Systemd: service.Init == machine.SystemdInit, Patience: 10 * time.Second,
	}
	serving := lineServer{Server: service.HTTP(ctx), guard: service.Guard}
	var lines sync.WaitGroup
	var ready sync.Once
	left := atomic.Int32{}
	left.Store(int32(len(options.Lines)))
	for _, l := range options.Lines {
		lines.Go(func() {
			log := options.Log.With("line", l.Name)
			err := serveLine(ctx, serving, l, func() { ready.Do(options.Ready) }, log)
			if left.Add(-1) == 0 && ctx.Err() == nil {
				// On the console, which is all that a host then hears of its guest.
				log.Error("no line leads to the host", "error", err)
			}
		})
	}
	<-ctx.Done()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	err = serving.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		err = serving.Close()
	}
	lines.Wait()
	return err
}

// lineServer is a server with its way to know what comes over a line.
type lineServer struct {
	*http.Server
	guard func(net.Listener, server.Trust) net.Listener
}

// serveLine listens again if a line breaks: a device may be unplugged and come back.
func serveLine(ctx context.Context, serving lineServer, l Line, ready func(), log *slog.Logger) error {
	for ctx.Err() == nil {
		listener, err := l.Listen(ctx)
		if err != nil {
			if ctx.Err() == nil {
				log.Info("no such line to the host", "error", err)
			}
			return err
		}
		log.Info("listening", "address", listener.Addr().String())
		ready()
		err = serving.Serve(serving.guard(listener, l.Trust))
		if errors.Is(err, http.ErrServerClosed) {
			return err
		}
		log.Warn("line to the host broke", "error", err)
	}
	return ctx.Err()
}
