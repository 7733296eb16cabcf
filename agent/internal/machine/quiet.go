package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// chore is what the kernel does at intervals, in a guest that idles too, and each time wakes the VMM.
type chore struct {
	// file holds its setting; what is not as the kernel has it by itself is somebody's choice.
	file, usual, quiet string
}

// chores are settings of vm.* (Documentation/admin-guide/sysctl/vm.rst).
var chores = []chore{
	// Twice a second kcompactd looks whether to bring free memory together beforehand. When it is asked for, it does so anyway.
	{"compaction_proactiveness", "20", "0"},
	// Each second the processors' counts of memory are added up for /proc/vmstat.
	{"stat_interval", "1", "10"},
}

// BeQuiet has the kernel do less where there is nothing to do.
func BeQuiet() error { return quieten("/proc/sys/vm") }

func quieten(folder string) error {
	var failed []error
	for _, c := range chores {
		path := filepath.Join(folder, c.file)
		text, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(text)) == c.usual {
			err = os.WriteFile(path, []byte(c.quiet), 0)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("have the kernel rest: %w", err))
		}
	}
	return errors.Join(failed...)
}
