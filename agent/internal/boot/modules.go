package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	modulesDir  = "/modules"
	loadList    = "load.list"
	maxListSize = 64 << 10
)

// loadModules inserts the modules that the list names, in its order. It goes on after one that the kernel
// refuses: what matters is whether the root's device comes.
func loadModules(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, loadList))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := parseLoadList(text)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		if err := loadModule(filepath.Join(dir, name)); err != nil {
			failed = append(failed, fmt.Errorf("load module %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

// parseLoadList reads a file name a line; empty lines and those that begin with # are passed over.
func parseLoadList(text []byte) ([]string, error) {
	if len(text) > maxListSize {
		return nil, fmt.Errorf("%s has %d bytes, at most %d were expected", loadList, len(text), maxListSize)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		name := strings.TrimSpace(line)
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if filepath.Base(name) != name {
			return nil, fmt.Errorf("%s names %q, which is not a file beside it", loadList, name)
		}
		names = append(names, name)
	}
	return names, nil
}

func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	err = unix.FinitModule(int(file.Fd()), "", 0)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}
