package files

import "fmt"

// Format is the layout of one kind of line.
type Format struct {
	Name, NameZH string
	Columns      []Column
}

// MaxLine is the longest line that is read, without its LF.
const MaxLine = 2048

// maxHex is the longest value of a hexadecimal column without a width: 255
// bytes, as much as field 55 of a message carries.
const maxHex = 2 * 255

// Size is the length of a line without LF, and without a last column of width 0.
func (f *Format) Size() int {
	n := len(f.Columns) - 1
	for i := range f.Columns {
		n += f.Columns[i].Width
	}
	return n
}

// Append writes a line with its LF. It fails with *Error, without a line
// number, if there are not as many values as columns or one does not fit its
// column.
func (f *Format) Append(dst []byte, values []Value) ([]byte, error) {
	if len(values) != len(f.Columns) {
		return dst, &Error{Reason: fmt.Sprintf("%d values for the %d columns of a %s line", len(values), len(f.Columns), f.Name)}
	}
	start := len(dst)
	for i := range f.Columns {
		if i > 0 {
			dst = append(dst, ' ')
		}
		var reason string
		if dst, reason = f.Columns[i].append(dst, values[i]); reason != "" {
			return dst[:start], f.columnError(i, reason)
		}
	}
	return append(dst, '\n'), nil
}

// Parse reads a line without its LF into values, which must have the length of
// Columns. Text values point into line, except those of kind Name. It fails with
// *Error, without a line number.
func (f *Format) Parse(line []byte, values []Value) error {
	if len(values) != len(f.Columns) {
		return &Error{Reason: fmt.Sprintf("%d values for the %d columns of a %s line", len(values), len(f.Columns), f.Name)}
	}
	last := len(f.Columns) - 1
	open := f.Columns[last].Width == 0
	if size := f.Size(); len(line) != size && !open || len(line) < size || len(line) > size+maxHex {
		return &Error{Reason: fmt.Sprintf("%d bytes, a %s line has %d; was it cut or changed in a transfer?", len(line), f.Name, size)}
	}
	at := 0
	for i := range f.Columns {
		if i > 0 {
			if line[at] != ' ' {
				return f.columnError(i, fmt.Sprintf("byte %d in front of it is %02X, want a space", at+1, line[at]))
			}
			at++
		}
		end := at + f.Columns[i].Width
		if i == last && open {
			end = len(line)
		}
		v, reason := f.Columns[i].parse(line[at:end:end])
		if reason != "" {
			return f.columnError(i, reason)
		}
		values[i] = v
		at = end
	}
	return nil
}

func (f *Format) columnError(i int, reason string) error {
	return &Error{Number: i + 1, Column: f.Columns[i].Name, Reason: reason}
}
