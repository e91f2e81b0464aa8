package timeline

// Age is how long a break has been there, in the bands in which reconciliation lists
// what is open. Numbers are for ever.
type Age uint8

// The bands, in full days of 24 hours.
const (
	Age0To1   Age = 1
	Age2To7   Age = 2
	Age8To20  Age = 3
	AgeOver20 Age = 4 // beyond the window of 20 days in which terminals must present
)

var ageNames = [...]string{Age0To1: "0-1", Age2To7: "2-7", Age8To20: "8-20", AgeOver20: "over 20"}

// String is the band in days, such as "2-7".
func (a Age) String() string {
	if a < Age0To1 || a > AgeOver20 {
		return "invalid"
	}
	return ageNames[a]
}

// Days is the number of full days since the break arose, 0 if its time lies ahead.
func (b *Break) Days(now int64) int64 { return max(0, now-b.Arose) / 86400 }

// Age is the band of Days.
func (b *Break) Age(now int64) Age {
	switch days := b.Days(now); {
	case days <= 1:
		return Age0To1
	case days <= 7:
		return Age2To7
	case days <= 20:
		return Age8To20
	}
	return AgeOver20
}

// Pending reports whether the break is still somebody's work: time, a further tap, a
// release of the card or an approval can change it.
func (b *Break) Pending() bool { return b.State.Waiting() || b.Held || b.Waits }
