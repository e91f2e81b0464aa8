package fare

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of pricing. They come wrapped with the value at fault.
var (
	// ErrStation says that a station number is not in the book.
	ErrStation = errors.New("no such station in this rule book")
	// ErrTrip says that a trip cannot be priced as it was given: times out of
	// order, an unknown medium, a negative month sum or distance.
	ErrTrip = errors.New("trip cannot be priced")
	// ErrNotCovered says that a calendar or a set of books does not reach the date.
	ErrNotCovered = errors.New("date not covered")
)

// Error says what is wrong with a file of a rule book or a calendar, where, and
// what to do about it.
type Error struct {
	File    string // as given to Parse
	Line    int    // from 1; 0 where the whole file is meant
	Column  int    // byte in the line, from 1; 0 if unknown
	Field   string // column name or path of keys, empty for the whole row
	Problem string
	Fix     string
}

// Error gives "fare: segments.csv:12:9: metres: problem; fix".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("fare: " + e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	b.WriteString(": " + e.Problem)
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}
