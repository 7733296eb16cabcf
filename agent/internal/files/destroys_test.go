package files

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// destroying are the calls that remove, replace, empty or end something.
var destroying = map[string]bool{
	"os.Remove": true, "os.RemoveAll": true, "os.Rename": true, "os.Truncate": true, "os.Create": true, "os.WriteFile": true,
	"os.O_TRUNC": true, "ioutil.WriteFile": true, "files.Replace": true, "files.ReplaceLink": true,
	"fileops.Write": true, "fileops.Rename": true, "fileops.Remove": true, "archive.Unpack": true,
	"unix.Kill": true, "unix.Unlink": true, "unix.Unlinkat": true, "unix.Rmdir": true, "unix.Rename": true,
	"unix.Renameat": true, "unix.Renameat2": true, "unix.Truncate": true, "unix.Ftruncate": true, "unix.Creat": true,
	"unix.O_TRUNC": true, "unix.Reboot": true, "unix.Unmount": true, "unix.Tgkill": true, "unix.SYS_KILL": true, "unix.SYS_REBOOT": true, "unix.PidfdSendSignal": true,
	"syscall.Kill": true, "syscall.Unlink": true, "syscall.Rmdir": true, "syscall.Rename": true, "syscall.Truncate": true,
	"syscall.Ftruncate": true, "syscall.Creat": true, "syscall.O_TRUNC": true, "syscall.Reboot": true, "syscall.Unmount": true,
}

// destroyingMethods are those of files, folders' roots and processes of the library.
var destroyingMethods = map[string]bool{"Truncate": true, "Kill": true, "Remove": true, "RemoveAll": true, "Rename": true}

// ownRecords are files of /proc and /sys that take what is written, and keep nothing that could be lost.
var ownRecords = map[string]bool{
	"internal/boot/initramfs.go os.WriteFile": true,
	"internal/machine/freed.go os.WriteFile":  true,
	"internal/machine/quiet.go os.WriteFile":  true,
}

const proofMark = "// destroys: "

// Each has, on the line before, a comment that says what proves that it may. docs/internals lists them.
func TestWhatDestroysSaysWhyItMay(t *testing.T) {
	const root = "../.."
	seen := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if entry.IsDir() && name == "gen" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		proven, unproven := destructions(set, file)
		seen += len(proven)
		for _, at := range unproven {
			if !ownRecords[name+" "+at.call] {
				t.Errorf("%s:%d calls %s: say above it, behind %q, what proves that it may", name, at.line, at.call, proofMark)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Errorf("only %d calls were found", seen)
	}
}

type destruction struct {
	call string
	line int
}

func destructions(set *token.FileSet, file *ast.File) (proven, unproven []destruction) {
	proofs := make(map[int]bool)
	for _, group := range file.Comments {
		for _, comment := range group.List {
			proof, ok := strings.CutPrefix(comment.Text, proofMark)
			proofs[set.Position(comment.Pos()).Line] = ok && len(proof) > 10
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		// A mention is enough: a function may be handed on as a value.
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		at := destruction{selector.Sel.Name, set.Position(selector.Pos()).Line}
		of, isName := selector.X.(*ast.Ident)
		if isName && of.Obj == nil {
			at.call = of.Name + "." + at.call
		}
		if !destroying[at.call] && (isName && of.Obj == nil || !destroyingMethods[selector.Sel.Name]) {
			return true
		}
		if proofs[at.line-1] {
			proven = append(proven, at)
		} else {
			unproven = append(unproven, at)
		}
		return true
	})
	return proven, unproven
}

func TestADestructionIsSeen(t *testing.T) {
	for source, want := range map[string]int{
		"os.Remove(path)":                                                  1,
		"each(paths, os.RemoveAll)":                                        1,
		"open(path, os.O_WRONLY|os.O_TRUNC)":                               1,
		"process := start()\nprocess.Kill()":                               1,
		"file := open(path)\nfile.Truncate(0)":                             1,
		"s.file.Truncate(0)":                                               1,
		"// destroys: a file of ours, by its name\nos.Remove(path)":        0,
		"// destroys: ours\nos.Remove(path)":                               1,
		"// destroys: a file of ours, by its name\n_ = 1\nos.Remove(path)": 1,
		"os.Stat(path)":                                                    0,
		"files.Create(path, 0o600)":                                        0,
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "x.go", "package x\nfunc f() {\n"+source+"\n}", parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := destructions(set, file); len(got) != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}
