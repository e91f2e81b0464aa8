package tlv

import "strconv"

// Tag is a tag field read as a big-endian number: 0x5A, 0x9F02, 0xDF8101.
// [Tag.Valid] says which numbers are tag fields.
type Tag uint32

// Valid reports whether t is a whole tag field of one to three bytes that can
// be read back: the continuation bits fit its size, and it does not begin with
// the padding 00, FF00 or FFFF.
func (t Tag) Valid() bool {
	const number, more = 0x1F, 0x80
	switch {
	case t == 0:
		return false
	case t <= 0xFF:
		return t&number != number
	case t <= 0xFFFF:
		return t>>8&number == number && t&more == 0 && t != 0xFF00
	case t <= 0xFFFFFF:
		return t>>16&number == number && t>>8&more != 0 && t&more == 0 && t>>8 != 0xFFFF
	}
	return false
}

// Constructed reports whether the value of t is itself a list of data objects
// (bit 6 of the first byte).
func (t Tag) Constructed() bool {
	return t.first()&0x20 != 0
}

// Size is the number of bytes of the tag field, 1 to 3 for a valid tag.
func (t Tag) Size() int {
	switch {
	case t <= 0xFF:
		return 1
	case t <= 0xFFFF:
		return 2
	case t <= 0xFFFFFF:
		return 3
	}
	return 4
}

// String gives the tag as upper-case hexadecimal bytes: "9F02".
func (t Tag) String() string {
	const digits = "0123456789ABCDEF"
	var b [8]byte
	n := 2 * t.Size()
	for i := n - 1; i >= 0; i-- {
		b[i] = digits[t&0xF]
		t >>= 4
	}
	return string(b[:n])
}

func (t Tag) first() byte {
	return byte(t >> (8 * (t.Size() - 1)))
}

// Append appends the data object (tag, value) with the shortest definite
// length. The tag must be valid: it is a constant of the program or was read by
// this package. Append panics if it is not.
func Append(dst []byte, tag Tag, value []byte) []byte {
	return append(AppendHeader(dst, tag, len(value)), value...)
}

// AppendHeader appends the tag and length fields of an object whose value of
// length bytes the caller appends next. Like [Append] it panics if the tag is
// not valid or the length is negative or above 32 bits.
func AppendHeader(dst []byte, tag Tag, length int) []byte {
	if !tag.Valid() {
		panic("tlv: cannot write tag " + tag.String() + ": it is not a tag field of one to three bytes")
	}
	switch tag.Size() {
	case 3:
		dst = append(dst, byte(tag>>16), byte(tag>>8), byte(tag))
	case 2:
		dst = append(dst, byte(tag>>8), byte(tag))
	default:
		dst = append(dst, byte(tag))
	}
	switch n := uint64(length); {
	case n < 0x80:
		return append(dst, byte(n))
	case n <= 0xFF:
		return append(dst, 0x81, byte(n))
	case n <= 0xFFFF:
		return append(dst, 0x82, byte(n>>8), byte(n))
	case n <= 0xFFFFFF:
		return append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	case n <= 0xFFFFFFFF:
		return append(dst, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	panic("tlv: cannot write a value of length " + strconv.Itoa(length))
}
