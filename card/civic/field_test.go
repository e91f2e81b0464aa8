package civic

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestFieldsAsTheStandardFillsThem: the types of LD/T 32.
func TestFieldsAsTheStandardFillsThem(t *testing.T) {
	for _, c := range []struct {
		format format
		length int
		text   string
		want   string
	}{
		{ascii, 4, "3.00", "332E3030"},
		{ascii, 4, "X", "58000000"},
		{ascii, 2, "", "0000"},
		{digits, 3, "110000", "110000"},
		{digits, 4, "12345", "12345FFF"},
		{digits, 2, "", "FFFF"},
		{octets, 3, "01 02 03", "010203"},
		{octets, 3, "", "000000"},
		{gbk, 6, "D5C5 C8FD", "D5C5C8FD0000"},
	} {
		f := field{title: "field", format: c.format, length: c.length}
		got, err := f.encode(c.text)
		if err != nil || fmt.Sprintf("%X", got) != c.want {
			t.Errorf("%d %q: %X, %v, want %s", c.format, c.text, got, err, c.want)
		}
	}
}

// TestFieldsAreReadAsWritten: a naive reader, who cuts the filling off, gets back
// every value that fits, and no other is accepted.
func TestFieldsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := field{title: "field", format: format(rapid.IntRange(0, 3).Draw(t, "format")), length: rapid.IntRange(1, 12).Draw(t, "length")}
		var text string
		var fits bool
		switch f.format {
		case ascii:
			text = rapid.StringMatching(`[!-~]{0,15}`).Draw(t, "text")
			fits = len(text) <= f.length
		case digits:
			text = rapid.StringMatching(`[0-9]{0,30}`).Draw(t, "text")
			fits = len(text) <= 2*f.length
		default:
			b := rapid.SliceOfN(rapid.ByteRange(0x81, 0xFE), 0, 15).Draw(t, "bytes")
			text = hex.EncodeToString(b)
			fits = len(b) <= f.length && (f.format == gbk || len(b) == 0 || len(b) == f.length)
		}
		got, err := f.encode(text)
		if (err == nil) != fits {
			t.Fatalf("%d of %d bytes, %q: error %v", f.format, f.length, text, err)
		}
		if err != nil {
			return
		}
		var back string
		switch f.format {
		case ascii:
			back = string(bytes.TrimRight(got, "\x00"))
		case digits:
			back = string(bytes.TrimRight([]byte(hex.EncodeToString(got)), "f"))
		default:
			back = hex.EncodeToString(bytes.TrimRight(got, "\x00"))
		}
		if back != text || len(got) != f.length {
			t.Fatalf("%q became %X", text, got)
		}
	})
}
