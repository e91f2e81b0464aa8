package timeline_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// anything draws an observation with little variety, so that counters, cryptograms
// and sources meet often.
func anything(t *rapid.T) timeline.Observation {
	o := timeline.Observation{
		ATC:      rapid.Uint16Range(1, 6).Draw(t, "atc"),
		Kind:     timeline.ObsKind(rapid.Uint8Range(1, 7).Draw(t, "kind")),
		B:        money.Fen(rapid.Int64Range(5, 12).Draw(t, "before")),
		Content:  rapid.Uint64Range(1, 2).Draw(t, "cryptogram"),
		Time:     rapid.Int64Range(0, 3).Draw(t, "time") * day,
		Terminal: txn.TerminalID(rapid.Uint32Range(1, 2).Draw(t, "terminal")),
		Sequence: rapid.Uint32Range(1, 2).Draw(t, "sequence"),
	}
	switch o.Kind {
	case paid, doubt, load:
		o.Debit = money.Fen(rapid.Int64Range(1, 4).Draw(t, "amount"))
		o.Commit = timeline.Certainty(rapid.Uint8Range(0, 2).Draw(t, "commit"))
		o.Service = o.Kind == doubt && rapid.Bool().Draw(t, "service")
		o.Refused = o.Kind == paid && rapid.Bool().Draw(t, "refused")
	}
	return o
}

// anythingAtAll draws also what only cards with the transit extension, purses and quota
// cards do. All cards are odd: a purse with a push cannot be, and must not break anything.
func anythingAtAll(t *rapid.T) timeline.Observation {
	o := anything(t)
	switch rapid.SampledFrom([]string{"plain", "plain", "hold", "completion", "deposit", "purse", "push"}).Draw(t, "sort") {
	case "hold":
		o.Kind, o.Debit, o.Service, o.Refused = hold, 0, false, false
		o.Held = money.Fen(rapid.Int64Range(0, 5).Draw(t, "held"))
		o.Commit = timeline.Certainty(rapid.Uint8Range(0, 2).Draw(t, "commit"))
	case "completion":
		if o.Kind != paid && o.Kind != doubt && o.Kind != zero {
			break
		}
		o.Completes, o.Held = true, money.Fen(rapid.Int64Range(0, 5).Draw(t, "held"))
		o.HoldATC = rapid.Uint16Range(0, o.ATC-1).Draw(t, "hold")
	case "deposit":
		o.B, o.UsedRead = o.Debit, true
		if o.Kind == load {
			o.B = 0
		}
		o.Used = money.Fen(rapid.Int64Range(0, 5).Draw(t, "used"))
	case "purse":
		o.Purse = o.Kind != opening
	case "push":
		o.Kind, o.Debit, o.Service, o.Refused = timeline.Push, 0, false, false
		o.Placed = rapid.Bool().Draw(t, "placed")
	}
	return o
}

func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs := rapid.SliceOfN(rapid.Custom(anythingAtAll), 1, 12).Draw(t, "observations")
		again := append(slices.Clone(obs), rapid.SliceOfN(rapid.SampledFrom(obs), 0, 4).Draw(t, "repeats")...)
		again = rapid.Permutation(again).Draw(t, "order")
		a, b := card(obs...), card()
		for _, o := range again {
			b.Add(o)
		}
		if !bytes.Equal(a.Append(nil), b.Append(nil)) {
			t.Fatalf("order or repetition changed the card:\n%v\n%v", slices.Collect(a.Observations), slices.Collect(b.Observations))
		}
		x, y := a.Judge(windowEnd*3600, smallRules, nil), b.Judge(windowEnd*3600, smallRules, nil)
		if !slices.Equal(brief(x), brief(y)) {
			t.Fatalf("%q\n%q", brief(x), brief(y))
		}
	})
}

