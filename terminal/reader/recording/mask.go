package recording

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Numbers is what a recording does with account numbers. There is no default.
type Numbers uint8

// The choices.
const (
	Masked Numbers = 1 // replace them; see the package
	Clear  Numbers = 2 // keep them: the recording is then as secret as the card data
)

// Parts of an account number that stay (as receipts show it).
const (
	shownFirst = 6
	shownLast  = 4
	minNumber  = 12
	maxNumber  = 19
)

// Objects that are masked whole, beside 57, 5A and the account number itself.
var (
	nameObjects  = []tlv.Tag{0x5F20, 0x9F0B}                 // cardholder name: spaces
	digitObjects = []tlv.Tag{0x9F1F, 0x9F20, 0x9F61}         // track discretionary data, identity document: digits 0
	certObjects  = []tlv.Tag{0x9F46, 0x9F48, 0x9F2D, 0x9F2F} // RSA: the number can be recovered from them
)

// Shapes of numbers in hexadecimal, for answers that are no data objects: tag 57
// and tag 5A in pieces of objects, track 2 anywhere, and tracks 1 and 2 as
// characters.
var (
	tag57     = regexp.MustCompile(`57(?:0[89A-F]|1[0-3])([0-9]{12,19})D[0-9]{7}`)
	tag5A     = regexp.MustCompile(`5A0(?:[678]([0-9]{12,16})|[9A]([0-9]{17,19}))`)
	anyTrack  = regexp.MustCompile(`([0-9]{12,19})D[0-9]{7}`)
	trackText = regexp.MustCompile(`((?:3[0-9]){12,19})(?:5E|3D)`)
)

// Mask masks account numbers, names and track data as the package says, and PINs.
func (s *Session) Mask() {
	var numbers []string
	for i := range s.Exchanges {
		x := &s.Exchanges[i]
		for _, b := range [][]byte{body(x.Response), x.Torn} {
			numbers = found(numbers, b)
		}
	}
	for i := range s.Exchanges {
		x := &s.Exchanges[i]
		for _, b := range [][]byte{body(x.Response), x.Torn} {
			if !maskObjects(b) {
				maskTracks(b)
			}
		}
		for _, b := range [][]byte{x.Command, body(x.Response), x.Torn} {
			for _, n := range numbers {
				maskNumber(b, n)
			}
		}
	}
	s.BlankPINs()
	s.Masked = true
}

// BlankPINs puts zeros where commands carry a PIN.
func (s *Session) BlankPINs() {
	for i := range s.Exchanges {
		if c, err := apdu.ParseCommand(s.Exchanges[i].Command); err == nil && c.CarriesPIN() {
			clear(c.Data)
		}
	}
}

func body(response []byte) []byte {
	if len(response) < minResponse {
		return nil
	}
	return response[:len(response)-minResponse]
}

// found adds the account numbers in b to the list.
func found(list []string, b []byte) []string {
	text := upper(b)
	list, whole := foundObjects(list, b)
	shapes := []*regexp.Regexp{tag57, tag5A, anyTrack}
	if whole {
		shapes = nil
	}
	for _, shape := range shapes {
		before := len(list)
		for _, m := range shape.FindAllStringSubmatch(text, -1) {
			for _, n := range m[1:] {
				list = add(list, n)
			}
		}
		if shape == tag57 && len(list) > before {
			break // tag and length of a 57 can be read as digits of a longer track
		}
	}
	for _, m := range trackText.FindAllStringSubmatchIndex(text, -1) {
		if m[2]%2 == 0 { // whole characters
			list = add(list, string(b[m[2]/2:m[3]/2]))
		}
	}
	return list
}

// foundObjects adds the numbers of tags 57 and 5A at any depth. whole says that b
// is data objects and nothing else.
func foundObjects(list []string, b []byte) (_ []string, whole bool) {
	it := tlv.Iterate(b)
	whole = len(b) > 0
	for it.Next() {
		switch {
		case it.Tag.Constructed():
			var inner bool
			list, inner = foundObjects(list, it.Value)
			whole = whole && (inner || len(it.Value) == 0)
		case it.Tag == tlv.TagTrack2Equivalent:
			number, _, _ := strings.Cut(upper(it.Value), "D")
			list = add(list, number)
		case it.Tag == tlv.TagPAN:
			list = add(list, strings.TrimRight(upper(it.Value), "F"))
		}
	}
	return list, whole && it.Err() == nil
}

func add(list []string, number string) []string {
	if len(number) < minNumber || len(number) > maxNumber {
		return list
	}
	if slices.Contains(list, number) || strings.Trim(number, "0123456789") != "" {
		return list
	}
	return append(list, number)
}

// maskNumber replaces the middle digits of a number in b, packed at either half of
// a byte or as characters.
func maskNumber(b []byte, number string) {
	text := upper(b)
	for at := 0; ; {
		i := strings.Index(text[at:], number)
		if i < 0 {
			break
		}
		at += i
		zeroNibbles(b, at+shownFirst, at+len(number)-shownLast)
		at++
	}
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(number))
		if i < 0 {
			break
		}
		at += i
		for k := at + shownFirst; k < at+len(number)-shownLast; k++ {
			b[k] = '0'
		}
		at++
	}
}

// maskTracks puts zeros after the service code wherever a track 2 stands.
func maskTracks(b []byte) {
	text := upper(b)
	for _, m := range anyTrack.FindAllStringIndex(text, -1) {
		end := m[1]
		for end < len(text) && text[end] >= '0' && text[end] <= '9' {
			end++
		}
		zeroNibbles(b, m[1], end)
	}
}

func zeroNibbles(b []byte, from, to int) {
	for i := from; i < to; i++ {
		if i%2 == 0 {
			b[i/2] &= 0x0F
		} else {
			b[i/2] &= 0xF0
		}
	}
}

// maskObjects masks the data objects that are secret as a whole, at any depth. ok
// says that b is data objects and nothing else.
func maskObjects(b []byte) (ok bool) {
	it := tlv.Iterate(b)
	ok = len(b) > 0
	for it.Next() {
		switch {
		case it.Tag.Constructed():
			ok = (maskObjects(it.Value) || len(it.Value) == 0) && ok
		case it.Tag == tlv.TagTrack2Equivalent:
			maskTracks(it.Value)
		case slices.Contains(nameObjects, it.Tag):
			fill(it.Value, ' ')
		case slices.Contains(digitObjects, it.Tag):
			zeroDigits(it.Value)
		case slices.Contains(certObjects, it.Tag):
			clear(it.Value)
		}
	}
	return ok && it.Err() == nil
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

// zeroDigits turns characters into the character 0, and other bytes into zeros.
func zeroDigits(b []byte) {
	for i, c := range b {
		if c >= ' ' && c <= '~' {
			b[i] = '0'
		} else {
			b[i] = 0
		}
	}
}

func upper(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
