package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, header := range headers {
		content := []byte(nil)
		if header.Typeflag == tar.TypeReg {
			content = []byte("hostile")
			header.Size = int64(len(content))
		}
		must(t, writer.WriteHeader(&header))
		_, err := writer.Write(content)
		must(t, err)
	}
	must(t, writer.Close())
	return buffer.Bytes()
}

func file(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }

func symlink(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
}

func hardLink(name, target string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}
}

// TestHostileArchivesStayBelowTheTarget: whatever becomes of them, what lies beside the target is as it was.
func TestHostileArchivesStayBelowTheTarget(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"a name that leads up":               {file("../outside/victim")},
		"a name that leads up in its midst":  {file("x/../../outside/victim")},
		"a whole name":                       {file("OUTSIDE/victim")},
		"a link and a file through it":       {symlink("x", "../outside"), file("x/victim")},
		"a whole link and a file through it": {symlink("x", "OUTSIDE"), file("x/victim")},
		"a link by way of another":           {symlink("a", "."), symlink("a/b", ".."), file("b/outside/victim")},
		"a link to the victim, and a file":   {symlink("x", "../outside/victim"), file("x"), hardLink("y", "x")},
		"a folder through a link":            {symlink("x", "../outside"), {Name: "x/new/", Typeflag: tar.TypeDir, Mode: 0o777}},
		"a link as a folder":                 {symlink("x", "../outside"), {Name: "x/", Typeflag: tar.TypeDir, Mode: 0o777}},
		"a hard link that leads up":          {hardLink("x", "../outside/victim")},
		"a whole hard link":                  {hardLink("x", "OUTSIDE/victim")},
		"a hard link through a link":         {symlink("l", "../outside"), hardLink("x", "l/victim"), file("x")},
		"the folder above":                   {{Name: "../", Typeflag: tar.TypeDir, Mode: 0o777}},
		"a device through a link":            {symlink("x", "../outside"), {Name: "x/victim", Typeflag: tar.TypeFifo}},
		"a link that was there":              {file("there/victim")},
		"a link that was there, as a folder": {{Name: "there/", Typeflag: tar.TypeDir, Mode: 0o777}, file("there2/victim")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			outside, target := filepath.Join(dir, "outside"), filepath.Join(dir, "target")
			victim := filepath.Join(outside, "victim")
			must(t, errors.Join(os.Mkdir(outside, 0o700), os.Mkdir(target, 0o700), os.WriteFile(victim, []byte("precious"), 0o600)))
			must(t, errors.Join(os.Symlink("../outside", filepath.Join(target, "there")), os.Symlink(outside, filepath.Join(target, "there2"))))
			for i := range headers {
				for _, text := range []*string{&headers[i].Name, &headers[i].Linkname} {
					*text = string(bytes.ReplaceAll([]byte(*text), []byte("OUTSIDE"), []byte(outside)))
				}
			}
			before := describe(t, outside)
			_, err := Unpack(target, bytes.NewReader(tarOf(t, headers...)), kept)
			if after := describe(t, outside); after != before {
				t.Errorf("(%v)\nbefore:\n%s\nafter:\n%s", err, before, after)
			}
			if name != "a link to the victim, and a file" && name != "a link as a folder" && err == nil {
				t.Error("nothing was said of it")
			}
			info, err := os.Stat(dir)
			if err != nil || info.Mode().Perm()&0o022 != 0 {
				t.Errorf("the folder above has mode %o, %v", info.Mode(), err)
			}
		})
	}
}

// TestAWayOutIsSeen: the judge of the test above must see what gets out.
func TestAWayOutIsSeen(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "victim"), []byte("precious"), 0o600))
	before := describe(t, dir)
	_, err := Unpack(dir, bytes.NewReader(tarOf(t, file("victim"))), kept)
	must(t, err)
	if describe(t, dir) == before {
		t.Error("a file was replaced, and nothing is seen of it")
	}
}

// TestLinksSwappedWhileUnpacking has somebody put a link out of the target where a folder was.
func TestLinksSwappedWhileUnpacking(t *testing.T) {
	dir := t.TempDir()
	outside, target := filepath.Join(dir, "outside"), filepath.Join(dir, "target")
	inner, aside, link := filepath.Join(target, "in"), filepath.Join(target, "aside"), filepath.Join(target, "link")
	must(t, errors.Join(os.Mkdir(outside, 0o700), os.MkdirAll(inner, 0o700), os.Symlink(outside, link)))
	stop := swapping(inner, aside, link)
	archive := tarOf(t, tar.Header{Name: "in/", Typeflag: tar.TypeDir, Mode: 0o755}, file("in/a"), file("b"), file("in/c"),
		tar.Header{Name: "in/d", Typeflag: tar.TypeFifo, Mode: 0o644}, hardLink("in/e", "in/a"))
	for range 500 {
		_, _ = Unpack(target, bytes.NewReader(archive), kept)
	}
	stop()
	if names, err := os.ReadDir(outside); err != nil || len(names) > 0 {
		t.Errorf("outside is %v, %v", names, err)
	}
}

