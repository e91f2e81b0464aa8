package timeline_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// pasts is what a card has shed, newest last, as a store keeps it.
type pasts [][]byte

// whole puts everything back that fits, newest first.
func (s pasts) whole(t *rapid.T, c *timeline.Card) {
	var past timeline.Card
	for _, blob := range slices.Backward(s) {
		if err := past.Decode(blob); err != nil {
			t.Fatalf("past: %v", err)
		}
		c.Restore(&past)
	}
	if _, compacted := c.First(); compacted {
		t.Fatal("the past does not reach back to the beginning")
	}
}

// living is a plain card that lives on: most rows follow from those before, a few are
// odd, and some come days later than the rest.
func living(t *rapid.T) (days [][]timeline.Observation) {
	days = make([][]timeline.Observation, rapid.IntRange(2, 9).Draw(t, "days")+4)
	value, atc := money.Fen(1000), uint16(0)
	for d := range days[:len(days)-4] {
		for range rapid.IntRange(0, 4).Draw(t, "taps") {
			atc++
			o := timeline.Observation{ATC: atc, B: value, Content: uint64(atc), Time: int64(d)*day + int64(atc)*60, Terminal: 1, Sequence: uint32(atc), Kind: zero}
			paid := true
			switch rapid.SampledFrom([]string{"paid", "paid", "paid", "zero", "doubt", "doubt unpaid", "served", "load", "odd", "nobody"}).Draw(t, "what") {
			case "paid":
				o.Kind, o.Debit, o.Commit = timeline.Paid, 3, timeline.Yes
				o.Refused = rapid.IntRange(0, 9).Draw(t, "refused") == 0
			case "doubt":
				o.Kind, o.Debit = doubt, 4
			case "doubt unpaid":
				o.Kind, o.Debit, paid = doubt, 4, false
			case "served":
				o.Kind, o.Debit, o.Service = doubt, 4, true
			case "load":
				o.Kind, o.Debit = load, 50
				paid = rapid.Bool().Draw(t, "ran")
				if paid {
					value += 100 // 50 goes below
				}
			case "odd":
				o = anything(t)
				o.ATC, paid = max(1, atc-o.ATC+1), false
			case "nobody":
				value -= 2
				continue
			}
			if paid {
				value -= o.Debit
			}
			late := max(0, rapid.IntRange(-9, 4).Draw(t, "late"))
			days[d+late] = append(days[d+late], o)
		}
	}
	return days
}

// TestSheddingChangesNothing: a card that sheds every day and takes its past back
// only when a row wants it says and does what the whole card does.
func TestSheddingChangesNothing(t *testing.T) {
	shed, restored := 0, 0
	rules := smallRules
	rules.ProvisionalPerCard, rules.ProvisionalPerMonth, rules.ProvisionalBudget, rules.ProvisionalAfter = 100, 500, 1000, day
	rules.Window = 4 * day
	rapid.Check(t, func(t *rapid.T) {
		full, short := card(), card()
		var kept pasts
		past := card()
		for d, rows := range living(t) {
			now := int64(d+1) * day
			for i := range rows {
				if first, more := short.First(); more && timeline.WantsPast(&rows[i], first, &rules) {
					kept.whole(t, short)
					restored++
				}
				full.Add(rows[i])
				short.Add(rows[i])
			}
			first, _ := short.First()
			a, b := full.Judge(now, rules, nil), short.Judge(now, rules, nil)
			a.Breaks = slices.DeleteFunc(a.Breaks, func(b timeline.Break) bool { return b.P < first })
			if !slices.Equal(brief(a), brief(b)) || !slices.Equal(a.Actions, b.Actions) || a.Open != b.Open || a.Due != b.Due || a.Frozen != b.Frozen || a.Provisional != b.Provisional {
				t.Fatalf("day %d from %04X: whole card says %q, the rest %q", d, first, brief(a), brief(b))
			}
			if full.Explained(5000, &rules) != short.Explained(5000, &rules) {
				t.Fatalf("day %d: the books explain something else", d)
			}
			if short.Shed(now-day, &rules, past) {
				kept = append(kept, past.Append(nil))
				shed++
			}
			full, short = redecode(t, full), redecode(t, short)
		}
		kept.whole(t, short)
		if !bytes.Equal(full.Append(nil), short.Append(nil)) {
			t.Fatalf("after the past is back:\n%v\nwant\n%v", slices.Collect(short.Observations), slices.Collect(full.Observations))
		}
	})
	t.Logf("%d times shed, %d times restored", shed, restored)
	if !testing.Short() && (shed < 50 || restored < 5) {
		t.Errorf("only %d times shed and %d times restored: the test tests nothing", shed, restored)
	}
}

func TestRestoreTakesOnlyWhatFits(t *testing.T) {
	c, past, other := build(7), new(timeline.Card), build(3)
	if !c.Shed(30*day, &rules, past) || c.Len() != 1 {
		t.Fatalf("a clean card keeps its last row only, not %d", c.Len())
	}
	if c.Restore(other) || c.Restore(new(timeline.Card)) || other.Restore(past) {
		t.Error("a past was put before something else")
	}
	if !c.Restore(past) || c.Restore(past) {
		t.Error("the past fits once")
	}
	if !bytes.Equal(c.Append(nil), build(7).Append(nil)) {
		t.Error("the card is not what it was")
	}
}
