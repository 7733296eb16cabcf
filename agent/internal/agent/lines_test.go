package agent

import (
	"reflect"
	"testing"

	"banger.dev/agent/internal/server"
)

func TestAGuestListensOnTheLineThatItWasGiven(t *testing.T) {
	type way struct {
		name  string
		trust server.Trust
	}
	for word, want := range map[string][]way{
		"serial":  {{"virtio-serial", server.Trusted}},
		"vsock":   {{"vsock", server.Trusted}},
		"guarded": {{"vsock", server.Open}, {"virtio-serial", server.Trusted}},
		// An older host says nothing.
		"": {{"vsock", server.Trusted}, {"virtio-serial", server.Trusted}},
	} {
		var got []way
		for _, line := range GuestLines(word) {
			got = append(got, way{line.Name, line.Trust})
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", word, got, want)
		}
	}
}
