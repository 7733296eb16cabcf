package service

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestALogThatIsNoFileIsKeptInMemory(t *testing.T) {
	kept, dir := t.TempDir(), t.TempDir()
	want := filepath.Join(kept, "service.log")
	if got := pathOfLog(kept, dir); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := unix.Mkfifo(want, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := pathOfLog(kept, dir); got != filepath.Join(dir, "log") {
		t.Errorf("a FIFO is written to: %s", got)
	}
	if _, err := openLog(want); err == nil {
		t.Error("a FIFO was opened")
	}
}
