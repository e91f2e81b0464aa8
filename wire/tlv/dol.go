package tlv

import "fmt"

// MaxDOLData is the greatest length of the data that a DOL may ask for: what
// one short command can carry.
const MaxDOLData = 255

// DOLEntry asks for Len bytes of the data element Tag.
type DOLEntry struct {
	Tag Tag
	Len int
}

// DOL is a data object list: PDOL 9F38, CDOL1 8C, CDOL2 8D, DDOL 9F49, TDOL 97
// and the log formats 9F4F and DF4F (EMV Book 3, 5.4).
type DOL []DOLEntry

// ParseDOL reads a list of tags, each followed by a length of one byte. There
// is no padding in a DOL. The error is an [*Error].
func ParseDOL(b []byte) (DOL, error) {
	if len(b) > MaxDOLData {
		return nil, &Error{Offset: MaxDOLData, Reason: fmt.Sprintf("a list of %d bytes; at most %d are allowed", len(b), MaxDOLData)}
	}
	var d DOL
	for p := 0; p < len(b); {
		tag, next, reason := dolTag(b, p)
		if reason != "" {
			return nil, &Error{Offset: next, Reason: reason}
		}
		if next == len(b) {
			return nil, &Error{Offset: next, Path: []Tag{tag}, Reason: "the list ends where the length should be"}
		}
		d = append(d, DOLEntry{Tag: tag, Len: int(b[next])})
		p = next + 1
	}
	return d, nil
}

// dolTag reads the tag at p; with a reason, next is where the fault is.
func dolTag(b []byte, p int) (tag Tag, next int, reason string) {
	start := p
	tag = Tag(b[p])
	p++
	if tag&0x1F == 0x1F {
		for more := true; more; {
			if p-start == 3 {
				return 0, p, "the tag has more than three bytes"
			}
			if p == len(b) {
				return 0, p, "the list ends inside a tag"
			}
			more = b[p]&0x80 != 0
			tag = tag<<8 | Tag(b[p])
			p++
		}
	}
	if !tag.Valid() {
		return 0, start, "padding is not allowed in a list"
	}
	return tag, p, ""
}

// Len is the number of bytes of data that the list asks for.
func (d DOL) Len() int {
	n := 0
	for _, e := range d {
		n += e.Len
	}
	return n
}

// Has reports whether the list asks for tag.
func (d DOL) Has(tag Tag) bool {
	for _, e := range d {
		if e.Tag == tag {
			return true
		}
	}
	return false
}

// Append appends the data that the list asks for. value returns a data element
// or nothing when the terminal does not have it; it is not kept. EMV Book 3,
// 5.4 fixes the rest:
//
//   - no value, or a constructed tag: zeros;
//   - value too long: format n loses bytes at the left, all others at the right;
//   - value too short: n gets zeros at the left, cn gets FF at the right, all
//     others get zeros at the right.
//
// A tag that the dictionary does not know is treated as format b. The list is
// refused, and dst returned as it was, if it asks for more than [MaxDOLData]
// bytes or an entry has a length that one byte cannot hold.
func (d DOL) Append(dst []byte, value func(tag Tag) []byte) ([]byte, error) {
	total := 0
	for i, e := range d {
		if e.Len < 0 || e.Len > 0xFF {
			return dst, fmt.Errorf("tlv: entry %d of the DOL, tag %s, asks for %d bytes; 0 to 255 are possible", i, e.Tag, e.Len)
		}
		total += e.Len
	}
	if total > MaxDOLData {
		return dst, fmt.Errorf("tlv: the DOL asks for %d bytes; a command carries at most %d", total, MaxDOLData)
	}
	for _, e := range d {
		var v []byte
		if !e.Tag.Constructed() {
			v = value(e.Tag)
		}
		dst = appendFitted(dst, v, e)
	}
	return dst, nil
}

func appendFitted(dst, v []byte, e DOLEntry) []byte {
	if len(v) == 0 {
		return appendFill(dst, 0x00, e.Len)
	}
	if len(v) == e.Len {
		return append(dst, v...)
	}
	format := FormatBinary
	if info, ok := Lookup(e.Tag); ok {
		format = info.Format
	}
	missing := e.Len - len(v)
	switch {
	case missing < 0 && format == FormatNumeric:
		return append(dst, v[-missing:]...)
	case missing < 0:
		return append(dst, v[:e.Len]...)
	case format == FormatNumeric:
		return append(appendFill(dst, 0x00, missing), v...)
	case format == FormatCompressed:
		return appendFill(append(dst, v...), 0xFF, missing)
	}
	return appendFill(append(dst, v...), 0x00, missing)
}

func appendFill(dst []byte, c byte, n int) []byte {
	for range n {
		dst = append(dst, c)
	}
	return dst
}
