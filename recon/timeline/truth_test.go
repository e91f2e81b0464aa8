package timeline_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// life is a card that really lived: what happened to it, and what of that is told.
type life struct {
	told     []telling // in the order of the counters
	open     money.Fen
	lost     money.Fen       // what the customer truly lacks or rode without presenting, before the last observation
	flash    map[uint16]bool // doubt rows that truly paid
	pendingL money.Fen       // the same, since the last observation
	value    money.Fen
	atc      uint16
	steps    []lived
	reads    []reading
}

// telling is an observation and the day on which it arrives.
type telling struct {
	o       timeline.Observation
	arrives int64
}

// live draws a life of up to ten events. Rows arrive on time, late, or never.
// Liars and refusals, when wanted, present rows that the card never paid, or rows
// that are not cleared.
func live(t *rapid.T, dishonest bool) *life {
	l := &life{open: money.Fen(rapid.Int64Range(20, 60).Draw(t, "opening")), flash: map[uint16]bool{}}
	l.value = l.open
	l.tell(ob(opening, 0, l.open, 0, at(0)), 0)
	for range rapid.IntRange(1, 10).Draw(t, "events") {
		before := l.value
		l.event(t, dishonest)
		l.steps = append(l.steps, lived{l.atc, before, l.value})
	}
	for range rapid.IntRange(-2, 2).Draw(t, "readings") {
		l.reads = append(l.reads, l.read(t))
	}
	return l
}

func (l *life) tell(o timeline.Observation, arrives int64) {
	o.Time = int64(o.ATC) * 3600
	l.told = append(l.told, telling{o, arrives})
	l.lost += l.pendingL
	l.pendingL = 0
}

func (l *life) event(t *rapid.T, dishonest bool) {
	l.atc++
	before, amount := l.value, money.Fen(rapid.Int64Range(1, 8).Draw(t, "amount"))
	arrives := rapid.SampledFrom([]int64{1, 1, 1, 1, 3, 10, 25, 40}).Draw(t, "arrives")
	if before < amount {
		amount = 0
	}
	what := rapid.SampledFrom([]string{"pay", "pay", "pay", "entry", "torn", "lost", "flash", "left", "load", "hidden", "lie", "refused"}).Draw(t, "what")
	switch {
	case what == "load":
		ran := rapid.Bool().Draw(t, "script ran")
		l.tell(ob(load, l.atc, before, 20), 1)
		if ran {
			l.value += 20
		} else {
			l.pendingL += 20
		}
	case what == "torn":
		// GPO answer lost, or a phone's poll: a counter and nothing else.
	case what == "entry" || amount == 0:
		l.tell(ob(zero, l.atc, before, 0), arrives)
	case what == "hidden":
		// Paid, and the terminal never uploads.
		l.value -= amount
		l.pendingL += amount
	case what == "flash" || what == "left":
		o := ob(doubt, l.atc, before, amount)
		o.Service = what == "flash" && rapid.Bool().Draw(t, "served")
		l.tell(o, arrives)
		if what == "flash" {
			l.flash[l.atc] = true
			l.value -= amount
			l.pendingL += amount
		}
	case what == "lie" && dishonest:
		l.tell(ob(paid, l.atc, before, amount), arrives)
	case what == "refused" && dishonest:
		l.tell(ob(paid, l.atc, before, amount, refused), arrives)
		l.value -= amount
	default:
		l.tell(ob(paid, l.atc, before, amount, certainty(rapid.SampledFrom([]timeline.Certainty{yes, yes, open}).Draw(t, "proof"))), arrives)
		l.value -= amount
	}
}

// run lets the tellings arrive and judges on drawn days; check sees each judgement
// and the issuer's book balance after its actions.
func (l *life) run(t *rapid.T, p timeline.Params, check func(day int64, j timeline.Judgement, c *timeline.Card, book money.Fen)) *timeline.Card {
	c := card()
	book := money.Fen(0)
	for d := int64(0); d <= 70; d++ {
		for _, x := range l.told {
			if x.arrives != d {
				continue
			}
			c.Add(x.o)
			switch x.o.Kind {
			case opening:
				book += x.o.B
			case load:
				book += x.o.Debit
			case paid:
				if !x.o.Refused {
					book -= x.o.Debit
				}
			}
		}
		l.tellLogs(t, c, d)
		if d != 70 && !rapid.Bool().Draw(t, "judge") {
			continue
		}
		j := c.Judge(d*day+12*3600, p, nil)
		book -= issued(j.Actions)
		check(d, j, c, book)
		l.bounds(t, c, &p)
		for _, b := range j.Breaks {
			if p.ApproveAbove == 0 || d != 70 && rapid.IntRange(0, 3).Draw(t, "approved") > 0 {
				continue
			}
			if err := c.Grant(b.P, b.Q); b.Waits && err != nil {
				t.Fatalf("day %d: %q waits, and %v", d, brief(j), err)
			}
		}
		if p.ApproveAbove > 0 {
			j = c.Judge(d*day+12*3600, p, nil)
			book -= issued(j.Actions)
			check(d, j, c, book)
		}
		if again := c.Judge(d*day+12*3600, p, nil); len(again.Actions) > 0 {
			t.Fatalf("day %d: judged again, it asks for %v", d, again.Actions)
		}
		c = redecode(t, c)
	}
	return c
}

