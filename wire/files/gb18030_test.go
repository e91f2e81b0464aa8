package files_test

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/citycard/citycard/wire/files"
)

func TestGB18030(t *testing.T) {
	for _, c := range []struct {
		name, gbk, want string
		bad             int
	}{
		{"ascii", "bus 300", "bus 300", -1},
		{"two bytes", "\xB5\xD8\xCC\xFA", "地铁", -1},
		{"mixed", "A\xB5\xD8B", "A地B", -1},
		{"beyond the first plane", "\x95\x32\x82\x36", "\U00020000", -1},
		{"last character", "\xE3\x32\x9A\x35", "\U0010FFFF", -1},
		{"behind the last", "\xE3\x32\x9A\x36", "", 0},
		{"rare four bytes", "\x81\x30\x81\x30", "�", -1},
		{"cut", "AB\xB5", "AB", 2},
		{"no trail byte", "\xB5\x20", "", 0},
		{"not a lead byte", "\x80", "", 0},
	} {
		out, bad := files.AppendUTF8(nil, []byte(c.gbk))
		if string(out) != c.want || bad != c.bad {
			t.Errorf("%s: %q, bad at %d, want %q, %d", c.name, out, bad, c.want, c.bad)
		}
	}
}

// What GBK holds comes back as it was.
func TestGBKRoundTrip(t *testing.T) {
	for r := rune(' '); r < 0x10000; r++ {
		gbk, bad := files.AppendGBK(nil, []byte(string(r)))
		if bad != 0 {
			continue
		}
		if back, at := files.AppendUTF8(nil, gbk); at >= 0 || string(back) != string(r) {
			t.Fatalf("U+%04X became %X and then %q", r, gbk, back)
		}
	}
	if out, bad := files.AppendGBK([]byte("x"), []byte("地😀")); bad != '😀' || len(out) != 3 {
		t.Errorf("%q, %q", out, bad)
	}
}

func FuzzAppendUTF8(f *testing.F) {
	for _, s := range []string{"", "bus", "\xB5\xD8\xCC\xFA", "\x95\x32\x82\x36", "\xFF\xFE", "\x81\x30\x81"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, bad := files.AppendUTF8(nil, b)
		if bad >= len(b) || bad < -1 || !utf8.Valid(out) {
			t.Fatalf("%X: %q, %d", b, out, bad)
		}
		if again, _ := files.AppendUTF8([]byte("x"), b); !bytes.Equal(again, append([]byte("x"), out...)) {
			t.Fatalf("%X: %q behind text", b, again)
		}
	})
}
