package machine

import (
	"reflect"
	"testing"
	"time"
)

func TestParseMemory(t *testing.T) {
	got := parseMemory([]byte("MemTotal:  1024 kB\nMemAvailable: 512 kB\nHugePages_Total: 0\nSwapTotal: 8 kB\nSwapFree: 4 kB\nodd\n"))
	if want := (Memory{1 << 20, 1 << 19, 8 << 10, 4 << 10}); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
}

func TestParseCPU(t *testing.T) {
	got := parseCPU([]byte("cpu  100 50 200 1000 30 1 2 7 0 0\ncpu0 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1\nintr 5\n"))
	want := CPU{
		Count: 2, User: 1500 * time.Millisecond, System: 2030 * time.Millisecond,
		Idle: 10 * time.Second, IOWait: 300 * time.Millisecond, Steal: 70 * time.Millisecond,
	}
	if got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
}

func TestParseMounts(t *testing.T) {
	got := parseMounts([]byte(`1 0 254:0 / / rw - ext4 /dev/vda rw
2 1 0:5 / /proc rw - proc proc rw
3 1 254:0 /x /bind rw - ext4 /dev/vda rw
4 1 254:16 / /my\040disk rw shared:1 master:2 - xfs /dev/vdb rw
nonsense
`))
	want := []mount{{"/dev/vda", "/", "ext4"}, {"/dev/vdb", "/my disk", "xfs"}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, want %+v", got, want)
	}
}

func TestPrettyName(t *testing.T) {
	for text, want := range map[string]string{
		"NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n": "Debian GNU/Linux 12",
		"PRETTY_NAME='Alpine'":                          "Alpine",
		"NAME=x\n":                                      "",
	} {
		if got := prettyName([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAMachineWithoutASwitchIsToldByHowItReboots(t *testing.T) {
	for line, want := range map[string]bool{
		"console=ttyS0 reboot=k panic=1 root=/dev/vda rw": true,
		"console=ttyS0 quiet reboot=t init=/x":            true,
		"console=ttyS0 quiet init=/x":                     false,
		"reboot=kbd":                                      false,
		"":                                                false,
	} {
		if got := endsByReset(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
