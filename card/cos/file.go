package cos

import (
	"encoding/binary"
	"fmt"
)

// FileKind is what a file is; the values are those of the file descriptor byte
// (ISO/IEC 7816-4, table 14), tag 82 of a FCP template.
type FileKind byte

// The kinds of file.
const (
	DF          FileKind = 0x38 // directory: the MF, a DF, or an ADF if it has a name
	Transparent FileKind = 0x01 // a string of bytes
	Fixed       FileKind = 0x02 // linear, records of one length
	Variable    FileKind = 0x04 // linear, records of different lengths
	Cyclic      FileKind = 0x06 // a ring of records of one length, 1 the newest
	Keys        FileKind = 0x0A // internal: PINs and keys of a DF, never readable
)

// Internal tells a file that only the card itself reads.
func (k FileKind) Internal() bool { return k == Keys }

// Records tells whether files of this kind are made of records that commands
// reach.
func (k FileKind) Records() bool { return k == Fixed || k == Variable || k == Cyclic }

// String names the kind.
func (k FileKind) String() string {
	switch k {
	case DF:
		return "DF"
	case Transparent:
		return "transparent EF"
	case Fixed:
		return "linear fixed EF"
	case Variable:
		return "linear variable EF"
	case Cyclic:
		return "cyclic EF"
	case Keys:
		return "key EF"
	}
	return fmt.Sprintf("file kind %02X", byte(k))
}

// FileState is the life cycle status byte of a file (ISO/IEC 7816-4, table 13),
// tag 8A of a FCP template.
type FileState byte

// The states of a file.
const (
	Creation       FileState = 0x01
	Initialisation FileState = 0x03
	Deactivated    FileState = 0x04
	Activated      FileState = 0x05
	Terminated     FileState = 0x0C
)

func (s FileState) valid() bool {
	switch s {
	case Creation, Initialisation, Deactivated, Activated, Terminated:
		return true
	}
	return false
}

// Operation is what an access rule is about.
type Operation byte

// The operations. Activate is for ACTIVATE, DEACTIVATE and TERMINATE; Create, of a
// DF only, for new files in it.
const (
	OpRead Operation = iota
	OpUpdate
	OpAppend
	OpCreate
	OpDelete
	OpActivate
	operations
)

// Rules are the access rules of a file, by operation.
type Rules [operations]Access

// File identifiers that have a meaning of their own (ISO/IEC 7816-4, 5.3.1).
const (
	MasterFile    = 0x3F00
	currentDF     = 0x3FFF
	reservedFile  = 0xFFFF
	noFile        = 0x0000 // the current EF in tag 51 and elsewhere
	maxShortID    = 30
	maxNameLength = 16
)

// File is the control information of one file.
type File struct {
	Slot   byte // place in the table of headers; 0 is the MF
	Parent byte // slot of the DF that holds it; its own for the MF
	Kind   FileKind
	State  FileState
	ID     uint16
	SFI    byte // 1 to 30; 0 for none
	// LineKey is the number of the key that protects commands to the file.
	LineKey byte
	Name    []byte // DF name; a part of the memory
	// Size is the length of a transparent file's content, of a DF's proprietary
	// information, or of all space that records take.
	Size int
	// RecordLength is the length of each record, of variable ones the greatest.
	RecordLength int
	// Capacity is how many records there can be, Count how many there are.
	Capacity, Count int
	Rules           Rules

	at     int // where the body begins
	newest int // index of the record written last, cyclic files only
}

// Layout of the partition: a head, a bitmap of the headers in use, the table of
// headers, then the bodies.
//
//	0    2  "FS"
//	2    1  01, version of this layout
//	3    1  number of headers, 1 to 255
//	4    2  size of the partition
//	6    2  00
//	8    n  bitmap, header 0 is the lowest bit of the first byte
//	..      headers of 64 bytes, from a multiple of 32
const (
	filesVersion  = 1
	headSize      = 8
	fileHeader    = 64
	maxFiles      = 255
	keyEntry      = 32
	atKind        = 0
	atState       = 1
	atID          = 2
	atSFI         = 4
	atParent      = 5
	atBody        = 6
	atSize        = 8
	atLength      = 10
	atCapacity    = 11
	atCount       = 12
	atNewest      = 13
	atLineKey     = 14
	atNameLength  = 15
	atName        = 16
	atRules       = 32
	maxFileBytes  = 0x7FFF // offsets of READ BINARY have 15 bits
	maxRecord     = 251    // fits a command with a MAC
	maxRecords    = 254    // numbers 01 to FE
	maxDFInfo     = 200
	maxPINLength  = 16
	maxKeyEntries = 64
)

func bitmapSize(slots int) int { return (slots + 7) / 8 }

// tableStart is where the headers begin.
func tableStart(slots int) int {
	return (headSize + bitmapSize(slots) + PageSize - 1) / PageSize * PageSize
}

func bodyStart(slots int) int { return tableStart(slots) + slots*fileHeader }

// slotLength is the space of one record.
func (f *File) slotLength() int {
	if f.Kind == Variable {
		return f.RecordLength + 1
	}
	return f.RecordLength
}

// slotOf is the index in the body of record n, counted from 1.
func (f *File) slotOf(n int) int {
	if f.Kind == Cyclic {
		return (f.newest - (n - 1) + f.Capacity) % f.Capacity
	}
	return n - 1
}

// IsADF tells a directory with a name.
func (f *File) IsADF() bool { return f.Kind == DF && len(f.Name) > 0 }

// decodeHeader reads a header without judging it.
func decodeHeader(b []byte, slot int) File {
	f := File{
		Slot: byte(slot), Parent: b[atParent], Kind: FileKind(b[atKind]), State: FileState(b[atState]),
		ID: binary.BigEndian.Uint16(b[atID:]), SFI: b[atSFI], LineKey: b[atLineKey],
		Size: int(binary.BigEndian.Uint16(b[atSize:])), RecordLength: int(b[atLength]),
		Capacity: int(b[atCapacity]), Count: int(b[atCount]),
		at: int(binary.BigEndian.Uint16(b[atBody:])), newest: int(b[atNewest]),
	}
	if n := int(b[atNameLength]); n <= maxNameLength {
		f.Name = b[atName : atName+n : atName+n]
	}
	for i := range f.Rules {
		f.Rules[i] = Access(b[atRules+4*i:])
	}
	return f
}

// encodeHeader is the inverse.
func (f *File) encodeHeader() [fileHeader]byte {
	var b [fileHeader]byte
	b[atKind], b[atState] = byte(f.Kind), byte(f.State)
	binary.BigEndian.PutUint16(b[atID:], f.ID)
	b[atSFI], b[atParent], b[atLineKey] = f.SFI, f.Parent, f.LineKey
	binary.BigEndian.PutUint16(b[atBody:], uint16(f.at))
	binary.BigEndian.PutUint16(b[atSize:], uint16(f.Size))
	b[atLength], b[atCapacity], b[atCount] = byte(f.RecordLength), byte(f.Capacity), byte(f.Count)
	b[atNewest], b[atNameLength] = byte(f.newest), byte(len(f.Name))
	copy(b[atName:], f.Name)
	for i, r := range f.Rules {
		copy(b[atRules+4*i:], r[:])
	}
	return b
}
