package stripe_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/terminal/stripe"
)

// digitCodes is the table of ISO/IEC 7811-2 for tracks 2 and 3: the four bits of a
// character from the lowest, then its odd parity.
var digitCodes = map[rune]string{
	'0': "00001", '1': "10000", '2': "01000", '3': "11001", '4': "00100", '5': "10101", '6': "01101", '7': "11100",
	'8': "00010", '9': "10011", ':': "01011", ';': "11010", '<': "00111", '=': "10110", '>': "01110", '?': "11111",
}

// letterCode is a character of track 1: six bits from the lowest, and odd parity.
func letterCode(c rune) string {
	var b strings.Builder
	ones := 0
	for i := range 6 {
		if (c-' ')>>i&1 == 1 {
			b.WriteByte('1')
			ones++
		} else {
			b.WriteByte('0')
		}
	}
	if ones%2 == 0 {
		return b.String() + "1"
	}
	return b.String() + "0"
}

// encode writes characters as a string of 0 and 1, with the LRC.
func encode(text string, code func(rune) string) string {
	width := len(code('?')) - 1
	columns := make([]int, width)
	var b strings.Builder
	for _, c := range text {
		bits := code(c)
		b.WriteString(bits)
		for i := range width {
			columns[i] += int(bits[i] - '0')
		}
	}
	ones := 0
	for _, n := range columns {
		b.WriteByte('0' + byte(n%2))
		ones += n % 2
	}
	b.WriteByte('0' + byte((ones+1)%2))
	return b.String()
}

func digitCode(c rune) string { return digitCodes[c] }

// pack puts a string of 0 and 1 into bytes, highest bit first, with clocking zeros
// before and after.
func pack(bits string, before, after int) []byte {
	bits = strings.Repeat("0", before) + bits + strings.Repeat("0", after)
	for len(bits)%8 != 0 {
		bits += "0"
	}
	out := make([]byte, len(bits)/8)
	for i, c := range bits {
		out[i/8] |= byte(c-'0') << (7 - i%8)
	}
	return out
}

func reverse(bits string) string {
	out := []byte(bits)
	for i := range out {
		out[i] = bits[len(bits)-1-i]
	}
	return string(out)
}

// TestCodesOfDigits: the table's odd parity, so that the vectors above are right.
func TestCodesOfDigits(t *testing.T) {
	for c, code := range digitCodes {
		if strings.Count(code, "1")%2 != 1 {
			t.Errorf("%c: %s has even parity", c, code)
		}
	}
}

// TestAnySwipe: any track of digits, pulled either way, with any clocking, is read as
// it was written; with one bit turned over it is not read.
func TestAnySwipe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := ";" + rapid.StringMatching(`[0-9=]{16,104}`).Draw(t, "track") + "?"
		bits := encode(text, digitCode)
		wrong := rapid.IntRange(0, len(bits)-1).Draw(t, "wrong bit")
		spoilt := bits[:wrong] + string('0'+'1'-bits[wrong]) + bits[wrong+1:]
		before, after := rapid.IntRange(0, 60).Draw(t, "zeros before"), rapid.IntRange(0, 60).Draw(t, "zeros after")
		if rapid.Bool().Draw(t, "backwards") {
			bits, spoilt = reverse(bits), reverse(spoilt)
		}
		if got, err := stripe.Decode(stripe.Digits, pack(bits, before, after)); err != nil || string(got) != text {
			t.Fatalf("%q, %v", got, err)
		}
		if got, err := stripe.Decode(stripe.Digits, pack(spoilt, before, after)); err == nil {
			t.Fatalf("bit %d is wrong, read as %q", wrong, got)
		}
	})
}
