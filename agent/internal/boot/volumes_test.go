package boot

import (
	"reflect"
	"testing"
)

func TestVolumesOfTheCommandLine(t *testing.T) {
	line, err := ParseCommandLine("banger.volume=/dev/vdc:/srv/data banger.volume=/dev/vdd:/models:ro")
	if err != nil {
		t.Fatal(err)
	}
	want := []Volume{{Device: "/dev/vdc", Target: "/srv/data"}, {Device: "/dev/vdd", Target: "/models", ReadOnly: true}}
	if !reflect.DeepEqual(line.Volumes, want) {
		t.Fatalf("got %v", line.Volumes)
	}
	for _, bad := range []string{"", "/dev/vdc", "/dev/vdc:data", "/dev/vdc:/data:rw", "/dev/vdc:/data:ro:x"} {
		if _, err := ParseCommandLine("banger.volume=" + bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
