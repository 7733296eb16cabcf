package sessions

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"banger.dev/agent/internal/changes"
	"banger.dev/agent/internal/files"
)

// Replay says which part of a log is wanted.
type Replay struct {
	// Since leaves out what is older, where it is not zero.
	Since time.Time
	// Last leaves out all but so many bytes at the end, and a record more; negative: nothing.
	Last int64
	// Merge makes one record of those of a kind that follow one another within so long, as far as they are there already.
	Merge time.Duration
	// Live, if set, is called once: all that comes after it was not there when it was called.
	Live func() error
}

// errTorn says that a record is not there as a whole, yet or for good.
var errTorn = errors.New("the record is cut off")

// reader goes through a log while its writer writes.
type reader struct {
	dir    string
	number int
	file   *os.File
	// at is where the next record begins, text what was read from there on.
	at   int64
	text *bufio.Reader
}

// replay hands over the log's records, oldest first; the data of each is good until emit returns. It ends at the end of the log once ended is closed; nil is closed.
func replay(ctx context.Context, dir string, want Replay, ended <-chan struct{}, emit func(Record) error) error {
	changed, stop, err := changes.In(dir)
	if err != nil {
		return err
	}
	defer stop()
	r := &reader{dir: dir}
	defer r.close()
	skip, err := r.begin(want.Last)
	if err != nil {
		return err
	}
	isOver := ended == nil
	merged := merger{within: want.Merge, emit: func(record Record) error {
		if err := emit(record); err != nil {
			return err
		}
		return ctx.Err()
	}}
	for {
		err := r.drain(func(record Record, size int64) error {
			if skip -= size; skip >= 0 || record.Time.Before(want.Since) {
				return nil
			}
			return merged.add(record)
		})
		if err := errors.Join(err, merged.flush()); err != nil {
			return err
		}
		if want.Live != nil {
			if err := want.Live(); err != nil {
				return err
			}
			want.Live = nil
		}
		if isOver {
			return nil
		}
		select {
		case <-changed:
		case <-ended:
			isOver = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// merger makes few records of many: each costs a message, and a program on a terminal writes a line in several.
type merger struct {
	within time.Duration
	// emit gets data that is good until it returns.
	emit func(Record) error
	// held has the data of all that are to be one; it has none where its kind is 0.
	held Record
}

func (m *merger) add(record Record) error {
	if m.held.Kind == record.Kind && record.Kind != Size && record.Time.Sub(m.held.Time) < m.within &&
		len(m.held.Data)+len(record.Data) <= maxDataBytes {
		m.held.Data = append(m.held.Data, record.Data...)
		return nil
	}
	err := m.flush()
	m.held = Record{Time: record.Time, Kind: record.Kind, Data: append(m.held.Data[:0], record.Data...)}
	return err
}

func (m *merger) flush() error {
	if m.held.Kind == 0 {
		return nil
	}
	record := m.held
	m.held.Kind = 0
	return m.emit(record)
}

// begin opens the log, and tells how many bytes of it are not wanted.
func (r *reader) begin(last int64) (skip int64, err error) {
	numbers, err := segmentNumbers(r.dir)
	if err != nil {
		return 0, err
	}
	var sizes int64
	for i := len(numbers) - 1; i >= 0; i-- {
		r.number = numbers[i]
		if info, err := os.Stat(filepath.Join(r.dir, segmentName(r.number))); err == nil {
			sizes += info.Size()
		}
		if last >= 0 && sizes > last {
			return sizes - last, nil
		}
	}
	return 0, nil
}

// drain hands over all whole records that are there.
func (r *reader) drain(emit func(Record, int64) error) error {
	for {
		if err := r.rest(emit); err != nil {
			return err
		}
		next, err := r.following()
		if err != nil || next == 0 {
			return err
		}
		// What was written between the last look and the beginning of the next file. What is torn now is so for good.
		if err := r.rest(emit); err != nil {
			return err
		}
		r.close()
		r.number = next
	}
}

// rest hands over the whole records of the file at hand.
func (r *reader) rest(emit func(Record, int64) error) error {
	if r.file == nil {
		file, err := files.Open(filepath.Join(r.dir, segmentName(r.number)))
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		r.file, r.at, r.text = file, 0, bufio.NewReaderSize(file, headerBytes+maxDataBytes)
	}
	if _, err := r.file.Seek(r.at, io.SeekStart); err != nil {
		return err
	}
	r.text.Reset(r.file)
	for {
		record, err := readRecord(r.text)
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return nil
		}
		if err != nil {
			return err
		}
		size := int64(headerBytes + len(record.Data))
		r.at += size
		if err := emit(record, size); err != nil {
			return err
		}
	}
}

// following is the number of the next file that is kept; 0 where there is none.
func (r *reader) following() (int, error) {
	numbers, err := segmentNumbers(r.dir)
	if err != nil {
		return 0, err
	}
	for _, number := range numbers {
		if number > r.number {
			return number, nil
		}
	}
	return 0, nil
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close()
		r.file = nil
	}
}

// readRecord takes one record. Its data is good until the next.
func readRecord(from *bufio.Reader) (Record, error) {
	header, err := from.Peek(headerBytes)
	if err != nil {
		return Record{}, cutOff(header, err)
	}
	at := time.Unix(0, int64(binary.BigEndian.Uint64(header)))
	kind := Kind(header[8])
	length := binary.BigEndian.Uint32(header[9:])
	if length > maxDataBytes || kind < Stdout || kind > Size {
		// A crash may leave a file's last blocks as zeros; nothing after them can be trusted.
		return Record{}, errTorn
	}
	whole, err := from.Peek(headerBytes + int(length))
	if err != nil {
		return Record{}, cutOff(whole, err)
	}
	_, err = from.Discard(len(whole))
	return Record{Time: at, Kind: kind, Data: whole[headerBytes:]}, err
}

// cutOff tells the end of a file from a record that ends too early.
func cutOff(there []byte, err error) error {
	if errors.Is(err, io.EOF) && len(there) > 0 {
		return errTorn
	}
	return err
}

// TerminalSize is what a record of kind Size holds.
func (r Record) TerminalSize() (rows, cols uint16) {
	if r.Kind != Size || len(r.Data) != 4 {
		return 0, 0
	}
	return binary.BigEndian.Uint16(r.Data[2:]), binary.BigEndian.Uint16(r.Data)
}
