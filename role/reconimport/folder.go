package reconimport

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/citycard/citycard/recon/foreign"
)

// MaxFiles is the most files of one import.
const MaxFiles = 100_000

// ErrTooMany says that a folder has more than MaxFiles files.
var ErrTooMany = errors.New("too many files")

// Folder gives every file below a folder to an import, in the order of their names. Links
// are not followed and devices not opened: they are reported. A file whose reading ends in
// an error is reported with what was read of it.
func Folder(dir string, im *foreign.Importer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer root.Close()
	w := walk{root: root, im: im}
	return w.folder(".")
}

type walk struct {
	root  *os.Root
	im    *foreign.Importer
	files int
}

func (w *walk) folder(at string) error {
	entries, err := w.list(at)
	if err != nil {
		if at == "." {
			return fmt.Errorf("read the folder: %w", err)
		}
		w.im.Skip(at, "the folder cannot be read")
		return nil
	}
	for _, e := range entries {
		name := path.Join(at, e.Name())
		if e.IsDir() {
			if err := w.folder(name); err != nil {
				return err
			}
			continue
		}
		if w.files++; w.files > MaxFiles {
			return fmt.Errorf("more than %d files: %w", MaxFiles, ErrTooMany)
		}
		w.file(name, e)
	}
	return nil
}

func (w *walk) list(at string) ([]fs.DirEntry, error) {
	d, err := w.root.Open(at)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (w *walk) file(name string, e fs.DirEntry) {
	if !e.Type().IsRegular() {
		w.im.Skip(name, "a link or a device, not a file")
		return
	}
	f, err := w.root.Open(name)
	if err != nil {
		w.im.Skip(name, "it cannot be opened")
		return
	}
	defer f.Close()
	// The report of the file says that it was not read to its end.
	_ = w.im.Add(name, f)
}

// Excerpts gives the beginnings of lines that an import of the folder has refused without
// telling them (foreign.Refusal.Text). lines are numbers by path, in any order. A file
// that cannot be read again is left out.
func Excerpts(dir string, lines map[string][]uint32, yield func(path string, line uint32, text string)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer root.Close()
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		slices.Sort(lines[name])
		_ = foreign.Excerpts(f, lines[name], func(line uint32, text string) { yield(name, line, text) })
		_ = f.Close()
	}
	return nil
}
