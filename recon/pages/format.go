package pages

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// daySeconds is the length of a day.
const daySeconds int64 = 86400

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

// signed is an amount with the sign of its direction: "+¥100.00".
func signed(f money.Fen) string {
	if f > 0 {
		return "+" + yuan(f)
	}
	return yuan(f)
}

// span is a value that is known to a range: "¥3.00", "¥3.00 – ¥5.00".
func span(least, most money.Fen) string {
	if least == most {
		return yuan(least)
	}
	return yuan(least) + " – " + yuan(most)
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

// counter is an ATC as the card shows it, four hex digits.
func counter(atc uint16) string { return fmt.Sprintf("%04X", atc) }

// stretch is a counter, or a pair of them.
func stretch(p, q uint16) string {
	if q == 0 || q == p {
		return counter(p)
	}
	return counter(p) + "–" + counter(q)
}

// date is the day at UTC+8, "–" for no time.
func date(unix int64) string { return at(unix, time.DateOnly) }

// minute is the day and the time at UTC+8, "–" for no time.
func minute(unix int64) string { return at(unix, "2006-01-02 15:04") }

// monthDay is the day without its year.
func monthDay(unix int64) string { return at(unix, "01-02") }

func at(unix int64, layout string) string {
	if unix == 0 {
		return "–"
	}
	return time.Unix(unix, 0).In(txn.CityTime).Format(layout)
}

// dayOf counts days since 1970 at UTC+8, rounded down.
func dayOf(unix int64) int64 {
	t := unix + 8*3600
	d := t / daySeconds
	if t%daySeconds < 0 {
		d--
	}
	return d
}

// midnight is the beginning of a day that dayOf gave.
func midnight(day int64) int64 { return day*daySeconds - 8*3600 }

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

// share is n of a whole in percent, rounded down so that 100 means all of it; "–" of
// nothing.
func share(n, of int64) string {
	if of <= 0 {
		return "–"
	}
	return hundredths(scaled(n, of, 10000)) + " %"
}

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
