package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSmallGuestsTellOfSmallPieces(t *testing.T) {
	for mib, want := range map[uint64]uint64{16: 2, 64: 3, 128: 4, 256: 5, 1024: 7, 4096: 9, 65536: 9} {
		if got := reportOrder(mib<<20, 4096); got != want {
			t.Errorf("%d MiB: order %d, want %d", mib, got, want)
		}
	}
}

func TestOrderOfReportsIsOnlyLowered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "order")
	for _, c := range []struct {
		now, then string
	}{
		{"9\n", "4"},
		// Not decided yet: -1, as the kernel shows it.
		{"4294967295\n", "4"},
		// Somebody's choice.
		{"0\n", "0\n"},
		{"4\n", "4\n"},
	} {
		if err := os.WriteFile(file, []byte(c.now), 0o600); err != nil {
			t.Fatal(err)
		}
		err := lowerReportOrder(file, 128<<20)
		text, _ := os.ReadFile(file)
		if err != nil || string(text) != c.then {
			t.Errorf("%q: %v, %q", c.now, err, text)
		}
	}
	if err := os.WriteFile(file, []byte("none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lowerReportOrder(file, 128<<20); err == nil {
		t.Error("nonsense was taken for an order")
	}
}

func TestKernelsThatTellNothingAreLeftAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "order")
	if err := lowerReportOrder(file, 128<<20); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a setting was made up")
	}
}
