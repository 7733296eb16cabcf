package server

import (
	"context"

	"connectrpc.com/connect"

	agentv1 "banger.dev/agent/gen/banger/agent/v1"
	"banger.dev/agent/internal/world"
)

// SetWorld gives the guest what its host lives with, and undoes what it gave before.
func (s *Server) SetWorld(
	ctx context.Context, request *connect.Request[agentv1.SetWorldRequest],
) (*connect.Response[agentv1.SetWorldResponse], error) {
	want := request.Msg
	env, failed := s.World.Set(ctx, world.Wanted{
		Certificates: want.Certificates,
		Proxies:      world.Proxies{HTTP: want.Proxies.GetHttp(), HTTPS: want.Proxies.GetHttps(), NoneFor: want.Proxies.GetNoneFor()},
		Zone:         world.Zone{Name: want.TimeZone.GetName(), Rule: want.TimeZone.GetRule()},
		Locale:       want.Locale,
	})
	s.Settings.SetWorld(env)
	answer := &agentv1.SetWorldResponse{}
	for _, err := range failed {
		answer.Warnings = append(answer.Warnings, err.Error())
	}
	return connect.NewResponse(answer), nil
}
