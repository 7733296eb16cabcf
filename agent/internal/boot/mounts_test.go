package boot

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMountTableIsLinkedOnce(t *testing.T) {
	root := t.TempDir()
	table := filepath.Join(root, "etc/mtab")
	if err := linkMountTable(root); err != nil {
		t.Errorf("an image without /etc: %v", err)
	}
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := linkMountTable(root); err != nil {
			t.Fatal(err)
		}
	}
	if target, err := os.Readlink(table); err != nil || target != "../proc/self/mounts" {
		t.Errorf("%q, %v", target, err)
	}
}

func TestMountTableOfTheImageStays(t *testing.T) {
	root := t.TempDir()
	table := filepath.Join(root, "etc/mtab")
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(table, []byte("of the image\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := linkMountTable(root); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(table); err != nil || string(text) != "of the image\n" {
		t.Errorf("%q, %v", text, err)
	}
}
