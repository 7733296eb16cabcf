package unpack

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func archive(t *testing.T, entries ...tar.Header) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, entry := range entries {
		text := "text of " + entry.Name
		if entry.Typeflag == tar.TypeReg {
			entry.Size = int64(len(text))
		}
		if err := w.WriteHeader(&entry); err != nil {
			t.Fatal(err)
		}
		if entry.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestTheTargetTakesTheTopEntrysPlace(t *testing.T) {
	target := filepath.Join(t.TempDir(), "new", "place")
	err := Into(target, archive(t,
		tar.Header{Name: "src/", Typeflag: tar.TypeDir, Mode: 0o750},
		tar.Header{Name: "src/run", Typeflag: tar.TypeReg, Mode: 0o755},
		tar.Header{Name: "src/link", Typeflag: tar.TypeSymlink, Linkname: "run"},
		tar.Header{Name: "src/hard", Typeflag: tar.TypeLink, Linkname: "src/run"},
	))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"run", "link", "hard"} {
		if text, err := os.ReadFile(filepath.Join(target, name)); err != nil || string(text) != "text of src/run" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestAFileGetsTheTargetsName(t *testing.T) {
	target := filepath.Join(t.TempDir(), "b.conf")
	for range 2 {
		if err := Into(target, archive(t, tar.Header{Name: "a.conf", Typeflag: tar.TypeReg, Mode: 0o640})); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "text of a.conf" {
		t.Fatalf("%q, %v", text, err)
	}
}

func TestRefuses(t *testing.T) {
	for name, entry := range map[string]tar.Header{
		"a way out":      {Name: "../out", Typeflag: tar.TypeReg},
		"an absolute":    {Name: "/out", Typeflag: tar.TypeReg},
		"a link out":     {Name: "in", Typeflag: tar.TypeLink, Linkname: "../../etc/passwd"},
		"a device":       {Name: "null", Typeflag: tar.TypeChar},
		"a hidden way":   {Name: "a/../../out", Typeflag: tar.TypeReg},
		"a named socket": {Name: "fifo", Typeflag: tar.TypeFifo},
	} {
		if err := Into(filepath.Join(t.TempDir(), "x"), archive(t, entry)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := Into(filepath.Join(t.TempDir(), "x"), bytes.NewReader(bytes.Repeat([]byte("no tar"), 200))); err == nil {
		t.Error("what is no archive was taken")
	}
	if err := Into(filepath.Join(t.TempDir(), "x"), bytes.NewReader(nil)); err == nil {
		t.Error("nothing at all was taken")
	}
}
