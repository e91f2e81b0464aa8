package main

import (
	"strings"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/role/cardview"
)

// TestJourneyText: journeys that a card carries, in words, in both languages.
func TestJourneyText(t *testing.T) {
	left := int64(93200)
	a := cardview.Application{
		AID: "A000000333010101", Transit: "02",
		Journeys: []cardview.Journey{
			{Trade: "metro", State: "in", Valid: true, Entry: &cardview.Place{Time: "2026-11-22 12:00:00", Name: "国贸"}, Held: 6800, Overdue: 6500,
				Month: "2026-11", MonthSum: 12345, Code: 1, CodeUntil: "2026-12-31", Rides: 4},
			{Trade: "bus", State: "out", Valid: true, Entry: &cardview.Place{Time: "2026-11-22 08:00:00", Line: 300, Stop: 5},
				Exit: &cardview.Place{Time: "2026-11-22 08:30:00", Line: 300, Stop: 9}, Amount: 150},
			{Trade: "metro", State: "out", Valid: true, Locked: true, Exit: &cardview.Place{Time: "2026-11-22 08:30:00", Station: 17}},
			{Trade: "bus", State: "fresh"},
		},
		Trips: []cardview.Trip{
			{Time: "2026-11-22 12:00:00", Type: "01", Trade: "metro", Station: 17, Name: "国贸", Amount: 6800, Balance: &left, ATC: 9, Terminal: "201"},
			{Time: "2026-11-22 08:30:00", Type: "02", Trade: "bus", Line: 300, Station: 9, Amount: 150, ATC: 8, Terminal: "7"},
			{Type: "0B", Trade: "07"},
		},
	}
	for lang, want := range map[language]string{
		"en": `  transit extension     02
  metro journey         in since 2026-11-22 12:00:00 国贸; 68.00 held; 65.00 if it is never ended
    month's sum         2026-11  123.45
    concession          1, until 2026-12-31
    rides left          4
  bus journey           from 2026-11-22 08:00:00 line 300 stop 5, out at 2026-11-22 08:30:00 line 300 stop 9; paid 1.50
  metro journey         BLOCKED; out at 2026-11-22 08:30:00 station 17; paid 0.00
  bus journey           not enabled; never used
  genuine               not checked:
  journeys, newest first
    TIME                 WHAT         WHERE            AMOUNT  BALANCE  COUNTER  TERMINAL
    2026-11-22 12:00:00  metro entry  国贸              68.00   932.00        9  201
    2026-11-22 08:30:00  bus exit     line 300 stop 9    1.50        -        8  7
    -                    07 0B        -                  0.00        -        0
`,
		"zh": `  行业应用              02
  地铁行程              2026-11-22 12:00:00 国贸 进入；预授权 68.00；未完成应付 65.00
    当月累计            2026-11  123.45
    优惠类别            1，至 2026-12-31
    剩余次数            4
  公交行程              自 2026-11-22 08:00:00 线路 300 站点 5，2026-11-22 08:30:00 线路 300 站点 9 离开；实付 1.50
  地铁行程              已锁定；2026-11-22 08:30:00 车站 17 离开；实付 0.00
  公交行程              未启用；未使用
  脱机认证              未验证：
  行程日志（最近在前）
    时间                 类型       地点              金额    余额  计数器  终端
    2026-11-22 12:00:00  地铁 进站  国贸             68.00  932.00       9  201
    2026-11-22 08:30:00  公交 出站  线路 300 站点 9   1.50       -       8  7
    -                    07 0B      -                 0.00       -       0
`,
	} {
		env := &environment{lang: lang}
		var b strings.Builder
		env.application(&b, &a)
		_, text, _ := strings.Cut(b.String(), "-\n") // behind the card number, which this card has none of
		var lines []string
		for l := range strings.Lines(text) {
			lines = append(lines, strings.TrimRight(l, " \n"))
		}
		if got := strings.Join(lines, "\n") + "\n"; got != want {
			t.Errorf("%s:\n%s\nwant\n%s", lang, got, want)
		}
	}
}

// TestStationName: only stations of the embedded book have names here.
func TestStationName(t *testing.T) {
	book, err := beijing.Book()
	if err != nil {
		t.Fatal(err)
	}
	if got := stationName(book.Version(), 1); got != book.Name(fare.StationID(1)) || got == "" || stationName(book.Version()+1, 1) != "" || stationName(book.Version(), 60000) != "" {
		t.Errorf("station 1 is %q", got)
	}
}
