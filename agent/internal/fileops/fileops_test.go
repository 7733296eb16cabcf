package fileops

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/files"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var asIs = New{Owner: SameOwner}

func TestAFileStandsWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte("old"), 0o640))
	broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("cut off")))
	if _, err := Write(path, asIs, broken); err == nil {
		t.Error("what was cut off was taken for whole")
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "old" {
		t.Errorf("%q, %v", text, err)
	}
	written, err := Write(path, asIs, strings.NewReader("new content"))
	must(t, err)
	info, _ := os.Stat(path)
	if text, _ := os.ReadFile(path); string(text) != "new content" || written != 11 || info.Mode().Perm() != 0o640 {
		t.Errorf("%q, %d bytes, mode %v", text, written, info.Mode())
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Errorf("beside it stands %v", names)
	}
}

func TestWhatIsNoFileIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	for name, want := range map[string]error{
		"": unix.EISDIR, "fifo": files.ErrNotRegular, "none/file": fs.ErrNotExist, "fifo/file": unix.ENOTDIR,
	} {
		if _, err := Write(filepath.Join(dir, name), asIs, strings.NewReader("x")); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	exclusive := asIs
	exclusive.Exclusive = true
	must(t, os.WriteFile(filepath.Join(dir, "there"), nil, 0o600))
	if _, err := Write(filepath.Join(dir, "there"), exclusive, strings.NewReader("x")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it gave way: %v", err)
	}
	if _, _, err := Open(filepath.Join(dir, "fifo")); !errors.Is(err, files.ErrNotRegular) {
		t.Errorf("a FIFO was opened: %v", err)
	}
}

func TestALinkStaysAndWhatItLeadsToIsWritten(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	must(t, errors.Join(os.WriteFile(target, []byte("old"), 0o600), os.Symlink("target", link)))
	_, err := Write(link, asIs, strings.NewReader("new"))
	must(t, err)
	if text, err := os.ReadFile(target); err != nil || string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
	if to, err := os.Readlink(link); err != nil || to != "target" {
		t.Errorf("the link is %q, %v", to, err)
	}
	must(t, os.Symlink("circle", filepath.Join(dir, "circle")))
	if _, err := Write(filepath.Join(dir, "circle"), asIs, strings.NewReader("x")); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a circle: %v", err)
	}
}

// TestAnothersLinkIsNotFollowed: what root writes into a folder like /tmp must not go where somebody else has it go.
func TestAnothersLinkIsNotFollowed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another's link")
	}
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	must(t, errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), os.Symlink(victim, link), os.Lchown(link, 4321, 4321)))
	if _, err := Write(link, asIs, strings.NewReader("x")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the victim is %q", text)
	}
	must(t, os.Chown(dir, 4321, 4321))
	if _, err := Write(link, asIs, strings.NewReader("x")); err != nil {
		t.Errorf("a link of the folder's own owner: %v", err)
	}
}

func TestPartsOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	must(t, os.WriteFile(path, content, 0o600))
	file, info, err := Open(path)
	must(t, err)
	defer func() { _ = file.Close() }()
	if info.Stat.Size != 1_000_000 {
		t.Errorf("%d bytes", info.Stat.Size)
	}
	for _, at := range [][2]int64{{0, -1}, {999_999, -1}, {5, 3}, {0, 300_000}, {2_000_000, -1}, {999_990, 50}, {7, 0}} {
		var got bytes.Buffer
		must(t, Copy(file, at[0], at[1], func(b []byte) error { _, err := got.Write(b); return err }))
		from, to := min(at[0], 1_000_000), int64(1_000_000)
		if at[1] >= 0 {
			to = min(from+at[1], to)
		}
		if !bytes.Equal(got.Bytes(), content[from:to]) {
			t.Errorf("%v: %d bytes", at, got.Len())
		}
	}
}

