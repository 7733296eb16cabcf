package guest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// etc makes a root whose /etc holds the file, or the link when target is set.
func etc(t *testing.T, name, content, target string) (root, path string) {
	t.Helper()
	root = t.TempDir()
	path = filepath.Join(root, "etc", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if target != "" {
		err = os.Symlink(target, path)
	} else if content != "absent" {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return root, path
}

func TestResolvers(t *testing.T) {
	const ours = resolversMark + "nameserver 10.0.2.3\n"
	for name, c := range map[string]struct{ before, want string }{
		"missing": {"absent", ours},
		"empty":   {" \n", ours},
		"taken":   {"nameserver 9.9.9.9\n", "nameserver 9.9.9.9\n"},
		"stale":   {resolversMark + "nameserver 192.168.7.1\nnameserver 1.1.1.1\n", ours},
		"changed": {resolversMark + "nameserver 9.9.9.9\nsearch lan\n", resolversMark + "nameserver 9.9.9.9\nsearch lan\n"},
	} {
		root, path := etc(t, "resolv.conf", c.before, "")
		if err := SetResolvers(root, []string{"10.0.2.3"}, false); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestResolversOfANewDiskAreTheHosts(t *testing.T) {
	root, path := etc(t, "resolv.conf", "nameserver 10.255.255.53\n", "")
	if err := SetResolvers(root, []string{"10.0.2.3"}, true); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != resolversText([]string{"10.0.2.3"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestALinkThatLeadsNowhereIsFollowedWithinTheRoot(t *testing.T) {
	for _, target := range []string{"../run/resolve/stub.conf", "/run/resolve/stub.conf"} {
		root, path := etc(t, "resolv.conf", "", target)
		if err := SetResolvers(root, []string{"10.0.2.3"}, false); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(root, "run/resolve/stub.conf")); err != nil || len(got) == 0 {
			t.Errorf("%s: %q, %v", target, got, err)
		}
		if got, err := os.Readlink(path); err != nil || got != target {
			t.Errorf("the image's link became %q, %v", got, err)
		}
	}
}

func TestMachineID(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	const other = "ffffffffffffffffffffffffffffffff\n"
	for before, want := range map[string]string{"absent": id + "\n", "uninitialized\n": id + "\n", "": id + "\n", other: other} {
		root, path := etc(t, "machine-id", before, "")
		if err := SetMachineID(root, id); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%q became %q, %v", before, got, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	root, _ := etc(t, "x", "", "")
	for name, err := range map[string]error{
		"a name with a slash":   SetHostname(root, "a/b"),
		"a name with a newline": SetHostname(root, "a\nb"),
		"no name":               SetHostname(root, ""),
		"an id too short":       SetMachineID(root, "0123"),
		"a server with a line":  SetResolvers(root, []string{"1.1.1.1\nsearch evil"}, true),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestForget(t *testing.T) {
	root := t.TempDir()
	was := Identity{Hostname: "demo", MachineID: "00112233445566778899aabbccddeeff", DNS: []string{"10.0.2.3"}, HostKey: "/etc/banger/key"}
	for name, text := range map[string]string{
		"etc/machine-id": was.MachineID + "\n", "etc/hostname": "demo\n", "etc/hosts": hostsText("", "demo"),
		"etc/resolv.conf": resolversText(was.DNS), "etc/banger/key": "secret",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Forget(root, was); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/machine-id")); err != nil || len(text) != 0 {
		t.Errorf("machine-id: %q, %v", text, err)
	}
	for _, name := range []string{"etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/banger/key"} {
		if _, err := os.Lstat(filepath.Join(root, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestForgetKeepsWhatIsTheImagesOwn(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	own := map[string]string{"etc/machine-id": "another\n", "etc/hostname": "mine\n", "etc/hosts": "127.0.0.1 mine\n", "etc/resolv.conf": "nameserver 9.9.9.9\n"}
	for name, text := range own {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Forget(root, Identity{Hostname: "demo", MachineID: "00", DNS: []string{"10.0.2.3"}, HostKey: "/etc/banger/key"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range own {
		if text, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestForgetHostKeysOfThisBootOnly(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "etc/ssh")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, made := range map[string]time.Time{
		"ssh_host_rsa_key": now, "ssh_host_rsa_key.pub": now, "ssh_host_old_key": now.Add(-time.Hour), "sshd_config": now,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, made, made)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Forget(root, Identity{Since: now.Add(-time.Minute), HostKey: "/etc/banger/key"}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "ssh_host_old_key" || filepath.Base(left[1]) != "sshd_config" {
		t.Fatalf("%q, %v", left, err)
	}
}
