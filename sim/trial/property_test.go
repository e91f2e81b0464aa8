package trial

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// drawOptions draws rates of every fault, up to one tap in ten each.
func drawOptions(t *rapid.T) Options {
	o := Options{Cards: 4, Seed: rapid.Uint64().Draw(t, "seed"), Rate: Rate{Name: "drawn"}}
	for f := range faultCount {
		most := 1000
		if f >= FlashLoad {
			most = 5000
		}
		if rapid.Bool().Draw(t, f.String()) {
			o.Rate.Rates[f] = rapid.IntRange(1, most).Draw(t, "rate")
		}
	}
	o.Rate.Rates = o.Rate.Rates.Times(1)
	return o
}

// TestWhateverTheRates draws rates: every verdict, date and refund is the solver's.
func TestWhateverTheRates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, err := Run(t.Context(), drawOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Failed) > 0 {
			t.Fatalf("%q: %q", o.Failed, o.Disagreed)
		}
	})
}

// story is a world that was lived to its end, and the detector that saw it.
type story struct {
	*world
	detector *detector
	store    *Memory
	events   []recon.Event
}

// lived runs a whole trial and keeps everything. It judges every night, or the last one
// only.
func lived(t *rapid.T, o Options, everyNight bool) *story {
	s := &story{world: newWorld(&o), store: NewMemory()}
	var err error
	if s.detector, err = newDetector(s.store, Params(o.Late)); err != nil {
		t.Fatal(err)
	}
	var out Outcome
	for _, f := range s.files {
		s.events = append(s.events, s.detector.open(f.key, f.rider.opening))
	}
	fresh := slices.Clone(s.events)
	for day := range int64(Days) {
		now := Epoch + (day+1)*daySeconds + 3*3600
		taken, err := s.hand(s.detector, now, &out)
		if err != nil {
			t.Fatal(err)
		}
		s.events, fresh = append(s.events, taken...), append(fresh, taken...)
		if !everyNight && day < Days-1 {
			continue
		}
		s.reconcile(t, s.store, now, fresh)
		fresh = nil
	}
	for i := range s.store.postings {
		p := &s.store.postings[i]
		s.byCard[p.Key.Card].take(p, &out)
	}
	return s
}

func (s *story) reconcile(t *rapid.T, store recon.Store, now int64, events []recon.Event) {
	marks := s.marks(now)
	d := *s.detector
	d.store = store
	if _, err := d.night(t.Context(), now, events, func(k txn.CardKey) timeline.Watermarks { return marks[s.byCard[k]] }); err != nil {
		t.Fatal(err)
	}
}

const lastNight = Epoch + Days*daySeconds + 3*3600

// TestOrderAndRepetitionDoNotMatter: the same observations in another order, some of
// them twice, give the same timelines, breaks and postings.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := lived(t, drawOptions(t), false)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
		again := append(slices.Clone(s.events), s.events[:len(s.events)/3]...)
		r.Shuffle(len(again), func(i, k int) { again[i], again[k] = again[k], again[i] })
		other := NewMemory()
		s.reconcile(t, other, lastNight, again)
		s.equal(t, other)
	})
}

func (s *story) equal(t *rapid.T, other *Memory) {
	for _, f := range s.files {
		if !bytes.Equal(s.store.cards[f.key].Blob, other.cards[f.key].Blob) {
			t.Fatalf("card %s: the stored timelines differ", f.key)
		}
		if x, y := fmt.Sprint(s.store.breaks[f.key]), fmt.Sprint(other.breaks[f.key]); x != y {
			t.Fatalf("card %s:\n%s\n%s", f.key, x, y)
		}
	}
	if x, y := fmt.Sprint(s.store.postings), fmt.Sprint(other.postings); x != y {
		t.Fatalf("postings:\n%s\n%s", x, y)
	}
}

// TestNightByNightIsAsFromScratch: after 45 nights every card knows what it would know
// if all had come at once, and has been given the same.
func TestNightByNightIsAsFromScratch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawOptions(t)
		nightly, atOnce := lived(t, o, true), lived(t, o, false)
		p := Params(o.Late)
		for i, f := range nightly.files {
			g := atOnce.files[i]
			var a, b timeline.Card
			if a.Decode(nightly.store.cards[f.key].Blob) != nil || b.Decode(atOnce.store.cards[f.key].Blob) != nil {
				t.Fatal("a timeline cannot be read")
			}
			if x, y := fmt.Sprint(a.Verdicts(&p)), fmt.Sprint(b.Verdicts(&p)); x != y {
				t.Fatalf("card %s:\n%s\n%s", f.key, x, y)
			}
			x, y := nightly.store.cards[f.key], atOnce.store.cards[f.key]
			if x.Frozen != y.Frozen || !x.Frozen && f.given-x.Provisional != g.given-y.Provisional {
				t.Fatalf("card %s: frozen %t, given %d; at once frozen %t, given %d", f.key, x.Frozen, f.given-x.Provisional, y.Frozen, g.given-y.Provisional)
			}
		}
	})
}

// TestFloatIdentity is section 11 by the truth: what the issuer's float holds for a card
// is what the chip holds and what it paid since the last observation. Cards with an open
// bit, of which nobody can know, are left out, and those of which a copy was made.
func TestFloatIdentity(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		s := lived(t, drawOptions(t), true)
		for _, f := range s.files {
			k := f.about.At(lastNight, 0)
			open := slices.ContainsFunc(k.Pairs, func(p oracle.Pair) bool { return p.Paid && p.Left })
			if f.rider.copied || open || k.Frozen || s.store.cards[f.key].Provisional != 0 {
				continue
			}
			compared++
			float := s.detector.booked[f.key] + f.corrected
			for _, x := range f.rider.facts {
				if x.atc < k.Tail {
					continue
				}
				cleared := !x.load && s.detector.cleared[named{f.key, x.atc}] != [40]byte{}
				switch {
				case x.load && !x.ran, x.paid && !cleared:
					float -= x.amount
				case !x.paid && cleared:
					float += x.amount // an unbacked row at the tail
				}
			}
			if float != f.rider.chip.value {
				t.Fatalf("card %s: float %d, chip %d", f.key, float, f.rider.chip.value)
			}
		}
	})
	if compared == 0 {
		t.Error("no card could be compared: this test tests nothing")
	}
}
