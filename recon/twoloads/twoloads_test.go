package twoloads

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/money"
)

const hour int64 = 3600

// from is a morning at UTC+8.
const from int64 = 1_793_750_400

// story is a card that has 20.00, is loaded with 100.00 and then spends; the second
// load comes ten days later.
type story struct {
	told   bool
	second Load
	spends []Spend
}

func (s *story) first() Load {
	return Load{ATC: 0x10, Before: 2000, Amount: 10000, Time: from, Told: s.told}
}

// fare is one spend n days after the first load, presented the next day.
func fare(atc uint16, amount money.Fen, n int64) Spend {
	t := from + n*day
	return Spend{ATC: atc, Amount: amount, Time: t, Arrived: t + day}
}

func second(atc uint16, before money.Fen) Load {
	return Load{ATC: atc, Before: before, Amount: 5000, Time: from + 10*day, Told: true}
}

// What the papers say, case by case, and what they cannot tell apart.
var stories = map[string]struct {
	story
	want Answer
}{
	"normal: Y1 + L1 - T = Y2": {
		story{true, second(0x13, 11300), []Spend{fare(0x11, 400, 1), fare(0x12, 300, 2)}},
		Answer{First: 0x10, Second: 0x13, Kind: Clean, DecidedAt: from + 30*day}},
	"flash card: the difference": {
		story{true, second(0x13, 11300), []Spend{fare(0x11, 400, 1)}},
		Answer{First: 0x10, Second: 0x13, Kind: FlashCard, Amount: 300, DecidedAt: from + 30*day}},
	"nothing between, the load ran: known at once": {
		story{false, second(0x11, 12000), nil},
		Answer{First: 0x10, Second: 0x11, Kind: Clean, DecidedAt: from + 10*day}},
	"nothing between, Y2 = Y1: flash load, known at once": {
		story{false, second(0x11, 2000), nil},
		Answer{First: 0x10, Second: 0x11, Kind: FlashLoad, Amount: 10000, DecidedAt: from + 10*day}},
	"taps between, Y2 = Y1 - T: flash load after the window": {
		story{false, second(0x12, 1600), []Spend{fare(0x11, 400, 1)}},
		Answer{First: 0x10, Second: 0x12, Kind: FlashLoad, Amount: 10000, DecidedAt: from + 30*day, Either: true}},
	"the load ran and flash cards took just its amount: the same numbers, called a flash load": {
		story{false, second(0x14, 1600), []Spend{fare(0x11, 400, 1)}}, // 0x12 took 60.00 and 0x13 took 40.00, nobody presented them
		Answer{First: 0x10, Second: 0x14, Kind: FlashLoad, Amount: 10000, DecidedAt: from + 30*day, Either: true}},
	"the same, but the host had the load's result": {
		story{true, second(0x14, 1600), []Spend{fare(0x11, 400, 1)}},
		Answer{First: 0x10, Second: 0x14, Kind: FlashCard, Amount: 10000, DecidedAt: from + 30*day, Either: true}},
	"flash load and flash card together: one flash card of the sum": {
		story{false, second(0x13, 1300), []Spend{fare(0x11, 400, 1)}},
		Answer{First: 0x10, Second: 0x13, Kind: FlashCard, Amount: 10300, DecidedAt: from + 30*day}},
	"a row that comes after the window is called a flash card": {
		story{true, second(0x12, 11600), []Spend{{ATC: 0x11, Amount: 400, Time: from + day, Arrived: from + 30*day + 1}}},
		Answer{First: 0x10, Second: 0x12, Kind: FlashCard, Amount: 400, DecidedAt: from + 30*day}},
	"a row that comes with the last second of the window counts": {
		story{true, second(0x12, 11600), []Spend{{ATC: 0x11, Amount: 400, Time: from + day, Arrived: from + 30*day}}},
		Answer{First: 0x10, Second: 0x12, Kind: Clean, DecidedAt: from + 30*day}},
	"an unbacked row hides as much of a flash card": {
		story{true, second(0x13, 11600), []Spend{fare(0x12, 400, 2)}}, // 0x11 took 4.00; the row of 0x12 was never paid
		Answer{First: 0x10, Second: 0x13, Kind: Clean, DecidedAt: from + 30*day}},
	"a clock that runs behind puts the row before the first load": {
		story{true, second(0x12, 11600), []Spend{fare(0x11, 400, -1)}},
		Answer{First: 0x10, Second: 0x12, Kind: FlashCard, Amount: 400, DecidedAt: from + 30*day}},
	"an unbacked row alone: the papers have no sentence": {
		story{true, second(0x12, 12000), []Spend{fare(0x11, 400, 1)}},
		Answer{First: 0x10, Second: 0x12, Kind: Undecided, DecidedAt: from + 30*day}},
	"nothing between, more than normal: the papers have no sentence": {
		story{false, second(0x11, 12001), nil},
		Answer{First: 0x10, Second: 0x11, Kind: Undecided, DecidedAt: from + 30*day}},
	"a row of the second of the first load belongs to the time before": {
		story{true, second(0x12, 12000), []Spend{fare(0x11, 400, 0)}},
		Answer{First: 0x10, Second: 0x12, Kind: Clean, DecidedAt: from + 30*day}},
	"a row of the second of the second load belongs to the time between": {
		story{true, second(0x12, 11600), []Spend{fare(0x11, 400, 10)}},
		Answer{First: 0x10, Second: 0x12, Kind: Clean, DecidedAt: from + 30*day}},
	"nothing between, yet value is missing: the formula for flash cards is the only one that speaks": {
		story{true, second(0x11, 11700), nil},
		Answer{First: 0x10, Second: 0x11, Kind: FlashCard, Amount: 300, DecidedAt: from + 30*day}},
}

