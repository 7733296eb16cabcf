package archive

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxParts bounds what is held of one file with holes; one of more is written without them.
const maxParts = 10_000

// part is where a file holds data.
type part struct{ offset, length int64 }

// partsOf are a file's data, or false where all of it is or nothing is known.
func partsOf(file *os.File, stat unix.Stat_t) ([]part, bool) {
	if stat.Size == 0 || stat.Blocks*blockBytes >= stat.Size {
		return nil, false
	}
	fd := int(file.Fd())
	var parts []part
	for at := int64(0); at < stat.Size; {
		start, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return nil, false
		}
		end, err := unix.Seek(fd, start, unix.SEEK_HOLE)
		if err != nil || end <= start || len(parts) == maxParts {
			return nil, false
		}
		end = min(end, stat.Size)
		parts = append(parts, part{start, end - start})
		at = end
	}
	// A file may end with a hole; the map tells so by an empty part at its end.
	return append(parts, part{stat.Size, 0}), true
}

// sparse writes a file as GNU tar's format 1.0 has it ("Storing Sparse Files" in its manual): the map stands before the data.
func sparse(e entry, parts []part) (entry, []byte) {
	text := fmt.Appendf(nil, "%d\n", len(parts))
	length := int64(0)
	for _, p := range parts {
		text = fmt.Appendf(text, "%d\n%d\n", p.offset, p.length)
		length += p.length
	}
	text = padded(text)
	e.records = append(e.records,
		record{"GNU.sparse.major", "1"}, record{"GNU.sparse.minor", "0"},
		record{"GNU.sparse.name", e.name}, record{"GNU.sparse.realsize", strconv.FormatInt(e.size, 10)})
	e.size = int64(len(text)) + length
	return e, text
}

// holeWriter leaves holes where whole pages are zero.
type holeWriter struct {
	file *os.File
	at   int64
}

const pageBytes = 4096

var zeroPage [pageBytes]byte

func (w *holeWriter) Write(b []byte) (int, error) {
	for done := 0; done < len(b); {
		end := w.pageEnd(b, done)
		if bytes.Equal(b[done:end], zeroPage[:end-done]) {
			w.at += int64(end - done)
			done = end
			continue
		}
		// As many pages at once as are not zero.
		for end < len(b) {
			next := min(end+pageBytes, len(b))
			if bytes.Equal(b[end:next], zeroPage[:next-end]) {
				break
			}
			end = next
		}
		n, err := w.file.WriteAt(b[done:end], w.at)
		w.at += int64(n)
		done += n
		if err != nil {
			return done, err
		}
	}
	return len(b), nil
}

// pageEnd is where the page of the file ends that the byte at `from` goes to.
func (w *holeWriter) pageEnd(b []byte, from int) int {
	return min(from+pageBytes-int(w.at%pageBytes), len(b))
}
