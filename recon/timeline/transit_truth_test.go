package timeline_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// TestPlainCardsAreJudgedAsBefore sends plain cards the way of cards with the transit
// extension: everything that is said must stay the same.
func TestPlainCardsAreJudgedAsBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obs := rapid.SliceOfN(rapid.Custom(anything), 1, 12).Draw(t, "observations")
		a, b := card(obs...), card(obs...)
		b.ForcePlan()
		for _, l := range rapid.SliceOfN(rapid.Custom(someLog), 0, 2).Draw(t, "logs") {
			if err := errors.Join(a.Note(l), b.Note(l)); err != nil {
				t.Fatal(err)
			}
		}
		if x, y := a.Verdicts(&smallRules), b.Verdicts(&smallRules); !slices.Equal(x, y) {
			t.Fatalf("verdicts\n%+v\nas a plain card\n%+v", y, x)
		}
		if x, y := a.Explained(50, &smallRules), b.Explained(50, &smallRules); x != y {
			t.Fatalf("unexplained %d, as a plain card %d", y, x)
		}
		for _, now := range []int64{2 * day, 15 * day, 40 * day} {
			x, y := a.Judge(now, lifeRules, nil), b.Judge(now, lifeRules, nil)
			for _, j := range []*timeline.Judgement{&x, &y} { // a log may list more than holds leave lacking
				j.Alarms = slices.DeleteFunc(j.Alarms, func(a timeline.Alarm) bool { return a.Kind == timeline.WordAlarm })
			}
			if fmt.Sprint(x) != fmt.Sprint(y) || !bytes.Equal(a.Append(nil), b.Append(nil)) {
				t.Fatalf("day %d:\n%+v\nas a plain card\n%+v", now/day, y, x)
			}
		}
	})
}

// ride is a card with pre-authorisation that really lived.
type ride struct {
	told          []telling
	atc           uint16
	opening       money.Fen
	balance, used money.Fen // 9F79, DF63
	deposit       money.Fen // DF62
	holds         []kept
	flash         map[uint16]bool
	limit, loads  money.Fen
	blind         bool // DF63 is not always read
}

// kept is an open hold.
type kept struct {
	atc    uint16
	amount money.Fen
}

// draws is where a life takes its chances from.
type draws interface {
	amount(name string, least, most money.Fen) money.Fen
	one(name string, of ...string) string
}

type chances struct{ *rapid.T }

func (c chances) amount(name string, least, most money.Fen) money.Fen {
	return money.Fen(rapid.Int64Range(int64(least), int64(most)).Draw(c.T, name))
}

func (c chances) one(name string, of ...string) string { return rapid.SampledFrom(of).Draw(c.T, name) }

// value is what belongs to the customer and is not held.
func (r *ride) value() money.Fen { return r.balance - r.used }

// pay takes a debit from balance and deposit, or says that it cannot.
func (r *ride) pay(a money.Fen) bool {
	if a > r.balance+r.deposit-r.used {
		return false
	}
	r.put(r.value() - a)
	return true
}

// put sets the value: one of balance and deposit used is always 0.
func (r *ride) put(v money.Fen) { r.balance, r.used = max(v, 0), max(-v, 0) }

// tell reports an observation as the card stood after offering it. read says whether
// the terminal asked for DF63.
func (r *ride) tell(o timeline.Observation, after *ride, read bool, arrives int64) {
	o.ATC = r.atc
	o.Time = int64(o.ATC) * 3600
	o.B = after.balance + o.Debit
	if o.Kind == load {
		o.B = r.balance
	}
	if read && after.balance == 0 {
		o.Used, o.UsedRead = after.used, true
	}
	o.Content = uint64(o.ATC)<<20 | uint64(o.B)<<8 | uint64(o.Debit) + 1
	r.told = append(r.told, telling{o, arrives})
}

