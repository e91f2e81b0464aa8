package cos

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrFile says that the description of a file, or a file system in memory,
// contradicts itself.
var ErrFile = errors.New("not a valid file")

// ErrFileExists says that a DF has a file with the same identifier, short
// identifier or name, or a second key file.
var ErrFileExists = errors.New("a file of this name exists already")

// ErrNoSpace says that a file system, a file or the card's journal is full.
var ErrNoSpace = errors.New("no space is left")

// FileSpec describes a file that is to be made, with all below it.
type FileSpec struct {
	Kind  FileKind
	ID    uint16 // 3F00 for the MF; the others may not use 0000, 3F00, 3FFF, FFFF
	SFI   byte   // of an EF, 1 to 30; 0 for none
	Name  []byte // of an ADF, 1 to 16 bytes
	State FileState
	// LineKey is the number of the line protection key for commands to the file.
	LineKey byte
	Rules   Rules

	// Info is the proprietary information of a DF, the content of A5 in its FCI:
	// at most 200 bytes.
	Info []byte
	// Size of a transparent file in bytes, 1 to 32767. Content is what stands in
	// it first; the rest is 00.
	Size    int
	Content []byte
	// RecordLength is 1 to 251 bytes, the most that a variable record can have; a
	// record that is sent enciphered must not be longer than 247, with SM4 239.
	// Capacity is how many records there can be, 1 to 254. Records are those that
	// are there at first, in the order of writing: the last of a cyclic file is
	// its record 1.
	RecordLength, Capacity int
	Records                [][]byte
	// Keys of a key file; Capacity is how many there can be, 1 to 64.
	Keys []KeySpec
	// Children of a DF.
	Children []FileSpec
}

// FileSystemSpec describes a whole file system.
type FileSystemSpec struct {
	MF FileSpec
	// SpareFiles and SpareBytes are room for files that are created later.
	SpareFiles, SpareBytes int
}

// bodySize is the space of the file's body.
func (s *FileSpec) bodySize() int {
	switch s.Kind {
	case DF:
		return len(s.Info)
	case Transparent:
		return s.Size
	case Variable:
		return s.Capacity * (s.RecordLength + 1)
	case Keys:
		return s.Capacity * keyEntry
	}
	return s.Capacity * s.RecordLength
}

// Check fails with ErrFile if the description of the file itself, without those
// below it, contradicts itself.
func (s *FileSpec) Check() error {
	if err := s.checkHeader(); err != nil {
		return err
	}
	if s.Kind != DF && (len(s.Name) > 0 || len(s.Info) > 0 || len(s.Children) > 0) {
		return fmt.Errorf("only a DF has a name, information or files in it: %w", ErrFile)
	}
	if s.Kind != Transparent && (s.Size != 0 || len(s.Content) > 0) {
		return fmt.Errorf("only a transparent file has a size and content: %w", ErrFile)
	}
	if s.Kind != Keys && len(s.Keys) > 0 {
		return fmt.Errorf("only a key file has keys: %w", ErrFile)
	}
	switch s.Kind {
	case DF:
		if len(s.Name) > maxNameLength || len(s.Info) > maxDFInfo {
			return fmt.Errorf("name of %d bytes and information of %d, at most %d and %d are possible: %w", len(s.Name), len(s.Info), maxNameLength, maxDFInfo, ErrFile)
		}
	case Transparent:
		if s.Size < 1 || s.Size > maxFileBytes || len(s.Content) > s.Size {
			return fmt.Errorf("%d bytes of content for a size of %d, want a size of 1 to %d: %w", len(s.Content), s.Size, maxFileBytes, ErrFile)
		}
	case Keys:
		return s.checkKeys()
	default:
		return s.checkRecords()
	}
	if s.RecordLength != 0 || s.Capacity != 0 || len(s.Records) > 0 {
		return fmt.Errorf("only a file of records has records: %w", ErrFile)
	}
	return nil
}

