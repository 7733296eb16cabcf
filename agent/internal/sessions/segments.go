package sessions

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"banger.dev/agent/internal/files"
)

// Kind is what a record of the log holds.
type Kind byte

// The kinds. A Size has columns and rows, 16 bits each.
const (
	Stdout Kind = iota + 1
	Stderr
	Size
)

// Record is one piece of a session's log.
type Record struct {
	Time time.Time
	Kind Kind
	Data []byte
}

// The log is a sequence of files, each named by its number, of records: 8 bytes nanoseconds since 1970, one byte kind,
// 4 bytes length, then so many bytes; all big-endian. What a crash has cut off ends a file; the next begins whole.
const (
	headerBytes  = 8 + 1 + 4
	maxDataBytes = 64 << 10
	segmentEnd   = ".log"
)

// bounds of a log: so many files of so many bytes.
type bounds struct {
	segmentBytes int64
	segments     int
}

// logBounds keeps the last 8 MiB of what a session has printed.
var logBounds = bounds{segmentBytes: 1 << 20, segments: 8}

// segments is the log as its one writer has it.
type segments struct {
	dir    string
	bounds bounds

	mu     sync.Mutex
	file   *os.File
	number int
	size   int64
	cut    bool
	last   time.Time
}

func openSegments(dir string, b bounds) (*segments, error) {
	s := &segments{dir: dir, bounds: b}
	numbers, err := segmentNumbers(dir)
	if err != nil {
		return nil, err
	}
	if len(numbers) > 0 {
		s.number = numbers[len(numbers)-1]
	}
	return s, s.next()
}

// Append writes one piece. What finds no room costs the oldest of what is kept. It is for several streams at once.
func (s *segments) Append(kind Kind, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		piece := data[:min(len(data), maxDataBytes)]
		if err := s.append(kind, piece); err != nil {
			return err
		}
		data = data[len(piece):]
		if len(data) == 0 {
			return nil
		}
	}
}

func (s *segments) append(kind Kind, data []byte) error {
	now := time.Now()
	if now.Before(s.last) {
		now = s.last
	}
	s.last = now
	record := make([]byte, headerBytes, headerBytes+len(data))
	binary.BigEndian.PutUint64(record, uint64(now.UnixNano()))
	record[8] = byte(kind)
	binary.BigEndian.PutUint32(record[9:], uint32(len(data)))
	record = append(record, data...)
	if s.size > 0 && s.size+int64(len(record)) > s.bounds.segmentBytes {
		if err := s.next(); err != nil {
			return err
		}
	}
	if s.put(record) == nil {
		return nil
	}
	// The disk is full. What was written of the record ends a file, and readers pass over it.
	if err := errors.Join(s.dropBelow(s.number), s.next()); err != nil {
		return err
	}
	return s.put(record)
}

func (s *segments) put(record []byte) error {
	n, err := s.file.Write(record)
	s.size += int64(n)
	return err
}

// next begins another file, and drops what is past the bounds.
func (s *segments) next() error {
	file, err := files.Create(filepath.Join(s.dir, segmentName(s.number+1)), 0o600)
	if err != nil {
		return fmt.Errorf("begin another part of the log: %w", err)
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	s.file, s.size = file, 0
	s.number++
	return s.dropBelow(s.number - s.bounds.segments + 1)
}

func (s *segments) dropBelow(number int) error {
	numbers, err := segmentNumbers(s.dir)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if n >= number {
			break
		}
		s.cut = true
		// destroys: the oldest part of our own log, past its bound
		if err := os.Remove(filepath.Join(s.dir, segmentName(n))); err != nil && !isMissing(err) {
			return err
		}
	}
	return nil
}

// Cut tells whether the beginning is not kept any more.
func (s *segments) Cut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

func (s *segments) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.file.Sync(), s.file.Close())
}

func segmentName(number int) string { return fmt.Sprintf("%08d", number) + segmentEnd }

// maxNames is more than a session's folder can hold by what we put there.
const maxNames = 1000

// segmentNumbers are those of the files that are kept, in their order.
func segmentNumbers(dir string) ([]int, error) {
	names, err := files.Names(dir, maxNames)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, name := range names {
		digits, isSegment := strings.CutSuffix(name, segmentEnd)
		if number, err := strconv.Atoi(digits); isSegment && err == nil && number > 0 && segmentName(number) == name {
			numbers = append(numbers, number)
		}
	}
	sort.Ints(numbers)
	return numbers, nil
}

func logBytes(dir string) int64 {
	numbers, err := segmentNumbers(dir)
	if err != nil {
		return 0
	}
	var sum int64
	for _, number := range numbers {
		if info, err := os.Stat(filepath.Join(dir, segmentName(number))); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
