package report_test

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/sim/report"
)

func ExampleWrite() {
	day := &report.Data{City: report.Text{EN: "Beijing", ZH: "北京"}, Date: report.Date{Year: 2026, Month: 3, Day: 4}, Taps: 2}
	day.Quarters[33] = report.Quarter{Entries: 1}
	day.Quarters[36] = report.Quarter{Exits: 1}
	var page strings.Builder
	if err := report.Write(&page, day); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Contains(page.String(), "BALANCED"), report.Balanced(day))
	// Output: true true
}