func TestJudgingOnTheWayDoesNotChangeWhatIsKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs := rapid.SliceOfN(rapid.Custom(anythingAtAll), 1, 12).Draw(t, "observations")
		fresh, lived := card(obs...), card()
		for i, o := range obs {
			lived.Add(o)
			now := int64(i) * 2 * day
			j := lived.Judge(now, smallRules, nil)
			if again := lived.Judge(now, smallRules, nil); len(again.Actions) != 0 || !slices.Equal(states(j), states(again)) {
				t.Fatalf("judged twice at %d: %q, then %q", now, brief(j), brief(again))
			}
			for i, b := range j.Breaks {
				if slices.ContainsFunc(j.Breaks[:i], func(a timeline.Break) bool { return a.P == b.P && a.Q == b.Q && a.Part == b.Part }) {
					t.Fatalf("two breaks with one name: %q", brief(j))
				}
			}
			lived = redecode(t, lived)
		}
		x, y := fresh.Judge(windowEnd*3600, smallRules, nil), lived.Judge(windowEnd*3600, smallRules, nil)
		if !slices.EqualFunc(x.Flash, y.Flash, func(a, b timeline.Flash) bool {
			return a.ATC == b.ATC && a.Amount == b.Amount && a.Service == b.Service
		}) {
			t.Fatalf("flash findings %v, fresh %v", y.Flash, x.Flash)
		}
		if !slices.Equal(x.Alarms, y.Alarms) || x.Frozen != y.Frozen {
			t.Fatalf("alarms %v, fresh %v", y.Alarms, x.Alarms)
		}
		if !slices.Equal(standing(x), standing(y)) {
			t.Fatalf("standing breaks %q, fresh %q", standing(y), standing(x))
		}
	})
}

// states is the breaks without history that a first look alone reports.
func states(j timeline.Judgement) []string {
	return brief(timeline.Judgement{Breaks: slices.DeleteFunc(slices.Clone(j.Breaks), func(b timeline.Break) bool { return b.State == timeline.Disproved })})
}

// standing is what is wrong now, whatever was done about it on the way.
func standing(j timeline.Judgement) []string {
	breaks := slices.DeleteFunc(slices.Clone(j.Breaks), func(b timeline.Break) bool {
		return b.State == timeline.Disproved || b.State == timeline.Late
	})
	for i := range breaks {
		breaks[i].Held = false
	}
	return brief(timeline.Judgement{Breaks: breaks})
}

func redecode(t *rapid.T, c *timeline.Card) *timeline.Card {
	blob := c.Append(nil)
	d := &timeline.Card{Key: c.Key}
	if err := d.Decode(blob); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(d.Append(nil), blob) {
		t.Fatal("decoded card encodes differently")
	}
	return d
}

var smallRules = timeline.Params{Cap: 4, Window: 20 * day, Drift: 2}

// assignment is one way in which the two observations can both be true.
type assignment struct {
	u      int
	missed money.Fen
}

// assignments tries every bit and every amount at every missing counter.
func assignments(p, q timeline.Observation, limit money.Fen) []assignment {
	var out []assignment
	var walk func(u int, value, missed money.Fen, left int)
	walk = func(u int, value, missed money.Fen, left int) {
		if left == 0 {
			if a := (assignment{u, missed}); value == q.B && !slices.Contains(out, a) {
				out = append(out, a)
			}
			return
		}
		for amount := money.Fen(0); amount <= limit; amount++ {
			walk(u, value-amount, missed+amount, left-1)
		}
	}
	gap := int(q.ATC) - int(p.ATC) - 1
	walk(0, p.B, 0, gap)
	switch p.Kind {
	case paid, doubt:
		walk(1, p.B-p.Debit, 0, gap)
	case load:
		walk(1, p.B+p.Debit, 0, gap)
	}
	// The word of a source chooses among what the balances leave.
	word := -1
	if p.Commit == yes {
		word = 1
	} else if p.Commit == no && p.Kind != paid {
		word = 0
	}
	believed := slices.DeleteFunc(slices.Clone(out), func(a assignment) bool { return word >= 0 && a.u != word })
	if len(believed) > 0 {
		return believed
	}
	return out
}

