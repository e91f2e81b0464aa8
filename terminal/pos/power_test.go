package pos_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// shop is a computer that loses its power, with what it has written down.
type shop struct {
	*world
	book
	pending   []txn.Row
	export    []byte
	unsettled *pos.Reversal
	step      int    // steps until now
	cutAt     int    // power fails at this step
	moment    string // before or after that step's action was done
}

// write is what a computer does before each action, in one write.
func (s *shop) write() {
	s.pending = s.pending[:0]
	for _, p := range s.till.Pending(nil) {
		s.pending = append(s.pending, p.Row)
	}
	var err error
	s.export, err = s.till.Export(nil)
	s.must(err)
	s.unsettled = nil
	if v := s.till.Unsettled(); v != nil {
		kept := *v
		s.unsettled = &kept
	}
}

// run steps a sale to its end; false if the power failed in it.
func (s *shop) run(r *run, a pos.Action) bool {
	defer r.remove()
	for {
		s.step++
		fails := s.step == s.cutAt
		if a.Done != nil {
			if fails && s.moment == "before" {
				return false
			}
			s.take(a.Done, r.sale.Kind)
			s.pending, s.export, s.unsettled = nil, nil, nil
			if v := a.Done.Reversal; v != nil {
				s.reverse(v)
			}
			return true
		}
		s.write()
		switch {
		case fails && s.moment == "before":
			return false
		case fails:
			r.event(a)
			return false
		}
		a = r.step(a)
	}
}

func (s *shop) reverse(v *pos.Reversal) {
	s.must(s.issuer.Reverse(context.Background(), v.Request, host.Reason(v.Reason), v.ICC))
}

// powerOn is the start after a power failure: a new till with the old paper.
func (s *shop) powerOn(st story) {
	s.rows, s.pending = append(s.rows, s.pending...), nil
	if s.unsettled != nil {
		s.reverse(s.unsettled)
		s.unsettled = nil
	}
	s.setTill(s.cfg)
	if len(s.export) == 0 {
		return
	}
	stored := s.export
	a, err := s.till.Restore(stored)
	s.must(err)
	r := &run{world: s.world, story: st, log: func(string, ...any) {}, count: map[string]int{}}
	r.again = []*holder{st.card}
	s.run(r, a)
}

var powerStories = []struct {
	name   string
	kind   pos.Kind
	over   pos.Interface
	amount money.Fen
	floor  money.Fen
	force  bool
	lose   string
	how    cut
	steps  int // at least so many, so that the story is what it says
}{
	{"qPBOC", pos.Purchase, pos.Contactless, 1000, 0, false, "", 0, 9},
	{"qPBOC torn and finished", pos.Purchase, pos.Contactless, 1000, 0, false, "last", answerLost, 13},
	{"qPBOC torn, not heard, paid anew", pos.Purchase, pos.Contactless, 1000, 0, false, "last", unheard, 21},
	{"qPBOC torn in the card's memory", pos.Purchase, pos.Contactless, 1000, 0, false, "last", powerCut, 13},
	{"qPBOC left before the last record", pos.Purchase, pos.Contactless, 1000, 0, false, "record-2", answerLost, 6},
	{"qPBOC online", pos.Purchase, pos.Contactless, 1000, 500, false, "", 0, 5},
	{"electronic cash", pos.Purchase, pos.Contact, 1000, 0, false, "", 0, 15},
	{"electronic cash torn", pos.Purchase, pos.Contact, 1000, 0, false, "generate-1", answerLost, 14},
	{"debit online", pos.Purchase, pos.Contact, 1000, 0, true, "", 0, 15},
	{"debit online, card pulled", pos.Purchase, pos.Contact, 1000, 0, true, "generate-2", answerLost, 14},
	{"load", pos.Load, pos.Contact, 1000, 0, false, "", 0, 16},
	{"load over the air", pos.Load, pos.Contactless, 1000, 0, false, "", 0, 15},
	{"load, script lost", pos.Load, pos.Contact, 1000, 0, false, "script-1", answerLost, 15},
	{"load, script not heard", pos.Load, pos.Contact, 1000, 0, false, "script-1", unheard, 15},
}

// TestPowerCutAtEveryStep lets the power of the shop fail at every step of some sales,
// just before what an action asks for and just after it. In the end every counter that
// paid has exactly one row, which is true, and no money came from nowhere or is gone.
func TestPowerCutAtEveryStep(t *testing.T) {
	const account, opening = 1_000_000, 10_000
	for _, p := range powerStories {
		t.Run(p.name, func(t *testing.T) {
			for cutAt := 1; ; cutAt++ {
				steps := 0
				for _, moment := range []string{"before", "after"} {
					w := newWorld(t)
					w.truth = map[counter]*counterTruth{}
					cfg := w.config(pos.QPBOC)
					cfg.Kernel.FloorLimit = p.floor
					w.setTill(cfg)
					h := w.addCard("card", "dev-sm", opening)
					s := &shop{world: w, cutAt: cutAt, moment: moment}
					st := story{sale: w.newSale(p.kind, p.over, p.amount), card: h, lose: map[string]cut{}, again: []*holder{h}}
					st.sale.ForceOnline = p.force
					if p.lose != "" {
						st.lose[p.lose] = p.how
					}
					if !s.run(w.begin(st, nil), w.till.Begin(st.sale)) {
						s.powerOn(st)
					}
					steps = s.step
					if p.kind == pos.Load { // the card's next request shows what became of it
						ask := story{sale: w.newSale(pos.Inquiry, pos.Contact, 0), card: h, lose: map[string]cut{}}
						if res := w.play(ask, nil); res.Outcome != pos.OnlineApproved {
							t.Fatalf("step %d %s: the inquiry ends as %v", cutAt, moment, res.Outcome)
						}
					}
					where := prefixed{t, fmt.Sprintf("power cut %s step %d: ", moment, cutAt)}
					s.conserve(where, w, h, account+opening)
					s.compare(where, w)
				}
				if cutAt > steps {
					if steps < p.steps {
						t.Errorf("the story has %d steps, want %d", steps, p.steps)
					}
					break
				}
			}
		})
	}
}

// prefixed says where a check failed.
type prefixed struct {
	*testing.T
	where string
}

func (p prefixed) Fatalf(format string, args ...any) {
	p.T.Helper()
	p.T.Fatalf(p.where+format, args...)
}

// TestUnsettled: what must be undone after a power failure, step by step.
func TestUnsettled(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-sm", 10_000)
	for kind, after := range map[pos.Kind]emv.Reversal{pos.Purchase: emv.CardGone, pos.Load: emv.ScriptUnknown} {
		st := story{sale: w.newSale(kind, pos.Contact, 1000), card: h, lose: map[string]cut{}}
		st.sale.ForceOnline = true
		r := w.begin(st, nil)
		want := emv.NoReversal
		for a := w.till.Begin(st.sale); a.Done == nil; a = r.step(a) {
			if a.Online != nil {
				want = emv.AnswerLost
			}
			got := emv.NoReversal
			if v := w.till.Unsettled(); v != nil {
				got = v.Reason
			}
			if got != want {
				t.Fatalf("kind %d, %v: unsettled %d, want %d", kind, a, got, want)
			}
			if a.Online != nil {
				want = after
			}
		}
		r.remove()
	}
}
