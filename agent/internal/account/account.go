// Package account finds users in the guest's own /etc/passwd and /etc/group, by reading them: a static program
// has no libc to ask, and an image may have no such files.
package account

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"banger.dev/agent/internal/files"
)

// ErrNoSuchUser says that neither a name nor a number could be made into a user.
var ErrNoSuchUser = errors.New("no such user")

// maxFileBytes bounds how much of /etc/passwd and /etc/group is looked at.
const maxFileBytes = 8 << 20

// maxLineBytes bounds one line of them: a group has many members.
const maxLineBytes = 1 << 20

// User is what a process needs to know to run as somebody.
type User struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32
	Home   string
	// Shell is empty where passwd names none.
	Shell string
}

// Database is the files' contents below a root folder.
type Database struct {
	Root string
}

// Lookup reads "name", "uid", "name:group" and "uid:gid", as in an image's config; empty is root. A number need
// not be in /etc/passwd, and neither does root; and a number is a way into a guest whose files cannot be read.
func (d Database) Lookup(spec string) (User, error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" {
		name = "root"
	}
	user, err := d.user(name)
	if err != nil {
		return User{}, err
	}
	if hasGroup && group != "" {
		gid, err := d.groupID(group)
		if err != nil {
			return User{}, err
		}
		// As for containers: whoever names a group gets that one and no others.
		user.GID, user.Groups = gid, []uint32{gid}
		return user, nil
	}
	user.Groups, err = d.groupsOf(user)
	if _, isNumber := parseID(name); isNumber && err != nil {
		return user, nil
	}
	return user, err
}

func (d Database) user(name string) (User, error) {
	var found *User
	uid, isNumber := parseID(name)
	err := d.lines("etc/passwd", func(fields []string) bool {
		entry, ok := parseUser(fields)
		if ok && (entry.Name == name || isNumber && entry.UID == uid) {
			found = &entry
		}
		// A name goes before a number: passwd(5) allows names of digits.
		return found != nil && found.Name == name
	})
	switch {
	case found != nil:
		return *found, nil
	case err != nil && !isNumber:
		return User{}, fmt.Errorf("%w (a number as user needs no such file)", err)
	case name == "root":
		return User{Name: "root", Home: d.rootHome()}, nil
	case isNumber:
		return User{Name: name, UID: uid, GID: 0, Home: "/"}, nil
	}
	return User{}, fmt.Errorf("%w: %q is not in /etc/passwd", ErrNoSuchUser, name)
}

func (d Database) rootHome() string {
	if info, err := os.Stat(filepath.Join(d.Root, "root")); err == nil && info.IsDir() {
		return "/root"
	}
	return "/"
}

func (d Database) groupID(group string) (uint32, error) {
	var gid uint32
	found := false
	err := d.lines("etc/group", func(fields []string) bool {
		if len(fields) >= 3 && fields[0] == group {
			gid, found = parseID(fields[2])
		}
		return found
	})
	if err != nil || found {
		return gid, err
	}
	if gid, ok := parseID(group); ok {
		return gid, nil
	}
	return 0, fmt.Errorf("%w: group %q is not in /etc/group", ErrNoSuchUser, group)
}

func (d Database) groupsOf(user User) ([]uint32, error) {
	groups := []uint32{user.GID}
	err := d.lines("etc/group", func(fields []string) bool {
		if len(fields) < 4 {
			return false
		}
		for _, member := range strings.Split(fields[3], ",") {
			if gid, ok := parseID(fields[2]); ok && member == user.Name && gid != user.GID {
				groups = append(groups, gid)
			}
		}
		return false
	})
	return groups, err
}

// lines calls visit with the fields of each line until it returns true. A file that is not there has no lines.
func (d Database) lines(name string, visit func(fields []string) bool) error {
	text, err := files.Head(filepath.Join(d.Root, name), maxFileBytes+1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up the user: %w", err)
	}
	scanner := bufio.NewScanner(bytes.NewReader(text[:min(len(text), maxFileBytes)]))
	scanner.Buffer(nil, maxLineBytes)
	for scanner.Scan() {
		line := scanner.Text()
		if line != "" && line[0] != '#' && visit(strings.Split(line, ":")) {
			return nil
		}
	}
	err = scanner.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("%w: a line of more than %d MiB", files.ErrTooLarge, maxLineBytes>>20)
	}
	if err != nil {
		return fmt.Errorf("look up the user in /%s: %w", name, err)
	}
	if len(text) > maxFileBytes {
		return fmt.Errorf("look up the user in /%s: %w: no more than its first %d MiB are read", name, files.ErrTooLarge, maxFileBytes>>20)
	}
	return nil
}

// parseUser reads the seven fields of passwd(5).
func parseUser(fields []string) (User, bool) {
	if len(fields) < 7 {
		return User{}, false
	}
	uid, okUID := parseID(fields[2])
	gid, okGID := parseID(fields[3])
	home := fields[5]
	if home == "" {
		home = "/"
	}
	return User{Name: fields[0], UID: uid, GID: gid, Home: home, Shell: fields[6]}, okUID && okGID && fields[0] != ""
}

// parseID refuses 2^32-1, which means "leave as it is" to setuid's family.
func parseID(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n != 1<<32-1
}
