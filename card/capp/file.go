package capp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Short identifiers of the extension's files (JR/T 0025.14 annex A): variable
// records from FirstSFI to LastSFI, then the cyclic file.
const (
	FirstSFI  = 0x15
	LastSFI   = 0x1D
	CyclicSFI = 0x1E
)

// Limits of the files of one card.
const (
	MaxFiles  = CyclicSFI - FirstSFI + 1
	MaxRecord = 255       // bytes of a record: identifier, length and body
	MaxMemory = 16 * 1024 // bytes of all files together
	// KeyLen is the length of the management key that stands before each stored
	// record, and never leaves the card.
	KeyLen = 16
	// HeadLen is identifier and length at the beginning of a record.
	HeadLen = 3
)

// ErrFiles says that a description of files cannot be used.
var ErrFiles = errors.New("unusable extension files")

// File is one file of the extension, as grouping A001 describes it.
type File struct {
	SFI       byte
	MaxRecord int // bytes of the longest record; of a cyclic file of each
	Size      int // variable records: bytes for all of them, management keys included
	Count     int // cyclic file: how many records
}

// Cyclic tells the file of the last journeys from those with variable records.
func (f *File) Cyclic() bool { return f.SFI == CyclicSFI }

// Layout of an entry of A001: SFI, type (01 variable, 02 cyclic), two bytes 00,
// greatest record, then the size (2) or number and length of records.
const (
	entryLen      = 7
	entryVariable = 1
	entryCyclic   = 2
)

// ParseFiles reads grouping A001. The error is ErrFiles.
func ParseFiles(b []byte) ([]File, error) {
	if len(b) == 0 || len(b)%entryLen != 0 || len(b) > MaxFiles*entryLen {
		return nil, fmt.Errorf("A001 of %d bytes, want up to %d entries of %d: %w", len(b), MaxFiles, entryLen, ErrFiles)
	}
	var list []File
	for ; len(b) > 0; b = b[entryLen:] {
		f := File{SFI: b[0], MaxRecord: int(b[4])}
		switch {
		case b[2] != 0 || b[3] != 0:
			return nil, fmt.Errorf("A001, file %02X: bytes 3 and 4 are %X, want 0000: %w", b[0], b[2:4], ErrFiles)
		case b[1] == entryVariable && b[0] != CyclicSFI:
			f.Size = int(binary.BigEndian.Uint16(b[5:]))
		case b[1] == entryCyclic && b[0] == CyclicSFI:
			if f.Count = int(b[5]); b[6] != b[4] {
				return nil, fmt.Errorf("A001, file 1E: records of %d and of %d bytes: %w", b[4], b[6], ErrFiles)
			}
		default:
			return nil, fmt.Errorf("A001, file %02X: type %02X, want 01 for 15 to 1D and 02 for 1E: %w", b[0], b[1], ErrFiles)
		}
		list = append(list, f)
	}
	return list, Check(list)
}

// AppendFiles appends grouping A001 of files that Check has passed.
func AppendFiles(dst []byte, list []File) []byte {
	for i := range list {
		f := &list[i]
		if f.Cyclic() {
			dst = append(dst, f.SFI, entryCyclic, 0, 0, byte(f.MaxRecord), byte(f.Count), byte(f.MaxRecord))
		} else {
			dst = append(dst, f.SFI, entryVariable, 0, 0, byte(f.MaxRecord), byte(f.Size>>8), byte(f.Size))
		}
	}
	return dst
}

// Check makes sure that a card can have these files. The error is ErrFiles.
func Check(list []File) error {
	var seen [CyclicSFI + 1]bool
	total := 0
	for i := range list {
		f := &list[i]
		switch {
		case f.SFI < FirstSFI || f.SFI > CyclicSFI || seen[f.SFI]:
			return fmt.Errorf("file %02X is no file of the extension or there twice: %w", f.SFI, ErrFiles)
		case f.MaxRecord < HeadLen+1 || f.MaxRecord > MaxRecord:
			return fmt.Errorf("file %02X: records of %d bytes, want %d to %d: %w", f.SFI, f.MaxRecord, HeadLen+1, MaxRecord, ErrFiles)
		case f.Cyclic() && (f.Count < 1 || f.Count > 255 || f.Size != 0):
			return fmt.Errorf("file 1E: %d records, want 1 to 255: %w", f.Count, ErrFiles)
		case !f.Cyclic() && (f.Size < KeyLen+HeadLen+1 || f.Size > 0xFFFF || f.Count != 0):
			return fmt.Errorf("file %02X: %d bytes, want room for a record: %w", f.SFI, f.Size, ErrFiles)
		}
		seen[f.SFI] = true
		total += f.MemorySize()
	}
	if total > MaxMemory {
		return fmt.Errorf("files of %d bytes, at most %d are possible: %w", total, MaxMemory, ErrFiles)
	}
	return nil
}

// Layout of a file in memory. Variable records: bytes in use(2), then records, each
// management key(16) identifier(2) length(1) body. Cyclic: next slot(1) records(1)
// key is set(1) key(16), then slots, each length(1) record.
const (
	variableHead = 2
	ringNext     = 0
	ringCount    = 1
	ringKeyed    = 2
	ringKey      = 3
	ringHead     = ringKey + KeyLen
)

// MemorySize is how many bytes of memory the file takes.
func (f *File) MemorySize() int {
	if f.Cyclic() {
		return ringHead + f.Count*(1+f.MaxRecord)
	}
	return variableHead + f.Size
}

// MemorySize is how many bytes all files take, one after the other.
func MemorySize(list []File) int {
	n := 0
	for i := range list {
		n += list[i].MemorySize()
	}
	return n
}

// Find gives the place of a file in the list and of its memory in that of all
// files; false if there is none.
func Find(list []File, sfi byte) (file, offset int, ok bool) {
	for i := range list {
		if list[i].SFI == sfi {
			return i, offset, true
		}
		offset += list[i].MemorySize()
	}
	return 0, 0, false
}

// ErrContent says that a memory cannot be that of the files.
var ErrContent = errors.New("memory of extension files is damaged")

// CheckMemory fails with ErrContent if m cannot be the memory of the files.
func CheckMemory(list []File, m []byte) error {
	if len(m) != MemorySize(list) {
		return fmt.Errorf("extension files of %d bytes, want %d: %w", len(m), MemorySize(list), ErrContent)
	}
	for i := range list {
		f := &list[i]
		n := f.MemorySize()
		if !f.sound(m[:n]) {
			return fmt.Errorf("extension file %02X: %w", f.SFI, ErrContent)
		}
		m = m[n:]
	}
	return nil
}

func (f *File) sound(m []byte) bool {
	if f.Cyclic() {
		if m[ringKeyed] > 1 || int(m[ringCount]) > f.Count || int(m[ringNext]) >= f.Count || m[ringCount] > 0 && m[ringKeyed] == 0 {
			return false
		}
		for slot := range f.Count {
			if int(m[ringHead+slot*(1+f.MaxRecord)]) > f.MaxRecord {
				return false
			}
		}
		return true
	}
	used := int(binary.BigEndian.Uint16(m))
	if used > f.Size {
		return false
	}
	for rest := m[variableHead : variableHead+used]; len(rest) > 0; {
		if len(rest) < KeyLen+HeadLen {
			return false
		}
		n := KeyLen + HeadLen + int(rest[KeyLen+2])
		if n > len(rest) || n-KeyLen > f.MaxRecord {
			return false
		}
		rest = rest[n:]
	}
	return true
}
