package money

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
)

// Fen is an amount in fen, 1/100 yuan. Negative amounts are debts or reversals;
// they have no n12 form.
type Fen int64

// MaxN12 is the largest amount that twelve decimal digits can carry.
const MaxN12 Fen = 999_999_999_999

// ErrRange says that an amount does not fit the form that was asked for.
var ErrRange = errors.New("amount out of range")

// String gives yuan with two decimals, e.g. "12.34" or "-0.05".
func (f Fen) String() string {
	var buf [24]byte
	b := buf[:0]
	v := uint64(f)
	if f < 0 {
		b = append(b, '-')
		v = -v
	}
	b = strconv.AppendUint(b, v/100, 10)
	return string(append(b, '.', byte('0'+v/10%10), byte('0'+v%10)))
}

// N12 packs the amount as twelve BCD digits. It fails with ErrRange below zero
// and above MaxN12.
func (f Fen) N12() ([6]byte, error) {
	var out [6]byte
	if f < 0 || f > MaxN12 {
		return out, fmt.Errorf("pack %s yuan as n12: %w", f, ErrRange)
	}
	v := uint64(f)
	for i := 5; i >= 0; i-- {
		out[i] = byte(v%10 | v/10%10<<4)
		v /= 100
	}
	return out, nil
}

// FromN12 reads packed BCD of up to six bytes (n12 or its low-order bytes, as
// the issuer discretionary data carries n10). A nibble above 9 is an error.
func FromN12(b []byte) (Fen, error) {
	if len(b) == 0 || len(b) > 6 {
		return 0, fmt.Errorf("read BCD amount of %d bytes, want 1 to 6: %w", len(b), ErrRange)
	}
	var v int64
	for i, c := range b {
		hi, lo := c>>4, c&15
		if hi > 9 || lo > 9 {
			return 0, fmt.Errorf("read BCD amount: byte %d is %02X, not decimal: %w", i, c, ErrRange)
		}
		v = v*100 + int64(hi)*10 + int64(lo)
	}
	return Fen(v), nil
}

// Rate is amount times perMillion / 1,000,000, rounded half away from zero to
// the fen. It panics if the result leaves int64: amounts and rates of this
// system stay far below, so an overflow is a broken rule table.
func Rate(amount Fen, perMillion int64) Fen {
	neg := (amount < 0) != (perMillion < 0)
	hi, lo := bits.Mul64(magnitude(int64(amount)), magnitude(perMillion))
	lo, carry := bits.Add64(lo, 500_000, 0)
	hi += carry
	if hi >= 1_000_000 {
		panic("money: rate overflows: " + amount.String() + " yuan at " + strconv.FormatInt(perMillion, 10) + " per million")
	}
	q, _ := bits.Div64(hi, lo, 1_000_000)
	if q > 1<<63-1 {
		panic("money: rate overflows: " + amount.String() + " yuan")
	}
	if neg {
		return -Fen(q)
	}
	return Fen(q)
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