// step is one counter of the card's life. All tells whether everything is reported at
// once.
func (r *ride) step(d draws, all bool) {
	r.atc++
	arrives := map[string]int64{"at once": 1, "on day 3": 3, "on day 10": 10, "on day 25": 25, "on day 40": 40}[d.one("arrives", "at once", "at once", "at once", "on day 3", "on day 10", "on day 25", "on day 40")]
	hidden, read := false, !r.blind || d.one("DF63", "read", "not read") == "read"
	if all {
		arrives = 1
	} else {
		hidden = d.one("reported", "yes", "yes", "yes", "no") == "no"
	}
	what := d.one("what", "pay", "pay", "entry", "torn", "flash", "left", "hold", "hold", "complete", "complete", "load")
	amount := d.amount("amount", 1, r.limit)
	after := *r
	o := timeline.Observation{Kind: paid, Debit: amount, Commit: yes, Terminal: 9, Sequence: uint32(r.atc)}
	commits := true
	switch {
	case what == "load":
		o = timeline.Observation{Kind: load, Debit: r.loads, Terminal: 9}
		r.tell(o, r, read, 1)
		if d.one("script", "ran", "lost") == "ran" {
			r.put(r.value() + r.loads)
		}
		return
	case what == "hold" && len(r.holds) < 3 && amount <= r.balance:
		after.balance -= amount
		after.holds = append(slices.Clone(r.holds), kept{r.atc, amount})
		o = timeline.Observation{Kind: hold, Held: amount, Commit: yes, Terminal: 9, Sequence: uint32(r.atc)}
		if d.one("hold", "seen", "seen", "in doubt", "left") != "seen" {
			o.Commit, commits = open, d.one("hold in doubt", "paid", "left") == "paid"
		}
	case what == "complete" && len(r.holds) > 0:
		k := int(d.amount("which", 0, money.Fen(len(r.holds)-1)))
		h := r.holds[k]
		amount = d.amount("fare", 0, h.amount+2)
		if !r.complete(&after, k, amount) {
			return
		}
		o.Debit, o.Held, o.Completes, o.HoldATC = amount, h.amount, true, h.atc
		switch {
		case amount == 0:
			o.Kind = zero
		case d.one("end", "seen", "seen", "seen", "in doubt") != "seen":
			o.Kind, o.Commit, commits = doubt, open, d.one("completion in doubt", "paid", "left") == "paid"
			o.Service = d.one("service", "no", "no", "yes") == "yes"
			r.flash[r.atc] = commits
		}
	case what == "torn":
		return
	case what == "pay" && after.pay(amount):
		o.Commit = map[string]timeline.Certainty{"proof": yes, "none": open}[d.one("proof", "proof", "proof", "none")]
	case (what == "flash" || what == "left") && after.pay(amount):
		o.Kind, o.Commit, commits = doubt, open, what == "flash"
		o.Service = what == "flash" && d.one("service", "no", "yes") == "yes"
		r.flash[r.atc] = commits
	default:
		o.Kind, o.Debit, o.Commit = zero, 0, open
	}
	if !hidden {
		r.tell(o, &after, read, arrives)
	}
	if commits {
		r.balance, r.used, r.holds = after.balance, after.used, after.holds
	}
}

// complete ends a hold in after: what is left of it first gives back deposit.
func (r *ride) complete(after *ride, k int, fare money.Fen) bool {
	h := r.holds[k]
	after.holds = slices.Delete(slices.Clone(r.holds), k, k+1)
	if fare <= h.amount {
		after.put(r.value() + h.amount - fare)
		return true
	}
	return after.pay(fare - h.amount)
}

// lacks is what left the card before its last observation, and neither was presented
// nor is there.
func (r *ride) lacks(tail money.Fen) money.Fen {
	lost := r.opening - tail
	if last := &r.told[len(r.told)-1].o; last.Completes && last.Kind != doubt {
		lost -= last.Held // on its way back
	}
	for _, x := range r.told[:len(r.told)-1] {
		switch x.o.Kind {
		case load:
			lost += x.o.Debit
		case paid:
			lost -= x.o.Debit
		}
	}
	return lost
}

func newRide(d draws, deposit money.Fen) *ride {
	r := &ride{opening: d.amount("opening", 10, 40), deposit: deposit, flash: map[uint16]bool{}, limit: 8, loads: 20}
	r.balance = r.opening
	r.tell(timeline.Observation{Kind: opening}, r, false, 0)
	return r
}

const hold = timeline.Hold

// TestHoldsInTheEndEveryFenIsBack is the promise of the timeline for cards with holds:
// every fen that a card lost up to its last observation is with the customer, with the
// operator that gave service, or contested between the two. Holds that nobody completed
// are with the customer.
func TestHoldsInTheEndEveryFenIsBack(t *testing.T) {
	t.Run("no deposit", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { everyFen(t, 0, false) }) })
	t.Run("deposit read", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { everyFen(t, 15, false) }) })
	t.Run("deposit not always read", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { everyFen(t, 15, true) }) })
}

