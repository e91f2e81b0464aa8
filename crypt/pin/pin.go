package pin

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// Lengths of a PIN in digits (ISO 9564-1, 8.1).
const (
	MinLen = 4
	MaxLen = 12
)

// PIN is a personal identification number, 4 to 12 digits. The zero value is no
// PIN. It never prints its digits; compare with Equal, not with ==, which tells by
// its time how many digits agree.
type PIN struct {
	n      byte
	digits [MaxLen]byte // 0 to 9, zeros behind the last
}

// What can be wrong.
var (
	// ErrPIN says that a PIN does not have 4 to 12 decimal digits.
	ErrPIN = errors.New("PIN must have 4 to 12 decimal digits")
	// ErrPAN says that a PAN is not 8 to 19 decimal digits, BCD, filled up with F.
	ErrPAN = errors.New("PAN must have 8 to 19 decimal digits in BCD, filled up with F")
	// ErrBlock says that a PIN block was altered, is of another format, for another
	// PAN or under another key. It never says which.
	ErrBlock = errors.New("wrong PIN block")
	// ErrFormat says that a block cannot be made in this format here.
	ErrFormat = errors.New("PIN block format must be 0, 1, 2 or 3")
)

// New takes decimal digits in ASCII. Error: ErrPIN, which does not repeat them.
func New(digits string) (PIN, error) {
	if len(digits) < MinLen || len(digits) > MaxLen {
		return PIN{}, ErrPIN
	}
	p := PIN{n: byte(len(digits))}
	for i := range digits {
		d := digits[i] - '0'
		if d > 9 {
			return PIN{}, ErrPIN
		}
		p.digits[i] = d
	}
	return p, nil
}

// Len is the number of digits, 0 for no PIN.
func (p PIN) Len() int { return int(p.n) }

// Digits gives the digits in ASCII, for whoever must show a PIN to its owner.
func (p PIN) Digits() string {
	var b [MaxLen]byte
	for i := range p.n {
		b[i] = p.digits[i] + '0'
	}
	return string(b[:p.n])
}

// Equal compares in constant time. No PIN equals nothing, not even itself.
func (p PIN) Equal(o PIN) bool {
	same := subtle.ConstantTimeByteEq(p.n, o.n) & subtle.ConstantTimeCompare(p.digits[:], o.digits[:])
	return same == 1 && p.n != 0
}

const withheldPIN = "[PIN withheld]"

// String gives a fixed text, never the digits.
func (PIN) String() string { return withheldPIN }

// Format answers every verb of fmt with the fixed text.
func (PIN) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheldPIN)) }

// MarshalText gives the fixed text, so encoding/json and others never see the PIN.
func (PIN) MarshalText() ([]byte, error) { return []byte(withheldPIN), nil }

// LogValue gives slog the fixed text.
func (PIN) LogValue() slog.Value { return slog.StringValue(withheldPIN) }

// nibble reads digit i of a BCD field, from the left.
func nibble(b []byte, i int) byte {
	if i%2 == 0 {
		return b[i/2] >> 4
	}
	return b[i/2] & 0x0F
}

// setNibble writes digit i into a field that holds zero there.
func setNibble(b []byte, i int, v byte) {
	if i%2 == 0 {
		v <<= 4
	}
	b[i/2] |= v
}

// panDigits counts the digits of a PAN. Error: ErrPAN.
func panDigits(pan [10]byte) (int, error) {
	n := 0
	for n < 20 && nibble(pan[:], n) <= 9 {
		n++
	}
	for i := n; i < 20; i++ {
		if nibble(pan[:], i) != 0xF {
			return 0, ErrPAN
		}
	}
	if n < 8 || n > 19 {
		return 0, ErrPAN
	}
	return n, nil
}
