package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Writer writes one file, line by line.
type Writer struct {
	w       io.Writer
	content Content
	format  *Format
	totals  Totals
	buf     []byte
}

// flushAt is how many bytes a Writer gathers before it writes them.
const flushAt = 32 << 10

// NewWriter starts a file with its header line. It fails with *Error if the
// header cannot be written.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	values, err := h.values()
	if err != nil {
		return nil, err
	}
	f := &Writer{w: w, content: h.Content, format: h.Content.Format(), buf: make([]byte, 0, flushAt+MaxLine)}
	if f.buf, err = HeaderLine.Append(f.buf, values); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return f, nil
}

// Write adds a line of the content's format. After *Error the file is as it was
// before; after any other error it is of no use.
func (f *Writer) Write(values []Value) error {
	line, err := f.format.Append(f.buf, values)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Line = int(f.totals.Lines) + 2
		}
		return err
	}
	f.buf = line
	f.totals.add(f.content, values)
	if len(f.buf) >= flushAt {
		return f.flush()
	}
	return nil
}

func (f *Writer) flush() error {
	if _, err := f.w.Write(f.buf); err != nil {
		return fmt.Errorf("write line %d: %w", f.totals.Lines+1, err)
	}
	f.buf = f.buf[:0]
	return nil
}

// Totals are the sums of the lines so far.
func (f *Writer) Totals() Totals { return f.totals }

// Close writes the trailer line. It does not close the stream below.
func (f *Writer) Close() (err error) {
	if f.buf, err = TrailerLine.Append(f.buf, f.totals.values()); err != nil {
		return fmt.Errorf("trailer: %w", err)
	}
	return f.flush()
}

// Reader reads one file, line by line.
type Reader struct {
	r       *bufio.Reader
	header  Header
	line    int
	values  []Value
	totals  Totals
	trailer []byte
	err     error
}

// NewReader reads the header line. It fails with *Error or the error of the
// stream below.
func NewReader(r io.Reader) (*Reader, error) {
	f := &Reader{r: bufio.NewReaderSize(r, MaxLine+1)}
	line, err := f.read()
	if err != nil {
		return nil, err
	}
	if err := f.header.parse(line); err != nil {
		return nil, f.at(err)
	}
	f.values = make([]Value, len(f.header.Content.Format().Columns))
	return f, nil
}

// Header is what the first line says.
func (f *Reader) Header() Header { return f.header }

// Next reads the next line. It gives false at the end, where the trailer has been
// checked, and at an error, which Err then gives.
func (f *Reader) Next() bool {
	if f.err != nil || f.trailer != nil {
		return false
	}
	line, err := f.read()
	if err == nil && len(line) > 0 && line[0] == 'T' {
		err = f.end(line)
		if err == nil {
			return false
		}
	} else if err == nil {
		err = f.at(f.header.Content.Format().Parse(line, f.values))
	}
	if err != nil {
		f.err = err
		return false
	}
	f.totals.add(f.header.Content, f.values)
	return true
}

// end compares the trailer with the lines; nothing may follow it.
func (f *Reader) end(line []byte) error {
	var v [trailerColumns]Value
	if err := TrailerLine.Parse(line, v[:]); err != nil {
		return f.at(err)
	}
	for i, want := range f.totals.values() {
		if kind := trailerTable[i].Kind; kind.numeric() && v[i].number != want.number {
			c := &trailerTable[i]
			return f.at(TrailerLine.columnError(i, fmt.Sprintf("is %s, the lines give %s: lines were lost, added or changed; ask for the file again", c.Show(v[i], false), c.Show(want, false))))
		}
	}
	f.trailer = bytes.Clone(line)
	if _, err := f.r.ReadByte(); err == nil {
		return lineError(f.line+1, "there is data behind the trailer line")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read behind line %d: %w", f.line, err)
	}
	return nil
}

// read gives the next line without its LF.
func (f *Reader) read() ([]byte, error) {
	line, err := f.r.ReadSlice('\n')
	f.line++
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, lineError(f.line, "is longer than %d bytes; is it a file of this kind?", MaxLine)
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, lineError(f.line, "the file ends here without a trailer line; ask for it again")
	case errors.Is(err, io.EOF):
		return nil, lineError(f.line, "the file ends inside this line; ask for it again")
	}
	return nil, fmt.Errorf("read line %d: %w", f.line, err)
}

// at puts the line number into an error of a format.
func (f *Reader) at(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Line = f.line
	}
	return err
}

// Values are the fields of the line that Next read, by the content's columns.
// They are valid until the next call of Next.
func (f *Reader) Values() []Value { return f.values }

// Line is the number of the line last read, from 1 with the header.
func (f *Reader) Line() int { return f.line }

// Totals are the sums of the lines read so far; at the end, those of the trailer.
func (f *Reader) Totals() Totals { return f.totals }

// Err is why Next gave false; nil at the end of a whole file.
func (f *Reader) Err() error { return f.err }
