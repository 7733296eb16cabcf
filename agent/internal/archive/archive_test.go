package archive

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"banger.dev/agent/internal/fileops"
)

var kept = UnpackOptions{Owner: fileops.SameOwner}

// tree makes files of all kinds and returns their folder.
func tree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	long := strings.Repeat("folder-of-a-long-name/", 12)
	noise := make([]byte, 700_001)
	_, _ = rand.Read(noise)
	must(t, os.MkdirAll(filepath.Join(dir, long), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "noise"), noise, 0o640))
	must(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, long, "deep"), []byte("deep\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, strings.Repeat("n", 200)), []byte("long\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "umlaut-\xfc"), []byte("latin1\n"), 0o644))
	must(t, os.Link(filepath.Join(dir, "noise"), filepath.Join(dir, "noise-too")))
	must(t, os.Symlink("noise", filepath.Join(dir, "link")))
	must(t, os.Symlink(strings.Repeat("x/", 90), filepath.Join(dir, "long-link")))
	must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "closed"), 0o500))
	holes, err := os.Create(filepath.Join(dir, "holes"))
	must(t, err)
	_, err = holes.WriteAt(noise[:5000], 1<<20)
	must(t, errors.Join(err, holes.Truncate(8<<20), holes.Close()))
	must(t, os.Chmod(filepath.Join(dir, "noise"), 0o4755))
	_ = unix.Setxattr(filepath.Join(dir, "noise"), "user.origin", []byte("a\x00b"), 0)
	must(t, os.Chtimes(filepath.Join(dir, "closed"), time.Unix(1e9, 0), time.Unix(1e9, 0)))
	must(t, os.Chtimes(dir, time.Unix(1e9, 0), time.Unix(1e9, 0)))
	if os.Geteuid() == 0 {
		must(t, os.Lchown(filepath.Join(dir, "link"), 1234, 4_000_000_000))
		must(t, os.Chown(filepath.Join(dir, "empty"), 1234, 3_000_000))
		must(t, unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	}
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func packed(t *testing.T, path string, options PackOptions) []byte {
	t.Helper()
	var archive bytes.Buffer
	must(t, Pack(path, &archive, options))
	return archive.Bytes()
}

// describe has a line for each file: what two equal trees have in common.
func describe(t *testing.T, dir string) string {
	t.Helper()
	command := `find . -printf '%p %y %m %U:%G %T@ %n %s %l\n' | sed 's/\.[0-9]* \([0-9]* [0-9]* .*\)$/ \1/' | sort; find . -type f | sort | xargs -d '\n' sha256sum; getfattr -dR . 2>/dev/null || true`
	run := exec.Command("sh", "-c", command)
	run.Dir = dir
	text, err := run.CombinedOutput()
	must(t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		// A folder's size is the file system's.
		if fields := strings.Fields(line); len(fields) > 6 && fields[1] == "d" {
			lines[i] = strings.Join(fields[:6], " ")
		}
	}
	return strings.Join(lines, "\n")
}

func TestATreeComesOutAsItWentIn(t *testing.T) {
	dir := tree(t)
	target := t.TempDir()
	done, err := Unpack(target, bytes.NewReader(packed(t, dir, PackOptions{Name: "copy"})), kept)
	must(t, err)
	if os.Geteuid() != 0 {
		t.Skip("only root keeps owners and set-user-ID")
	}
	want, got := describe(t, dir), describe(t, filepath.Join(target, "copy"))
	if want != got {
		t.Errorf("went in:\n%s\ncame out:\n%s", want, got)
	}
	if done.Entries < 20 {
		t.Errorf("%d entries", done.Entries)
	}
	var stat unix.Stat_t
	must(t, unix.Stat(filepath.Join(target, "copy/holes"), &stat))
	if stat.Blocks*512 > 1<<20 {
		t.Errorf("the holes are filled: %d blocks", stat.Blocks)
	}
	must(t, os.WriteFile(filepath.Join(target, "copy/noise"), []byte("other"), 0o644))
	if describe(t, dir) == describe(t, filepath.Join(target, "copy")) {
		t.Error("another content is not seen")
	}
}

// TestTarAgrees has GNU tar judge what is packed, and packs with it what is unpacked.
func TestTarAgrees(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root keeps owners and set-user-ID")
	}
	dir := tree(t)
	target := t.TempDir()
	unpack := exec.Command("tar", "-x", "--xattrs", "--numeric-owner", "-p", "-C", target)
	unpack.Stdin = bytes.NewReader(packed(t, dir, PackOptions{}))
	if text, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if want, got := describe(t, dir), describe(t, filepath.Join(target, "tree")); want != got {
		t.Errorf("went in:\n%s\ntar made of it:\n%s", want, got)
	}
	for _, format := range []string{"gnu", "pax"} {
		pack := exec.Command("tar", "-c", "--sparse", "--format="+format, "-C", filepath.Dir(dir), "tree")
		if format == "pax" {
			pack.Args = append(pack.Args, "--xattrs")
		}
		archive, err := pack.Output()
		must(t, err)
		ours := t.TempDir()
		_, err = Unpack(ours, bytes.NewReader(archive), kept)
		must(t, err)
		want, got := describe(t, dir), describe(t, filepath.Join(ours, "tree"))
		if format == "gnu" {
			want, _, _ = strings.Cut(want, "# file")
			got, _, _ = strings.Cut(got, "# file")
		}
		if want != got {
			t.Errorf("tar packed, as %s:\n%s\nwe made of it:\n%s", format, want, got)
		}
	}
}

