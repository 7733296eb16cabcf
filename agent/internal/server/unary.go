package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/crypto/ssh"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/internal/clock"
	"banger.dev/agent/internal/guest"
	"banger.dev/agent/internal/machine"
)

// maxGrace bounds how long a host can hold up the end it has asked for.
const maxGrace = 5 * time.Minute

// Info tells who answers.
func (s *Server) Info(ctx context.Context, _ *connect.Request[agentv1.InfoRequest]) (*connect.Response[agentv1.InfoResponse], error) {
	uptime, err := machine.Uptime()
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	// A guest without a name is still a guest.
	hostname, _ := os.Hostname()
	of := sessionOf(ctx)
	answer := &agentv1.InfoResponse{
		Protocol: Protocol,
		Version:  s.Version,
		Abilities: []string{
			"clock", "configure", "configure.vsock", "exec", "exec.tty", "files", "forward.ssh", "forward.tcp", "forward.unix",
			"forward.vsock", "reboot", "resize", "secret", "service", "service.line", "sessions", "shutdown", "stats", "world",
		},
		BootId:        machine.BootID(),
		UptimeMs:      uint64(uptime.Milliseconds()),
		KernelRelease: machine.KernelRelease(),
		InitMode:      initMode(s.Init),
		SshHostKey:    strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.SSH.HostKey.PublicKey()))),
		Challenge:     of.challenge[:],
		HasSecret:     s.Secret.Known(),
	}
	if s.admits(of) {
		answer.OsName, answer.Configured, answer.Hostname = machine.OSName(), s.Settings.Configured(), hostname
	}
	return connect.NewResponse(answer), nil
}

func initMode(init machine.Init) agentv1.InitMode {
	switch init {
	case machine.SystemdInit:
		return agentv1.InitMode_INIT_MODE_SYSTEMD
	case machine.AgentInit:
		return agentv1.InitMode_INIT_MODE_AGENT
	default:
		return agentv1.InitMode_INIT_MODE_OTHER
	}
}

// Configure does what it can, and tells of what it could not: a guest without its name is still a guest.
func (s *Server) Configure(
	ctx context.Context, request *connect.Request[agentv1.ConfigureRequest],
) (*connect.Response[agentv1.ConfigureResponse], error) {
	want := request.Msg
	if !want.KeepAuthorizedKeys {
		s.Settings.SetKeys(want.AuthorizedKeys)
	}
	s.Settings.SetEnv(want.Env)
	var failed []error
	answer := &agentv1.ConfigureResponse{}
	if want.WallClockNs > 0 {
		set, err := guest.SetClock(want.WallClockNs)
		answer.ClockWasSet = set
		failed = append(failed, err)
	}
	if want.Hostname != "" {
		failed = append(failed, guest.SetHostname(s.Root, want.Hostname))
	}
	if len(want.DnsServers) > 0 {
		failed = append(failed, guest.SetResolvers(s.Root, want.DnsServers, false))
	}
	if len(want.VsockPorts) > 0 {
		failed = append(failed, s.Vsock.Offer(ctx, want.VsockPorts, s.Log))
	}
	if err := errors.Join(failed...); err != nil {
		// Joined errors stand on a line each.
		answer.Warnings = strings.Split(err.Error(), "\n")
	}
	return connect.NewResponse(answer), nil
}

// AdjustClock tells how the clock stands, and turns it.
func (s *Server) AdjustClock(
	_ context.Context, request *connect.Request[agentv1.AdjustClockRequest],
) (*connect.Response[agentv1.AdjustClockResponse], error) {
	want := request.Msg
	state, err := s.Clock.Adjust(clock.Adjustment{
		Step:     time.Duration(want.StepNs),
		RatePPB:  want.RatePpb,
		Slew:     time.Duration(want.SlewNs),
		SlewOver: time.Duration(want.SlewOverMs) * time.Millisecond,
	})
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return connect.NewResponse(&agentv1.AdjustClockResponse{
		WallClockNs: state.Now.UnixNano(), RatePpb: state.RatePPB, KeptByGuest: state.KeptByGuest,
	}), nil
}

// Stats tells what is in use.
func (s *Server) Stats(context.Context, *connect.Request[agentv1.StatsRequest]) (*connect.Response[agentv1.StatsResponse], error) {
	uptime, errUptime := machine.Uptime()
	memory, errMemory := machine.ReadMemory()
	cpu, errCPU := machine.ReadCPU()
	load, errLoad := machine.ReadLoad()
	disks, errDisks := machine.ReadDisks()
	processes, errProcesses := machine.CountProcesses()
	if err := errors.Join(errUptime, errMemory, errCPU, errLoad, errDisks, errProcesses); err != nil {
		return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("read what the guest uses: %w", err))
	}
	answer := &agentv1.StatsResponse{
		UptimeMs: uint64(uptime.Milliseconds()),
		Memory: &agentv1.MemoryStats{
			TotalBytes: memory.Total, AvailableBytes: memory.Available,
			SwapTotalBytes: memory.SwapTotal, SwapFreeBytes: memory.SwapFree,
		},
		Cpu: &agentv1.CpuStats{
			Count: uint32(cpu.Count), UserMs: ms(cpu.User), SystemMs: ms(cpu.System),
			IdleMs: ms(cpu.Idle), IowaitMs: ms(cpu.IOWait), StealMs: ms(cpu.Steal),
		},
		Load:      &agentv1.LoadStats{One: load[0], Five: load[1], Fifteen: load[2]},
		Processes: uint32(processes),
	}
	for _, d := range disks {
		answer.Disks = append(answer.Disks, &agentv1.DiskStats{
			Device: d.Device, MountPoint: d.MountPoint, Type: d.Type, TotalBytes: d.Total, AvailableBytes: d.Available,
		})
	}
	return connect.NewResponse(answer), nil
}

func ms(d time.Duration) uint64 { return uint64(d.Milliseconds()) }

// Shutdown answers, and the end comes after.
func (s *Server) Shutdown(
	_ context.Context, request *connect.Request[agentv1.ShutdownRequest],
) (*connect.Response[agentv1.ShutdownResponse], error) {
	end := machine.Poweroff
	if request.Msg.Mode == agentv1.ShutdownMode_SHUTDOWN_MODE_REBOOT {
		end = machine.Reboot
	}
	grace := machine.DefaultGrace
	if asked := request.Msg.GraceMs; asked > 0 {
		grace = min(time.Duration(asked)*time.Millisecond, maxGrace)
	}
	if err := s.End(end, grace); err != nil {
		return nil, connect.NewError(connect.CodeFailedPrecondition, err)
	}
	return connect.NewResponse(&agentv1.ShutdownResponse{}), nil
}

// Resize grows the root file system.
func (s *Server) Resize(context.Context, *connect.Request[agentv1.ResizeRequest]) (*connect.Response[agentv1.ResizeResponse], error) {
	sizes, err := machine.GrowRoot()
	if errors.Is(err, machine.ErrNotExt4) {
		return nil, connect.NewError(connect.CodeUnimplemented, err)
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return connect.NewResponse(&agentv1.ResizeResponse{
		OldBytes: sizes.Old, NewBytes: sizes.New, DeviceBytes: sizes.Device,
	}), nil
}
