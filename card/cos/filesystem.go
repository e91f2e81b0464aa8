package cos

import "fmt"

// FilesJournal is the journal that a file system needs (Memory.FormatWith): its
// greatest changes are the 255 bytes that one command can bring.
const FilesJournal = 1024

// FileSystem is a tree of files in a partition. Every change is one transaction:
// it happens wholly or not at all. The content must have passed CheckFiles.
type FileSystem struct{ p Partition }

// NewFileSystem gives the file system in a partition.
func NewFileSystem(p Partition) FileSystem { return FileSystem{p} }

// View is the file system as it is now. The error is ErrPowerCut.
func (s FileSystem) View() (FileView, error) {
	m, err := s.p.Read()
	return FileView{m}, err
}

// change stages what f puts and commits it.
func (s FileSystem) change(puts func(p Partition)) error {
	if err := s.p.Begin(); err != nil {
		return err
	}
	puts(s.p)
	return s.p.Commit()
}

// header is where a file's header stands.
func (s FileSystem) header(v FileView, f File) int {
	return tableStart(v.slots()) + int(f.Slot)*fileHeader
}

// Update changes bytes of a transparent file from offset. The caller has made
// sure that they fit; it panics if they do not. The error is ErrPowerCut.
func (s FileSystem) Update(f File, offset int, b []byte) error {
	if f.Kind != Transparent || offset < 0 || offset+len(b) > f.Size {
		panic(fmt.Sprintf("cos: %d bytes at %d of a %v of %d", len(b), offset, f.Kind, f.Size))
	}
	return s.change(func(p Partition) { p.Put(f.at+offset, b) })
}

// FitsRecord tells whether b can be a record of the file.
func (f *File) FitsRecord(b []byte) bool {
	if f.Kind == Variable {
		return len(b) > 0 && len(b) <= f.RecordLength
	}
	return f.Kind.Records() && len(b) == f.RecordLength
}

// UpdateRecord replaces record n, which must be there, by b, which must fit; else
// it panics. The error is ErrPowerCut.
func (s FileSystem) UpdateRecord(f File, n int, b []byte) error {
	if n < 1 || n > f.Count || !f.FitsRecord(b) {
		panic(fmt.Sprintf("cos: %d bytes for record %d of a %v with %d records of %d", len(b), n, f.Kind, f.Count, f.RecordLength))
	}
	return s.change(func(p Partition) { putRecord(p, f, f.slotOf(n), b) })
}

func putRecord(p Partition, f File, slot int, b []byte) {
	at := f.at + slot*f.slotLength()
	if f.Kind != Variable {
		p.Put(at, b)
		return
	}
	var whole [maxRecord + 1]byte
	whole[0] = byte(len(b))
	copy(whole[1:], b)
	p.Put(at, whole[:f.slotLength()])
}

// AppendRecord adds b, which must fit, behind the last record of a linear file or
// as record 1 of a cyclic one, whose oldest record makes room if need be. It fails
// with ErrNoSpace if a linear file is full, or with ErrPowerCut.
func (s FileSystem) AppendRecord(f File, b []byte) error {
	if !f.FitsRecord(b) {
		panic(fmt.Sprintf("cos: %d bytes for a record of a %v with records of %d", len(b), f.Kind, f.RecordLength))
	}
	v, err := s.View()
	if err != nil {
		return err
	}
	slot := f.Count
	if f.Kind == Cyclic && f.Count > 0 {
		slot = (f.newest + 1) % f.Capacity
	}
	if slot >= f.Capacity {
		return fmt.Errorf("append a record to file %04X: %w", f.ID, ErrNoSpace)
	}
	f.Count = min(f.Count+1, f.Capacity)
	if f.Kind == Cyclic {
		f.newest = slot
	}
	return s.change(func(p Partition) {
		putRecord(p, f, slot, b)
		p.Put(s.header(v, f)+atCount, []byte{byte(f.Count), byte(f.newest)})
	})
}

// SetState changes the life cycle status of a file. The error is ErrPowerCut.
func (s FileSystem) SetState(f File, state FileState) error {
	v, err := s.View()
	if err != nil {
		return err
	}
	return s.change(func(p Partition) { p.Put(s.header(v, f)+atState, []byte{byte(state)}) })
}

