package timeline_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// quotaLife is the rows and pushes of a quota card. Some rows are never presented, some
// pushes do not tell their place or are not known to be executed.
func quotaLife(t *rapid.T) (told []timeline.Observation) {
	value, atc, number := money.Fen(0), uint16(0), uint16(0)
	push := func() {
		number++
		was := value
		value = money.Fen(rapid.Int64Range(4, 9).Draw(t, "quota"))
		o := ob(timeline.Push, atc, value, 0)
		o.Content, o.Commit, o.Placed = uint64(number), yes, rapid.IntRange(0, 9).Draw(t, "placed") > 0
		if !o.Placed {
			o.ATC = rapid.Uint16Range(0, atc).Draw(t, "after")
		}
		if number > 1 && rapid.IntRange(0, 9).Draw(t, "executed") == 0 {
			o.Commit = open
			if rapid.Bool().Draw(t, "lost") {
				value = was
			}
		}
		told = append(told, o)
	}
	push()
	for range rapid.IntRange(6, 16).Draw(t, "events") {
		if rapid.IntRange(0, 2).Draw(t, "push") == 0 {
			push()
			continue
		}
		atc++
		amount := money.Fen(rapid.Int64Range(0, 3).Draw(t, "amount"))
		switch {
		case rapid.IntRange(0, 4).Draw(t, "lost") == 0:
			value -= min(amount, value)
		case amount == 0 || amount > value:
			told = append(told, ob(zero, atc, value, 0))
		case rapid.IntRange(0, 3).Draw(t, "doubt") == 0:
			told = append(told, ob(doubt, atc, value, amount))
			if rapid.Bool().Draw(t, "paid") {
				value -= amount
			}
		default:
			told = append(told, ob(paid, atc, value, amount))
			value -= amount
		}
	}
	return told
}

// TestCompactingAQuotaCardChangesNothingThatIsLeft: pairs behind the push with which the
// timeline begins are judged as before, those that come later too.
func TestCompactingAQuotaCardChangesNothingThatIsLeft(t *testing.T) {
	cuts := 0
	rapid.Check(t, func(t *rapid.T) {
		told := quotaLife(t)
		var known, later []timeline.Observation
		for _, o := range told {
			if rapid.IntRange(0, 5).Draw(t, "late") == 0 && o.Kind != timeline.Push {
				later = append(later, o)
			} else {
				known = append(known, o)
			}
		}
		full, short := card(known...), card(known...)
		same := func(floor uint16) {
			var want []timeline.Verdict
			for _, v := range full.Verdicts(&smallRules) {
				if v.P > floor {
					want = append(want, v)
				}
			}
			if got := short.Verdicts(&smallRules); !slices.Equal(got, want) {
				t.Fatalf("from %d: %+v\nwant %+v\nof %+v", floor, got, want, told)
			}
			if a, b := full.Value(&smallRules), short.Value(&smallRules); a.Least != b.Least || a.Most != b.Most {
				t.Fatalf("value %+v, whole %+v", b, a)
			}
		}
		short.Judge(100*day, smallRules, nil)
		n := short.Compact(rapid.Int64Range(2, 20).Draw(t, "before")*3600, &smallRules)
		if n == 0 {
			return
		}
		cuts++
		floor, compacted := short.First()
		if !compacted {
			t.Fatal("compacted, and does not say so")
		}
		same(floor)
		short = redecode(t, short)
		was := short.Append(nil)
		for _, o := range known {
			if o.ATC < floor || o.ATC == floor && o.Kind != timeline.Push {
				if a := short.Add(o); len(a) != 1 || a[0].Kind != timeline.ArchivedAlarm {
					t.Fatalf("%+v from before the cut: %v", o, a)
				}
			}
		}
		if !bytes.Equal(short.Append(nil), was) {
			t.Fatal("what lies before the cut was added")
		}
		for _, o := range later {
			if o.ATC <= floor {
				continue
			}
			full.Add(o)
			short.Add(o)
			same(floor)
		}
		j := short.Judge(100*day, smallRules, nil)
		if len(j.Actions) > 0 && !j.Frozen {
			t.Fatalf("a quota card moves %v", j.Actions)
		}
	})
	if cuts == 0 && !testing.Short() {
		t.Error("nothing was ever cut")
	}
}

// TestAQuotaCardIsCutOnlyAtAPushWithoutADoubt: with rows still to come, a push whose
// place or outcome is a guess may turn out to lie elsewhere.
func TestAQuotaCardIsCutOnlyAtAPushWithoutADoubt(t *testing.T) {
	push := func(atc uint16, value money.Fen, number uint64, c timeline.Certainty, placed bool) timeline.Observation {
		return ob(timeline.Push, atc, value, 0, certainty(c), func(o *timeline.Observation) { o.Content, o.Placed = number, placed })
	}
	for name, c := range map[string]struct {
		second timeline.Observation
		more   []timeline.Observation
		want   int
	}{
		"told":              {push(2, 5, 2, yes, true), nil, 2},
		"no place":          {push(2, 5, 2, yes, false), nil, 0},
		"outcome open":      {push(2, 5, 2, open, true), nil, 0},
		"a third beside it": {push(2, 5, 2, yes, true), []timeline.Observation{push(3, 5, 3, open, true)}, 0},
		"deposit used":      {push(2, 5, 2, yes, true), []timeline.Observation{ob(zero, 6, 0, 0, func(o *timeline.Observation) { o.Used, o.UsedRead = 1, true })}, 0},
	} {
		card := card(push(0, 4, 1, yes, true), ob(zero, 2, 4, 0), c.second, ob(zero, 4, 5, 0))
		card.Add(c.more...)
		if n := card.Compact(100*day, &smallRules); n != c.want {
			t.Errorf("%s: %d dropped, want %d", name, n, c.want)
		}
	}
}
