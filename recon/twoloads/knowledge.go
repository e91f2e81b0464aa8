package twoloads

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/money"
)

// day is in seconds; days begin at midnight of UTC+8.
const (
	day  int64 = 86400
	zone int64 = 8 * 3600
)

// Known is what a method says about one case at one moment.
type Known struct {
	Kind   Kind
	Amount money.Fen
}

// Step is a moment at which a method came to say something else.
type Step struct {
	At int64 // unix seconds
	Known
}

// Knowledge is who knew what at the end of one day.
type Knowledge struct {
	Day                    int64 // unix seconds of the midnight with which the day began, UTC+8
	ByTimeline, ByTwoLoads Known
}

// Knew says how the answer about one counter came about: nothing before the second
// load, then the answer or the wait for it. The result is in order of time.
func Knew(loads []Load, spends []Spend, atc uint16, window int64) []Step {
	last := int64(0)
	for _, l := range loads {
		last = max(last, l.Time)
	}
	a, found := About(Compare(loads, spends, last+window, window), atc)
	if !found {
		return nil
	}
	at := slices.IndexFunc(inOrder(loads, last), func(l Load) bool { return l.ATC == a.Second })
	second := inOrder(loads, last)[at].Time
	answer := Step{a.DecidedAt, Known{a.Kind, a.Amount}}
	if second == a.DecidedAt {
		return []Step{answer}
	}
	return []Step{{second, Known{Kind: Waiting}}, answer}
}

// Days puts two methods beside each other: one entry for each day on which one of
// them came to say something else, in order. Of several steps on one day the last
// counts.
func Days(timeline, twoLoads []Step) []Knowledge {
	type turn struct {
		Step
		second bool
	}
	var turns []turn
	for _, s := range timeline {
		turns = append(turns, turn{s, false})
	}
	for _, s := range twoLoads {
		turns = append(turns, turn{s, true})
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return cmp.Compare(a.At, b.At) })
	var out []Knowledge
	var now Knowledge
	for _, t := range turns {
		if t.second {
			now.ByTwoLoads = t.Known
		} else {
			now.ByTimeline = t.Known
		}
		now.Day = midnight(t.At)
		if n := len(out); n > 0 && out[n-1].Day == now.Day {
			out[n-1] = now
			continue
		}
		out = append(out, now)
	}
	return out
}

// midnight is the beginning of the day at UTC+8, also before 1970.
func midnight(t int64) int64 {
	into := (t + zone) % day
	if into < 0 {
		into += day
	}
	return t - into
}
