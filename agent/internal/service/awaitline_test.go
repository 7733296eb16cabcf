package service

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestALineOfThisBootIsAwaited(t *testing.T) {
	s := supervise(t, `sleep 0.2; printf 'not yet\r\nserver lis'; sleep 0.2; printf 'tens on 80\nnext\n'; sleep 60`, nil)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	manager := Manager{Dir: s.dir}
	line, err := manager.AwaitLine(ctx, regexp.MustCompile(`listens on \d+$`))
	if err != nil || line != "server listens on 80" {
		t.Errorf("%q %v", line, err)
	}
	// Once more, when all of it is there already.
	if line, err := manager.AwaitLine(ctx, regexp.MustCompile(`^next`)); err != nil || line != "next" {
		t.Errorf("%q %v", line, err)
	}
	s.stop()
	s.wait()
}

func TestALineOfAnEarlierBootIsNone(t *testing.T) {
	dir := t.TempDir()
	log, err := openLog(logPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := log.Write([]byte("ready\n")); err != nil {
			t.Fatal(err)
		}
	}
	var from logStart
	from, err = log.start(func() error {
		from = logStart{}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func() string {
		var text strings.Builder
		if err := readLogFrom(context.Background(), logPath(dir), from, false, func(b []byte) error {
			text.Write(b)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if got := read(); got != "" {
		t.Errorf("%q", got)
	}
	_, _ = log.Write([]byte("new\n"))
	if got := read(); got != "new\n" {
		t.Errorf("%q", got)
	}
	// It is put away, and what came before stays out.
	log.size = maxLogBytes
	_, _ = log.Write([]byte("newer\n"))
	if got := read(); got != "new\nnewer\n" {
		t.Errorf("%q", got)
	}
	log.size = maxLogBytes
	_, _ = log.Write([]byte("newest\n"))
	if got := read(); got != "newer\nnewest\n" {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(logPath(dir) + oldLog); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsForALineIsLetGo(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	manager := Manager{Dir: t.TempDir()}
	if _, err := manager.AwaitLine(ctx, regexp.MustCompile("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