func TestStories(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			loads := []Load{s.second, s.first()}
			got := Compare(loads, s.spends, from+40*day, Window)
			if diff := cmp.Diff([]Answer{s.want}, got); diff != "" {
				t.Error(diff)
			}
			if s.want.DecidedAt > s.second.Time {
				early := Compare(loads, s.spends, s.want.DecidedAt-1, Window)
				if len(early) != 1 || early[0].Kind != Waiting || early[0].DecidedAt != s.want.DecidedAt || early[0].Amount != 0 {
					t.Errorf("one second before the window is over: %+v, want waiting", early)
				}
			}
			if early := Compare(loads, s.spends, s.second.Time-1, Window); early != nil {
				t.Errorf("before the second load: %+v, want nothing", early)
			}
		})
	}
}

// TestCannotTellApart holds the pairs of stories that differ in truth and not in what
// the method says: the reason for the card timeline.
func TestCannotTellApart(t *testing.T) {
	for _, pair := range [...][2]string{
		{"taps between, Y2 = Y1 - T: flash load after the window", "the load ran and flash cards took just its amount: the same numbers, called a flash load"},
		{"normal: Y1 + L1 - T = Y2", "an unbacked row hides as much of a flash card"},
		{"flash card: the difference", "a row that comes after the window is called a flash card"},
	} {
		a, b := stories[pair[0]].want, stories[pair[1]].want
		if a.Kind != b.Kind || a.Kind == Nothing {
			t.Errorf("%q is %v, %q is %v: want the same", pair[0], a.Kind, pair[1], b.Kind)
		}
	}
}

func TestNoLoads(t *testing.T) {
	one := []Load{{ATC: 1, Before: 5, Amount: 5, Time: from}}
	for _, loads := range [][]Load{nil, one} {
		if got := Compare(loads, []Spend{fare(2, 100, 1)}, from+99*day, Window); got != nil {
			t.Errorf("%d loads: %+v, want nothing", len(loads), got)
		}
	}
}

