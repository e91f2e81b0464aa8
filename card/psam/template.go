package psam

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/citycard/citycard/card/cos"
)

// Layout of the memory: "PS", version, number of directories; for each directory,
// the MF first, a row; then the bodies of the files.
//
// A row: terminal transaction counter (4), tries left of MAC2, tries left of the
// key of type TypeModule, 00 00.
const (
	memoryVersion = 1
	headSize      = 4
	rowSize       = 8
	atCounter     = 0
	atTries       = 4
	atModuleTries = 5
	// journal holds the greatest change: a command's data and a row, with their
	// headers.
	journal = 288
)

// file is a transparent file with its place in memory.
type file struct {
	FileSpec
	at int
}

// directory is a Directory with its place in memory.
type directory struct {
	Directory
	row   int
	files []file
}

// Template is a module as it is issued. It is immutable.
type Template struct {
	name []byte
	dirs []directory // the MF first
	size int
}

// New makes a module from its description. The error is ErrSpec.
func New(s Spec) (*Template, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("make security module: %w", err)
	}
	t := &Template{name: bytes.Clone(s.Name)}
	list := append([]Directory{s.root()}, s.Applications...)
	t.size = headSize + rowSize*len(list)
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("make security module: %w", err)
		}
		d := directory{Directory: list[i], row: headSize + rowSize*i}
		d.Name, d.Keys = bytes.Clone(d.Name), slices.Clone(d.Keys)
		for _, f := range d.Files {
			f.Content = bytes.Clone(f.Content)
			d.files = append(d.files, file{f, t.size})
			t.size += f.Size
		}
		t.dirs = append(t.dirs, d)
	}
	if err := checkShared(list); err != nil {
		return nil, fmt.Errorf("make security module: %w", err)
	}
	return t, nil
}

// Format answers every verb of fmt with a fixed text: a module holds keys.
func (Template) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("[security module, data withheld]"))
}

// AID is the module's name.
func (t *Template) AID() []byte { return t.name }

// MemorySize is how many bytes of memory the module needs.
func (t *Template) MemorySize() int { return t.size }

// JournalSize is what the greatest change takes.
func (t *Template) JournalSize() int { return journal }

// Personalise appends the first content of the memory.
func (t *Template) Personalise(dst []byte) []byte {
	m := make([]byte, t.size)
	copy(m, "PS")
	m[2], m[3] = memoryVersion, byte(len(t.dirs))
	for i := range t.dirs {
		d := &t.dirs[i]
		row := m[d.row:]
		binary.BigEndian.PutUint32(row[atCounter:], d.Counter)
		row[atTries], row[atModuleTries] = Tries, Tries
		for _, f := range d.files {
			copy(m[f.at:f.at+f.Size], f.Content)
		}
	}
	return append(dst, m...)
}

// CheckMemory fails with cos.ErrMemory if b is not a possible content: the counter
// of an application has gone back, more tries are left than there are, or a file
// that nothing changes has changed.
func (t *Template) CheckMemory(b []byte) error {
	if len(b) != t.size {
		return fmt.Errorf("security module: content of %d bytes, want %d: %w", len(b), t.size, cos.ErrMemory)
	}
	if string(b[:2]) != "PS" || b[2] != memoryVersion || int(b[3]) != len(t.dirs) {
		return fmt.Errorf("security module: content begins with %X: %w", b[:headSize], cos.ErrMemory)
	}
	for i := range t.dirs {
		d := &t.dirs[i]
		row := b[d.row:][:rowSize]
		if binary.BigEndian.Uint32(row[atCounter:]) < d.Counter || row[atTries] > Tries || row[atModuleTries] > Tries || row[6]|row[7] != 0 {
			return fmt.Errorf("security module: state %X of directory %04X: %w", row, d.ID, cos.ErrMemory)
		}
		for _, f := range d.files {
			body := b[f.at:][:f.Size]
			if !f.Protected && (!bytes.HasPrefix(body, f.Content) || len(bytes.Trim(body[len(f.Content):], "\x00")) != 0) {
				return fmt.Errorf("security module: file %02X of directory %04X has changed: %w", f.SFI, d.ID, cos.ErrMemory)
			}
		}
	}
	return nil
}

// Place gives the module over its memory.
func (t *Template) Place(p cos.Partition, old cos.Application) cos.Application {
	a, ok := old.(*App)
	if !ok {
		a = new(App)
	}
	a.template, a.memory = t, p
	a.PowerOff()
	return a
}
