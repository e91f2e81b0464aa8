package files

import (
	"bytes"
	"fmt"
)

// append writes one field; a reason says why it cannot.
func (c *Column) append(dst []byte, v Value) (out []byte, reason string) {
	if c.Kind.numeric() {
		return c.appendNumber(dst, v.number)
	}
	start := len(dst)
	if c.Kind == Name {
		var bad rune
		if dst, bad = appendGBK(dst, v.text); bad != 0 {
			return dst, fmt.Sprintf("character %q has no GBK code", bad)
		}
	} else {
		dst = append(dst, v.text...)
	}
	if reason := c.check(dst[start:]); reason != "" {
		return dst, reason
	}
	for range start + c.Width - len(dst) {
		dst = append(dst, ' ')
	}
	return dst, ""
}

// appendNumber writes Number, Amount and Signed.
func (c *Column) appendNumber(dst []byte, n int64) (out []byte, reason string) {
	digits := c.Width
	if c.Kind == Signed {
		sign := byte('C')
		if n < 0 {
			sign, n = 'D', -n
		}
		dst = append(dst, sign)
		digits--
	}
	if n < 0 {
		return dst, fmt.Sprintf("%d is negative", n)
	}
	start, rest := len(dst), n
	for range digits {
		dst = append(dst, '0')
	}
	for i := start + digits - 1; i >= start; i-- {
		dst[i] = byte('0' + rest%10)
		rest /= 10
	}
	if rest != 0 {
		return dst, fmt.Sprintf("%d does not fit %d digits", n, digits)
	}
	return dst, ""
}

// parse reads one field of the column's width; it accepts the form that append
// writes and no other.
func (c *Column) parse(b []byte) (v Value, reason string) {
	if c.Kind.numeric() {
		return c.parseNumber(b)
	}
	if c.Kind == Text || c.Kind == Name || c.Kind == Code || c.Kind == Account {
		b = bytes.TrimRight(b, " ")
	}
	if reason := c.check(b); reason != "" {
		return v, reason
	}
	if c.Kind == Name {
		text, at := decodeGBK(b)
		if at >= 0 {
			return v, fmt.Sprintf("its byte %d begins no GBK character", at+1)
		}
		return Value{text: text}, ""
	}
	return Value{text: b}, ""
}

func (c *Column) parseNumber(b []byte) (v Value, reason string) {
	negative := false
	if c.Kind == Signed {
		if b[0] != 'C' && b[0] != 'D' {
			return v, fmt.Sprintf("begins with byte %02X, want C or D", b[0])
		}
		negative = b[0] == 'D'
		b = b[1:]
	}
	var n int64
	for i, d := range b {
		if d < '0' || d > '9' {
			return v, fmt.Sprintf("digit %d is byte %02X, want %d decimal digits", i+1, d, len(b))
		}
		n = n*10 + int64(d-'0')
	}
	if negative {
		if n == 0 {
			return v, "is D over zero, want C"
		}
		n = -n
	}
	return Value{number: n}, ""
}

// check holds the rules for the bytes of a text field without its padding.
func (c *Column) check(b []byte) (reason string) {
	n, kind := len(b), c.Kind
	switch kind {
	case Digits, Trace, Date:
		if n != c.Width {
			return fmt.Sprintf("has %d characters, want %d", n, c.Width)
		}
	case Hex:
		if c.Width != 0 && n != c.Width || n > maxHex || n%2 != 0 {
			return fmt.Sprintf("has %d hexadecimal digits, want pairs, at most %d", n, maxHex)
		}
	case Account:
		if n < 12 || n > c.Width {
			return fmt.Sprintf("has %d digits, want 12 to %d", n, c.Width)
		}
	default:
		if n > c.Width {
			return fmt.Sprintf("has %d bytes, the column is %d wide", n, c.Width)
		}
		if n > 0 && (b[0] == ' ' || b[n-1] == ' ') {
			return "has a space at its begin or end, want text at the left"
		}
	}
	for i, d := range b {
		if !kind.allows(d) {
			if c.Secret() {
				return fmt.Sprintf("character %d is not a decimal digit", i+1)
			}
			return fmt.Sprintf("character %d is byte %02X, which is not allowed here", i+1, d)
		}
	}
	if kind == Date {
		return checkDate(b)
	}
	return ""
}

// allows reports whether a byte may stand in a text field of this kind.
func (k Kind) allows(d byte) bool { return allowed[d]&(1<<k) != 0 }

// allowed has a bit for each kind in whose text fields a byte may stand.
var allowed = func() (t [256]uint16) {
	set := func(from, to byte, kinds ...Kind) {
		for d := int(from); d <= int(to); d++ {
			for _, k := range kinds {
				t[d] |= 1 << k
			}
		}
	}
	set(' ', '~', Text, Name)
	set(0x80, 0xFF, Name)
	set('0', '9', Code, Account, Digits, Trace, Hex, Date)
	set('a', 'f', Trace)
	set('A', 'F', Hex)
	return t
}()

// checkDate wants a day that some year has, and a time of day. b holds digits.
func checkDate(b []byte) (reason string) {
	at := func(i int) int { return int(b[i]-'0')*10 + int(b[i+1]-'0') }
	day, year := b, 2000 // a leap year, where no year is given
	if len(b) == 8 {
		day, year = b[4:], at(0)*100+at(2)
	}
	month, d := int(day[0]-'0')*10+int(day[1]-'0'), int(day[2]-'0')*10+int(day[3]-'0')
	if month < 1 || month > 12 || d < 1 || d > daysIn(year, month) {
		return fmt.Sprintf("month %02d and day %02d are no date", month, d)
	}
	if len(b) == 10 && (at(4) > 23 || at(6) > 59 || at(8) > 59) {
		return fmt.Sprintf("%s:%s:%s is no time of day", b[4:6], b[6:8], b[8:10])
	}
	return ""
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
