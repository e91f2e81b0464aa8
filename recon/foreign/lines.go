package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/citycard/citycard/wire/files"
)

// Limits of what is read.
const (
	MaxLine    = 1 << 20 // bytes of a line without its end
	maxColumns = 1000    // of a CSV line
)

// liner gives the lines of a file without CR and LF.
type liner struct {
	r    *bufio.Reader
	n    int
	long []byte
}

func newLiner(r io.Reader) *liner { return &liner{r: bufio.NewReaderSize(r, 64<<10)} }

// next gives a line, valid until the next call. Of one that is longer than MaxLine only
// the beginning is given, and tooLong. The end of the file is io.EOF.
func (l *liner) next() (line []byte, tooLong bool, err error) {
	part, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], part...)
		for errors.Is(err, bufio.ErrBufferFull) {
			part, err = l.r.ReadSlice('\n')
			if room := MaxLine + 2 - len(l.long); room > 0 {
				l.long = append(l.long, part[:min(room, len(part))]...)
			}
		}
		part = l.long
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(part) == 0) {
		return nil, false, err
	}
	l.n++
	// A byte order mark stands before the first line, and inside where files were joined.
	part = bytes.TrimPrefix(part, []byte("\xEF\xBB\xBF"))
	part = bytes.TrimSuffix(part, []byte{'\n'})
	part = bytes.TrimSuffix(part, []byte{'\r'})
	if len(part) > MaxLine {
		return part[:MaxLine], true, nil
	}
	return part, false, nil
}

// blank reports whether a line holds nothing but spaces and tabs.
func blank(line []byte) bool { return len(bytes.Trim(line, " \t\r")) == 0 }

// seenEncoding gathers what the lines of a file were written in.
type seenEncoding struct{ utf8, gbk bool }

// String is for the list of files.
func (s seenEncoding) String() string {
	switch {
	case s.utf8 && s.gbk:
		return "mixed"
	case s.utf8:
		return "utf-8"
	case s.gbk:
		return "gbk"
	}
	return "ascii"
}

// decode gives a line as UTF-8; false if it is not in the encoding.
func (s *seenEncoding) decode(line []byte, e encoding) ([]byte, bool) {
	ascii := true
	for _, c := range line {
		if c == 0 {
			return nil, false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return line, true
	}
	if e != encodingGBK && utf8.Valid(line) {
		s.utf8 = true
		return line, true
	}
	if e == encodingUTF8 {
		return nil, false
	}
	text, bad := files.AppendUTF8(nil, line)
	s.gbk = s.gbk || bad < 0
	return text, bad < 0
}

// fixed gives a line in the form in which its places are counted, GBK. A line in UTF-8
// is turned back; false if it is in no encoding.
func (s *seenEncoding) fixed(line []byte, e encoding) ([]byte, bool) {
	text, ok := s.decode(line, e)
	if !ok {
		return nil, false
	}
	if len(text) == len(line) && &text[0] == &line[0] { // as it was: ASCII or UTF-8
		return toGBK(line), true
	}
	return line, true
}

// toGBK writes a character that GBK lacks as the question marks of a four-byte code.
func toGBK(text []byte) []byte {
	var out []byte
	for {
		var bad rune
		n := len(out)
		if out, bad = files.AppendGBK(out, text); bad == 0 {
			return out
		}
		// Find the character that stopped it: what was appended tells how far it came.
		done, _ := files.AppendUTF8(nil, out[n:])
		_, size := utf8.DecodeRune(text[len(done):])
		text = text[len(done)+size:]
		out = append(out, "????"...)
	}
}

// split takes a CSV line apart (RFC 4180, one line is one record); false if a quotation
// mark is out of place or there are too many columns.
func split(line []byte, delimiter byte, out []string) ([]string, bool) {
	out = out[:0]
	for {
		if len(out) == maxColumns {
			return out, false
		}
		if len(line) == 0 || line[0] != '"' {
			i := bytes.IndexByte(line, delimiter)
			end := i
			if i < 0 {
				end = len(line)
			}
			if bytes.IndexByte(line[:end], '"') >= 0 {
				return out, false
			}
			out = append(out, strings.TrimSpace(string(line[:end])))
			if i < 0 {
				return out, true
			}
			line = line[i+1:]
			continue
		}
		value, rest, ok := quoted(line[1:])
		if !ok || len(rest) > 0 && rest[0] != delimiter {
			return out, false
		}
		out = append(out, strings.TrimSpace(value))
		if len(rest) == 0 {
			return out, true
		}
		line = rest[1:]
	}
}

// quoted reads to the closing quotation mark; two of them stand for one.
func quoted(line []byte) (value string, rest []byte, ok bool) {
	var b strings.Builder
	for {
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			return "", nil, false
		}
		b.Write(line[:i])
		line = line[i+1:]
		if len(line) == 0 || line[0] != '"' {
			return b.String(), line, true
		}
		b.WriteByte('"')
		line = line[1:]
	}
}
