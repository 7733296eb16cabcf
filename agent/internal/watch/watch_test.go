package watch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// watched starts a watch and returns what awaits an event of it.
func watched(t *testing.T, path string, recursive bool) (await func(Event), ended chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	events, ready := make(chan Event, 1000), make(chan struct{})
	ended = make(chan error, 1)
	go func() {
		ended <- Run(ctx, path, recursive, func() error { close(ready); return nil }, func(event Event) error { events <- event; return nil })
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return func(want Event) {
		t.Helper()
		var seen []Event
		for {
			select {
			case got := <-events:
				if got == want {
					return
				}
				seen = append(seen, got)
			case <-ctx.Done():
				t.Fatalf("%v did not come, but %v", want, seen)
			}
		}
	}, ended
}

func TestWhatHappensIsTold(t *testing.T) {
	dir := t.TempDir()
	await, ended := watched(t, dir, true)
	path := filepath.Join(dir, "file")
	must(t, os.WriteFile(path, []byte("x"), 0o600))
	await(Event{Created, "file", false})
	await(Event{Written, "file", false})
	must(t, os.Chmod(path, 0o640))
	await(Event{Changed, "file", false})
	must(t, os.Rename(path, path+"2"))
	await(Event{MovedAway, "file", false})
	await(Event{MovedHere, "file2", false})
	must(t, os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o700))
	await(Event{Created, "a", true})
	await(Event{Created, "a/b/c", true})
	must(t, os.WriteFile(filepath.Join(dir, "a/b/c/deep"), nil, 0o600))
	await(Event{Created, "a/b/c/deep", false})
	must(t, os.Rename(filepath.Join(dir, "a/b"), filepath.Join(dir, "moved")))
	await(Event{MovedHere, "moved", true})
	must(t, os.Remove(filepath.Join(dir, "moved/c/deep")))
	await(Event{Removed, "moved/c/deep", false})
	must(t, os.RemoveAll(dir))
	await(Event{Removed, "", false})
	select {
	case err := <-ended:
		must(t, err)
	case <-time.After(5 * time.Second):
		t.Error("a watch of nothing goes on")
	}
}

func TestFoldersBelowAreLeftOutUnlessAskedFor(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	var seen []Event
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := Run(ctx, dir, false, func() error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "sub/x"), nil, 0o600), os.WriteFile(filepath.Join(dir, "last"), nil, 0o600))
	}, func(event Event) error {
		seen = append(seen, event)
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(seen) == 0 || seen[0].Path != "last" {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestNothingIsNotWatched(t *testing.T) {
	if err := Run(context.Background(), filepath.Join(t.TempDir(), "none"), false, nil, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
