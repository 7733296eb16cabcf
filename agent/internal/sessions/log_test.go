package sessions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// limit is for what must come, on a machine that may be loaded.
const limit = 30 * time.Second

func openLog(t *testing.T, dir string, b bounds) *segments {
	t.Helper()
	log, err := openSegments(dir, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func appendAll(t *testing.T, log *segments, pieces ...string) {
	t.Helper()
	for _, piece := range pieces {
		if err := log.Append(Stdout, []byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
}

// said is what a log holds.
func said(t *testing.T, dir string, want Replay) string {
	t.Helper()
	var text bytes.Buffer
	err := replay(context.Background(), dir, want, nil, func(record Record) error {
		_, err := text.Write(record.Data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

var all = Replay{Last: -1}

func TestALogKeepsItsEndWithinItsBounds(t *testing.T) {
	dir := t.TempDir()
	small := bounds{segmentBytes: 200, segments: 3}
	log := openLog(t, dir, small)
	var whole strings.Builder
	for i := range 200 {
		line := fmt.Sprintf("line %d\n", i)
		whole.WriteString(line)
		appendAll(t, log, line)
	}
	kept := said(t, dir, all)
	if !strings.HasSuffix(whole.String(), kept) || len(kept) < 100 {
		t.Errorf("it holds %q", kept)
	}
	if bytes := logBytes(dir); bytes > small.segmentBytes*int64(small.segments) {
		t.Errorf("it takes %d bytes", bytes)
	}
	if !log.Cut() {
		t.Error("it does not say that its beginning is gone")
	}
	if again := openLog(t, t.TempDir(), small); again.Cut() {
		t.Error("one that is whole says that its beginning is gone")
	}
}

func TestAPieceLargerThanAFileIsKept(t *testing.T) {
	dir := t.TempDir()
	log := openLog(t, dir, bounds{segmentBytes: 100, segments: 4})
	large := strings.Repeat("0123456789", 3*maxDataBytes/20)
	appendAll(t, log, large)
	if got := said(t, dir, all); got != large {
		t.Errorf("%d bytes of %d came back", len(got), len(large))
	}
}

func TestAPartOfALogIsRead(t *testing.T) {
	dir := t.TempDir()
	log := openLog(t, dir, bounds{segmentBytes: 64, segments: 100})
	appendAll(t, log, "one ", "two ")
	time.Sleep(2 * time.Millisecond)
	between := time.Now()
	for i := range 20 {
		appendAll(t, log, fmt.Sprintf("more %d ", i))
	}
	if got := said(t, dir, Replay{Last: -1, Since: between}); !strings.HasPrefix(got, "more 0 ") || !strings.HasSuffix(got, "more 19 ") {
		t.Errorf("since then: %q", got)
	}
	last := said(t, dir, Replay{Last: 60})
	if !strings.HasSuffix(last, "more 18 more 19 ") || strings.Contains(last, "more 15") {
		t.Errorf("the last: %q", last)
	}
	if got := said(t, dir, Replay{Last: 0}); got != "" {
		t.Errorf("none of it: %q", got)
	}
}

func TestWhatACrashHasCutOffIsPassedOver(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut":   func(text []byte) []byte { return text[:len(text)-3] },
		"zeros": func(text []byte) []byte { return append(text, make([]byte, 4096)...) },
		"other": func(text []byte) []byte {
			return append(text, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			appendAll(t, openLog(t, dir, logBounds), "before ", "torn ")
			path := filepath.Join(dir, segmentName(1))
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(text), 0o600); err != nil {
				t.Fatal(err)
			}
			appendAll(t, openLog(t, dir, logBounds), "after")
			got := said(t, dir, all)
			if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, "after") || len(got) > len("before torn after") {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestAFullDiskCostsTheOldest(t *testing.T) {
	dir := t.TempDir()
	log := openLog(t, dir, bounds{segmentBytes: 40, segments: 100})
	appendAll(t, log, "old old", "older", "now")
	// A file that cannot be written to any more stands for a disk that cannot.
	_ = log.file.Close()
	appendAll(t, log, "new")
	if got := said(t, dir, all); got != "nownew" {
		t.Errorf("%q", got)
	}
	if !log.Cut() {
		t.Error("it does not say so")
	}
}

func TestALogIsFollowedThroughItsFiles(t *testing.T) {
	dir := t.TempDir()
	log := openLog(t, dir, bounds{segmentBytes: 100, segments: 1000})
	appendAll(t, log, "history ")
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ended, live := make(chan struct{}), make(chan struct{})
	got := make(chan string, 1)
	go func() {
		var text bytes.Buffer
		err := replay(ctx, dir, Replay{Last: -1, Live: func() error {
			text.WriteString("| ")
			close(live)
			return nil
		}}, ended, func(record Record) error {
			text.Write(record.Data)
			return nil
		})
		if err != nil {
			text.WriteString(err.Error())
		}
		got <- text.String()
	}()
	<-live
	want := "history | "
	for i := range 500 {
		word := fmt.Sprintf("%d ", i)
		want += word
		appendAll(t, log, word)
	}
	close(ended)
	if text := <-got; text != want {
		t.Errorf("%q", text)
	}
}

func TestAReaderIsLetGo(t *testing.T) {
	dir := t.TempDir()
	openLog(t, dir, logBounds)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := replay(ctx, dir, all, make(chan struct{}), func(Record) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWhatFollowsCloselyIsOneRecord(t *testing.T) {
	dir := t.TempDir()
	log := openLog(t, dir, logBounds)
	appendAll(t, log, "a", "b")
	if err := errors.Join(log.Append(Stderr, []byte("c")), log.Append(Size, make([]byte, 4)), log.Append(Size, make([]byte, 4))); err != nil {
		t.Fatal(err)
	}
	appendAll(t, log, strings.Repeat("d", maxDataBytes-1), "e", "f")
	lengths := func(within time.Duration) string {
		var text strings.Builder
		if err := replay(context.Background(), dir, Replay{Last: -1, Merge: within}, nil, func(record Record) error {
			fmt.Fprintf(&text, "%d:%d ", record.Kind, len(record.Data))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if got := lengths(0); got != "1:1 1:1 2:1 3:4 3:4 1:65535 1:1 1:1 " {
		t.Errorf("%q", got)
	}
	if got := lengths(time.Hour); got != "1:2 2:1 3:4 3:4 1:65536 1:1 " {
		t.Errorf("%q", got)
	}
}
