package server

import (
	"context"
	"errors"
	"regexp"
	"syscall"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sys/unix"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/internal/service"
)

// StartService has a command kept running.
func (s *Server) StartService(
	_ context.Context, request *connect.Request[agentv1.StartServiceRequest],
) (*connect.Response[agentv1.StartServiceResponse], error) {
	spec, err := serviceSpec(request.Msg)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	spec.Defaults = s.Settings.World()
	err = s.Service.Start(spec)
	if errors.Is(err, service.ErrAnother) {
		return nil, connect.NewError(connect.CodeFailedPrecondition, err)
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return connect.NewResponse(&agentv1.StartServiceResponse{}), nil
}

func serviceSpec(want *agentv1.StartServiceRequest) (service.Spec, error) {
	start := want.GetCommand()
	if len(start.GetArgv()) == 0 || start.GetTty() != nil {
		return service.Spec{}, errors.New("a service is a command without a terminal")
	}
	if want.StopSignal < 0 || want.StopSignal > lastSignal {
		return service.Spec{}, errors.New("there is no such signal")
	}
	spec := service.Spec{
		Argv: start.Argv, Env: start.Env, Cwd: start.Cwd, User: start.User,
		Restart: service.Never, StopSignal: unix.SIGTERM, Grace: service.DefaultGrace,
	}
	switch want.Restart {
	case agentv1.RestartPolicy_RESTART_POLICY_ALWAYS:
		spec.Restart = service.Always
	case agentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE:
		spec.Restart = service.OnFailure
	case agentv1.RestartPolicy_RESTART_POLICY_NEVER, agentv1.RestartPolicy_RESTART_POLICY_UNSPECIFIED:
	}
	if want.StopSignal > 0 {
		spec.StopSignal = syscall.Signal(want.StopSignal)
	}
	if want.GraceMs > 0 {
		spec.Grace = min(time.Duration(want.GraceMs)*time.Millisecond, maxGrace)
	}
	return spec, nil
}

// WatchService tells how the command does.
func (s *Server) WatchService(
	ctx context.Context, _ *connect.Request[agentv1.WatchServiceRequest], stream *connect.ServerStream[agentv1.WatchServiceResponse],
) error {
	return s.Service.Watch(ctx, func(status service.Status) error {
		message := &agentv1.WatchServiceResponse{
			State: serviceState(status.State), Pid: int32(status.Pid), Restarts: uint32(status.Restarts),
			SinceNs: status.Since.UnixNano(), Error: status.Error,
		}
		if status.ExitCode != nil {
			code := int32(*status.ExitCode)
			message.ExitCode = &code
		}
		return stream.Send(message)
	})
}

func serviceState(state service.State) agentv1.ServiceState {
	switch state {
	case service.Running:
		return agentv1.ServiceState_SERVICE_STATE_RUNNING
	case service.Restarting:
		return agentv1.ServiceState_SERVICE_STATE_RESTARTING
	case service.Exited:
		return agentv1.ServiceState_SERVICE_STATE_EXITED
	case service.Failed:
		return agentv1.ServiceState_SERVICE_STATE_FAILED
	case service.Stopped:
		return agentv1.ServiceState_SERVICE_STATE_STOPPED
	}
	return agentv1.ServiceState_SERVICE_STATE_UNSPECIFIED
}

// ReadServiceLog hands over what the command has printed.
func (s *Server) ReadServiceLog(
	ctx context.Context, request *connect.Request[agentv1.ReadServiceLogRequest],
	stream *connect.ServerStream[agentv1.ReadServiceLogResponse],
) error {
	return s.Service.Log(ctx, request.Msg.Follow, func(text []byte) error {
		return stream.Send(&agentv1.ReadServiceLogResponse{Text: text})
	})
}

// maxPatternBytes bounds what a pattern costs to compile and to match.
const maxPatternBytes = 1000

// AwaitServiceLine answers when a line that matches has been printed.
func (s *Server) AwaitServiceLine(
	ctx context.Context, request *connect.Request[agentv1.AwaitServiceLineRequest],
) (*connect.Response[agentv1.AwaitServiceLineResponse], error) {
	if len(request.Msg.Pattern) > maxPatternBytes {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("the pattern is too long"))
	}
	pattern, err := regexp.Compile(request.Msg.Pattern)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	line, err := s.Service.AwaitLine(ctx, pattern)
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return connect.NewResponse(&agentv1.AwaitServiceLineResponse{Line: []byte(line)}), nil
}
