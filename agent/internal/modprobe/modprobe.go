// Package modprobe loads kernel modules by name or alias, for guests whose image holds no program that does. It reads the
// text indexes of /lib/modules/RELEASE (modules.dep(5)) and no configuration.
package modprobe

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"banger.dev/agent/internal/files"
)

// maxLineBytes bounds a line of an index; a module with many dependencies has some 2 KB.
const maxLineBytes = 1 << 20

// ErrUnknown: no module has this name, nor an alias that fits.
var ErrUnknown = errors.New("no such module")

// Load loads a module, or all that an alias fits, with what they depend on, from a folder such as /lib/modules/RELEASE.
// What the kernel holds itself counts as loaded.
func Load(dir, name string, insert func(path string) error) error {
	name = normal(name)
	builtin, err := isBuiltin(dir, name)
	if err != nil || builtin {
		return err
	}
	tree, err := readDependencies(dir)
	if err != nil {
		return err
	}
	if err := tree.readSoftDependencies(dir); err != nil {
		return err
	}
	names := []string{name}
	if _, known := tree.files[name]; !known {
		if names, err = byAlias(dir, name); err != nil {
			return err
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("%s: %w", name, ErrUnknown)
	}
	seen := map[string]bool{}
	var failed []error
	for _, one := range names {
		failed = append(failed, tree.load(one, insert, seen))
	}
	return errors.Join(failed...)
}

// tree is what modules.dep and modules.softdep say.
type tree struct {
	dir string
	// files are each module's own file and those it depends on, which are loaded from the last one on.
	files map[string][]string
	// before are modules that one asks for while it starts.
	before map[string][]string
}

func (t tree) load(name string, insert func(path string) error, seen map[string]bool) error {
	files, known := t.files[name]
	if !known || seen[name] {
		return nil
	}
	seen[name] = true
	for _, one := range t.before[name] {
		// Wished for, not needed.
		_ = t.load(one, insert, seen)
	}
	for i := len(files) - 1; i >= 0; i-- {
		if err := insert(filepath.Join(t.dir, files[i])); err != nil {
			return fmt.Errorf("load %s for %s: %w", files[i], name, err)
		}
	}
	return nil
}

func readDependencies(dir string) (tree, error) {
	found := tree{dir: dir, files: map[string][]string{}, before: map[string][]string{}}
	err := eachLine(filepath.Join(dir, "modules.dep"), func(line string) {
		file, others, _ := strings.Cut(line, ":")
		found.files[nameOf(file)] = append([]string{file}, strings.Fields(others)...)
	})
	return found, err
}

// readSoftDependencies reads lines such as `softdep ext4 pre: crc32c post: late`.
func (t tree) readSoftDependencies(dir string) error {
	err := eachLine(filepath.Join(dir, "modules.softdep"), func(line string) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "softdep" {
			return
		}
		before := false
		for _, word := range words[2:] {
			switch {
			case strings.HasSuffix(word, ":"):
				before = word == "pre:"
			case before:
				t.before[normal(words[1])] = append(t.before[normal(words[1])], normal(word))
			}
		}
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func byAlias(dir, wanted string) ([]string, error) {
	var names []string
	err := eachLine(filepath.Join(dir, "modules.alias"), func(line string) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "alias" {
			return
		}
		if fits, err := path.Match(normal(words[1]), wanted); err == nil && fits {
			names = append(names, words[2])
		}
	})
	return names, err
}

func isBuiltin(dir, name string) (bool, error) {
	found := false
	err := eachLine(filepath.Join(dir, "modules.builtin"), func(line string) {
		found = found || nameOf(line) == name
	})
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return found, err
}

func eachLine(path string, use func(line string)) error {
	file, err := files.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLineBytes)
	for lines.Scan() {
		use(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// nameOf is the module's name by its file's: kernel/fs/nfs_common/nfs-acl.ko.xz is nfs_acl.
func nameOf(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return normal(name)
}

// normal has one name for - and _, but within brackets, where they stand for themselves.
func normal(name string) string {
	within := false
	return strings.Map(func(r rune) rune {
		switch {
		case r == '[':
			within = true
		case r == ']':
			within = false
		case r == '-' && !within:
			return '_'
		}
		return r
	}, name)
}
