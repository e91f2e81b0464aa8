package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// pageFile is the file that a flag names for a page.
type pageFile struct{ flag, path string }

// check finds out whether the page can be written.
func (f pageFile) check() error {
	if f.path == "" {
		return nil
	}
	if at, err := os.Stat(f.path); err == nil && at.IsDir() {
		return fail(exitUsage, fmt.Errorf("%s %s is a folder", f.flag, f.path), "name a file in it, for example "+filepath.Join(f.path, "report.html"))
	}
	part, err := f.part()
	if err != nil {
		return err
	}
	return errors.Join(part.Close(), os.Remove(part.Name()))
}

// part makes the file that becomes the page, beside it.
func (f pageFile) part() (*os.File, error) {
	part, err := os.CreateTemp(filepath.Dir(f.path), ".certify-*.part")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(exitNotFound, fmt.Errorf("%s %s: there is no folder %s", f.flag, f.path, filepath.Dir(f.path)), "make the folder first, or check its name")
	}
	if err != nil {
		return nil, fail(exitUsage, fmt.Errorf("%s: %w", f.flag, err), "check the folder's name and whether files may be made in it")
	}
	return part, nil
}

// write makes the page, which gets its name when it is whole.
func (f pageFile) write(page func(io.Writer) error) error {
	if f.path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := page(&b); err != nil {
		return err
	}
	part, err := f.part()
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(b.Bytes())
	err = errors.Join(err, part.Chmod(0o644), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), f.path)
	}
	if err != nil {
		return fail(exitFailed, fmt.Errorf("%s: %w", f.flag, err), "name another file, or make room on the disk")
	}
	return nil
}
