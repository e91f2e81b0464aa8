package pcsc

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Sizes in bytes.
const (
	HeaderSize = 8
	// NameSize is the space for a reader's name and the zero that ends it.
	NameSize = 128
	// MaxAPDU is the longest APDU that the daemon takes or gives.
	MaxAPDU = 4 + 3 + 1<<16 + 3 + 2
)

// Message is a body that goes both ways: filled by the program in the request,
// completed by the daemon in the answer.
type Message interface {
	// Command is the number that goes into the header.
	Command() Command
	// Size is the number of bytes of the body, the same for request and answer.
	Size() int
	// AppendBody appends the body without a header.
	AppendBody(dst []byte) []byte
	// Decode reads a body, all of b. It fails if b is not Size bytes long.
	Decode(b []byte) error
	// Outcome is the daemon's verdict, after Decode.
	Outcome() Outcome
}

// AppendHeader appends the header of a request whose body has size bytes; an
// APDU that follows the body of [CommandTransmit] does not count.
func AppendHeader(dst []byte, c Command, size int) []byte {
	return appendWords(dst, uint32(size), uint32(c))
}

// ParseHeader reads the header of a request, [HeaderSize] bytes.
func ParseHeader(b []byte) (c Command, size int, err error) {
	if len(b) != HeaderSize {
		return 0, 0, fmt.Errorf("pcsc: header: %d bytes; it has %d", len(b), HeaderSize)
	}
	n := word(b, 1)
	if s := word(b, 0); s <= MaxAPDU {
		return Command(n), int(s), nil
	}
	return 0, 0, fmt.Errorf("pcsc: header of %s: a body of %d bytes; at most %d are possible", Command(n), word(b, 0), MaxAPDU)
}

// Append appends a whole request: header and body.
func Append(dst []byte, m Message) []byte {
	return m.AppendBody(AppendHeader(dst, m.Command(), m.Size()))
}

func appendWords(dst []byte, words ...uint32) []byte {
	for _, w := range words {
		dst = binary.NativeEndian.AppendUint32(dst, w)
	}
	return dst
}

// word gives the i-th 32-bit number of b.
func word(b []byte, i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }

func checkSize(m Message, b []byte) error {
	if len(b) != m.Size() {
		return fmt.Errorf("pcsc: %s: %d bytes; it has %d", m.Command(), len(b), m.Size())
	}
	return nil
}

// appendName appends a name of at most NameSize-1 bytes, filled with zeros; what
// is too long is cut, as the daemon does.
func appendName(dst []byte, name string) []byte {
	var field [NameSize]byte
	copy(field[:NameSize-1], name)
	return append(dst, field[:]...)
}

// name gives a name up to its zero.
func name(field []byte) string {
	if i := bytes.IndexByte(field, 0); i >= 0 {
		field = field[:i]
	}
	return string(field)
}
