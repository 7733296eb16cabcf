package command

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// maxSaidBytes is how much of a program's output an error repeats.
const maxSaidBytes = 300

// Run runs a program of the guest's as root to its end. The error repeats the last of what it said.
func (r Runner) Run(ctx context.Context, argv []string) error {
	process, err := r.Start(Spec{Argv: argv, Cwd: "/"})
	if err != nil {
		return err
	}
	_ = process.CloseStdin()
	var mu sync.Mutex
	var said []byte
	exit, err := process.Wait(ctx, func(_ Stream, text []byte) error {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, text...)
		said = said[max(0, len(said)-maxSaidBytes):]
		return nil
	})
	if err != nil {
		return err
	}
	if exit.Code != 0 {
		return fmt.Errorf("it ended with status %d: %s", exit.Code, strings.ToValidUTF8(strings.TrimSpace(string(said)), "?"))
	}
	return nil
}
