package boot

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestModulesOfTheImageAreLeftAlone(t *testing.T) {
	target := modulesPath(t.TempDir(), "6.12.1")
	if err := os.MkdirAll(target, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := mountModules(ctx, "/dev/none", target); err == nil {
		t.Error("an empty folder is where they belong, and there is no device")
	}
	if err := os.WriteFile(filepath.Join(target, "modules.dep"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mountModules(ctx, "/dev/none", target); err != nil {
		t.Errorf("modules that the image brings: %v", err)
	}
}

func TestAgentStandsInForModprobe(t *testing.T) {
	for _, c := range []struct{ name, setting, has, want string }{
		{"an image without modprobe", "/sbin/modprobe\n", "", modprobeLink},
		{"a kernel that was told to call none", "\n", "", modprobeLink},
		{"an image with modprobe", "/sbin/modprobe\n", "/sbin/modprobe", "/sbin/modprobe\n"},
	} {
		root := t.TempDir()
		write := func(path, text string, mode os.FileMode) {
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
		write(modprobeSetting, c.setting, 0o600)
		if c.has != "" {
			write(c.has, "", 0o755)
		}
		if err := standInForModprobe(root, "/agent (deleted)"); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got, _ := os.ReadFile(filepath.Join(root, modprobeSetting)); string(got) != c.want {
			t.Errorf("%s: the kernel calls %q, want %q", c.name, got, c.want)
		}
		target, _ := os.Readlink(filepath.Join(root, modprobeLink))
		if want := map[bool]string{true: agentCopy, false: ""}[c.want == modprobeLink]; target != want {
			t.Errorf("%s: the link leads to %q, want %q", c.name, target, want)
		}
	}
	if err := standInForModprobe(t.TempDir(), "/agent"); err != nil {
		t.Errorf("a kernel without modules: %v", err)
	}
}
