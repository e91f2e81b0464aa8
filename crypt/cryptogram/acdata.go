package cryptogram

import "fmt"

// CVN is the cryptogram version number, byte 3 of tag 9F10: which data the
// application cryptogram covers.
type CVN byte

const (
	CVN01 CVN = 0x01 // JR/T 0025.5: 37 bytes, all of the terminal's data
	CVN17 CVN = 0x11 // JR/T 0025.12 annex E: 13 bytes, for fast contactless
)

// Valid tells whether the package knows the version.
func (v CVN) Valid() bool { return v == CVN01 || v == CVN17 }

// String gives "CVN 01" or "CVN 17", as the standard writes them; 17 is coded 11
// hexadecimal.
func (v CVN) String() string { return fmt.Sprintf("CVN %02d", byte(v)) }

// TerminalInput is the terminal's part of the cryptogram input, as on the wire.
type TerminalInput struct {
	Amount   [6]byte // 9F02 amount authorised, n12
	Other    [6]byte // 9F03 other amount, n12
	Country  [2]byte // 9F1A terminal country code, n3
	TVR      [5]byte // 95 terminal verification results
	Currency [2]byte // 5F2A transaction currency code, n3
	Date     [3]byte // 9A transaction date, YYMMDD
	Type     byte    // 9C transaction type
	UN       [4]byte // 9F37 unpredictable number
}

// CardInput is the card's part of the cryptogram input.
type CardInput struct {
	AIP [2]byte // 82 application interchange profile
	ATC uint16  // 9F36 application transaction counter
	CVR [3]byte // card verification results, the three bytes after their length 03
}

// ACData appends the bytes that the application cryptogram covers.
//
// CVN 01, 37 bytes: 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37 82 9F36 03 CVR.
// CVN 17, 13 bytes: 9F02 9F37 9F36 and the first byte of CVR.
//
// It panics on another version: ParseIAD lets none through.
func ACData(dst []byte, cvn CVN, t *TerminalInput, c *CardInput) []byte {
	switch cvn {
	case CVN01:
		dst = append(dst, t.Amount[:]...)
		dst = append(dst, t.Other[:]...)
		dst = append(dst, t.Country[:]...)
		dst = append(dst, t.TVR[:]...)
		dst = append(dst, t.Currency[:]...)
		dst = append(dst, t.Date[:]...)
		dst = append(dst, t.Type)
		dst = append(dst, t.UN[:]...)
		dst = append(dst, c.AIP[:]...)
		dst = append(dst, byte(c.ATC>>8), byte(c.ATC), byte(len(c.CVR)))
		return append(dst, c.CVR[:]...)
	case CVN17:
		dst = append(dst, t.Amount[:]...)
		dst = append(dst, t.UN[:]...)
		return append(dst, byte(c.ATC>>8), byte(c.ATC), c.CVR[0])
	}
	panic("cryptogram: no input is defined for " + cvn.String())
}
