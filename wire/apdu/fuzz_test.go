package apdu_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/citycard/citycard/wire/apdu"
)

func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{"", "00840000", "00B2010C00", "00A40400023F00", "00A40400023F0000", "00B00000000000",
		"00A40400 000002 3F00", "00A40400 000002 3F00 0000", "00A40400000000AA", "00A4040008A000", "FFCA000000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := apdu.ParseCommand(b)
		if err != nil {
			if e := err.(*apdu.Error); e.Offset < 0 || e.Offset > len(b) {
				t.Fatalf("offset outside the input: %v", e)
			}
			return
		}
		out, err := c.Append(nil)
		if err != nil {
			t.Fatalf("%X was read but cannot be written: %v", b, err)
		}
		if len(out) > len(b) || !bytes.Equal(out[:4], b[:4]) {
			t.Fatalf("%X written as %X", b, out)
		}
		again, err := apdu.ParseCommand(out)
		if diff := cmp.Diff(c, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%X read again: %v\n%s", out, err, diff)
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	for _, s := range []string{"", "90", "9000", "6A82", "9F36020ADC9000", "6000", "0481020100 1A0591AF"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		data, sw, err := apdu.ParseResponse(b)
		if err != nil {
			if e := err.(*apdu.Error); e.Offset < 0 || e.Offset > len(b) {
				t.Fatalf("offset outside the input: %v", e)
			}
			return
		}
		if out := apdu.AppendResponse(nil, data, sw); !bytes.Equal(out, b) {
			t.Fatalf("%X written as %X", b, out)
		}
		if sw.Meaning("en") == "" || sw.Meaning("zh") == "" {
			t.Fatalf("%s has no meaning", sw)
		}
	})
}
