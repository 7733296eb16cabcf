package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"banger.dev/agent/internal/files"
)

const (
	notesName = "etc/banger/world.json"
	// maxNotesBytes bounds what is read of a file that the guest's root may have written.
	maxNotesBytes = 1 << 20
	// maxKeptBytes is of one file that is put back; time zones and settings of a locale are far smaller.
	maxKeptBytes = 64 << 10
)

// notes say what stands in the place of the guest's own files, and what stood there. They lie on the guest's disk.
type notes struct {
	root string
	// Places are by path below the root.
	Places map[string]place `json:"places,omitempty"`
	// Stale says that authorities have changed since the guest's bundles were made.
	Stale bool `json:"stale,omitempty"`
}

type place struct {
	Ours content `json:"ours"`
	Was  content `json:"was"`
}

// content is a link, a file, or, with neither, nothing. An empty file is a file: only a nil one may be left out.
type content struct {
	Link string `json:"link,omitempty"`
	File []byte `json:"file,omitzero"`
}

func (c content) equals(other content) bool {
	return c.Link == other.Link && string(c.File) == string(other.File) && (c.File == nil) == (other.File == nil)
}

// readNotes returns empty ones with any error: from there on it is as if nothing had been put anywhere.
func readNotes(root string) (*notes, error) {
	n := &notes{root: root}
	text, err := files.Read(filepath.Join(root, notesName), maxNotesBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err == nil {
		err = json.Unmarshal(text, n)
	}
	if err != nil {
		return &notes{root: root}, fmt.Errorf("what was changed before is not known: %w", err)
	}
	return n, nil
}

func (n *notes) write() error {
	path := filepath.Join(n.root, notesName)
	if len(n.Places) == 0 && !n.Stale {
		_, err := removeFile(path)
		return err
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if now, err := files.Read(path, maxNotesBytes); err == nil && string(now) == string(text) {
		return nil
	}
	return replaceFile(path, text, 0o600)
}

// put has something stand at a path. What the guest had there is written down before: a guest may be cut off at any time.
func (n *notes) put(name string, ours content) error {
	now, err := n.look(name)
	if err != nil || now.equals(ours) {
		return err
	}
	was := now
	if noted, ok := n.Places[name]; ok && noted.Ours.equals(now) {
		was = noted.Was
	}
	if n.Places == nil {
		n.Places = map[string]place{}
	}
	n.Places[name] = place{Ours: ours, Was: was}
	if err := n.write(); err != nil {
		delete(n.Places, name)
		return err
	}
	return n.place(name, ours)
}

// putBack has a path hold again what it held, unless somebody else has changed it meanwhile.
func (n *notes) putBack(name string) error {
	noted, ok := n.Places[name]
	if !ok {
		return nil
	}
	now, err := n.look(name)
	if err == nil && now.equals(noted.Ours) {
		err = n.place(name, noted.Was)
	}
	if err == nil {
		delete(n.Places, name)
	}
	return err
}

func (n *notes) look(name string) (content, error) {
	path := filepath.Join(n.root, name)
	if target, err := os.Readlink(path); err == nil {
		return content{Link: target}, nil
	}
	text, err := files.Read(path, maxKeptBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, nil
	}
	return content{File: append([]byte{}, text...)}, err
}

func (n *notes) place(name string, what content) error {
	path := filepath.Join(n.root, name)
	switch {
	case what.Link != "":
		// destroys: a link of ours, or in a place of which the notes keep what was there
		return files.ReplaceLink(path, what.Link)
	case what.File != nil:
		return replaceFile(path, what.File, 0o644)
	default:
		_, err := removeFile(path)
		return err
	}
}
