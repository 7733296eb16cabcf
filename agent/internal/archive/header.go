// Package archive writes trees as tar archives and makes trees of them (pax(1), "ustar Interchange Format"). What is read
// is hostile, and what is walked may be changed by somebody while it is: names and links stay below the target.
package archive

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const blockBytes = 512

// entry is what a header tells.
type entry struct {
	name, link   string
	flag         byte
	mode         uint32
	uid, gid     uint32
	size         int64
	modified     int64
	major, minor uint32
	// records are of an extended header, in order.
	records []record
}

type record struct{ key, value string }

// The most that fits into the fields of a plain header.
const (
	nameBytes   = 100
	prefixBytes = 155
	maxID       = 1<<21 - 1
	maxSize     = 1<<33 - 1
)

// writeHeader writes a plain header, after an extended one where something does not fit.
func writeHeader(to io.Writer, e entry) error {
	records := e.records
	prefix, name, fits := split(e.name)
	if !fits {
		records = append(records, record{"path", e.name})
		prefix, name = "", e.name[:nameBytes]
	}
	link := e.link
	if len(link) > nameBytes {
		records = append(records, record{"linkpath", link})
		link = link[:nameBytes]
	}
	for _, number := range []struct {
		key   string
		value int64
		most  int64
	}{{"uid", int64(e.uid), maxID}, {"gid", int64(e.gid), maxID}, {"size", e.size, maxSize}, {"mtime", e.modified, maxSize}} {
		if number.value < 0 || number.value > number.most {
			records = append(records, record{number.key, strconv.FormatInt(number.value, 10)})
		}
	}
	if len(records) > 0 {
		text := pax(records)
		extended := entry{flag: 'x', mode: 0o644, size: int64(len(text))}
		if err := writePlain(to, extended, "", "@PaxHeader", ""); err != nil {
			return err
		}
		if _, err := to.Write(padded(text)); err != nil {
			return err
		}
	}
	return writePlain(to, e, prefix, name, link)
}

func writePlain(to io.Writer, e entry, prefix, name, link string) error {
	var block [blockBytes]byte
	copy(block[0:100], name)
	octal(block[100:108], int64(e.mode))
	octal(block[108:116], fitting(int64(e.uid), maxID))
	octal(block[116:124], fitting(int64(e.gid), maxID))
	octal(block[124:136], fitting(e.size, maxSize))
	octal(block[136:148], fitting(e.modified, maxSize))
	block[156] = e.flag
	copy(block[157:257], link)
	copy(block[257:265], "ustar\x0000")
	octal(block[329:337], int64(e.major))
	octal(block[337:345], int64(e.minor))
	copy(block[345:500], prefix)
	copy(block[148:156], "        ")
	sum := int64(0)
	for _, b := range block {
		sum += int64(b)
	}
	octal(block[148:155], sum)
	_, err := to.Write(block[:])
	return err
}

// octal ends with a NUL.
func octal(field []byte, value int64) {
	for i := len(field) - 2; i >= 0; i-- {
		field[i] = byte('0' + value&7)
		value >>= 3
	}
}

func fitting(value, most int64) int64 {
	if value < 0 || value > most {
		return 0
	}
	return value
}

// split puts a name into the two fields for it; the slash between them is in neither.
func split(name string) (prefix, rest string, fits bool) {
	if len(name) <= nameBytes {
		return "", name, true
	}
	if len(name) > prefixBytes+1+nameBytes {
		return "", "", false
	}
	// A folder's last slash stays with its name.
	from := len(name) - nameBytes - 1
	cut := strings.IndexByte(name[from:len(name)-1], '/')
	if cut < 0 || from+cut > prefixBytes || from+cut == 0 {
		return "", "", false
	}
	return name[:from+cut], name[from+cut+1:], true
}

// pax writes records, each with its own length before it, which counts itself.
func pax(records []record) []byte {
	var text []byte
	for _, r := range records {
		rest := len(r.key) + len(r.value) + len(" =\n")
		length := rest + len(strconv.Itoa(rest))
		if len(strconv.Itoa(length)) != len(strconv.Itoa(rest)) {
			length = rest + len(strconv.Itoa(length))
		}
		text = fmt.Appendf(text, "%d %s=%s\n", length, r.key, r.value)
	}
	return text
}

func padded(text []byte) []byte { return append(text, make([]byte, padding(int64(len(text))))...) }

// padding fills the last block.
func padding(size int64) int64 { return (blockBytes - size%blockBytes) % blockBytes }

// flagOf is a header's type for a kind of file; 0 for those that no archive holds.
func flagOf(mode uint32) byte {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return '0'
	case unix.S_IFLNK:
		return '2'
	case unix.S_IFCHR:
		return '3'
	case unix.S_IFBLK:
		return '4'
	case unix.S_IFDIR:
		return '5'
	case unix.S_IFIFO:
		return '6'
	}
	return 0
}
