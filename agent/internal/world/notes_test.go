package world

import (
	"os"
	"testing"
)

func TestNotesTellAnEmptyFileFromNone(t *testing.T) {
	const empty, none = "etc/empty", "etc/none"
	g := newGuest(t, map[string]string{empty: ""})
	before := &notes{root: g.Root}
	for _, name := range []string{empty, none} {
		if err := before.put(name, content{File: []byte("ours")}); err != nil {
			t.Fatal(err)
		}
	}
	after, err := readNotes(g.Root)
	if err != nil {
		t.Fatal(err)
	}
	if was := after.Places[none].Was; was.File != nil {
		t.Errorf("where nothing was, the notes have a file of %d bytes", len(was.File))
	}
	for _, name := range []string{empty, none} {
		if err := after.putBack(name); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(g.path(empty)); err != nil || len(text) != 0 {
		t.Errorf("the empty file came back as %q, %v", text, err)
	}
	if _, err := os.Lstat(g.path(none)); !os.IsNotExist(err) {
		t.Errorf("what was not there is there: %v", err)
	}
}