// lack is what the customer misses in one assignment, beyond what was presented.
func lack(p timeline.Observation, a assignment) money.Fen {
	switch {
	case p.Kind == doubt && !p.Service:
		return money.Fen(a.u)*p.Debit + a.missed
	case p.Kind == load:
		return money.Fen(1-a.u)*p.Debit + a.missed
	}
	return a.missed
}

// history draws observations of different counters, with values that fit often.
func history(t *rapid.T) []timeline.Observation {
	var obs []timeline.Observation
	atc, b := uint16(1), money.Fen(rapid.Int64Range(6, 12).Draw(t, "first"))
	for range rapid.IntRange(2, 5).Draw(t, "n") {
		o := anything(t)
		o.ATC, o.B, o.Time = atc, max(b, 4), int64(atc)*3600
		obs = append(obs, o)
		atc += rapid.Uint16Range(1, 3).Draw(t, "step")
		b += money.Fen(rapid.Int64Range(-7, 3).Draw(t, "rise"))
		if o.Kind == load && rapid.Bool().Draw(t, "loaded") {
			b += o.Debit
		}
	}
	return obs
}

func TestVerdictsAgreeWithTryingEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs := rapid.Custom(history).Draw(t, "history")
		c := card(obs...)
		var refunds money.Fen
		var flash []uint16
		broken := false
		for i, v := range c.Verdicts(&smallRules) {
			p := obs[i]
			all := assignments(p, obs[i+1], smallRules.Cap)
			if len(all) == 0 {
				broken = true
				if v.Outcome != impossible {
					t.Fatalf("%+v of %+v, %+v: nothing is feasible", v, p, obs[i+1])
				}
				continue
			}
			least, same := lack(p, all[0]), true
			for _, a := range all {
				least, same = min(least, lack(p, a)), same && a == all[0]
			}
			refunds += least
			if same != (v.Outcome == decided || v.Outcome == unbacked) || v.Outcome == impossible {
				t.Fatalf("%+v of %+v, %+v: feasible %v", v, p, obs[i+1], all)
			}
			if !same {
				continue
			}
			if v.Missed != all[0].missed || (v.Committed == yes) != (all[0].u == 1) {
				t.Fatalf("%+v of %+v, %+v: feasible only %v", v, p, obs[i+1], all)
			}
			if (v.Outcome == unbacked) != (p.Kind == paid && !p.Refused && all[0].u == 0) {
				t.Fatalf("%+v of %+v, %+v: feasible only %v", v, p, obs[i+1], all)
			}
			if p.Kind == doubt && all[0].u == 1 {
				flash = append(flash, p.ATC)
			}
		}
		j := c.Judge(windowEnd*3600, smallRules, nil)
		var found []uint16
		for _, f := range j.Flash {
			found = append(found, f.ATC)
		}
		if !slices.Equal(found, flash) {
			t.Fatalf("found flash cards at %v, decidable are %v", found, flash)
		}
		if broken {
			refunds = 0
		}
		if got := moved(j.Actions); got != refunds {
			t.Fatalf("refunds of %d, certain are %d", got, refunds)
		}
	})
}

// moved is what actions gave to the customer.
func moved(actions []timeline.Action) money.Fen {
	var sum money.Fen
	for _, a := range actions {
		switch a.Key.Purpose {
		case timeline.Refund, timeline.ProvisionalCredit:
			sum += a.Amount
		case timeline.ReverseRefund, timeline.ReverseProvisional:
			sum -= a.Amount
		}
	}
	return sum
}

// issued is what actions took from the card's float.
func issued(actions []timeline.Action) money.Fen {
	sum := moved(actions)
	for _, a := range actions {
		switch a.Key.Purpose {
		case timeline.CollectForOperator, timeline.ReverseClaim:
			sum += a.Amount
		case timeline.ReverseCollect, timeline.ClaimUnbacked:
			sum -= a.Amount
		}
	}
	return sum
}
