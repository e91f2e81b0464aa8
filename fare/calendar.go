package fare

import (
	"fmt"
	"time"
)

// Calendar knows which days people work: the plain week, changed by the public
// holidays and make-up workdays that the State Council announces year by year
// (国务院办公厅关于部分节假日安排的通知).
type Calendar struct {
	off   map[Date]bool
	years map[int]bool
}

// ParseCalendar reads a table with the columns date, is_off_day and name: true is
// a public holiday, false a make-up workday on a Saturday or Sunday. A year with no
// row at all is not covered. file is the name that errors carry.
func ParseCalendar(file string, data []byte) (*Calendar, error) {
	c := &Calendar{off: map[Date]bool{}, years: map[int]bool{}}
	err := eachRow(file, data, []string{"date", "is_off_day", "name"}, func(r *row) error {
		day, err := ParseDate(r.fields[0])
		if err != nil {
			return r.fail(0, fmt.Sprintf("%q is not a date", clip(r.fields[0])), "write YYYY-MM-DD")
		}
		off, err := r.flag(1)
		if err != nil {
			return err
		}
		if _, err := r.name(2); err != nil {
			return err
		}
		if _, twice := c.off[day]; twice {
			return r.fail(0, day.String()+" is listed twice", "keep one row a day")
		}
		if !off && !weekend(day) {
			return r.fail(1, day.String()+" is a make-up workday but falls on a weekday", "make-up workdays are Saturdays or Sundays")
		}
		c.off[day], c.years[day.Year] = off, true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Covers reports whether the holidays of a year are known.
func (c *Calendar) Covers(year int) bool { return c.years[year] }

// IsWorkday reports whether people work on d. The error is ErrNotCovered where
// the holidays of the year are not known: a guess would give or refuse discounts
// by mistake.
func (c *Calendar) IsWorkday(d Date) (bool, error) {
	if !c.years[d.Year] {
		return false, fmt.Errorf("ask whether %s is a workday: holidays of %d are not in the calendar, add them when the notice is out: %w", d, d.Year, ErrNotCovered)
	}
	if off, listed := c.off[d]; listed {
		return !off, nil
	}
	return !weekend(d), nil
}

func weekend(d Date) bool {
	w := d.Weekday()
	return w == time.Saturday || w == time.Sunday
}
