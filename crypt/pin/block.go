package pin

import (
	"crypto/subtle"
	"fmt"
	"io"
)

// Format is the first digit of a PIN block (ISO 9564-1, 9.3).
type Format byte

const (
	Format0 Format = 0 // bound to the PAN, filled with F; ANSI X9.8
	Format1 Format = 1 // not bound, filled with random digits
	Format2 Format = 2 // for VERIFY to a card only, filled with F
	Format3 Format = 3 // bound to the PAN, filled with random A to F
	Format4 Format = 4 // 16 bytes for AES: EncipherAES
)

// String gives "ISO format 0".
func (f Format) String() string { return fmt.Sprintf("ISO format %d", byte(f)) }

// Encode makes a clear PIN block of format 0 to 3:
//
//	0   0 N P P P P . . . . . . . . F F   xor   0000, right 12 digits of PAN without check digit
//	1   1 N P P P P . . . . . . . . R R   R random 0 to F
//	2   2 N P P P P . . . . . . . . F F
//	3   3 N P P P P . . . . . . . . R R   R random A to F, xor as format 0
//
// where N is the length and a dot is a digit of the PIN or filling. pan is looked
// at for formats 0 and 3 only, fill, a source of random bytes, for 1 and 3 only.
// Errors: ErrPIN for no PIN, ErrPAN, ErrFormat, and that of fill.
func Encode(f Format, p PIN, pan [10]byte, fill io.Reader) ([8]byte, error) {
	var b [8]byte
	if p.n == 0 {
		return b, ErrPIN
	}
	filling := [8]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	switch f {
	case Format0, Format2:
	case Format1:
		if _, err := io.ReadFull(fill, filling[:]); err != nil {
			return b, fmt.Errorf("fill PIN block: %w", err)
		}
	case Format3:
		if err := randomLetters(filling[:], fill); err != nil {
			return b, fmt.Errorf("fill PIN block: %w", err)
		}
	default:
		return b, fmt.Errorf("%v: %w", f, ErrFormat)
	}
	put(b[:], byte(f), p, filling[:])
	if f == Format0 || f == Format3 {
		return xorPAN(b, pan)
	}
	return b, nil
}

// put lays out control digit, length, digits and filling; b is zero.
func put(b []byte, control byte, p PIN, filling []byte) {
	b[0] = control<<4 | p.n
	for i := 2; i < 16; i++ {
		v := nibble(filling, i)
		if at := i - 2; at < int(p.n) {
			v = p.digits[at]
		}
		setNibble(b, i, v)
	}
}

// randomLetters fills b with digits A to F, all equally likely.
func randomLetters(b []byte, fill io.Reader) error {
	clear(b)
	var one [1]byte
	for i := 0; i < 2*len(b); {
		if _, err := io.ReadFull(fill, one[:]); err != nil {
			return err
		}
		if one[0] >= 252 { // 252 is the greatest multiple of 6 in a byte
			continue
		}
		setNibble(b, i, 0xA+one[0]%6)
		i++
	}
	return nil
}

// xorPAN binds a block of format 0 or 3 to the PAN, or frees it again.
func xorPAN(b [8]byte, pan [10]byte) ([8]byte, error) {
	n, err := panDigits(pan)
	if err != nil {
		return [8]byte{}, err
	}
	var field [8]byte
	for i := range min(12, n-1) {
		setNibble(field[:], 15-i, nibble(pan[:], n-2-i))
	}
	subtle.XORBytes(b[:], b[:], field[:])
	return b, nil
}

// Decode opens a clear PIN block of format 0 to 3 and tells the format. pan is
// looked at for formats 0 and 3 only. A block of format 0 or 3 for another PAN is
// not always noticed: the formats do not promise it. Errors: ErrBlock, ErrPAN.
func Decode(block [8]byte, pan [10]byte) (PIN, Format, error) {
	f := Format(block[0] >> 4)
	if f > Format3 {
		return PIN{}, f, ErrBlock
	}
	if f == Format0 || f == Format3 {
		var err error
		if block, err = xorPAN(block, pan); err != nil {
			return PIN{}, f, err
		}
	}
	low, high := byte(0xF), byte(0xF)
	switch f {
	case Format1:
		low = 0
	case Format3:
		low = 0xA
	}
	p, ok := take(block[:], byte(f), low, high)
	if !ok {
		return PIN{}, f, ErrBlock
	}
	return p, f, nil
}

// take reads what put has laid out; filling must lie between low and high. The
// time it takes depends on the length of the PIN at most.
func take(b []byte, control, low, high byte) (PIN, bool) {
	n := int(b[0] & 0x0F)
	ok := subtle.ConstantTimeByteEq(b[0]>>4, control) &
		subtle.ConstantTimeLessOrEq(MinLen, n) & subtle.ConstantTimeLessOrEq(n, MaxLen)
	p := PIN{n: byte(n)}
	for i := 2; i < 16; i++ {
		v := int(nibble(b, i))
		digit := subtle.ConstantTimeLessOrEq(i-1, n)
		isDigit := subtle.ConstantTimeLessOrEq(v, 9)
		isFill := subtle.ConstantTimeLessOrEq(int(low), v) & subtle.ConstantTimeLessOrEq(v, int(high))
		ok &= subtle.ConstantTimeSelect(digit, isDigit, isFill)
		if at := i - 2; at < MaxLen {
			p.digits[at] = byte(subtle.ConstantTimeSelect(digit, v, 0))
		}
	}
	if ok != 1 {
		return PIN{}, false
	}
	return p, true
}
