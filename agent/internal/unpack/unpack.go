// Package unpack writes files that a host sends into its guest.
package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"banger.dev/agent/internal/files"
)

// Into unpacks an archive of one file or one folder, which gets the name target. What stands there already is kept
// where it is a folder and both are; files give way. All belongs to root, as if it had been copied by hand.
func Into(target string, archive io.Reader) error {
	reader := tar.NewReader(archive)
	var folders []folder
	for entries := 0; ; entries++ {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) && entries > 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		path, err := place(target, header.Name)
		if err != nil {
			return err
		}
		if err := write(path, target, header, reader); err != nil {
			return err
		}
		if header.Typeflag == tar.TypeDir {
			folders = append(folders, folder{path, header.ModTime})
		}
	}
	// A folder's time is set last: each name that is made in it sets it anew.
	for i := len(folders) - 1; i >= 0; i-- {
		if err := os.Chtimes(folders[i].path, folders[i].modified, folders[i].modified); err != nil {
			return err
		}
	}
	return nil
}

type folder struct {
	path     string
	modified time.Time
}

// place puts the target in place of a name's first part.
func place(target, name string) (string, error) {
	if !filepath.IsLocal(strings.TrimSuffix(name, "/")) {
		return "", fmt.Errorf("%q leads out of the archive", name)
	}
	_, below, _ := strings.Cut(filepath.ToSlash(filepath.Clean(name)), "/")
	return filepath.Join(target, below), nil
}

func write(path, target string, header *tar.Header, content io.Reader) error {
	if err := files.EnsureFolder(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := header.FileInfo().Mode()
	switch header.Typeflag {
	case tar.TypeDir:
		if err := files.EnsureFolder(path, 0o755); err != nil {
			return err
		}
		return os.Chmod(path, mode)
	case tar.TypeReg:
		return writeFile(path, mode, header.ModTime, content)
	case tar.TypeSymlink:
		if err := clear(path); err != nil {
			return err
		}
		return os.Symlink(header.Linkname, path)
	case tar.TypeLink:
		to, err := place(target, header.Linkname)
		if err != nil {
			return err
		}
		if err := clear(path); err != nil {
			return err
		}
		return os.Link(to, path)
	default:
		return fmt.Errorf("%q is neither file, folder nor link", header.Name)
	}
}

// writeFile makes the file anew: one that runs, or that others share, stays as it is for them.
func writeFile(path string, mode fs.FileMode, modified time.Time, content io.Reader) error {
	if err := clear(path); err != nil {
		return err
	}
	file, err := files.Create(path, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err := errors.Join(err, file.Chmod(mode), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Chtimes(path, modified, modified)
}

func clear(path string) error {
	// destroys: what the host wants written here takes its place; a folder stays
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
