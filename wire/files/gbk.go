package files

import (
	"bytes"
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"
)

// gbkText is the two-byte part of GBK (code page 936, which GB 18030 keeps): a line
// for each lead byte 81 to FE with the 190 characters of the trail bytes 40 to FE
// without 7F; "?" stands where there is none.
//
//go:embed gbk.txt
var gbkText string

const (
	leads  = 0xFE - 0x81 + 1
	trails = 190
)

type gbkTables struct {
	rune [leads * trails]uint16 // by code; 0 where there is none
	code [1 << 16]uint16        // by character; 0 where there is none
}

// gbk reads the embedded table once.
var gbk = sync.OnceValue(func() *gbkTables {
	t, at := &gbkTables{}, 0
	for line := range strings.Lines(gbkText) {
		for _, r := range strings.TrimSuffix(line, "\n") {
			if r != '?' {
				lead, trail := byte(0x81+at/trails), byte(0x40+at%trails)
				if trail >= 0x7F {
					trail++
				}
				t.rune[at] = uint16(r)
				t.code[r] = uint16(lead)<<8 | uint16(trail)
			}
			at++
		}
	}
	if at != len(t.rune) {
		panic("files: the embedded GBK table does not have 126 lines of 190 characters")
	}
	return t
})

// appendGBK encodes UTF-8 text; a character that GBK lacks is given back.
func appendGBK(dst, text []byte) (out []byte, bad rune) {
	for len(text) > 0 {
		if text[0] < utf8.RuneSelf {
			dst = append(dst, text[0])
			text = text[1:]
			continue
		}
		r, n := utf8.DecodeRune(text)
		if r > 0xFFFF || r == utf8.RuneError || gbk().code[r] == 0 {
			return dst, r
		}
		code := gbk().code[r]
		dst = append(dst, byte(code>>8), byte(code))
		text = text[n:]
	}
	return dst, 0
}

// decodeGBK gives UTF-8, or the place of a byte that begins no character. Text
// in ASCII is given as it is.
func decodeGBK(b []byte) (text []byte, bad int) {
	ascii := true
	for _, c := range b {
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return b, -1
	}
	for at := 0; at < len(b); at++ {
		if b[at] < utf8.RuneSelf {
			text = append(text, b[at])
			continue
		}
		if at+1 == len(b) || b[at] < 0x81 || b[at] == 0xFF || b[at+1] < 0x40 || b[at+1] == 0x7F || b[at+1] == 0xFF {
			return nil, at
		}
		trail := int(b[at+1]) - 0x40
		if b[at+1] > 0x7F {
			trail--
		}
		r := gbk().rune[int(b[at]-0x81)*trails+trail]
		if r == 0 {
			return nil, at
		}
		text = utf8.AppendRune(text, rune(r))
		at++
	}
	return text, -1
}

// FitGBK cuts UTF-8 text to what fits width bytes of GBK, at a character. A
// character that GBK lacks becomes "?", and one that no name may have, such as a
// line end, is left out.
func FitGBK(text string, width int) []byte {
	var out []byte
	for _, r := range text {
		size := 2
		switch {
		case r < ' ' || r == 0x7F:
			continue
		case r < utf8.RuneSelf:
			size = 1
		case r > 0xFFFF || r == utf8.RuneError || gbk().code[r] == 0:
			r, size = '?', 1
		}
		if width -= size; width < 0 {
			break
		}
		out = utf8.AppendRune(out, r)
	}
	return bytes.Trim(out, " ")
}