func TestListingInPages(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for _, name := range []string{"a", "a/x", "a/x/y", "a-b", "b", "b/1", "b/2", "c"} {
		want = append(want, name)
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	must(t, os.Symlink("a", filepath.Join(dir, "link")))
	want = append(want, "link")
	for _, size := range []int{1, 2, 3, 100} {
		var got []string
		after := ""
		for more := true; more; {
			page, err := List(dir, 9, size, after)
			must(t, err)
			for _, info := range page.Entries {
				got = append(got, info.Path)
			}
			more = page.More
			if len(page.Entries) > size || more && len(page.Entries) != size {
				t.Fatalf("a page of %d has %d", size, len(page.Entries))
			}
			after = got[len(got)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %q", size, got)
		}
	}
	page, err := List(dir, 1, 0, "")
	if err != nil || len(page.Entries) != 5 {
		t.Errorf("the folder itself has %d, %v", len(page.Entries), err)
	}
	if target := page.Entries[4].Target; target != "a" {
		t.Errorf("the link says %q", target)
	}
	if _, err := List(filepath.Join(dir, "none"), 1, 0, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestChanges(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	must(t, errors.Join(os.WriteFile(path, nil, 0o600), os.Symlink("file", link)))
	mode := uint32(0o4711)
	must(t, Apply(path, false, Change{Mode: &mode, Owner: SameOwner}))
	info, err := Stat(path, false)
	if err != nil || info.Stat.Mode&0o7777 != mode {
		t.Errorf("mode %o, %v", info.Stat.Mode, err)
	}
	mode = 0o600
	if err := Apply(link, false, Change{Mode: &mode, Owner: SameOwner}); err == nil {
		t.Error("a link got a mode")
	}
	if info, _ := Stat(path, false); info.Stat.Mode&0o7777 != 0o4711 {
		t.Errorf("a link was followed: mode %o", info.Stat.Mode)
	}
	must(t, Apply(link, true, Change{Mode: &mode, Owner: SameOwner}))
	if info, _ := Stat(path, false); info.Stat.Mode&0o7777 != 0o600 {
		t.Errorf("the link was not followed: mode %o", info.Stat.Mode)
	}
	if err := Apply(path, false, Change{Owner: SameOwner, Set: map[string][]byte{"user.a": []byte("1")}}); errors.Is(err, unix.ENOTSUP) {
		t.Skip("no attributes here")
	}
	attributes, err := Attributes(path, false)
	if err != nil || string(attributes["user.a"]) != "1" {
		t.Errorf("%q, %v", attributes, err)
	}
	must(t, Apply(path, false, Change{Owner: SameOwner, Unset: []string{"user.a"}}))
	if attributes, _ := Attributes(path, false); attributes["user.a"] != nil {
		t.Errorf("%q", attributes)
	}
}

func TestFoldersAreMadeAndRemoved(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a/b/c")
	if err := MakeFolder(deep, 0o700, SameOwner, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	must(t, MakeFolder(deep, 0o2700, SameOwner, true))
	must(t, MakeFolder(deep, 0o700, SameOwner, true))
	if info, err := Stat(deep, false); err != nil || info.Stat.Mode&0o7777 != 0o2700 {
		t.Errorf("mode %o, %v", info.Stat.Mode, err)
	}
	if err := MakeFolder(deep, 0o700, SameOwner, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	if err := MakeFolder(filepath.Join(dir, "file"), 0o700, SameOwner, true); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("%v", err)
	}
	must(t, os.Symlink(t.TempDir(), filepath.Join(deep, "out")))
	kept, _ := os.Readlink(filepath.Join(deep, "out"))
	if err := Remove(filepath.Join(dir, "a"), false); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("%v", err)
	}
	must(t, Remove(filepath.Join(dir, "a"), true))
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
	if err := Remove(filepath.Join(dir, "a"), true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := Remove("/", true); !errors.Is(err, unix.EBUSY) {
		t.Errorf("%v", err)
	}
}

func TestRenaming(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, errors.Join(os.WriteFile(a, []byte("a"), 0o600), os.WriteFile(b, []byte("b"), 0o600)))
	if err := Rename(a, b, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	must(t, Rename(a, b, true))
	if text, err := os.ReadFile(b); err != nil || string(text) != "a" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAPageIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 1200 {
		must(t, os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o700))
	}
	page, err := List(dir, 1, 5000, "")
	if err != nil || len(page.Entries) != MaxPage || !page.More {
		t.Errorf("%d entries, %v", len(page.Entries), err)
	}
}
