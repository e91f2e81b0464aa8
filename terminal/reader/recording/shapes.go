package recording

import (
	"bytes"
	"regexp"
	"strings"
)

// Shapes of numbers where no data object says what stands there. In hexadecimal:
// tags 57 and 5A in pieces of objects, and track 2 anywhere; as characters: tracks
// 1 and 2.
var (
	tag57      = regexp.MustCompile(`57(?:0[89A-F]|1[0-3])([0-9]{12,19})D[0-9]{7}`)
	tag5A      = regexp.MustCompile(`5A0(?:[678]([0-9]{12,16})|[9A]([0-9]{17,19}))`)
	anyTrack   = regexp.MustCompile(`([0-9]{12,19})D(?:[0-9]{4}|D)(?:[0-9]{3}|D)`)
	track1Text = regexp.MustCompile(`([0-9]{12,19})\^([ -\]_]*)`)
	track2Text = regexp.MustCompile(`([0-9]{12,19})=`)
)

// Digits of a track between separator and discretionary data.
const (
	expiryDigits  = 4
	serviceDigits = 3
)

// foundShapes adds the numbers that stand somewhere in b.
func foundShapes(list []string, b []byte) []string {
	text := upper(b)
	packed := []*regexp.Regexp{tag57, tag5A, anyTrack}
	if tag57.MatchString(text) { // tag and length can be read as digits of a longer number
		packed = packed[:2]
	}
	for _, shape := range packed {
		for _, m := range shape.FindAllStringSubmatch(text, -1) {
			for _, n := range m[1:] {
				list = add(list, n)
			}
		}
	}
	for _, shape := range []*regexp.Regexp{track1Text, track2Text} {
		for _, m := range shape.FindAllSubmatch(b, -1) {
			list = add(list, string(m[1]))
		}
	}
	return list
}

// maskNumber replaces the middle digits of a number in b, packed at either half of
// a byte or as characters.
func maskNumber(b []byte, number string) {
	text := upper(b)
	for at := 0; ; at++ {
		i := strings.Index(text[at:], number)
		if i < 0 {
			break
		}
		at += i
		zeroNibbles(b, at+shownFirst, at+len(number)-shownLast)
	}
	for at := 0; ; at++ {
		i := bytes.Index(b[at:], []byte(number))
		if i < 0 {
			break
		}
		at += i
		fill(b[at+shownFirst:at+len(number)-shownLast], '0')
	}
}

// maskDigits replaces the middle of a packed number of n digits. Of one that is cut
// short nobody knows which digits are the last: only the first stay.
func maskDigits(b []byte, n int, cut bool) {
	if !cut {
		n -= shownLast
	}
	zeroNibbles(b, shownFirst, n)
}

// maskPackedTrack masks a track 2 that begins with its number.
func maskPackedTrack(b []byte, cut bool) {
	text := upper(b)
	end := strings.IndexByte(text, 'D')
	if end < 0 {
		maskDigits(b, len(text), cut)
		return
	}
	maskDigits(b, end, false)
	zeroNibbles(b, discretionary(text, end+1, 'D'), len(text))
}

// maskTracks masks what follows the service code, and the name, wherever a track
// stands.
func maskTracks(b []byte) {
	text := upper(b)
	for _, m := range anyTrack.FindAllStringIndex(text, -1) {
		end := m[1]
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		zeroNibbles(b, m[1], end)
	}
	for _, m := range track1Text.FindAllSubmatchIndex(b, -1) {
		fill(b[m[4]:m[5]], ' ')
		if m[5] < len(b) && b[m[5]] == '^' {
			maskRest(b, discretionary(string(b), m[5]+1, '^'))
		}
	}
	for _, m := range track2Text.FindAllIndex(b, -1) {
		maskRest(b, discretionary(string(b), m[1], '='))
	}
}

// discretionary is where the discretionary data begin: after expiry and service
// code, instead of each of which a separator may stand.
func discretionary(text string, at int, separator byte) int {
	for _, n := range []int{expiryDigits, serviceDigits} {
		if at < len(text) && text[at] == separator {
			n = 1
		}
		at = min(at+n, len(text))
	}
	return at
}

// maskRest zeroes characters up to the end sentinel.
func maskRest(b []byte, at int) {
	for ; at < len(b) && b[at] >= ' ' && b[at] <= '~' && b[at] != '?'; at++ {
		b[at] = '0'
	}
}

// zeroNibbles zeroes the decimal digits among half bytes and leaves the others,
// which are separators and padding.
func zeroNibbles(b []byte, from, to int) {
	for i := from; i < min(to, 2*len(b)); i++ {
		shift := 4 * (1 - i%2)
		if b[i/2]>>shift&0x0F <= 9 {
			b[i/2] &^= 0x0F << shift
		}
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
