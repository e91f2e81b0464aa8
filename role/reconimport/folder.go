package reconimport

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/citycard/citycard/recon/foreign"
)

// MaxFiles is the most files of one import.
const MaxFiles = 100_000

// ErrTooMany says that a folder has more than MaxFiles files.
var ErrTooMany = errors.New("too many files")

// Folder gives every file below a folder to an import, in the order of their paths.
func Folder(dir string, im *foreign.Importer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer root.Close()
	return Tree(root.FS(), im)
}

// Tree is Folder for any tree of files.
func Tree(files fs.FS, im *foreign.Importer) error {
	n := 0
	return fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == ".":
			return fmt.Errorf("read the folder: %w", err)
		case err != nil:
			im.Skip(path, "cannot be opened")
			return nil
		case d.IsDir():
			return nil
		}
		if n++; n > MaxFiles {
			return fmt.Errorf("more than %d files: %w", MaxFiles, ErrTooMany)
		}
		if !d.Type().IsRegular() {
			im.Skip(path, "a link or a device, not a file")
			return nil
		}
		f, err := files.Open(path)
		if err != nil {
			im.Skip(path, "cannot be opened")
			return nil
		}
		defer f.Close()
		// A file that ends in an error of the disk is reported with what was read.
		_ = im.Add(path, f)
		return nil
	})
}