func TestFollowedLinksArePackedAsWhatTheyLeadTo(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o644))
	must(t, os.Symlink("../file", filepath.Join(dir, "a/link")))
	target := t.TempDir()
	_, err := Unpack(target, bytes.NewReader(packed(t, filepath.Join(dir, "a"), PackOptions{Follow: true})), kept)
	must(t, err)
	if info, err := os.Lstat(filepath.Join(target, "a/link")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
	must(t, os.Symlink(".", filepath.Join(dir, "a/self")))
	if err := Pack(filepath.Join(dir, "a"), io.Discard, PackOptions{Follow: true}); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a circle: %v", err)
	}
}

// TestWhatChangesWhilePackingLeadsNowhereElse swaps a folder for a link while it is walked.
func TestWhatChangesWhilePackingLeadsNowhereElse(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("SECRET"), 0o600))
	inner, aside := filepath.Join(dir, "top/inner"), filepath.Join(dir, "aside")
	must(t, os.MkdirAll(inner, 0o755))
	must(t, os.WriteFile(filepath.Join(inner, "secret"), []byte("public"), 0o600))
	link := filepath.Join(dir, "link")
	must(t, os.Symlink(outside, link))
	stop := swapping(inner, aside, link)
	for range 2000 {
		var archive bytes.Buffer
		_ = Pack(filepath.Join(dir, "top"), &archive, PackOptions{})
		if bytes.Contains(archive.Bytes(), []byte("SECRET")) {
			t.Error("a link that came in between was followed")
			break
		}
	}
	stop()
}

func TestACutOffArchiveLeavesNoHalfFile(t *testing.T) {
	archive := packed(t, tree(t), PackOptions{Name: "x"})
	cut := bytes.Index(archive, []byte("noise")) + 300_000
	target := t.TempDir()
	if _, err := Unpack(target, bytes.NewReader(archive[:cut]), kept); !errors.Is(err, ErrInvalid) {
		t.Fatalf("it was taken for whole: %v", err)
	}
	must(t, filepath.WalkDir(target, func(path string, entry fs.DirEntry, err error) error {
		if strings.Contains(path, ".banger-") {
			t.Errorf("%s is left over", path)
		}
		if info, _ := entry.Info(); entry.Name() == "noise" && info.Size() != 700_001 {
			t.Errorf("%s has %d bytes", path, info.Size())
		}
		return err
	}))
}

func TestPlainTakesNothingThatIsAnothers(t *testing.T) {
	archive := tarOf(t,
		tar.Header{Name: "run", Typeflag: tar.TypeReg, Mode: 0o4755, Uid: 1234, PAXRecords: map[string]string{"SCHILY.xattr.trusted.x": "y"}},
		tar.Header{Name: "device", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3})
	target := t.TempDir()
	_, err := Unpack(target, bytes.NewReader(archive), UnpackOptions{Owner: fileops.SameOwner, Plain: true})
	if !errors.Is(err, unix.EPERM) {
		t.Errorf("a device: %v", err)
	}
	info, err := fileops.Stat(filepath.Join(target, "run"), false)
	must(t, err)
	if info.Stat.Mode&0o7777 != 0o755 || int(info.Stat.Uid) != os.Geteuid() {
		t.Errorf("mode %o of %d", info.Stat.Mode, info.Stat.Uid)
	}
}

// swapping puts a link where a folder was and the folder back, over and over, until it is told to stop.
func swapping(folder, aside, link string) (stop func()) {
	stopping, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stopping:
				return
			default:
				_ = os.Rename(folder, aside)
				_ = os.Rename(link, folder)
				_ = os.Rename(folder, link)
				_ = os.Rename(aside, folder)
			}
		}
	}()
	return func() {
		close(stopping)
		<-stopped
	}
}
