package describe

import (
	"strings"

	"github.com/citycard/citycard/wire/tlv"
)

// Digits of a card number that may be seen, and the fewest digits that a
// number must have for any of them to be shown.
const (
	shownFirst = 6
	shownLast  = 4
	panMin     = 12
)

// rawHex gives bytes whose meaning is not known in hexadecimal. A card number
// may stand anywhere in them, packed or as text: what has the form of one is
// masked. Now and then that hides other digits too, which is the lesser harm.
func rawHex(b []byte, o Options) (text string, masked bool) {
	text = upperHex(b)
	if o.ShowPAN {
		return text, false
	}
	out := []byte(text)
	masked = maskNumbers(text, 2, func(digit int) { out[digit] = '*' })
	ascii := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return ' '
	}, string(bytesAsRunes(b)))
	masked = maskNumbers(ascii, 1, func(digit int) { out[2*digit], out[2*digit+1] = '*', '*' }) || masked
	return string(out), masked
}

// bytesAsRunes keeps one rune a byte, so that positions stay.
func bytesAsRunes(b []byte) []rune {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return r
}

// maskNumbers calls hide with the position of every middle digit of a run of 16
// to 19 digits that begins at a multiple of step, begins like the number of a
// bank card and has the right check digit.
func maskNumbers(text string, step int, hide func(digit int)) (found bool) {
	for i := 0; i+16 <= len(text); i += step {
		if !bankCardPrefix(text[i], text[i+1]) {
			continue
		}
		for n := 19; n >= 16; n-- {
			if i+n <= len(text) && luhn(text[i:i+n]) {
				for j := i + shownFirst; j < i+n-shownLast; j++ {
					hide(j)
				}
				found = true
				break
			}
		}
	}
	return found
}

// bankCardPrefix knows the first two digits of the schemes: 62, 60, 65 and 81
// UnionPay and its partners, 4 Visa, 22 to 27 and 51 to 55 Mastercard, 35 JCB.
func bankCardPrefix(first, second byte) bool {
	switch first {
	case '4':
		return true
	case '6':
		return second == '2' || second == '0' || second == '5'
	case '8':
		return second == '1'
	case '2':
		return second >= '2' && second <= '7'
	case '3':
		return second == '5'
	case '5':
		return second >= '1' && second <= '5'
	}
	return false
}

// luhn reports whether s is all digits and its last one is the check digit of
// ISO/IEC 7812-1 annex B.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// maskedHex gives the value in hexadecimal without what secrecy forbids.
func maskedHex(s tlv.Secrecy, b []byte, o Options) (text string, masked bool) {
	text = upperHex(b)
	switch {
	case len(b) == 0 || s == tlv.Public:
		return text, false
	case s == tlv.HoldsPIN:
		return strings.Repeat("*", len(text)), true
	case o.ShowPAN:
		return text, false
	case s == tlv.HoldsPANInClearCertificate:
		return maskCertificate(text)
	}
	return maskPAN(text), true
}

// maskPAN keeps the first six and last four digits of the number that text
// begins with. What follows the number (expiry, service code, discretionary
// data with the card verification code) is hidden whole, but for the padding.
func maskPAN(text string) string {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	if digits < panMin || digits > 19 {
		return strings.Repeat("*", len(text))
	}
	rest := strings.Repeat("*", len(text)-digits)
	if tail := text[digits:]; strings.Trim(tail, "F") == "" {
		rest = tail
	} else if tail[0] == 'D' {
		rest = "D" + rest[1:]
	}
	return text[:shownFirst] + strings.Repeat("*", digits-shownFirst-shownLast) + text[digits-shownLast:digits] + rest
}

// maskCertificate hides the card number in a clear SM2 certificate of the card:
// 14 | PAN (10 bytes) | ... An RSA certificate shows nothing without its key.
func maskCertificate(text string) (string, bool) {
	const start, end = 2, 2 + 20
	if len(text) < end || text[:start] != "14" {
		return text, false
	}
	return text[:start] + maskPAN(text[start:end]) + text[end:], true
}