// TestOneNameAndNothingBeside: what is copied from a guest becomes that, and nothing else of the folder that it goes to.
func TestOneNameAndNothingBeside(t *testing.T) {
	for name, headers := range map[string][]tar.Header{
		"another name":              {file(".profile")},
		"a name that begins so":     {file("copy2")},
		"a link to the folder":      {symlink("copy", "."), file("copy/.profile")},
		"a folder that was a link":  {symlink("copy", "."), {Name: "copy/", Typeflag: tar.TypeDir, Mode: 0o777}, hardLink("copy/x", ".profile")},
		"a hard link to another":    {hardLink("copy", ".profile"), file("copy")},
		"a link within":             {{Name: "copy/", Typeflag: tar.TypeDir, Mode: 0o755}, symlink("copy/up", ".."), file("copy/up/.profile")},
		"a hard link through links": {{Name: "copy/", Typeflag: tar.TypeDir, Mode: 0o755}, symlink("copy/up", ".."), hardLink("copy/x", "copy/up/.profile")},
	} {
		target := t.TempDir()
		must(t, os.WriteFile(filepath.Join(target, ".profile"), []byte("precious"), 0o600))
		_, err := Unpack(target, bytes.NewReader(tarOf(t, headers...)), UnpackOptions{Owner: kept.Owner, Plain: true, Only: "copy"})
		if err == nil {
			t.Errorf("%s: nothing was said of it", name)
		}
		var stat unix.Stat_t
		must(t, unix.Stat(filepath.Join(target, ".profile"), &stat))
		if text, _ := os.ReadFile(filepath.Join(target, ".profile")); string(text) != "precious" || stat.Nlink != 1 {
			t.Errorf("%s: it is %q, with %d names", name, text, stat.Nlink)
		}
		names, _ := os.ReadDir(target)
		for _, entry := range names {
			if entry.Name() != "copy" && entry.Name() != ".profile" {
				t.Errorf("%s: there is %s", name, entry.Name())
			}
		}
	}
}

func TestKeepKeepsWhatIsThere(t *testing.T) {
	target := t.TempDir()
	must(t, errors.Join(os.WriteFile(filepath.Join(target, "a"), []byte("old"), 0o600), os.Mkdir(filepath.Join(target, "d"), 0o700)))
	for _, headers := range [][]tar.Header{{file("a")}, {symlink("a", "x")}, {hardLink("a", "d")}, {{Name: "a/", Typeflag: tar.TypeDir}}} {
		options := kept
		options.Keep = true
		if _, err := Unpack(target, bytes.NewReader(tarOf(t, headers...)), options); !errors.Is(err, unix.EEXIST) {
			t.Errorf("%v: %v", headers[0].Typeflag, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(target, "a"))
	if err != nil || string(text) != "old" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWhatIsThereGivesWay(t *testing.T) {
	target := t.TempDir()
	must(t, errors.Join(os.Mkdir(filepath.Join(target, "file"), 0o700), os.WriteFile(filepath.Join(target, "folder"), nil, 0o600),
		os.MkdirAll(filepath.Join(target, "full/x"), 0o700), os.Symlink("file", filepath.Join(target, "link"))))
	_, err := Unpack(target, bytes.NewReader(tarOf(t, file("file"), tar.Header{Name: "folder/", Typeflag: tar.TypeDir, Mode: 0o755}, file("link"))), kept)
	must(t, err)
	for name, kind := range map[string]uint32{"file": unix.S_IFREG, "folder": unix.S_IFDIR, "link": unix.S_IFREG} {
		var stat unix.Stat_t
		must(t, unix.Lstat(filepath.Join(target, name), &stat))
		if stat.Mode&unix.S_IFMT != kind {
			t.Errorf("%s has mode %o", name, stat.Mode)
		}
	}
	if _, err := Unpack(target, bytes.NewReader(tarOf(t, file("full"))), kept); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("a folder that is not empty: %v", err)
	}
}

func TestWhatIsNoArchiveIsCalledSo(t *testing.T) {
	for name, archive := range map[string][]byte{
		"noise":           bytes.Repeat([]byte("noise"), 1000),
		"an unknown type": tarOf(t, tar.Header{Name: "x", Typeflag: 'Z'}),
		"no name":         tarOf(t, tar.Header{Name: "/", Typeflag: tar.TypeDir}),
		"half a header":   tarOf(t, file("x"))[:300],
	} {
		if _, err := Unpack(t.TempDir(), bytes.NewReader(archive), kept); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, archive []byte) {
		dir := t.TempDir()
		target := filepath.Join(dir, "target")
		must(t, os.Mkdir(target, 0o700))
		_, _ = Unpack(target, bytes.NewReader(archive), kept)
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
			t.Errorf("beside the target are %v, %v", names, err)
		}
	})
}
