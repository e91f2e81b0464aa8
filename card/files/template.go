package files

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/card/cos"
)

// Template is a file system as a card has it when it is issued.
type Template struct {
	aid   []byte
	image []byte
}

// NewTemplate makes a template from a description. aid is the name by which the
// chip finds the application, 5 to 16 bytes; if an ADF has it, that ADF is what
// is selected, else the MF. Other ADFs are found through SELECT by name inside
// the application. The errors are those of cos.FormatFiles.
func NewTemplate(aid []byte, spec cos.FileSystemSpec) (*Template, error) {
	if len(aid) < 5 || len(aid) > 16 {
		return nil, fmt.Errorf("make file application: name of %d bytes, want 5 to 16: %w", len(aid), cos.ErrFile)
	}
	image, err := cos.FormatFiles(spec)
	if err != nil {
		return nil, fmt.Errorf("make file application %X: %w", aid, err)
	}
	return &Template{bytes.Clone(aid), image}, nil
}

// Format answers every verb of fmt with a fixed text: files hold keys.
func (Template) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[files, data withheld]")) }

// AID is the name of the application.
func (t *Template) AID() []byte { return t.aid }

// JournalSize is what the greatest change of a file takes.
func (t *Template) JournalSize() int { return cos.FilesJournal }

// MemorySize is the length of the file system in bytes.
func (t *Template) MemorySize() int { return len(t.image) }

// Personalise appends the first content of the memory.
func (t *Template) Personalise(dst []byte) []byte { return append(dst, t.image...) }

// CheckMemory fails with cos.ErrMemory if b is not a file system of this size.
func (t *Template) CheckMemory(b []byte) error {
	if len(b) != len(t.image) {
		return fmt.Errorf("files %X: content of %d bytes, want %d: %w", t.aid, len(b), len(t.image), cos.ErrMemory)
	}
	if err := cos.CheckFiles(b); err != nil {
		return fmt.Errorf("files %X: %w: %w", t.aid, cos.ErrMemory, err)
	}
	return nil
}

// Place gives the application over its memory.
func (t *Template) Place(p cos.Partition, old cos.Application) cos.Application {
	a, ok := old.(*App)
	if !ok {
		a = new(App)
	}
	a.aid, a.fs = t.aid, cos.NewFileSystem(p)
	a.PowerOff()
	return a
}
