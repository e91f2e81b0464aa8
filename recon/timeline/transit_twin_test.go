package timeline_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// tale is one way in which a card with holds and deposit can have lived.
type tale struct {
	paid []bool      // by observation
	took []money.Fen // by missing counters, in the pair that begins with the observation
	lack money.Fen
}

// twin tries every amount, hold and completion at every missing counter, and every end
// of every tap, and keeps the stories in which every stated balance is right. If it
// believes, also every amount held, hold named and DF63 read must be right.
type twin struct {
	told    []telling
	opening money.Fen
	believe bool
	stories []tale
	now     tale
}

func tryEverything(r *ride, believe bool) []tale {
	w := &twin{told: r.told, opening: r.opening, believe: believe}
	w.now = tale{paid: make([]bool, len(r.told)), took: make([]money.Fen, len(r.told))}
	w.counter(1, 1, ride{balance: r.opening, deposit: r.deposit, limit: r.limit})
	return w.stories
}

// counter plays one counter with the next observation at hand.
func (w *twin) counter(atc uint16, next int, s ride) {
	o := &w.told[next].o
	s.atc = atc
	if atc < o.ATC {
		was := w.now.took[next-1]
		for _, after := range s.anything() {
			w.now.took[next-1] = was + s.value() - after.value()
			w.counter(atc+1, next, after)
		}
		w.now.took[next-1] = was
		return
	}
	if next == len(w.told)-1 {
		if len(w.offers(o, s)) > 0 {
			w.keep(s)
		}
		return
	}
	for _, after := range w.offers(o, s) {
		if o.Kind == load || o.Commit != yes && offering(o) {
			w.now.paid[next] = false
			w.counter(atc+1, next+1, s)
		}
		if o.Commit != no {
			w.now.paid[next] = offering(o)
			w.counter(atc+1, next+1, after)
		}
	}
}

func offering(o *timeline.Observation) bool {
	return o.Debit > 0 || o.Completes || o.Kind == hold
}

func (w *twin) keep(s ride) {
	r := ride{opening: w.opening, told: w.told}
	lack := r.lacks(s.value())
	for i, x := range w.told[:len(w.told)-1] {
		if x.o.Kind == paid && !w.now.paid[i] {
			lack += x.o.Debit // to be claimed from its acquirer, not from the customer
		}
	}
	w.stories = append(w.stories, tale{slices.Clone(w.now.paid), slices.Clone(w.now.took), lack})
}

// anything is all that a counter of which nobody has heard can have done.
func (s *ride) anything() []ride {
	out := []ride{*s}
	for a := money.Fen(1); a <= s.limit; a++ {
		after := *s
		if after.pay(a) {
			out = append(out, after)
		}
		if a <= s.balance && len(s.holds) < 3 {
			after := *s
			after.balance -= a
			after.holds = append(slices.Clone(s.holds), kept{s.atc, a})
			out = append(out, after)
		}
	}
	for k := range s.holds {
		for f := money.Fen(0); f <= s.holds[k].amount+s.limit; f++ {
			after := *s
			if s.complete(&after, k, f) {
				out = append(out, after)
			}
		}
	}
	return out
}

// offers is what the card can have offered in a tap that was reported: none if the
// report does not fit the card.
func (w *twin) offers(o *timeline.Observation, s ride) []ride {
	var out []ride
	switch {
	case o.Kind == load:
		if s.balance == o.B && !(w.believe && o.UsedRead && s.used != o.Used) {
			after := s
			after.put(s.value() + o.Debit)
			out = append(out, after)
		}
		return out
	case o.Kind == hold:
		for a := money.Fen(1); a <= s.limit; a++ {
			if after := s; a <= s.balance && len(s.holds) < 3 && (!w.believe || a == o.Held) {
				after.balance -= a
				after.holds = append(slices.Clone(s.holds), kept{s.atc, a})
				out = append(out, after)
			}
		}
	case o.Completes:
		for k, h := range s.holds {
			if w.believe && (h.atc != o.HoldATC || h.amount != o.Held) {
				continue
			}
			if after := s; s.complete(&after, k, o.Debit) {
				out = append(out, after)
			}
		}
	default:
		if after := s; after.pay(o.Debit) {
			out = append(out, after)
		}
	}
	return slices.DeleteFunc(out, func(after ride) bool {
		return after.balance != o.B-o.Debit || w.believe && o.UsedRead && after.used != o.Used
	})
}

