package rf

import (
	"fmt"
	"time"
)

// Time is a time in periods of the carrier, 1/fc: 73.746 ns each.
type Time int64

// Carrier is the frequency fc of the field in hertz (ISO/IEC 14443-2, 6.1).
const Carrier = 13_560_000

// A period is 25000/339 nanoseconds, exactly.
const (
	periodNumerator   = 25_000
	periodDenominator = 339
)

// Of gives a duration in whole carrier periods, rounded up; a duration may be at
// most 24 hours, longer ones are cut to that, negative ones to none.
func Of(d time.Duration) Time {
	d = min(max(d, 0), 24*time.Hour)
	return (Time(d)*periodDenominator + periodNumerator - 1) / periodNumerator
}

// Duration is the time in nanoseconds, rounded down.
func (t Time) Duration() time.Duration {
	whole, rest := t/periodDenominator, t%periodDenominator
	return time.Duration(whole*periodNumerator + rest*periodNumerator/periodDenominator)
}

// Microseconds is the time in whole microseconds, rounded down.
func (t Time) Microseconds() int64 { return t.Duration().Microseconds() }

// String gives milliseconds with three digits after the point: "12.345 ms".
func (t Time) String() string {
	us := t.Microseconds()
	return fmt.Sprintf("%d.%03d ms", us/1000, us%1000)
}

// Rate is a bit rate of the air.
type Rate uint8

// The bit rates of ISO/IEC 14443-2: fc/128 and its doubles.
const (
	Rate106 Rate = iota
	Rate212
	Rate424
	Rate848
)

var rateNames = [...]string{"106 kbit/s", "212 kbit/s", "424 kbit/s", "848 kbit/s"}

// String gives e.g. "106 kbit/s".
func (r Rate) String() string {
	if int(r) >= len(rateNames) {
		return fmt.Sprintf("rate %d", uint8(r))
	}
	return rateNames[r]
}

// RateOf gives the rate of 106, 212, 424 or 848 kbit/s; ok is false for other
// numbers.
func RateOf(kbits int) (r Rate, ok bool) {
	switch kbits {
	case 106:
		return Rate106, true
	case 212:
		return Rate212, true
	case 424:
		return Rate424, true
	case 848:
		return Rate848, true
	}
	return 0, false
}

// etu is the elementary time unit, the time of one bit.
func (r Rate) etu() Time { return 128 >> r }
