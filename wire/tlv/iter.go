package tlv

import "fmt"

// Limits of what this package reads.
const (
	// MaxSize is the greatest input in bytes: no file of a card and no
	// extended response is longer.
	MaxSize = 1 << 16
	// MaxDepth is the greatest number of levels, the outermost counted as 1.
	// EMV needs five.
	MaxDepth = 16
)

// Iter walks the data objects of one level, without allocation. The fields
// describe the object reached by the last [Iter.Next] that returned true.
type Iter struct {
	Tag   Tag
	Value []byte // part of the input, not a copy
	// Offset of the tag field from the start of the outermost input.
	Offset int

	data  []byte
	pos   int
	base  int // offset of data[0] in the outermost input
	depth int
	err   *Error
}

// Iterate begins a walk over the objects of b. See the package comment for
// what it accepts.
func Iterate(b []byte) Iter {
	it := Iter{data: b, depth: 1}
	if len(b) > MaxSize {
		it.data = nil
		it.err = &Error{Offset: MaxSize, Reason: fmt.Sprintf("%d bytes are more than the limit of %d", len(b), MaxSize)}
	}
	return it
}

// Enter begins a walk over the objects inside the present one, whose tag
// should be constructed. Offsets go on counting from the outermost input.
func (it *Iter) Enter() Iter {
	in := Iter{data: it.Value, base: it.ValueOffset(), depth: it.depth + 1}
	if in.depth > MaxDepth && len(in.data) > 0 {
		in.data = nil
		in.err = &Error{Offset: in.base, Reason: fmt.Sprintf("more than %d levels of objects", MaxDepth)}
	}
	return in
}

// ValueOffset is where the present value begins, counted like Offset. The
// value ends where the next object begins.
func (it *Iter) ValueOffset() int {
	return it.base + it.pos - len(it.Value)
}

// Next moves to the next object. It returns false at the end and on an error;
// [Iter.Err] tells which.
func (it *Iter) Next() bool {
	if it.err != nil {
		return false
	}
	b := it.data
	p := it.pos
	if p < len(b) && (b[p] == 0x00 || b[p] == 0xFF) {
		p = skipPadding(b, p)
	}
	if p >= len(b) {
		it.pos = p
		return false
	}
	start := p
	tag := Tag(b[p])
	p++
	if tag&0x1F == 0x1F {
		for n := 1; ; n++ {
			if n == 3 {
				return it.fail(p, 0, "the tag has more than three bytes")
			}
			if p == len(b) {
				return it.fail(p, 0, "the data ends inside a tag")
			}
			c := b[p]
			p++
			tag = tag<<8 | Tag(c)
			if c&0x80 == 0 {
				break
			}
		}
	}
	if p == len(b) {
		return it.fail(p, tag, "the data ends where the length should be")
	}
	lengthAt := p
	length := int(b[p])
	p++
	if length >= 0x80 {
		var ok bool
		if length, p, ok = it.longLength(tag, p); !ok {
			return false
		}
	}
	if length > len(b)-p {
		return it.fail(lengthAt, tag, fmt.Sprintf("the length says %d bytes but only %d are left", length, len(b)-p))
	}
	it.Tag = tag
	it.Value = b[p : p+length : p+length]
	it.Offset = it.base + start
	it.pos = p + length
	return true
}

// longLength reads a length of more than one byte; b[p-1] is 80 or above.
func (it *Iter) longLength(tag Tag, p int) (length, next int, ok bool) {
	b := it.data
	n := int(b[p-1] & 0x7F)
	switch {
	case n == 0:
		return 0, p, it.fail(p-1, tag, "indefinite length 80 is not allowed")
	case n > 4:
		return 0, p, it.fail(p-1, tag, fmt.Sprintf("a length of %d bytes; at most 4 are allowed", n))
	case n > len(b)-p:
		return 0, p, it.fail(len(b), tag, "the data ends inside a length")
	}
	first := p - 1
	var v uint64
	for _, c := range b[p : p+n] {
		v = v<<8 | uint64(c)
	}
	p += n
	if left := len(b) - p; v > uint64(left) {
		return 0, p, it.fail(first, tag, fmt.Sprintf("the length says %d bytes but only %d are left", v, left))
	}
	return int(v), p, true
}

// fail records the error at position p of this level; tag 0 means not known.
func (it *Iter) fail(p int, tag Tag, reason string) bool {
	it.err = &Error{Offset: it.base + p, Reason: reason}
	if tag != 0 {
		it.err.Path = []Tag{tag}
	}
	return false
}

// Err returns nil, or the [*Error] that stopped the walk. Its path covers only
// this level: the caller who entered the level knows the rest.
func (it *Iter) Err() error {
	if it.err == nil {
		return nil
	}
	return it.err
}

// skipPadding returns the first position from p at which an object begins, or
// len(b). The rule for FF is in the package comment.
func skipPadding(b []byte, p int) int {
	for p < len(b) {
		if b[p] == 0x00 {
			p++
			continue
		}
		if b[p] != 0xFF {
			return p
		}
		end := p + 1
		for end < len(b) && b[end] == 0xFF {
			end++
		}
		if end-p == 1 && end < len(b) && b[end] != 0x00 {
			return p
		}
		p = end
	}
	return p
}
