package world

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"banger.dev/agent/internal/files"
)

// replaceFile gives a file another content, and makes the folders above it. A link in its place is taken away.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	if err := files.EnsureFolder(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if _, err := os.Readlink(path); err == nil {
		// destroys: a link in a place that the notes of the host's world name; they keep what was there
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	// destroys: a file of ours by its name, or in a place of which the notes keep what was there
	return files.Replace(path, content, mode)
}

// removeFile removes a file or a link, and tells whether there was one.
func removeFile(path string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "remove", Path: path, Err: files.ErrNotRegular}
	}
	if err == nil {
		// destroys: a file of ours by its name, or in a place of which the notes keep what was there
		err = os.Remove(path)
	}
	return err == nil, err
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
