package files

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// opening are the calls that open, make or replace something by its path.
var opening = map[string]bool{
	"os.Open": true, "os.OpenFile": true, "os.OpenInRoot": true, "os.OpenRoot": true, "os.Create": true, "os.CreateTemp": true,
	"os.ReadFile": true, "os.WriteFile": true, "os.Rename": true, "os.MkdirAll": true, "os.Mkdir": true, "os.Truncate": true,
	"os.CopyFS": true, "ioutil.ReadFile": true, "ioutil.WriteFile": true,
	"unix.Open": true, "unix.Openat": true, "unix.Openat2": true, "unix.Creat": true, "unix.Rename": true,
	"syscall.Open": true, "syscall.Creat": true,
}

// exempt are calls with a path that no image decides, besides those whose path is plainly below /proc, /sys and /dev.
var exempt = map[string]string{
	"internal/agent/lines.go os.ReadFile":       "names of ports, below /sys",
	"internal/archive/make.go unix.Openat":      "the temporary file that is made there, or a folder below the target",
	"internal/archive/special.go unix.Openat":   "what was just made, held without opening it (O_PATH)",
	"internal/archive/pack.go unix.Open":        "a folder, held without opening it (O_PATH)",
	"internal/archive/pack.go unix.Openat":      "a regular file or a folder, as was just seen; it waits for nobody (O_NONBLOCK)",
	"internal/archive/unpack.go unix.Open":      "a folder, held without opening it (O_PATH)",
	"internal/archive/unpack.go unix.Openat2":   "a folder below the target, held without opening it (O_PATH)",
	"internal/boot/initramfs.go os.Open":        "the initramfs's own root",
	"internal/boot/modules.go os.Open":          "modules of our own initramfs",
	"internal/boot/modules.go os.ReadFile":      "the list of modules of our own initramfs",
	"internal/boot/modulesdisk.go os.ReadFile":  "the kernel's own setting, below /proc",
	"internal/boot/modulesdisk.go os.WriteFile": "the kernel's own setting, below /proc",
	"internal/command/streams.go unix.Open":     "a terminal, below /dev/pts",
	"internal/fileops/change.go unix.Open":      "held without opening it (O_PATH), or the folder that was just made",
	"internal/fileops/list.go unix.Open":        "a folder, by a thread that may be lost to it",
	"internal/fileops/list.go unix.Openat":      "a folder, by a thread that may be lost to it",
	"internal/fileops/write.go unix.Open":       "a folder, held without opening it (O_PATH)",
	"internal/fileops/write.go unix.Openat":     "the temporary file that is made there",
	"internal/line/port.go os.OpenFile":         "the agent's port, below /dev",
	"internal/machine/freed.go os.ReadFile":     "the kernel's own setting, below /sys",
	"internal/machine/freed.go os.WriteFile":    "the kernel's own setting, below /sys",
	"internal/machine/quiet.go os.ReadFile":     "the kernel's own setting, below /proc",
	"internal/machine/quiet.go os.WriteFile":    "the kernel's own setting, below /proc",
	"internal/machine/identity.go os.ReadFile":  "one line of the kernel's, below /proc or /sys",
	"internal/machine/resize.go os.Open":        "where a disk is mounted",
	"internal/service/manager.go os.OpenFile":   "os.DevNull",
	"internal/sessions/store.go os.OpenFile":    "os.DevNull",
	"internal/watch/watch.go unix.Open":         "a folder, by a thread that may be lost to it",
	"internal/service/log.go os.Rename":         "our own log is put away; a rename waits for nobody, and follows no link",
}

// systemPaths are the kernel's.
var systemPaths = []string{"/proc/", "/sys/", "/dev/"}

func TestNothingIsOpenedPastThisPackage(t *testing.T) {
	const root = "../.."
	used := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if entry.IsDir() && (name == "gen" || name == "internal/files") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, call := range openings(file) {
			if exempt[name+" "+call] == "" {
				t.Errorf("%s calls %s: use package files, or say in `exempt` why no image decides what is there", name, call)
			}
			used[name+" "+call] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for call := range exempt {
		if !used[call] {
			t.Errorf("%s is exempt, and is not there any more", call)
		}
	}
}

// openings are a file's calls that open by path, but for those of the kernel's own paths.
func openings(file *ast.File) []string {
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if ok {
			// A mention is enough: a function may be handed on as a value.
			if of, ok := selector.X.(*ast.Ident); ok && opening[of.Name+"."+selector.Sel.Name] {
				found = append(found, of.Name+"."+selector.Sel.Name)
			}
		}
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 || !isSystemPath(call.Args[0]) {
			return true
		}
		return false
	})
	return found
}

func isSystemPath(argument ast.Expr) bool {
	literal, ok := argument.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return false
	}
	path, err := strconv.Unquote(literal.Value)
	if err != nil || filepath.Clean(path) != path {
		return false
	}
	for _, prefix := range systemPaths {
		if strings.HasPrefix(path+"/", prefix) {
			return true
		}
	}
	return false
}

func TestAnOpeningIsSeen(t *testing.T) {
	for source, want := range map[string]int{
		`os.Open(path)`:                       1,
		`os.Open("/etc/passwd")`:              1,
		`os.Open("/proc/../etc/passwd")`:      1,
		`each(paths, os.ReadFile)`:            1,
		`os.ReadFile("/proc/cmdline")`:        0,
		`unix.Open("/dev/console", flags, 0)`: 0,
		`os.Stat(path)`:                       0,
		`files.Open(path)`:                    0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() { "+source+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := openings(file); len(got) != want {
			t.Errorf("%s: %q", source, got)
		}
	}
}
