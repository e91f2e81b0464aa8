package fare_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
)

// Days from the State Council's notices for 2024 to 2026.
func TestWorkdaysOfTheNotices(t *testing.T) {
	c, err := beijing.Calendar()
	if err != nil {
		t.Fatal(err)
	}
	for date, want := range map[string]bool{
		"2024-02-10": false, // 春节, a Saturday
		"2024-02-12": false, // 春节, a Monday
		"2024-02-18": true,  // made up on a Sunday
		"2024-02-19": true,
		"2025-10-01": false,
		"2025-09-28": true, // made up on a Sunday
		"2026-01-01": false,
		"2026-01-04": true, // made up on a Sunday
		"2026-03-28": false,
		"2026-03-30": true,
		"2024-02-29": true,
	} {
		d, err := fare.ParseDate(date)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.IsWorkday(d); got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", date, got, err, want)
		}
	}
	for _, year := range []int{2023, 2027} {
		if _, err := c.IsWorkday(fare.Date{Year: year, Month: 3, Day: 3}); !errors.Is(err, fare.ErrNotCovered) || c.Covers(year) {
			t.Errorf("%d: error %v, want ErrNotCovered", year, err)
		}
	}
	for year, want := range map[int][2]int{2024: {366, 251}, 2025: {365, 248}, 2026: {365, 248}} {
		var days, work int
		for d := fare.DateOf(unixOfNewYear[year]); d.Year == year; d = fare.DateOf(unixOfNewYear[year] + int64(days)*86400) {
			days++
			if ok, err := c.IsWorkday(d); err != nil {
				t.Fatal(err)
			} else if ok {
				work++
			}
		}
		if days != want[0] || work != want[1] {
			t.Errorf("%d: %d days, %d of work, want %v", year, days, work, want)
		}
	}
}

// Midnight of 1 January at UTC+8.
var unixOfNewYear = map[int]int64{2024: 1704038400, 2025: 1735660800, 2026: 1767196800}

func TestDatesAreThoseOfTheCity(t *testing.T) {
	for unix, want := range map[int64]string{0: "1970-01-01", noon: "2026-04-01", 1767196799: "2025-12-31", 1767196800: "2026-01-01", -28801: "1969-12-31"} {
		if got := fare.DateOf(unix).String(); got != want {
			t.Errorf("%d: %s, want %s", unix, got, want)
		}
	}
	for _, bad := range []string{"", "2026-02-29", "2026-1-1", "20260101", "2026-01-01 "} {
		if d, err := fare.ParseDate(bad); err == nil {
			t.Errorf("%q read as %s", bad, d)
		}
	}
	list := []fare.Date{{2025, 12, 31}, {2026, 1, 1}, {2026, 1, 2}, {2026, 2, 1}}
	for i, a := range list {
		for j, b := range list {
			if a.Before(b) != (i < j) {
				t.Errorf("%s before %s: %v", a, b, a.Before(b))
			}
		}
	}
}

func TestCalendarFaults(t *testing.T) {
	const head = "date,is_off_day,name\n"
	for text, want := range map[string]string{
		"":                            "c.csv: empty",
		"date,is_off_day\n":           "column missing",
		head + "2026-02-30,true,x\n":  "c.csv:2:1: date",
		head + "2026-01-01,TRUE,x\n":  "c.csv:2:12: is_off_day",
		head + "2026-01-01,true,\n":   "name: empty",
		head + "2026-01-02,false,x\n": "falls on a weekday",
		head + "2026-01-01,true,x\n2026-01-01,true,x\n": "listed twice",
	} {
		if _, err := fare.ParseCalendar("c.csv", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", text, err, want)
		}
	}
}

func FuzzParseCalendar(f *testing.F) {
	f.Add([]byte("date,is_off_day,name\n2026-01-01,true,元旦\n2026-01-04,false,元旦\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := fare.ParseCalendar("c.csv", data)
		if err != nil {
			if _, ok := errors.AsType[*fare.Error](err); !ok {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		if _, err := c.IsWorkday(fare.Date{Year: 2026, Month: 1, Day: 1}); (err == nil) != c.Covers(2026) {
			t.Fatalf("covered %v, error %v", c.Covers(2026), err)
		}
	})
}