func (s *FileSpec) checkHeader() error {
	switch s.Kind {
	case DF, Transparent, Fixed, Variable, Cyclic, Keys:
	default:
		return fmt.Errorf("%v is not known: %w", s.Kind, ErrFile)
	}
	if s.State != 0 && !s.State.valid() {
		return fmt.Errorf("life cycle status %02X is not known: %w", byte(s.State), ErrFile)
	}
	if s.ID == noFile || s.ID == currentDF || s.ID == reservedFile {
		return fmt.Errorf("identifier %04X is reserved: %w", s.ID, ErrFile)
	}
	if s.SFI > maxShortID || s.SFI != 0 && (s.Kind == DF || s.Kind == Keys) {
		return fmt.Errorf("short identifier %d, want 0 to %d, and 0 for a DF or key file: %w", s.SFI, maxShortID, ErrFile)
	}
	if s.Kind == Keys && (s.State == Deactivated || s.State == Terminated) {
		return fmt.Errorf("a key file cannot be out of use: %w", ErrFile)
	}
	if s.LineKey > MaxReference {
		return fmt.Errorf("line protection key %d, want 0 to %d: %w", s.LineKey, MaxReference, ErrFile)
	}
	for op, r := range s.Rules {
		if !r.Valid() {
			return fmt.Errorf("rule %X of operation %d: %w", r[:], op, ErrFile)
		}
	}
	return nil
}

func (s *FileSpec) checkRecords() error {
	if s.RecordLength < 1 || s.RecordLength > maxRecord || s.Capacity < 1 || s.Capacity > maxRecords {
		return fmt.Errorf("%d records of %d bytes, want 1 to %d of 1 to %d: %w", s.Capacity, s.RecordLength, maxRecords, maxRecord, ErrFile)
	}
	if s.bodySize() > maxFileBytes || len(s.Records) > s.Capacity {
		return fmt.Errorf("%d records are there, %d can be, with %d bytes in all, at most %d are possible: %w", len(s.Records), s.Capacity, s.bodySize(), maxFileBytes, ErrFile)
	}
	for i, r := range s.Records {
		if n := len(r); n == 0 || n > s.RecordLength || s.Kind != Variable && n != s.RecordLength {
			return fmt.Errorf("record %d has %d bytes, the record length is %d: %w", i+1, n, s.RecordLength, ErrFile)
		}
	}
	return nil
}

func (s *FileSpec) checkKeys() error {
	if s.RecordLength != 0 || len(s.Records) > 0 || s.Capacity < 1 || s.Capacity > maxKeyEntries || len(s.Keys) > s.Capacity {
		return fmt.Errorf("%d keys are there, %d can be, want 1 to %d and no records: %w", len(s.Keys), s.Capacity, maxKeyEntries, ErrFile)
	}
	for i := range s.Keys {
		if err := s.Keys[i].Check(); err != nil {
			return err
		}
		for _, o := range s.Keys[:i] {
			if o.Usage == s.Keys[i].Usage && o.Number == s.Keys[i].Number {
				return fmt.Errorf("key %d of usage %02X is there twice: %w", o.Number, byte(o.Usage), ErrFile)
			}
		}
	}
	return nil
}

// file is the control information of the new file, without its place.
func (s *FileSpec) file(parent byte) File {
	f := File{
		Parent: parent, Kind: s.Kind, State: s.State, ID: s.ID, SFI: s.SFI, LineKey: s.LineKey, Name: s.Name,
		Size: s.bodySize(), RecordLength: s.RecordLength, Capacity: s.Capacity, Count: len(s.Records), Rules: s.Rules,
	}
	if f.State == 0 {
		f.State = Activated
	}
	if f.Kind == Cyclic && f.Count > 0 {
		f.newest = f.Count - 1
	}
	return f
}

// fill writes the first content into the body, which is all zeros.
func (s *FileSpec) fill(body []byte) {
	copy(body, s.Info)
	copy(body, s.Content)
	for i, r := range s.Records {
		if s.Kind == Variable {
			b := body[i*(s.RecordLength+1):]
			b[0] = byte(len(r))
			copy(b[1:], r)
			continue
		}
		copy(body[i*s.RecordLength:], r)
	}
	for i := range s.Keys {
		b := s.Keys[i].encode(s.Keys[i].Tries)
		copy(body[i*keyEntry:], b[:])
	}
}

