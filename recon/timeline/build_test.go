package timeline_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// ob makes an observation at hour ATC: counter, value before, debit or load. Its
// cryptogram is unique to counter, amount and value.
func ob(kind timeline.ObsKind, atc uint16, b, amount money.Fen, more ...func(*timeline.Observation)) timeline.Observation {
	o := timeline.Observation{Kind: kind, ATC: atc, B: b, Debit: amount, Time: int64(atc) * 3600, Terminal: txn.TerminalID(atc) + 100, Sequence: uint32(atc)}
	o.Content = uint64(atc)<<48 | uint64(b)<<20 | uint64(amount) + 1
	if kind == timeline.Paid {
		o.Commit = timeline.Yes
	}
	for _, f := range more {
		f(&o)
	}
	return o
}

func certainty(c timeline.Certainty) func(*timeline.Observation) {
	return func(o *timeline.Observation) { o.Commit = c }
}
func served(o *timeline.Observation)  { o.Service = true }
func refused(o *timeline.Observation) { o.Refused = true }
func at(hour int64) func(*timeline.Observation) {
	return func(o *timeline.Observation) { o.Time = hour * 3600 }
}
func by(t txn.TerminalID, seq uint32) func(*timeline.Observation) {
	return func(o *timeline.Observation) { o.Terminal, o.Sequence = t, seq }
}

var rules = timeline.Params{Cap: 50_000, Window: 20 * day, Drift: 2}

func card(obs ...timeline.Observation) *timeline.Card {
	c := &timeline.Card{Key: txn.CardKey{PAN: testPAN, PSN: 1}}
	c.Add(obs...)
	return c
}

// only gives the verdict of a timeline of two observations.
func only(t *testing.T, obs ...timeline.Observation) timeline.Verdict {
	t.Helper()
	v := card(obs...).Verdicts(&rules)
	if len(v) != 1 {
		t.Fatalf("%d verdicts, want 1", len(v))
	}
	return v[0]
}

// brief is a judgement in one line a thing: "proven doubt 2-3 400", "refund 2-3 400".
func brief(j timeline.Judgement) []string {
	var out []string
	for _, b := range j.Breaks {
		s := fmt.Sprintf("%s %s %d-%d %d", b.State, b.Part, b.P, b.Q, int64(b.Amount))
		if b.Contested > 0 {
			s += fmt.Sprintf("+%d", int64(b.Contested))
		}
		if b.Held {
			s += " held"
		}
		if b.Stands {
			s += " stands"
		}
		out = append(out, s)
	}
	for _, a := range j.Actions {
		out = append(out, fmt.Sprintf("-> %s %d-%d %d #%d", a.Key.Purpose, a.Key.P, a.Key.Q, int64(a.Amount), a.Key.Number))
	}
	for _, a := range j.Alarms {
		out = append(out, fmt.Sprintf("! %s %d-%d", a.Kind, a.P, a.Q))
	}
	return out
}

// expect judges and compares; then it judges again and wants no action.
func expect(t *testing.T, c *timeline.Card, hour int64, p timeline.Params, marks timeline.Watermarks, want ...string) timeline.Judgement {
	t.Helper()
	j := c.Judge(hour*3600, p, marks)
	if got := brief(j); !slices.Equal(got, want) {
		t.Errorf("hour %d:\n got %q\nwant %q", hour, got, want)
	}
	if again := c.Judge(hour*3600, p, marks); len(again.Actions) != 0 {
		t.Errorf("hour %d: judged again, it asks for %v", hour, again.Actions)
	}
	return j
}

// Kinds and certainties by short names.
const (
	opening, paid, zero, doubt       = timeline.Opening, timeline.Paid, timeline.Zero, timeline.Doubt
	declined, online, load           = timeline.Declined, timeline.Online, timeline.Load
	yes, no, open                    = timeline.Yes, timeline.No, timeline.Open
	decided, undecided               = timeline.Decided, timeline.Undecided
	unbacked, impossible             = timeline.OutcomeUnbacked, timeline.OutcomeImpossible
	windowEnd                  int64 = 20*24 + 100 // an hour by which every window of these tests is over
)
