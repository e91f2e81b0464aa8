package txn_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/citycard/citycard/txn"
)

// Dates of a card are those of the city's clock, eight hours before Greenwich.
func TestDatesAreTheCitys(t *testing.T) {
	for _, c := range []struct{ at, date, clock, month string }{
		{"2025-11-20T15:59:59Z", "251120", "235959", "2511"},
		{"2025-11-20T16:00:00Z", "251121", "000000", "2511"},
		{"2025-12-31T16:00:00Z", "260101", "000000", "2601"},
		{"2028-02-28T16:00:01Z", "280229", "000001", "2802"},
		{"2099-12-31T15:59:59Z", "991231", "235959", "9912"},
		{"2099-12-31T16:00:00Z", "000101", "000000", "0001"},
		{"1970-01-01T00:00:00Z", "700101", "080000", "7001"},
		{"2106-02-07T06:28:15Z", "060207", "142815", "0602"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		u := at.Unix()
		if got := fmt.Sprintf("%x %x %x", txn.DateBCD(u), txn.TimeBCD(u), txn.MonthBCD(u)); got != c.date+" "+c.clock+" "+c.month {
			t.Errorf("%s is %s, want %s %s %s", c.at, got, c.date, c.clock, c.month)
		}
		if got, year := fmt.Sprintf("%x", txn.StampBCD(u)), time.Unix(u, 0).In(txn.CityTime).Format("2006"); got != year+c.date[2:]+c.clock {
			t.Errorf("%s is stamped %s", c.at, got)
		}
	}
	if name, offset := time.Unix(0, 0).In(txn.CityTime).Zone(); offset != 8*3600 || name != "UTC+8" {
		t.Errorf("zone %s, %d seconds", name, offset)
	}
}
