package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyWhatTheKernelHasByItselfIsQuietened(t *testing.T) {
	folder := t.TempDir()
	set := func(name, value string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(name, want string) {
		t.Helper()
		if text, _ := os.ReadFile(filepath.Join(folder, name)); string(text) != want {
			t.Errorf("%s is %q, want %q", name, text, want)
		}
	}
	// A kernel without compaction.
	set("stat_interval", "1\n")
	if err := quieten(folder); err != nil {
		t.Fatal(err)
	}
	expect("stat_interval", "10")
	expect("compaction_proactiveness", "")
	// Somebody's choices.
	set("stat_interval", "2\n")
	set("compaction_proactiveness", "50\n")
	if err := quieten(folder); err != nil {
		t.Fatal(err)
	}
	expect("stat_interval", "2\n")
	expect("compaction_proactiveness", "50\n")
}
