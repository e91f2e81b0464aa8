package fare

import (
	"fmt"
	"time"
)

// cityOffset is UTC+8 in seconds, the clock of the whole country (GB/T 7408).
const cityOffset = 8 * 3600

// Date is a day of the Gregorian calendar in the city's time, UTC+8.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the city's date at a unix time.
func DateOf(unix int64) Date {
	y, m, d := time.Unix(unix+cityOffset, 0).UTC().Date()
	return Date{y, m, d}
}

// ParseDate reads "2026-03-28".
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("read date %q: want YYYY-MM-DD of a day that exists: %w", clip(s), err)
	}
	y, m, d := t.Date()
	return Date{y, m, d}, nil
}

// String gives "2026-03-28".
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// Before reports whether d comes before e.
func (d Date) Before(e Date) bool {
	if d.Year != e.Year {
		return d.Year < e.Year
	}
	if d.Month != e.Month {
		return d.Month < e.Month
	}
	return d.Day < e.Day
}

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday()
}

// secondOfDay is the city's clock at a unix time after 1970, 0 to 86399.
func secondOfDay(unix int64) int64 {
	return (unix + cityOffset) % 86400
}