var lifeRules = timeline.Params{Cap: 8, Window: 20 * day, Drift: 2, ProvisionalAfter: 5 * day, ProvisionalPerCard: 10, ProvisionalPerMonth: 15, ProvisionalBudget: 1000}

// TestInTheEndEveryFenIsBack: for an honest card every fen that it truly lost, up to
// its last observation, is with the customer, with the operator that gave service,
// or contested between the two by name.
func TestInTheEndEveryFenIsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := live(t, false)
		var out, contested money.Fen
		rules := lifeRules
		rules.ApproveAbove = rapid.SampledFrom([]money.Fen{0, 0, 4, 11}).Draw(t, "approve above")
		l.run(t, rules, func(d int64, j timeline.Judgement, c *timeline.Card, book money.Fen) {
			out += issued(j.Actions)
			for _, f := range j.Flash {
				if !l.flash[f.ATC] {
					t.Fatalf("day %d: invented a flash card at %d", d, f.ATC)
				}
			}
			contested = 0
			for _, a := range j.Alarms {
				if a.Kind == timeline.WordAlarm {
					t.Fatalf("day %d: a true log is called wrong: %v", d, a)
				}
			}
			for _, b := range j.Breaks {
				contested += b.Contested
				if b.State == timeline.Impossible || b.State == timeline.Unbacked {
					t.Fatalf("day %d: an honest card is %s", d, b.State)
				}
			}
			if got := c.Explained(book, &lifeRules); got != 0 {
				t.Fatalf("day %d: %d unexplained between book %d and card", d, got, book)
			}
		})
		if out+contested != l.lost {
			t.Fatalf("paid back %d, contested %d, truly lost %d: %+v", out, contested, l.lost, l.told)
		}
	})
}

// TestTheBookIsExplainedUnderLiesAndRefusals: whatever is presented, the issuer's
// book differs from the card only by what is named, and nobody is paid more than
// once for a counter.
func TestTheBookIsExplainedUnderLiesAndRefusals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := live(t, true)
		seen := map[[timeline.KeySize]byte]bool{}
		rules := lifeRules
		rules.ApproveAbove = rapid.SampledFrom([]money.Fen{0, 4, 11}).Draw(t, "approve above")
		l.run(t, rules, func(d int64, j timeline.Judgement, c *timeline.Card, book money.Fen) {
			for _, a := range j.Actions {
				if seen[a.Key.Bytes()] {
					t.Fatalf("day %d: %v a second time", d, a.Key)
				}
				seen[a.Key.Bytes()] = true
				if a.Amount <= 0 && a.Key.Purpose.MovesMoney() {
					t.Fatalf("day %d: %v of %d", d, a.Key, a.Amount)
				}
			}
			for i, b := range j.Breaks {
				if slices.ContainsFunc(j.Breaks[:i], func(a timeline.Break) bool { return a.P == b.P && a.Q == b.Q && a.Part == b.Part }) {
					t.Fatalf("two breaks with one name: %q", brief(j))
				}
			}
			for _, b := range j.Breaks {
				if b.State == timeline.Impossible {
					return
				}
			}
			if got := c.Explained(book, &lifeRules); got != 0 {
				t.Fatalf("day %d: %d unexplained, book %d: %q", d, got, book, brief(j))
			}
		})
	})
}

// TestCompactingChangesNothingThatIsLeft: cutting off the settled past leaves the
// breaks after the cut, the money and the book as they are.
func TestCompactingChangesNothingThatIsLeft(t *testing.T) {
	cut := 0
	rapid.Check(t, func(t *rapid.T) {
		l := live(t, true)
		var book money.Fen
		c := l.run(t, lifeRules, func(_ int64, _ timeline.Judgement, _ *timeline.Card, b money.Fen) { book = b })
		before := c.Judge(80*day, lifeRules, nil)
		book -= issued(before.Actions)
		unexplained := c.Explained(book, &lifeRules)
		at := rapid.OneOf(rapid.Int64Range(0, 12), rapid.Int64Range(0, 79*24)).Draw(t, "cut") * 3600
		kept := map[uint16]bool{}
		for o := range c.Observations {
			kept[o.ATC] = o.Time >= at
		}
		n := c.Compact(at, &lifeRules)
		c = redecode(t, c)
		if got := c.Explained(book, &lifeRules); got != unexplained {
			t.Fatalf("unexplained %d, before the cut %d", got, unexplained)
		}
		after := c.Judge(81*day, lifeRules, nil)
		if len(after.Actions) != 0 {
			t.Fatalf("the cut asks for %v", after.Actions)
		}
		floor := ^uint16(0)
		for o := range c.Observations {
			floor = min(floor, o.ATC)
			delete(kept, o.ATC)
		}
		for atc, young := range kept {
			if young {
				t.Fatalf("counter %d was cut off and is younger than the cut", atc)
			}
		}
		var left []timeline.Break
		for _, b := range before.Breaks {
			if b.P >= floor {
				left = append(left, b)
			}
		}
		if x, y := brief(timeline.Judgement{Breaks: left}), brief(timeline.Judgement{Breaks: after.Breaks}); len(x) != len(y) {
			t.Fatalf("breaks %q, before the cut %q", y, x)
		}
		if n > 0 {
			cut++
			a := c.Add(ob(zero, floor-1, 20, 0))
			if len(a) != 1 || a[0].Kind != timeline.ArchivedAlarm {
				t.Fatalf("a row below the cut: %v", a)
			}
		}
	})
	if cut == 0 {
		t.Error("nothing was ever cut")
	}
}
