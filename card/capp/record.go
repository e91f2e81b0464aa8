package capp

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// Record is a record with its management key: how a card is personalised, and what
// APPEND RECORD brings. Data of files 15 to 1D are identifier(2), length of the
// body(1), body; those of 1E are free. It prints a fixed text.
type Record struct {
	SFI  byte
	Key  cryptogram.Key
	Data []byte
}

const withheld = "[journey record, data withheld]"

// Format answers every verb of fmt with a fixed text.
func (Record) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Record) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (Record) LogValue() slog.Value { return slog.StringValue(withheld) }

// Whole tells whether data are one record of a file with variable records:
// identifier, length, and a body of that length, at least one byte.
func Whole(data []byte) bool {
	return len(data) > HeadLen && len(data) == HeadLen+int(data[2])
}

// Place is a record in the memory of its file.
type Place struct {
	At  int // offset of the management key
	Len int // bytes of the record
}

// Find looks for a record by its identifier in m, the memory of a file with variable
// records: the first one, or the first behind after, if after is not nil.
func (f *File) Find(m []byte, id uint16, after *Place) (Place, bool) {
	end := variableHead + int(binary.BigEndian.Uint16(m))
	at := variableHead
	if after != nil {
		at = after.At + KeyLen + after.Len
	}
	for at < end {
		p := Place{At: at, Len: HeadLen + int(m[at+KeyLen+2])}
		if binary.BigEndian.Uint16(m[at+KeyLen:]) == id {
			return p, true
		}
		at += KeyLen + p.Len
	}
	return Place{}, false
}

// Data is the record at a place, a part of m.
func (p Place) Data(m []byte) []byte { return m[p.At+KeyLen:][:p.Len] }

// Key is the management key of the record at a place.
func (p Place) Key(m []byte) cryptogram.Key { return cryptogram.Key(m[p.At:]) }

// DataAt is where the record itself begins.
func (p Place) DataAt() int { return p.At + KeyLen }

// Errors of Append.
var (
	// ErrRecord says that data are no record of the file.
	ErrRecord = errors.New("not a record of this file")
	// ErrFull says that the file has no room for the record.
	ErrFull = errors.New("the file is full")
	// ErrKeyed says that file 1E has its key already, and another one.
	ErrKeyed = errors.New("the cyclic file has its key already")
)

// Write is a change of a file's memory.
type Write struct {
	At   int
	Data []byte
}

// Append gives the changes that a new record makes in m, the memory of the file: it
// stands behind the others. The cyclic file takes its key and its first record this
// way, once. A record that is there already, key and content, changes nothing: the
// same command may come twice, if its answer was lost.
func (f *File) Append(m []byte, key cryptogram.Key, data []byte) ([]Write, error) {
	if len(data) > f.MaxRecord || len(data) == 0 {
		return nil, fmt.Errorf("record of %d bytes, want 1 to %d: %w", len(data), f.MaxRecord, ErrRecord)
	}
	if f.Cyclic() {
		return f.open(m, key, data)
	}
	if !Whole(data) {
		return nil, fmt.Errorf("record of %d bytes does not have the length that it says: %w", len(data), ErrRecord)
	}
	id := binary.BigEndian.Uint16(data)
	for p, found := f.Find(m, id, nil); found; p, found = f.Find(m, id, &p) {
		if same(p.Key(m), key) && bytes.Equal(p.Data(m), data) {
			return nil, nil
		}
	}
	used := int(binary.BigEndian.Uint16(m))
	next := used + KeyLen + len(data)
	if next > f.Size {
		return nil, ErrFull
	}
	stored := append(append(make([]byte, 0, KeyLen+len(data)), key[:]...), data...)
	return []Write{{variableHead + used, stored}, {0, []byte{byte(next >> 8), byte(next)}}}, nil
}

func same(a, b cryptogram.Key) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// open gives the cyclic file its key and its first record.
func (f *File) open(m []byte, key cryptogram.Key, data []byte) ([]Write, error) {
	if m[ringKeyed] == 1 {
		if first, ok := f.Newest(m, 1); ok && m[ringCount] == 1 && same(f.RingKey(m), key) && bytes.Equal(first, data) {
			return nil, nil
		}
		return nil, ErrKeyed
	}
	head := append([]byte{byte(1 % f.Count), 1, 1}, key[:]...)
	return []Write{{0, head}, {ringHead, append([]byte{byte(len(data))}, data...)}}, nil
}

// Keyed tells whether the cyclic file has its key.
func (f *File) Keyed(m []byte) bool { return m[ringKeyed] == 1 }

// RingKey is the management key of the cyclic file.
func (f *File) RingKey(m []byte) cryptogram.Key { return cryptogram.Key(m[ringKey:]) }

// Newest gives record n of the cyclic file, 1 being the newest.
func (f *File) Newest(m []byte, n int) ([]byte, bool) {
	if n < 1 || n > int(m[ringCount]) {
		return nil, false
	}
	slot := (int(m[ringNext]) - n + f.Count) % f.Count
	at := ringHead + slot*(1+f.MaxRecord)
	return m[at+1:][:m[at]], true
}

// Ring is the head of the cyclic file while records are being put into it.
type Ring struct {
	file        *File
	next, count byte
}

// Ring begins to add records to the cyclic file.
func (f *File) Ring(m []byte) Ring { return Ring{f, m[ringNext], m[ringCount]} }

// Put gives where a new record and its length byte belong.
func (r *Ring) Put() (at int) {
	at = ringHead + int(r.next)*(1+r.file.MaxRecord)
	r.next = byte((int(r.next) + 1) % r.file.Count)
	r.count = byte(min(int(r.count)+1, r.file.Count))
	return at
}

// Head is what the file's memory begins with afterwards: next slot and number of
// records.
func (r *Ring) Head() [2]byte { return [2]byte{r.next, r.count} }