func everyFen(t *rapid.T, deposit money.Fen, blind bool) {
	r := newRide(chances{t}, deposit)
	r.blind = blind
	l, tail := &life{}, r.value()
	for range rapid.IntRange(1, 10).Draw(t, "events") {
		n, before := len(r.told), r.value()
		r.step(chances{t}, false)
		l.steps = append(l.steps, lived{r.atc, before, r.value()})
		if len(r.told) > n {
			tail = before
		}
	}
	p := lifeRules
	p.Deposit, p.Holds = deposit, true
	l.told = r.told
	var out, contested money.Fen
	l.run(t, p, func(d int64, j timeline.Judgement, c *timeline.Card, book money.Fen) {
		out += issued(j.Actions)
		for _, f := range j.Flash {
			if !r.flash[f.ATC] {
				t.Fatalf("day %d: invented a flash card at %d: %+v", d, f.ATC, c.Verdicts(&p))
			}
		}
		contested = 0
		for _, b := range j.Breaks {
			contested += b.Contested
			if b.State == timeline.Impossible || b.State == timeline.Unbacked {
				t.Fatalf("day %d: an honest card is %s: %+v\n%+v", d, b.State, b, c.Verdicts(&p))
			}
		}
		if got := c.Explained(book, &p); got != 0 {
			t.Fatalf("day %d: %d unexplained between book %d and card", d, got, book)
		}
		if len(j.Alarms) > 0 {
			t.Fatalf("day %d: an honest card raises %+v: %+v of %+v", d, j.Alarms, c.Verdicts(&p), r.told)
		}
	})
	// What is contested is the operator's or the customer's, or was held and is on the card.
	lost := r.lacks(tail)
	if out > lost || !blind && (out+contested < lost || contested == 0 && out != lost) {
		t.Fatalf("paid back %d, contested %d, truly lost %d: %+v", out, contested, lost, r.told)
	}
}

// TestCompactKeepsWhatAnOpenHoldNeeds: the past of an open hold, and of a value that only
// its neighbours tell, is not cut off.
func TestCompactKeepsWhatAnOpenHoldNeeds(t *testing.T) {
	c := card(ob(opening, 0, 900, 0), ob(hold, 1, 600, 0, func(o *timeline.Observation) { o.Held = 300 }), ob(paid, 2, 600, 100), ob(paid, 3, 500, 100), ob(zero, 4, 400, 0))
	expect(t, c, windowEnd, rules, nil, "proven hold 1-2 300", "-> refund 1-2 300 #1")
	if n := c.Compact((windowEnd+1)*3600, &rules); n != 0 {
		t.Errorf("%d observations cut off although the hold is open", n)
	}
	c.Add(ob(paid, 5, 400, 250, func(o *timeline.Observation) { o.B, o.Held, o.HoldATC, o.Completes = 700, 300, 1, true }), ob(zero, 6, 450, 0))
	expect(t, c, windowEnd+2, rules, nil, "late past 1-2 300", "-> reverse refund 1-2 300 #2")
	if n := c.Compact((2*windowEnd+9)*3600, &rules); n == 0 {
		t.Error("nothing is cut off although the hold is completed")
	}
	purse := func(o *timeline.Observation) { o.Purse = true }
	c = card(ob(opening, 0, 900, 0), ob(paid, 1, 900, 100, purse), ob(paid, 2, 800, 100, purse), ob(zero, 3, 700, 0, purse))
	if n := c.Compact(100*3600, &rules); n != 0 {
		t.Errorf("%d observations of a purse cut off: without them nothing is hard", n)
	}
}

// TestLoadsOfAPurseInTheBook: what was loaded behind the last row is on the card.
func TestLoadsOfAPurseInTheBook(t *testing.T) {
	purse := func(o *timeline.Observation) { o.Purse = true }
	online := func(o *timeline.Observation) { o.Purse, o.Content, o.Commit = true, 1, yes }
	c := card(ob(opening, 0, 900, 0), ob(paid, 1, 900, 100, purse), ob(load, 1, 800, 500, online))
	if got := c.Explained(900-100+500, &rules); got != 0 {
		t.Errorf("unexplained %d", got)
	}
	c.Add(ob(zero, 3, 1250, 0, purse))
	if got := c.Explained(900-100+500, &rules); got != 0 {
		t.Errorf("after a later row: unexplained %d", got)
	}
	expect(t, c, 5, rules, nil, "expected gap 1-3 50")
}
