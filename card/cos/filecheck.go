package cos

import (
	"encoding/binary"
	"fmt"
)

// CheckFiles fails with ErrFile if the content of a partition is not a file
// system: every header, body and key is judged, so that whatever passes can be
// used without further questions. Trailing zeros may not be left out.
func CheckFiles(image []byte) error {
	if len(image) < headSize || string(image[:2]) != "FS" || image[2] != filesVersion || image[3] == 0 || image[6]|image[7] != 0 {
		return fmt.Errorf("file system: no head: %w", ErrFile)
	}
	slots := int(image[3])
	if n := int(binary.BigEndian.Uint16(image[4:])); n != len(image) || n < bodyStart(slots) {
		return fmt.Errorf("file system of %d bytes: the head says %d and %d headers: %w", len(image), n, slots, ErrFile)
	}
	bitmap := image[headSize:tableStart(slots)]
	for i := slots; i < 8*len(bitmap); i++ {
		if bitmap[i/8]>>(i%8)&1 != 0 {
			return fmt.Errorf("file system: header %d of %d is in use: %w", i, slots, ErrFile)
		}
	}
	v := FileView{image}
	if !v.used(0) {
		return fmt.Errorf("file system: there is no MF: %w", ErrFile)
	}
	for f := range v.Files() {
		if err := v.checkFile(f); err != nil {
			return fmt.Errorf("file system, header %d, file %04X: %w", f.Slot, f.ID, err)
		}
	}
	return nil
}

func (v FileView) checkFile(f File) error {
	if err := v.checkPlace(f); err != nil {
		return err
	}
	s, err := v.specOf(f)
	if err != nil {
		return err
	}
	if err := s.Check(); err != nil {
		return err
	}
	h := f.encodeHeader()
	if f.State == 0 || f.Size != s.bodySize() || string(h[:]) != string(v.m[tableStart(v.slots())+int(f.Slot)*fileHeader:][:fileHeader]) {
		return fmt.Errorf("its header is not in its only form: %w", ErrFile)
	}
	if f.Kind != Cyclic && f.newest != 0 || f.Kind == Cyclic && !f.ringInOrder() {
		return fmt.Errorf("record %d of %d cannot be the newest: %w", f.newest, f.Count, ErrFile)
	}
	if f.Kind == Keys {
		return nil // keys were judged with the description
	}
	return v.checkTail(f)
}

// ringInOrder: until a ring is full its records lie from the start.
func (f *File) ringInOrder() bool {
	switch {
	case f.Count == 0:
		return f.newest == 0
	case f.Count < f.Capacity:
		return f.newest == f.Count-1
	}
	return f.newest < f.Capacity
}

// checkTail: the space of records that are not there is zero, so that a content
// has one form. Records that a shorter one has replaced are zeros too.
func (v FileView) checkTail(f File) error {
	if !f.Kind.Records() {
		return nil
	}
	body, n := v.Body(f), f.slotLength()
	for i := range f.Capacity {
		slot := body[i*n : (i+1)*n]
		filled := n
		switch {
		case i >= f.Count:
			filled = 0
		case f.Kind == Variable:
			filled = 1 + int(slot[0])
		}
		for _, b := range slot[filled:] {
			if b != 0 {
				return fmt.Errorf("behind the end of record %d stands something: %w", i+1, ErrFile)
			}
		}
	}
	return nil
}

// checkPlace judges where the file stands in the tree and in memory, among the
// files in headers before it.
func (v FileView) checkPlace(f File) error {
	if f.at < bodyStart(v.slots()) || f.at+f.Size > len(v.m) {
		return fmt.Errorf("its body is outside the partition: %w", ErrFile)
	}
	if f.Slot == 0 {
		if f.Kind != DF || f.ID != MasterFile || f.Parent != 0 {
			return fmt.Errorf("the MF has another kind or identifier: %w", ErrFile)
		}
	} else if err := v.checkParents(f); err != nil {
		return err
	}
	for o := range v.Files() {
		if o.Slot == f.Slot {
			return nil
		}
		switch {
		case f.Size > 0 && o.Size > 0 && f.at < o.at+o.Size && o.at < f.at+f.Size:
			return fmt.Errorf("its body is shared with file %04X: %w", o.ID, ErrFile)
		case len(f.Name) > 0 && string(o.Name) == string(f.Name):
			return fmt.Errorf("its name is that of file %04X: %w", o.ID, ErrFile)
		case f.Slot == 0 || o.Slot == 0 || o.Parent != f.Parent:
		case o.ID == f.ID, f.SFI != 0 && o.SFI == f.SFI, f.Kind == Keys && o.Kind == Keys:
			return fmt.Errorf("its identifier is that of another file: %w", ErrFile)
		}
	}
	return nil
}

// checkParents: the way up leads through directories and ends at the MF.
func (v FileView) checkParents(f File) error {
	up := f.Parent
	for steps := 0; ; steps++ {
		p, ok := v.File(up)
		if !ok || p.Kind != DF || steps == v.slots() {
			return fmt.Errorf("it is not in a DF below the MF: %w", ErrFile)
		}
		if steps == 0 && (f.ID == p.ID || f.ID == MasterFile) {
			return fmt.Errorf("its identifier is that of its DF or of the MF: %w", ErrFile)
		}
		if p.Slot == 0 {
			return nil
		}
		up = p.Parent
	}
}

// specOf describes a file as it stands in memory.
func (v FileView) specOf(f File) (FileSpec, error) {
	s := FileSpec{
		Kind: f.Kind, ID: f.ID, SFI: f.SFI, Name: f.Name, State: f.State, LineKey: f.LineKey, Rules: f.Rules,
		RecordLength: f.RecordLength, Capacity: f.Capacity,
	}
	switch f.Kind {
	case DF:
		s.Info = v.Body(f)
	case Transparent:
		s.Size = f.Size
	case Keys:
		err := v.keysOf(f, &s)
		return s, err
	default:
		if f.Size != f.Capacity*f.slotLength() || f.Count > f.Capacity {
			return s, fmt.Errorf("%d of %d records of %d bytes in a body of %d: %w", f.Count, f.Capacity, f.RecordLength, f.Size, ErrFile)
		}
		if f.Kind == Variable {
			err := v.variableOf(f, &s)
			return s, err
		}
	}
	if !f.Kind.Records() && f.Count != 0 {
		return s, fmt.Errorf("it counts %d records and has none: %w", f.Count, ErrFile)
	}
	return s, nil
}

func (v FileView) variableOf(f File, s *FileSpec) error {
	body := v.Body(f)
	for i := range f.Count {
		slot := body[i*f.slotLength():][:f.slotLength()]
		if int(slot[0]) > f.RecordLength {
			return fmt.Errorf("record %d has %d bytes, at most %d are possible: %w", i+1, slot[0], f.RecordLength, ErrFile)
		}
		s.Records = append(s.Records, slot[1:1+slot[0]])
	}
	return nil
}

func (v FileView) keysOf(f File, s *FileSpec) error {
	if f.Size != f.Capacity*keyEntry || f.Count != 0 {
		return fmt.Errorf("%d keys in a body of %d bytes: %w", f.Capacity, f.Size, ErrFile)
	}
	for b := v.Body(f); len(b) > 0; b = b[keyEntry:] {
		if [keyEntry]byte(b) == ([keyEntry]byte{}) {
			continue
		}
		k, err := decodeKey(b[:keyEntry])
		if err != nil {
			return err
		}
		s.Keys = append(s.Keys, k.KeySpec)
	}
	return nil
}