func TestRepeatedLoadCountsOnce(t *testing.T) {
	loads := []Load{{ATC: 1, Before: 0, Amount: 500, Time: from}, {ATC: 1, Before: 0, Amount: 500, Time: from + hour}, {ATC: 2, Before: 500, Amount: 500, Time: from + day}}
	got := Compare(loads, nil, from+day, Window)
	if len(got) != 1 || got[0].Kind != Clean {
		t.Errorf("%+v, want one clean answer", got)
	}
}

func TestLastCounterIsFollowedByNone(t *testing.T) {
	loads := []Load{{ATC: 0, Before: 0, Amount: 500, Time: from}, {ATC: 65535, Before: 0, Amount: 500, Time: from + day}}
	if got := Compare(loads, nil, from+day, Window); len(got) != 1 || got[0].Kind != Waiting {
		t.Errorf("%+v, want one answer that waits: counters 0 and 65535 are no neighbours", got)
	}
}

func TestAbout(t *testing.T) {
	answers := []Answer{{First: 10, Second: 20, Kind: Clean}, {First: 20, Second: 31, Kind: FlashCard}}
	for atc, want := range map[uint16]Kind{10: Clean, 19: Clean, 20: FlashCard, 30: FlashCard} {
		if a, found := About(answers, atc); !found || a.Kind != want {
			t.Errorf("counter %d: %v, %v; want %v", atc, a.Kind, found, want)
		}
	}
	for _, atc := range []uint16{9, 31} {
		if a, found := About(answers, atc); found {
			t.Errorf("counter %d lies between no two loads, but got %+v", atc, a)
		}
	}
}

func TestKnew(t *testing.T) {
	s := stories["flash card: the difference"]
	loads := []Load{s.first(), s.second}
	want := []Step{{from + 10*day, Known{Kind: Waiting}}, {from + 30*day, Known{FlashCard, 300}}}
	if diff := cmp.Diff(want, Knew(loads, s.spends, 0x12, Window)); diff != "" {
		t.Error(diff)
	}
	if got := Knew(loads, s.spends, 0x13, Window); got != nil {
		t.Errorf("behind the last load: %v, want nothing", got)
	}
	s = stories["nothing between, Y2 = Y1: flash load, known at once"]
	want = []Step{{from + 10*day, Known{FlashLoad, 10000}}}
	if diff := cmp.Diff(want, Knew([]Load{s.first(), s.second}, nil, 0x10, Window)); diff != "" {
		t.Error(diff)
	}
	if got := Knew(nil, nil, 1, Window); got != nil {
		t.Errorf("no loads: %v", got)
	}
}

func TestDays(t *testing.T) {
	card := func(f money.Fen) Known { return Known{FlashCard, f} }
	begin := midnight(from)
	timeline := []Step{{begin + 10*hour, Known{Missing, 300}}, {begin + 20*hour, card(300)}}
	papers := []Step{{begin + 5*day, Known{Kind: Waiting}}, {begin + 25*day, card(300)}}
	want := []Knowledge{{begin, card(300), Known{}}, {begin + 5*day, card(300), Known{Kind: Waiting}}, {begin + 25*day, card(300), card(300)}}
	if diff := cmp.Diff(want, Days(timeline, papers)); diff != "" {
		t.Error(diff)
	}
	if got := Days(nil, nil); got != nil {
		t.Errorf("no steps: %v", got)
	}
	for _, at := range []int64{0, -1, from, from + 86399, -8 * 3600, -8*3600 - 1} {
		if m := midnight(at); m > at || at-m >= day || (m+zone)%day != 0 {
			t.Errorf("midnight(%d) = %d", at, m)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	var seen []string
	for k := Nothing; k.Valid(); k++ {
		if slices.Contains(seen, k.String()) || k.String() == "" {
			t.Errorf("kind %d has the name %q", k, k)
		}
		seen = append(seen, k.String())
	}
	if got := Kind(99).String(); got != "Kind(99)" {
		t.Errorf("unknown kind: %q", got)
	}
}
