package civic

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// format is how the value of a field is written (LD/T 32, data types).
type format byte

const (
	ascii  format = iota // an: text, filled up with 00 on the right
	digits               // cn: decimal digits, two a byte, filled up with F on the right
	octets               // b: bytes, all of them or none
	gbk                  // text in GBK, filled up with 00 on the right
)

// formats are the names in data files.
var formats = map[string]format{"an": ascii, "cn": digits, "b": octets, "gbk": gbk}

// field is one value of a file.
type field struct {
	name   string // by which an Issue gives a value; empty for none
	title  string // Chinese name
	tag    byte   // of a record, 01 to FE
	format format
	length int    // bytes
	value  []byte // of a development card, as it stands in the file
}

// encode writes a value as it stands in the file. text is what people write: the
// text of an, the digits of cn, hexadecimal digits of b and gbk. An empty text is a
// field without value: zeros, of cn F everywhere.
func (f *field) encode(text string) ([]byte, error) {
	out := make([]byte, f.length)
	var in []byte
	switch f.format {
	case ascii:
		if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			return nil, fmt.Errorf("%s: only printable ASCII is possible", f.title)
		}
		in = []byte(text)
	case digits:
		if strings.Trim(text, "0123456789") != "" {
			return nil, fmt.Errorf("%s: want decimal digits", f.title)
		}
		if len(text) > 2*f.length {
			return nil, fmt.Errorf("%s: %d digits, at most %d are possible", f.title, len(text), 2*f.length)
		}
		in, _ = hex.DecodeString(text + strings.Repeat("F", 2*f.length-len(text)))
	default:
		var err error
		if in, err = hex.DecodeString(strings.ReplaceAll(text, " ", "")); err != nil {
			return nil, fmt.Errorf("%s: want hexadecimal digits, two a byte", f.title)
		}
		if f.format == octets && len(in) != 0 && len(in) != f.length {
			return nil, fmt.Errorf("%s: %d bytes, want %d or none", f.title, len(in), f.length)
		}
	}
	if len(in) > f.length {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are possible", f.title, len(in), f.length)
	}
	copy(out, in)
	return out, nil
}
