package modprobe

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func modulesFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"modules.dep": "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz\n" +
			"kernel/fs/jbd2/jbd2.ko.xz:\nkernel/fs/mbcache.ko.xz:\nkernel/crypto/crc32c-generic.ko.xz:\n" +
			"kernel/drivers/virtio/virtio_balloon.ko.xz:\nkernel/drivers/net/tun.ko.xz:\n",
		"modules.alias": "# Aliases extracted from modules themselves.\nalias fs-ext4 ext4\n" +
			"alias virtio:d00000005v* virtio_balloon\nalias devname:net/tun tun\nalias broken[ ext4\nalias twice tun\nalias twice jbd2\n",
		"modules.softdep": "# Soft dependencies extracted from modules themselves.\nsoftdep ext4 pre: crc32c-generic post: tun\n",
		"modules.builtin": "kernel/net/unix/unix.ko\nkernel/lib/crc-ccitt.ko\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	dir := modulesFolder(t)
	for name, want := range map[string][]string{
		"ext4":                      {"crc32c-generic", "mbcache", "jbd2", "ext4"},
		"fs-ext4":                   {"crc32c-generic", "mbcache", "jbd2", "ext4"},
		"crc32c_generic":            {"crc32c-generic"},
		"virtio:d00000005v00001AF4": {"virtio_balloon"},
		"devname:net/tun":           {"tun"},
		"twice":                     {"tun", "jbd2"},
		"crc-ccitt":                 nil,
		"unix":                      nil,
	} {
		var got []string
		err := Load(dir, name, func(path string) error {
			got = append(got, filepath.Base(path[:len(path)-len(".ko.xz")]))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: loads %v (%v), want %v", name, got, err, want)
		}
	}
}

func TestLoadSaysWhatFails(t *testing.T) {
	dir := modulesFolder(t)
	never := func(path string) error {
		t.Errorf("loads %s", path)
		return nil
	}
	if err := Load(dir, "virtio:d00000007v1", never); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown alias: %v", err)
	}
	if err := Load(t.TempDir(), "ext4", never); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder without indexes: %v", err)
	}
	refused := errors.New("refused")
	calls := 0
	err := Load(dir, "jbd2", func(string) error { calls++; return refused })
	if !errors.Is(err, refused) || calls != 1 {
		t.Errorf("a module that the kernel refuses: %v after %d calls", err, calls)
	}
}
