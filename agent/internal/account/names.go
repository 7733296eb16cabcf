package account

// Names are what users and groups are called, by their numbers.
type Names struct {
	Users  map[uint32]string
	Groups map[uint32]string
}

// maxKnownNames bounds what is held of them.
const maxKnownNames = 10_000

// Names reads all of them; of files that cannot be read, what can. A number's first name counts (getpwuid(3)).
func (d Database) Names() Names {
	names := Names{Users: map[uint32]string{}, Groups: map[uint32]string{}}
	_ = d.lines("etc/passwd", func(fields []string) bool { return addName(names.Users, fields) })
	_ = d.lines("etc/group", func(fields []string) bool { return addName(names.Groups, fields) })
	return names
}

func addName(to map[uint32]string, fields []string) (enough bool) {
	if len(fields) < 3 {
		return false
	}
	if id, ok := parseID(fields[2]); ok && to[id] == "" {
		to[id] = fields[0]
	}
	return len(to) >= maxKnownNames
}