// tree counts the files and the bytes of their bodies.
func (s *FileSpec) tree() (files, size int) {
	files, size = 1, s.bodySize()
	for i := range s.Children {
		n, b := s.Children[i].tree()
		files, size = files+n, size+b
	}
	return files, size
}

// FormatFiles makes the content of a partition from the description of a file
// system. It fails with ErrFile, ErrFileExists or ErrNoSpace, and names the file
// by the identifiers on the way to it.
func FormatFiles(spec FileSystemSpec) ([]byte, error) {
	files, size := spec.MF.tree()
	slots := files + min(spec.SpareFiles, MaxSize)
	if spec.SpareFiles < 0 || spec.SpareBytes < 0 || slots > maxFiles {
		return nil, fmt.Errorf("format file system: %d files and %d spare ones, at most %d are possible: %w", files, spec.SpareFiles, maxFiles, ErrNoSpace)
	}
	total := bodyStart(slots) + size + min(spec.SpareBytes, MaxSize)
	if total >= MaxSize {
		return nil, fmt.Errorf("format file system: it needs %d bytes, a chip has %d: %w", total, MaxSize, ErrNoSpace)
	}
	if spec.MF.Kind != DF || spec.MF.ID != MasterFile {
		return nil, fmt.Errorf("format file system: the MF is a DF with identifier %04X: %w", MasterFile, ErrFile)
	}
	m := make([]byte, total)
	copy(m, "FS")
	m[2], m[3] = filesVersion, byte(slots)
	binary.BigEndian.PutUint16(m[4:], uint16(total))
	b := builder{m: m, next: bodyStart(slots)}
	if err := b.add(&spec.MF, 0); err != nil {
		return nil, fmt.Errorf("format file system: %w", err)
	}
	return m, nil
}

// builder puts files into a new image, one after the other.
type builder struct {
	m    []byte
	slot int
	next int // where the next body goes
}

func (b *builder) add(s *FileSpec, parent byte) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("file %04X: %w", s.ID, err)
	}
	v := FileView{b.m}
	if b.slot > 0 {
		if err := v.admits(v.file(int(parent)), s); err != nil {
			return fmt.Errorf("file %04X: %w", s.ID, err)
		}
	}
	f := s.file(parent)
	f.at = b.next
	b.next += f.Size
	self := b.slot
	b.slot++
	h := f.encodeHeader()
	copy(b.m[tableStart(v.slots())+self*fileHeader:], h[:])
	b.m[headSize+self/8] |= 1 << (self % 8)
	s.fill(v.Body(f))
	for i := range s.Children {
		if err := b.add(&s.Children[i], byte(self)); err != nil {
			return fmt.Errorf("file %04X, %w", s.ID, err)
		}
	}
	return nil
}

// admits tells whether a file may become a child of a DF: nothing there has its
// identifier, short identifier or name.
func (v FileView) admits(parent File, s *FileSpec) error {
	if parent.Kind != DF {
		return fmt.Errorf("only a DF holds files: %w", ErrFile)
	}
	if s.ID == MasterFile || s.ID == parent.ID {
		return fmt.Errorf("identifier %04X is that of its DF or of the MF: %w", s.ID, ErrFileExists)
	}
	for f := range v.Children(parent.Slot) {
		if f.ID == s.ID || s.SFI != 0 && f.SFI == s.SFI || s.Kind == Keys && f.Kind == Keys {
			return fmt.Errorf("file %04X with short identifier %d is there: %w", f.ID, f.SFI, ErrFileExists)
		}
	}
	for f := range v.Files() {
		if len(s.Name) > 0 && string(f.Name) == string(s.Name) {
			return fmt.Errorf("name %X is in use: %w", s.Name, ErrFileExists)
		}
	}
	return nil
}
