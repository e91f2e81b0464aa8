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
	// ErrLocked: another process has the file.
	ErrLocked = errors.New("another process uses it")
	// ErrExists: there is a file of this name already.
	ErrExists = errors.New("the file exists already")
)

// File is a card's file, locked by this process. It is for one goroutine.
type File struct {
	path  string
	what  string // what it is and its path, for errors
	lock  *os.File
	state State
	buf   []byte
	fresh bool
	err   error // after a failed Store nothing is certain any more
}

// Open takes a file into use and reads it, if it is there: Fresh tells whether it is
// not. What says in errors what the file is, for example "card state". A file that is
// left from a write that was cut off is removed. Nothing is made or removed beside a
// file that is refused. Errors are ErrLocked, ErrState and those of the file system.
func Open(path, what string) (*File, error) {
	f := &File{path: path, what: what + " " + path}
	if err := f.peek(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.what, err)
	}
	var err error
	if f.lock, err = acquire(f.lockPath()); err != nil {
		return nil, fmt.Errorf("%s: %w", f.what, err)
	}
	if err := f.load(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", f.what, err)
	}
	return f, nil
}

func (f *File) lockPath() string { return f.path + ".lock" }

// peek refuses a file that is none of ours before a lock is made beside it. Where a lock
// file is already it does not look: on Windows a process that has the lock could not
// replace the file while it is open here.
func (f *File) peek() error {
	if _, err := os.Lstat(f.lockPath()); err == nil {
		return nil
	}
	_, err := f.read()
	return err
}

// Create makes a new card's file. Errors are ErrExists, and those of Open and
// Store.
func Create(path, what string, description, memory []byte) error {
	f, err := Open(path, what)
	if err != nil {
		return err
	}
	if !f.fresh {
		err = fmt.Errorf("%s: %w", f.what, ErrExists)
	} else if err = f.Describe(description); err == nil {
		err = f.Store(memory)
	}
	return errors.Join(err, f.Close())
}

// load reads the file under the lock, and only then removes what may lie beside it.
func (f *File) load() error {
	s, err := f.read()
	if err != nil {
		return err
	}
	if err := os.Remove(f.temporary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what a cut write left: %w", err)
	}
	if f.fresh = s == nil; !f.fresh {
		f.state = *s
	}
	return nil
}

// read gives the state in the file, nil if there is none.
func (f *File) read() (*State, error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return Parse(b)
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
		return fmt.Errorf("%s: description of %d bytes, at most %d are possible: %w", f.what, len(description), MaxDescription, ErrState)
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
		f.err = fmt.Errorf("%s: store: %w", f.what, err)
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
	f.err = errors.New(f.what + ": it is closed")
	return err
}
