package boot

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseDevnames(t *testing.T) {
	got := parseDevnames("# Device nodes to trigger on-demand module loading.\nfuse fuse c10:229\ntun net/tun c10:200\n" +
		"x ../../etc/x c1:3\nx /etc/x c1:3\nx y p1:3\nx y c1\nx\n\nfloppy fd0 b2:0\n")
	want := []deviceNode{
		{"fuse", unix.S_IFCHR, unix.Mkdev(10, 229)},
		{"net/tun", unix.S_IFCHR, unix.Mkdev(10, 200)},
		{"fd0", unix.S_IFBLK, unix.Mkdev(2, 0)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\nwant %+v", got, want)
	}
}

func TestNodesAreMadeAndKept(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes device nodes")
	}
	modules, dev := t.TempDir(), t.TempDir()
	if err := makeNodes(dev, modules); err != nil {
		t.Fatalf("a kernel without modules: %v", err)
	}
	devnames := []byte("fuse fuse c10:229\ntun net/tun c10:200\n")
	if err := os.WriteFile(filepath.Join(modules, "modules.devname"), devnames, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dev, "fuse"), []byte("there"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := makeNodes(dev, modules); err != nil {
		t.Fatal(err)
	}
	var made unix.Stat_t
	if err := unix.Stat(filepath.Join(dev, "net/tun"), &made); err != nil || made.Rdev != unix.Mkdev(10, 200) || made.Mode != unix.S_IFCHR|0o600 {
		t.Errorf("%+v, %v", made, err)
	}
	if text, err := os.ReadFile(filepath.Join(dev, "fuse")); string(text) != "there" {
		t.Errorf("what is there stays: %q, %v", text, err)
	}
}

func TestDevicesForAll(t *testing.T) {
	root := t.TempDir()
	if err := bringDevices(root); err != nil {
		t.Fatalf("a kernel without them: %v", err)
	}
	for _, name := range []string{"fuse", "kvm"} {
		if err := os.MkdirAll(filepath.Join(root, "dev"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "dev", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := bringDevices(root); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"fuse": 0o666, "kvm": 0o600} {
		if info, err := os.Stat(filepath.Join(root, "dev", name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