// Create makes a file, without children, in a DF. Its space is cleared first,
// which nobody sees if the power fails; then it appears at once. It fails with
// ErrFile, ErrFileExists, ErrNoSpace or ErrPowerCut.
func (s FileSystem) Create(parent File, spec FileSpec) error {
	v, err := s.View()
	if err != nil {
		return err
	}
	if err := spec.Check(); err != nil {
		return fmt.Errorf("create file %04X: %w", spec.ID, err)
	}
	if len(spec.Children) > 0 {
		return fmt.Errorf("create file %04X: its children come after it: %w", spec.ID, ErrFile)
	}
	if err := v.admits(parent, &spec); err != nil {
		return fmt.Errorf("create file %04X: %w", spec.ID, err)
	}
	f := spec.file(parent.Slot)
	slot, at, ok := v.place(f.Size)
	if !ok {
		return fmt.Errorf("create file %04X of %d bytes: %w", spec.ID, f.Size, ErrNoSpace)
	}
	f.Slot, f.at = byte(slot), at
	body := make([]byte, f.Size)
	spec.fill(body)
	if err := s.lay(at, body); err != nil {
		return err
	}
	h := f.encodeHeader()
	bits := v.m[headSize+slot/8] | 1<<(slot%8)
	return s.change(func(p Partition) {
		p.Put(s.header(v, f), h[:])
		p.Put(headSize+slot/8, []byte{bits})
	})
}

// lay writes a body that belongs to no file, piece by piece.
func (s FileSystem) lay(at int, body []byte) error {
	const piece = 128
	for len(body) > 0 {
		n := min(len(body), piece)
		if err := s.change(func(p Partition) { p.Put(at, body[:n]) }); err != nil {
			return err
		}
		at, body = at+n, body[n:]
	}
	return nil
}

// Delete takes a file out, with all below it; the MF it does not. They are gone at
// once; keys are overwritten right after, other content when its space is used
// again. It fails with ErrFile or ErrPowerCut.
func (s FileSystem) Delete(f File) error {
	if f.Slot == 0 {
		return fmt.Errorf("delete file %04X: the MF stays: %w", f.ID, ErrFile)
	}
	v, err := s.View()
	if err != nil {
		return err
	}
	bitmap := append([]byte(nil), v.m[headSize:headSize+bitmapSize(v.slots())]...)
	var keys []File
	for o := range v.Files() {
		if !v.Holds(f.Slot, o.Slot) {
			continue
		}
		bitmap[o.Slot/8] &^= 1 << (o.Slot % 8)
		if o.Kind == Keys {
			keys = append(keys, o)
		}
	}
	if err := s.change(func(p Partition) { p.Put(headSize, bitmap) }); err != nil {
		return err
	}
	for _, k := range keys {
		if err := s.lay(k.at, make([]byte, k.Size)); err != nil {
			return err
		}
	}
	return nil
}

// SetTries changes how many tries of a PIN or key are left. The error is
// ErrPowerCut.
func (s FileSystem) SetTries(k KeyEntry, left byte) error {
	return s.change(func(p Partition) { p.Put(k.at+atTriesLeft, []byte{left}) })
}

// SetValue gives a PIN or key another value and all its tries. The error is
// ErrFile if the value does not fit, or ErrPowerCut.
func (s FileSystem) SetValue(k KeyEntry, value Secret) error {
	k.Value = value
	if err := k.Check(); err != nil {
		return fmt.Errorf("change the value of key %d: %w", k.Number, err)
	}
	b := k.encode(k.Tries)
	return s.change(func(p Partition) { p.Put(k.at, b[:]) })
}

// WriteKey puts a PIN or key into a key file in place of that of the same usage
// and number, or into a free entry. It fails with ErrFile, ErrNoSpace or
// ErrPowerCut.
func (s FileSystem) WriteKey(f File, spec KeySpec) error {
	if err := spec.Check(); err != nil {
		return fmt.Errorf("write key %d: %w", spec.Number, err)
	}
	v, err := s.View()
	if err != nil {
		return err
	}
	at := -1
	if old, ok := v.OwnKey(f.Parent, spec.Usage, spec.Number); ok {
		at = old.at
	}
	for free := f.at; at < 0 && free < f.at+f.Size; free += keyEntry {
		if v.m[free] == 0 {
			at = free
		}
	}
	if at < 0 {
		return fmt.Errorf("write key %d: %w", spec.Number, ErrNoSpace)
	}
	b := spec.encode(spec.Tries)
	return s.change(func(p Partition) { p.Put(at, b[:]) })
}
