package account

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func database(t *testing.T, passwd, group string) Database {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"etc/passwd": passwd, "etc/group": group} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Database{Root: root}
}

const passwd = `# comment
root:x:0:0:root:/root:/bin/bash
broken line
alice:x:1000:1000:Alice:/home/alice:/bin/zsh
1001:x:2000:2000::/digits:
bad:x:notanumber:1::/:/bin/sh
`

const group = `root:x:0:
alice:x:1000:
wheel:x:10:root,alice
docker:x:999:alice
`

func TestLookup(t *testing.T) {
	d := database(t, passwd, group)
	alice := User{"alice", 1000, 1000, []uint32{1000, 10, 999}, "/home/alice", "/bin/zsh"}
	for spec, want := range map[string]User{
		"":             {"root", 0, 0, []uint32{0, 10}, "/root", "/bin/bash"},
		"root":         {"root", 0, 0, []uint32{0, 10}, "/root", "/bin/bash"},
		"alice":        alice,
		"1000":         alice,
		"alice:docker": {"alice", 1000, 999, []uint32{999}, "/home/alice", "/bin/zsh"},
		"alice:77":     {"alice", 1000, 77, []uint32{77}, "/home/alice", "/bin/zsh"},
		"4242":         {"4242", 4242, 0, []uint32{0}, "/", ""},
		"4242:4343":    {"4242", 4242, 4343, []uint32{4343}, "/", ""},
		// passwd(5) allows a name of digits, and a name goes before a number.
		"1001": {"1001", 2000, 2000, []uint32{2000}, "/digits", ""},
	} {
		got, err := d.Lookup(spec)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Lookup(%q) = %+v, %v; want %+v", spec, got, err, want)
		}
	}
}

func TestLookupRefuses(t *testing.T) {
	d := database(t, passwd, group)
	// 4294967295 means "leave as it is" to setuid's family: it must never be taken for a user.
	for _, spec := range []string{"nobody", "bad", "alice:nogroup", "-1", "4294967295", "4294967296"} {
		if got, err := d.Lookup(spec); !errors.Is(err, ErrNoSuchUser) {
			t.Errorf("Lookup(%q) = %+v, %v; want ErrNoSuchUser", spec, got, err)
		}
	}
}

func TestAnImageWithoutPasswdHasRoot(t *testing.T) {
	got, err := Database{Root: t.TempDir()}.Lookup("")
	want := User{Name: "root", Groups: []uint32{0}, Home: "/"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Lookup = %+v, %v; want %+v", got, err, want)
	}
}
