package files

import "unicode/utf8"

// AppendGBK appends UTF-8 text in GBK. A character that GBK lacks is given back, and
// what was appended before it stays.
func AppendGBK(dst, text []byte) (out []byte, bad rune) { return appendGBK(dst, text) }

// firstBeyond is the number of the four-byte code 90308130, which is U+10000
// (GB 18030).
const firstBeyond = 189_000

// AppendUTF8 appends text in GBK or GB 18030 as UTF-8, or gives the place of a byte that
// begins no character; it is -1 if there is none. Four-byte codes of GB 18030 below
// 90308130, rare characters that no name in a file of this road needs, become U+FFFD.
func AppendUTF8(dst, text []byte) (out []byte, bad int) {
	for at := 0; at < len(text); {
		b := text[at:]
		if b[0] < utf8.RuneSelf {
			dst = append(dst, b[0])
			at++
			continue
		}
		if r, ok := fourBytes(b); ok {
			dst = utf8.AppendRune(dst, r)
			at += 4
			continue
		}
		if len(b) < 2 {
			return dst, at
		}
		two, wrong := decodeGBK(b[:2])
		if wrong >= 0 {
			return dst, at
		}
		dst = append(dst, two...)
		at += 2
	}
	return dst, -1
}

// fourBytes reads a four-byte code: 81-FE 30-39 81-FE 30-39.
func fourBytes(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	for i := range 4 {
		least, most := byte(0x81), byte(0xFE)
		if i%2 == 1 {
			least, most = '0', '9'
		}
		if b[i] < least || b[i] > most {
			return 0, false
		}
	}
	n := ((rune(b[0]-0x81)*10+rune(b[1]-'0'))*126+rune(b[2]-0x81))*10 + rune(b[3]-'0')
	if r := 0x10000 + n - firstBeyond; n >= firstBeyond && r <= utf8.MaxRune {
		return r, true
	} else if n >= firstBeyond {
		return 0, false
	}
	return utf8.RuneError, true
}