// agree is the end of an observation and the amount of a gap, if all stories agree.
func agree(stories []tale, i int) (paid, took bool) {
	paid, took = true, true
	for _, s := range stories {
		paid = paid && s.paid[i] == stories[0].paid[i]
		took = took && s.took[i] == stories[0].took[i]
	}
	return paid, took
}

// TestTransitVerdictsAgainstEveryStory compares verdicts with all stories: a hard one
// holds in each that the MACs allow, a soft one in each that also the words of the
// terminals allow, and no more is refunded than is lacking in each of the latter.
func TestTransitVerdictsAgainstEveryStory(t *testing.T) {
	known, decidedToo := 0, 0
	for _, deposit := range []money.Fen{0, 4} {
		rapid.Check(t, func(t *rapid.T) {
			r := newRide(chances{t}, deposit)
			r.opening = r.opening % 9
			r.balance, r.told[0].o.B = r.opening, r.opening
			r.limit, r.loads, r.blind = 3, 4, true
			for range rapid.IntRange(1, 6).Draw(t, "events") {
				r.step(chances{t}, false)
			}
			if n := len(r.told); n < 2 || int(r.told[n-1].o.ATC)-n+1 > 2 {
				return
			}
			p := timeline.Params{Cap: r.limit, Window: 20 * day, Drift: 2, Deposit: deposit, Holds: true}
			hard, said := tryEverything(r, false), tryEverything(r, true)
			if len(said) == 0 {
				t.Fatalf("the truth is no tale: %+v", r.told)
			}
			c := card()
			for _, x := range r.told {
				c.Add(x.o)
			}
			for i, v := range c.Verdicts(&p) {
				stories := said
				if v.Basis == timeline.Hard {
					stories = hard
				}
				checkVerdict(t, r, &v, stories, i)
				if paid, took := agree(said, i); paid && took {
					known++
					if v.Outcome == decided && v.Spread == 0 {
						decidedToo++
					}
				}
			}
			checkMoney(t, r, c.Judge(windowEnd*3600, p, nil), said)
		})
	}
	t.Logf("decided %d of %d that all stories decide", decidedToo, known)
	if decidedToo*100 < known*95 {
		t.Errorf("only %d decided of %d that all stories decide", decidedToo, known)
	}
}

func checkVerdict(t *rapid.T, r *ride, v *timeline.Verdict, stories []tale, i int) {
	if v.Outcome == impossible || v.Outcome == unbacked {
		t.Fatalf("an honest card: %+v of %+v", v, r.told)
	}
	if v.Outcome != decided {
		return
	}
	for _, s := range stories {
		if v.Committed != open && s.paid[i] != (v.Committed == yes) {
			t.Fatalf("%+v, but a tale of %d ends otherwise: %+v of %+v", v, len(stories), s, r.told)
		}
		if s.took[i] < v.Missed || s.took[i] > v.Missed+v.Spread {
			t.Fatalf("%+v, but a tale of %d takes %d: %+v", v, len(stories), s.took[i], r.told)
		}
	}
}

func checkMoney(t *rapid.T, r *ride, j timeline.Judgement, said []tale) {
	least := said[0].lack
	for _, s := range said {
		least = min(least, s.lack)
	}
	if out := issued(j.Actions); out > least {
		t.Fatalf("%d given back, %d is lacking for certain: %+v of %+v", out, least, j, r.told)
	}
	for _, f := range j.Flash {
		i := slices.IndexFunc(r.told, func(x telling) bool { return x.o.ATC == f.ATC })
		for _, s := range said {
			if !s.paid[i] {
				t.Fatalf("flash %+v, but there is a tale without: %+v", f, r.told)
			}
		}
	}
}
