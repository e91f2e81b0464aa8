package twoloads

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
)

// world is a random card with its truth: what it paid, what was presented, which loads
// ran.
type world struct {
	loads   []Load
	spends  []Spend
	missing []money.Fen // by pair of loads: what was paid and never presented in time
	failed  []bool      // by load: the script did not run
}

func drawWorld(t *rapid.T) world {
	var w world
	value, atc, now := money.Fen(rapid.Int64Range(0, 5000).Draw(t, "value")), uint16(1), from
	for range rapid.IntRange(2, 5).Draw(t, "loads") {
		ran := rapid.IntRange(0, 3).Draw(t, "ran") > 0
		l := Load{ATC: atc, Before: value, Amount: money.Fen(rapid.Int64Range(1, 3).Draw(t, "load") * 1000), Time: now, Told: ran && rapid.Bool().Draw(t, "told")}
		w.loads, w.failed, w.missing = append(w.loads, l), append(w.failed, !ran), append(w.missing, 0)
		if ran {
			value += l.Amount
		}
		atc++
		for range rapid.IntRange(0, 4).Draw(t, "taps") {
			now += rapid.Int64Range(1, 2*day).Draw(t, "pause")
			fare := min(value, money.Fen(rapid.Int64Range(1, 10).Draw(t, "fare")*100))
			value -= fare
			if rapid.IntRange(0, 3).Draw(t, "presented") > 0 {
				w.spends = append(w.spends, Spend{ATC: atc, Amount: fare, Time: now, Arrived: now + rapid.Int64Range(0, 20*day).Draw(t, "delay")})
			} else {
				w.missing[len(w.missing)-1] += fare
			}
			atc++
		}
		now += rapid.Int64Range(1, 5*day).Draw(t, "pause")
	}
	return w
}

// TestTotalsAreRight: with every row in time and no row that the card never paid, the
// amount is what the customer lacks, whatever its name.
func TestTotalsAreRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		answers := Compare(w.loads, w.spends, from+1000*day, Window)
		if len(answers) != len(w.loads)-1 {
			t.Fatalf("%d answers for %d loads", len(answers), len(w.loads))
		}
		for i, a := range answers {
			lacks := w.missing[i]
			if w.failed[i] {
				lacks += w.loads[i].Amount
			}
			if a.Amount != lacks {
				t.Fatalf("pair %d: %+v, but the customer lacks %d", i, a, lacks)
			}
			if a.Kind == FlashLoad != w.failed[i] && !a.Either && w.missing[i] == 0 {
				t.Fatalf("pair %d: %+v is wrong and not marked as one of two (failed %v)", i, a, w.failed[i])
			}
		}
	})
}

// TestOrderDoesNotMatter: the same sets give the same answers.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		now := from + rapid.Int64Range(0, 80*day).Draw(t, "now")
		want := Compare(w.loads, w.spends, now, Window)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		r.Shuffle(len(w.loads), func(i, j int) { w.loads[i], w.loads[j] = w.loads[j], w.loads[i] })
		r.Shuffle(len(w.spends), func(i, j int) { w.spends[i], w.spends[j] = w.spends[j], w.spends[i] })
		if diff := cmp.Diff(want, Compare(w.loads, w.spends, now, Window)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestAnswersStand: an answer that was given is given on every later day, and Knew
// tells the same story as asking each day.
func TestAnswersStand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		last := w.loads[len(w.loads)-1].Time + Window
		given := map[uint16]Answer{}
		for now := from; now <= last+day; now += day {
			for _, a := range Compare(w.loads, w.spends, now, Window) {
				if before, found := given[a.First]; found && before != a {
					t.Fatalf("on one day %+v, later %+v", before, a)
				}
				if a.Kind != Waiting {
					given[a.First] = a
				}
			}
		}
		for _, l := range w.loads[:len(w.loads)-1] {
			steps := Knew(w.loads, w.spends, l.ATC, Window)
			if end, a := steps[len(steps)-1], given[l.ATC]; end != (Step{a.DecidedAt, Known{a.Kind, a.Amount}}) {
				t.Fatalf("Knew ends with %+v, asked day by day it was %+v", end, a)
			}
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	s := stories["normal: Y1 + L1 - T = Y2"]
	loads := []Load{s.first(), s.second}
	b.ReportAllocs()
	for b.Loop() {
		Compare(loads, s.spends, from+40*day, Window)
	}
}
