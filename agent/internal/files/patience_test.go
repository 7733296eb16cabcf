package files

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAFileSystemThatDoesNotAnswerIsGivenUp(t *testing.T) {
	answer := make(chan struct{})
	stuck := func() (int, error) { <-answer; return 1, nil }
	for range maxStuck + 1 {
		_, err := within(time.Millisecond, "read", "/etc/passwd", stuck)
		if !errors.Is(err, ErrSilent) || !strings.Contains(err.Error(), "/etc/passwd") {
			t.Fatalf("%v", err)
		}
	}
	if len(working) != maxStuck {
		t.Errorf("%d calls are stuck, at most %d may be", len(working), maxStuck)
	}
	close(answer)
	if got, err := within(10*time.Second, "read", "/etc/passwd", stuck); got != 1 || err != nil {
		t.Errorf("now that it answers: %d, %v", got, err)
	}
}
