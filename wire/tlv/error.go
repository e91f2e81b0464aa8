package tlv

import (
	"strconv"
	"strings"
)

// Error says why bytes are not a list of data objects, and where.
type Error struct {
	// Offset of the byte that is wrong, counted from the start of the slice
	// that the caller gave.
	Offset int
	// Path is the tags around the fault, outermost first. Its last element is
	// the object at fault itself where its tag could be read.
	Path []Tag
	// Reason in plain words.
	Reason string
}

// Error gives "tlv: offset 12, in 77/9F10: reason".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("tlv: offset ")
	b.WriteString(strconv.Itoa(e.Offset))
	for i, t := range e.Path {
		if i == 0 {
			b.WriteString(", in ")
		} else {
			b.WriteByte('/')
		}
		b.WriteString(t.String())
	}
	b.WriteString(": ")
	b.WriteString(e.Reason)
	return b.String()
}
