package world

import (
	"context"
	"time"
)

// updateLimit ends a program that makes bundles and does not come to its end.
const updateLimit = 15 * time.Minute

// updating is such a program while it runs.
type updating struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// update runs the program, in the place of one that still runs for what was wanted before. It tells whether it has ended
// already. One that ends later notes itself that the bundles are what they should be.
func (k *Keeper) update(argv []string) (ended bool, err error) {
	k.endUpdate()
	ctx, cancel := context.WithTimeout(context.Background(), updateLimit)
	run := &updating{cancel: cancel, done: make(chan struct{})}
	k.running = run
	go func() {
		defer cancel()
		run.err = k.Run(ctx, argv)
		close(run.done)
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.running != run {
			return
		}
		k.running = nil
		if kept, err := readNotes(k.Root); run.err == nil && err == nil {
			kept.Stale = false
			_ = kept.write()
		}
	}()
	var late <-chan time.Time
	if k.Patience > 0 {
		timer := time.NewTimer(k.Patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-run.done:
		k.running = nil
		return true, run.err
	case <-late:
		return false, nil
	}
}

func (k *Keeper) endUpdate() {
	if k.running == nil {
		return
	}
	k.running.cancel()
	<-k.running.done
	k.running = nil
}
