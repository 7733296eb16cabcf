package guest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const local = "127.0.0.1\tlocalhost\n"

func TestHostsText(t *testing.T) {
	ours := func(names string) string { return "127.0.1.1\t" + names + "\t" + hostsMark + "\n" }
	for what, c := range map[string]struct{ before, name, want string }{
		"nothing there":       {" \n", "box", local + "::1\tlocalhost ip6-localhost ip6-loopback\n" + ours("box")},
		"an image's lines":    {local, "box", local + ours("box")},
		"no last line break":  {"127.0.0.1\tlocalhost", "box", local + ours("box")},
		"another name":        {local + ours("old") + "10.0.0.1 db\n", "box", local + ours("box") + "10.0.0.1 db\n"},
		"twice":               {ours("a") + local + ours("b"), "box", ours("box") + local},
		"the same":            {local + ours("box"), "box", local + ours("box")},
		"a whole name":        {local, "box.example.org", local + ours("box.example.org box")},
		"known by the image":  {local + "10.0.0.9 Box # mine\n", "box", local + "10.0.0.9 Box # mine\n"},
		"known by it now":     {local + ours("old") + "10.0.0.9 box\n", "box", local + "10.0.0.9 box\n"},
		"only in a comment":   {"127.0.0.1 localhost # box\n", "box", "127.0.0.1 localhost # box\n" + ours("box")},
		"an address, no name": {"127.0.0.1 boxes\nbox\n", "box", "127.0.0.1 boxes\nbox\n" + ours("box")},
		"a line like ours":    {"127.0.1.1\told\n", "box", "127.0.1.1\told\n" + ours("box")},
	} {
		got := hostsText(c.before, c.name)
		if got != c.want {
			t.Errorf("%s:\n%q, want\n%q", what, got, c.want)
		}
		if again := hostsText(got, c.name); again != got {
			t.Errorf("%s: said again, it becomes %q", what, again)
		}
	}
}

func TestHostsOfAnImageKeepTheirLinesAndLearnTheName(t *testing.T) {
	for what, c := range map[string]struct{ before, target string }{
		"missing":                {"absent", ""},
		"written by netbase":     {local + "::1\tlocalhost ip6-localhost ip6-loopback\n", ""},
		"a link":                 {"", "hosts.d/own"},
		"a link across the root": {"", "/run/hosts"},
	} {
		root, path := etc(t, "hosts", c.before, c.target)
		for _, name := range []string{"first", "second"} {
			if err := setHosts(root, name); err != nil {
				t.Fatal(what, err)
			}
		}
		if c.target != "" {
			path = filepath.Join(root, "etc", c.target)
			if filepath.IsAbs(c.target) {
				path = filepath.Join(root, c.target)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "127.0.1.1\tsecond\t") || strings.Contains(string(text), "first") {
			t.Errorf("%s: %q, %v", what, text, err)
		}
		if !strings.HasPrefix(string(text), local) {
			t.Errorf("%s: the image's lines are gone: %q", what, text)
		}
	}
}

func TestALongListOfHostsIsLeftAlone(t *testing.T) {
	long := strings.Repeat("0.0.0.0 advertisement.example\n", 4000)
	root, path := etc(t, "hosts", long, "")
	if err := setHosts(root, "box"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != long {
		t.Errorf("it was changed: %d bytes, %v", len(text), err)
	}
}

func TestAnImageThatIsMadeOfAGuestDoesNotKnowItsName(t *testing.T) {
	for what, before := range map[string]string{"the image's file": local + "10.0.0.1 db\n", "a file of ours": "absent"} {
		root, path := etc(t, "hosts", before, "")
		if err := setHosts(root, "box"); err != nil {
			t.Fatal(err)
		}
		if err := forgetHosts(root, "box"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if before == "absent" {
			before = ""
		}
		if string(text) != before || os.IsNotExist(err) != (before == "") {
			t.Errorf("%s: %q, %v", what, text, err)
		}
	}
}
