package cardstate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Kinds of error beside ErrState.
var (
	// ErrLocked: another process has the card.
	ErrLocked = errors.New("another process uses this card")
	// ErrExists: there is a file of this name already.
	ErrExists = errors.New("the file exists already")
)

// File is a card's file, locked by this process. It is for one goroutine.
type File struct {
	path  string
	lock  *os.File
	state State
	buf   []byte
	fresh bool
	err   error // after a failed Store nothing is certain any more
}

// Open takes a card's file into use and reads it, if it is there: Fresh tells
// whether it is not. A file that is left from a write that was cut off is removed.
// Errors are ErrLocked, ErrState and those of the file system.
func Open(path string) (*File, error) {
	f := &File{path: path}
	var err error
	if f.lock, err = acquire(path + ".lock"); err != nil {
		return nil, fmt.Errorf("card state %s: %w", path, err)
	}
	if err := f.load(); err != nil {
		f.Close()
		return nil, fmt.Errorf("card state %s: %w", path, err)
	}
	return f, nil
}

// Create makes a new card's file. Errors are ErrExists, and those of Open and
// Store.
func Create(path string, description, memory []byte) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	if !f.fresh {
		err = fmt.Errorf("card state %s: %w", path, ErrExists)
	} else if err = f.Describe(description); err == nil {
		err = f.Store(memory)
	}
	return errors.Join(err, f.Close())
}

func (f *File) load() error {
	if err := os.Remove(f.temporary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what a cut write left: %w", err)
	}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.fresh = true
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	s, err := Parse(b)
	if err != nil {
		return err
	}
	f.state = *s
	return nil
}

func (f *File) temporary() string { return f.path + ".tmp" }

// Fresh tells whether the file does not exist yet: Describe and Store make it.
func (f *File) Fresh() bool { return f.fresh }

// Description says which card it is.
func (f *File) Description() []byte { return f.state.Description }

// Memory is the snapshot of the card's memory that was stored last.
func (f *File) Memory() []byte { return f.state.Memory }

// Number is how many states were stored.
func (f *File) Number() uint64 { return f.state.Number }

// Describe says which card a fresh file is for.
func (f *File) Describe(description []byte) error {
	if len(description) > MaxDescription {
		return fmt.Errorf("card state %s: description of %d bytes, at most %d are possible: %w", f.path, len(description), MaxDescription, ErrState)
	}
	f.state.Description = bytes.Clone(description)
	return nil
}

// Store makes memory the card's state. When it returns without an error the state
// outlives any crash. An unchanged memory costs nothing. After an error every
// later Store fails: a card that cannot keep its state must not answer.
func (f *File) Store(memory []byte) error {
	if f.err != nil {
		return f.err
	}
	if !f.fresh && bytes.Equal(memory, f.state.Memory) {
		return nil
	}
	if err := f.replace(memory); err != nil {
		f.err = fmt.Errorf("card state %s: store: %w", f.path, err)
		return f.err
	}
	return nil
}

func (f *File) replace(memory []byte) error {
	next := State{Number: f.state.Number + 1, Description: f.state.Description, Memory: memory}
	var err error
	if f.buf, err = next.Append(f.buf[:0]); err != nil {
		return err
	}
	if err := writeSynced(f.temporary(), f.buf); err != nil {
		return err
	}
	if err := os.Rename(f.temporary(), f.path); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(f.path)); err != nil {
		return err
	}
	f.state.Number, f.fresh = next.Number, false
	f.state.Memory = append(f.state.Memory[:0:0], memory...)
	return nil
}

func writeSynced(path string, b []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.Write(b); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Sync(); err != nil {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

// Close gives the file free for other processes. It may be called twice.
func (f *File) Close() error {
	if f.lock == nil {
		return nil
	}
	err := f.lock.Close()
	f.lock = nil
	f.err = errors.New("card state " + f.path + ": it is closed")
	return err
}
