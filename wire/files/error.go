package files

import (
	"fmt"
	"strings"
)

// Error is what is wrong with a file, and where.
type Error struct {
	Line   int    // from 1, the header line included; 0 if no line was read
	Number int    // column from 1; 0 if the line as a whole is meant
	Column string // English name of the column
	Reason string // what is wrong and what is wanted; never the content of a secret column
}

// Error gives "line 3, column 5 (account number): ...".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d", e.Line)
	}
	if e.Number > 0 {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "column %d (%s)", e.Number, e.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

func lineError(line int, format string, args ...any) error {
	return &Error{Line: line, Reason: fmt.Sprintf(format, args...)}
}
