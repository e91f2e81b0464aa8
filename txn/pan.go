package txn

import (
	"errors"
	"fmt"
	"log/slog"
)

// PAN is a primary account number as the card carries it: packed BCD, left
// justified, padded with F to ten bytes (EMV tag 5A, up to 19 digits). Printing
// it in any way shows the first six and the last four digits only; Digits is the
// one way to the clear number.
type PAN [10]byte

// ErrPAN says that bytes or text are no account number.
var ErrPAN = errors.New("not an account number (12 to 19 decimal digits, then F padding)")

// ParsePAN packs a number given as 12 to 19 decimal digits.
func ParsePAN(digits string) (PAN, error) {
	var p PAN
	if len(digits) < 12 || len(digits) > 19 {
		return p, fmt.Errorf("account number of %d digits: %w", len(digits), ErrPAN)
	}
	for i := range p {
		p[i] = 0xFF
	}
	for i := range len(digits) {
		d := digits[i]
		if d < '0' || d > '9' {
			return PAN{}, fmt.Errorf("account number, digit %d: %w", i+1, ErrPAN)
		}
		if i%2 == 0 {
			p[i/2] = (d-'0')<<4 | 0x0F
		} else {
			p[i/2] = p[i/2]&0xF0 | (d - '0')
		}
	}
	return p, nil
}

// PANFromBCD takes the value of tag 5A: at most ten bytes, F-padded.
func PANFromBCD(b []byte) (PAN, error) {
	var p PAN
	if len(b) > len(p) {
		return p, fmt.Errorf("account number of %d bytes: %w", len(b), ErrPAN)
	}
	n := copy(p[:], b)
	for i := n; i < len(p); i++ {
		p[i] = 0xFF
	}
	return p, p.Validate()
}

// Validate reports whether the bytes are digits followed by padding only.
func (p PAN) Validate() error {
	n := p.Len()
	for i := range 20 {
		d := p.nibble(i)
		if i < n && d > 9 || i >= n && d != 0x0F {
			return fmt.Errorf("account number, digit %d: %w", i+1, ErrPAN)
		}
	}
	if n < 12 || n > 19 {
		return fmt.Errorf("account number of %d digits: %w", n, ErrPAN)
	}
	return nil
}

// Len is the number of digits before the padding.
func (p PAN) Len() int {
	for i := range 20 {
		if p.nibble(i) == 0x0F {
			return i
		}
	}
	return 20
}

func (p PAN) nibble(i int) byte {
	if i%2 == 0 {
		return p[i/2] >> 4
	}
	return p[i/2] & 15
}

// Digits is the clear number. Use it only where the number itself is the work:
// key diversification, encrypted files, personalisation.
func (p PAN) Digits() string {
	n := min(p.Len(), 19)
	out := make([]byte, n)
	for i := range out {
		out[i] = '0' + p.nibble(i)
	}
	return string(out)
}

// BIN is the issuer's first six digits.
func (p PAN) BIN() string { return p.Digits()[:min(6, p.Len())] }

// Masked shows the first six and the last four digits.
func (p PAN) Masked() string {
	d := []byte(p.Digits())
	for i := 6; i < len(d)-4; i++ {
		d[i] = '*'
	}
	return string(d)
}

// String is Masked.
func (p PAN) String() string { return p.Masked() }

// Format writes the masked number for every verb.
func (p PAN) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(p.Masked())) }

// MarshalText gives the masked number, so that JSON never holds a whole one.
func (p PAN) MarshalText() ([]byte, error) { return []byte(p.Masked()), nil }

// LogValue gives the masked number to slog.
func (p PAN) LogValue() slog.Value { return slog.StringValue(p.Masked()) }

// Luhn is the check digit (ISO/IEC 7812-1) that completes the given digits.
func Luhn(digits string) byte {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// CardKey names one card: account number and sequence number (tag 5F34).
type CardKey struct {
	PAN PAN
	PSN byte
}

// CardKeySize is the length of the form that Bytes gives.
const CardKeySize = 11

// Bytes is PAN followed by PSN, the form in which stores key a card.
func (k CardKey) Bytes() [CardKeySize]byte {
	var b [CardKeySize]byte
	copy(b[:], k.PAN[:])
	b[10] = k.PSN
	return b
}

// CardKeyFromBytes is the inverse of Bytes.
func CardKeyFromBytes(b []byte) (CardKey, error) {
	if len(b) != CardKeySize {
		return CardKey{}, fmt.Errorf("card key of %d bytes, want %d", len(b), CardKeySize)
	}
	k := CardKey{PAN: PAN(b[:10]), PSN: b[10]}
	return k, k.PAN.Validate()
}

// String shows the masked number and the sequence number.
func (k CardKey) String() string { return fmt.Sprintf("%s/%02X", k.PAN.Masked(), k.PSN) }
