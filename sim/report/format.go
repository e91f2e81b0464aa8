package report

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/citycard/citycard/money"
)

// count is a whole number with thousands separated by commas.
func count(n int64) string { return group(strconv.FormatInt(n, 10)) }

// yuan is an amount as people read it: "¥1,234.50", "−¥0.05".
func yuan(f money.Fen) string {
	s := f.String()
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	dot := strings.IndexByte(s, '.')
	return sign + "¥" + group(s[:dot]) + s[dot:]
}

// signed is an amount in yuan with the sign of its direction, without the mark of
// the currency: "+1,234.50".
func signed(f money.Fen) string {
	s := strings.Replace(yuan(f), "¥", "", 1)
	if f > 0 {
		return "+" + s
	}
	return s
}

// fen is an amount in fen: where it must be 0, the unit must be the smallest.
func fen(f money.Fen) string { return count(int64(f)) + " fen 分" }

// km is metres as kilometres with one decimal.
func km(metres int64) string {
	tenth := metres / 100
	if metres%100 >= 50 {
		tenth++
	}
	return count(tenth/10) + "." + strconv.FormatInt(tenth%10, 10)
}

// size is a file's length in the unit that fits.
func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return count(bytes) + " B"
	case bytes < 1000_000:
		return tenths(bytes, 1000) + " kB"
	case bytes < 1000_000_000:
		return tenths(bytes, 1000_000) + " MB"
	}
	return tenths(bytes, 1000_000_000) + " GB"
}

func tenths(n, unit int64) string {
	return strconv.FormatInt(n/unit, 10) + "." + strconv.FormatInt(n%unit*10/unit, 10)
}

func group(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// scaled is n/of times full, rounded down, between 0 and full; 0 if there is
// nothing to compare with.
func scaled(n, of, full int64) int64 {
	switch {
	case n <= 0 || of <= 0:
		return 0
	case n >= of:
		return full
	}
	hi, lo := bits.Mul64(uint64(n), uint64(full))
	q, _ := bits.Div64(hi, lo, uint64(of))
	return int64(q)
}

// percent is n/of as a length in SVG, "12.34%".
func percent(n, of int64) string { return hundredths(scaled(n, of, 10000)) + "%" }

// hundredths writes v/100 without needless zeros: "12.5".
func hundredths(v int64) string {
	s := strconv.FormatInt(v/100, 10)
	if r := v % 100; r != 0 {
		s += "." + string([]byte{byte('0' + r/10)})
		if r%10 != 0 {
			s += string([]byte{byte('0' + r%10)})
		}
	}
	return s
}

// clock is the time of day at which quarter hour i begins, "08:15".
func clock(i int) string {
	two := func(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }
	return two(i/4) + ":" + two(i%4*15)
}
