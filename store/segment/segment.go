// Package segment keeps sealed blocks in append-only files, one for each
// business window. A database says where each block lies; what a file holds
// behind the last place that the database knows is the rest of an interrupted
// run and is cut off when the file is opened for writing again.
//
// A file is a sequence of blocks as they arrived, nothing between them: a block
// tells its own length (package block).
package segment

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Store is a folder of segment files. Appending belongs to one goroutine;
// reading may be done by many.
type Store struct {
	dir  string
	mu   sync.Mutex
	open map[int32]*file
}

type file struct {
	f      *os.File
	end    int64 // length including buf
	buf    []byte
	synced bool
}

// Open uses a folder, making it if it is not there.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open block folder: %w", err)
	}
	if err := syncFolder(filepath.Dir(filepath.Clean(dir))); err != nil {
		return nil, fmt.Errorf("open block folder: %w", err)
	}
	return &Store{dir: dir, open: map[int32]*file{}}, nil
}

// Path is the file of a window.
func (s *Store) Path(window int32) string {
	return filepath.Join(s.dir, fmt.Sprintf("%06d.blocks", window))
}

// Begin opens the file of a window for appending behind end and cuts off what
// lies there.
func (s *Store) Begin(window int32, end int64) error {
	fail := func(err error) error { return fmt.Errorf("begin block file of window %d: %w", window, err) }
	f, err := s.file(window)
	if err != nil {
		return fail(err)
	}
	size, err := f.f.Seek(0, io.SeekEnd)
	if err != nil {
		return fail(err)
	}
	if size < end {
		return fail(fmt.Errorf("it holds %d bytes, the database knows %d: the file is damaged, restore it from a copy", size, end))
	}
	if err := f.f.Truncate(end); err != nil {
		return fail(err)
	}
	f.end, f.buf = end, f.buf[:0]
	return nil
}

func (s *Store) file(window int32) (*file, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.open[window]; f != nil {
		return f, nil
	}
	h, err := os.OpenFile(s.Path(window), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	f := &file{f: h}
	if f.end, err = h.Seek(0, io.SeekEnd); err == nil && f.end == 0 {
		err = syncFolder(s.dir) // a new file's name must survive a power cut too
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	s.open[window] = f
	return f, nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const flushAt = 1 << 20

// Append adds a block to the file of a window and returns its place. It is
// durable only after Sync.
func (s *Store) Append(window int32, raw []byte) (place int64, err error) {
	f, err := s.file(window)
	if err != nil {
		return 0, fmt.Errorf("append block: %w", err)
	}
	place = f.end
	f.buf = append(f.buf, raw...)
	f.end += int64(len(raw))
	f.synced = false
	if len(f.buf) >= flushAt {
		err = f.flush()
	}
	return place, err
}

func (f *file) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	if _, err := f.f.WriteAt(f.buf, f.end-int64(len(f.buf))); err != nil {
		return fmt.Errorf("write blocks to %s: %w", f.f.Name(), err)
	}
	f.buf = f.buf[:0]
	return nil
}

// Sync makes everything appended durable.
func (s *Store) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.open {
		if f.synced {
			continue
		}
		if err := f.flush(); err != nil {
			return err
		}
		if err := f.f.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", f.f.Name(), err)
		}
		f.synced = true
	}
	return nil
}

// Read gives the block at a place. It must have been synced.
func (s *Store) Read(window int32, place int64, length int) ([]byte, error) {
	f, err := s.file(window)
	if err != nil {
		return nil, fmt.Errorf("read block: %w", err)
	}
	b := make([]byte, length)
	if _, err := f.f.ReadAt(b, place); err != nil {
		return nil, fmt.Errorf("read block of %d bytes at %d of %s: %w", length, place, f.f.Name(), err)
	}
	return b, nil
}

// Close closes the files; what was not synced is lost.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.open {
		errs = append(errs, f.f.Close())
	}
	clear(s.open)
	return errors.Join(errs...)
}
