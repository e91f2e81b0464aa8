package purse_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/txn"
)

// rider is a card with what the terminal believes of it, kept by the plainest of rules: a
// purchase counts when the machine says so, and one in doubt waits for its card.
type rider struct {
	card  *player
	torn  *purse.Data
	spent money.Fen
	rows  map[uint16]txn.Row // by number, those that the issuer takes
}

// TestManyTaps: riders tap at one terminal in any order, with any faults. In the end each
// card has lost what was counted, and each number of it has one row that verifies.
func TestManyTaps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(t)
		var riders []*rider
		for _, profile := range []string{"tunion", "dev-tunion", "dev-cityunion"} {
			riders = append(riders, &rider{card: s.issue(profile, profile, 90000, nil), rows: map[uint16]txn.Row{}})
		}
		for range rapid.IntRange(1, 12).Draw(rt, "taps") {
			r := riders[rapid.IntRange(0, 2).Draw(rt, "rider")]
			s.now += int64(rapid.IntRange(0, 100).Draw(rt, "pause"))
			w := wants{amount: money.Fen(rapid.IntRange(0, 900).Draw(rt, "amount")), compound: true, mark: rapid.Byte().Draw(rt, "mark"), again: true, prove: r.torn}
			if rapid.Bool().Draw(rt, "trouble") {
				n := rapid.IntRange(1, 10).Draw(rt, "at")
				switch rapid.IntRange(0, 4).Draw(rt, "trouble of") {
				case 0:
					w.fault.lost = n
				case 1:
					w.fault.unheard = n
				case 2:
					w.fault.samLost = n
				case 3:
					w.fault.samCut = n
				case 4:
					w.fault.cut, w.fault.tear = 2*n, rapid.SampledFrom([]cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}).Draw(rt, "tear")
				}
			}
			r.visit(rt, s, w)
		}
		for _, r := range riders {
			r.visit(rt, s, wants{amount: 1, compound: true, again: true, prove: r.torn})
			if r.torn != nil {
				r.visit(rt, s, wants{amount: 1, compound: true, again: true, prove: r.torn})
			}
			if left := money.Fen(r.card.state().Balance); r.torn != nil || left+r.spent != 90000 || int(r.card.state().Offline) != len(r.rows) {
				rt.Fatalf("%s: the card has %v and %v was counted; number %d, %d rows", r.card.profile, left, r.spent, r.card.state().Offline, len(r.rows))
			}
		}
	})
}

func (r *rider) visit(rt *rapid.T, s *stage, w wants) {
	res := s.tap(r.card, w)
	if p := res.probe; p != nil {
		switch p.Verdict {
		case purse.Paid:
			r.count(rt, s, p.Data)
			r.torn = nil
		case purse.NotPaid:
			r.torn = nil
		}
	}
	switch out := res.out; {
	case out == nil:
	case out.Result == kernel.Approved:
		r.count(rt, s, out.Data)
	case out.Commit == kernel.CommitUnknown:
		if r.torn != nil {
			rt.Fatal("two purchases of one card are in doubt")
		}
		r.torn = out.Data
	}
}

func (r *rider) count(rt *rapid.T, s *stage, d *purse.Data) {
	if _, twice := r.rows[d.LoggedNumber()]; twice {
		rt.Fatalf("number %d is counted twice", d.LoggedNumber())
	}
	line := row(s.t, txn.Single, txn.LastRecordRead, d)
	if v := verdict(s.t, line); v != txn.Cleared {
		rt.Fatalf("number %d: the row is %s", d.LoggedNumber(), v)
	}
	r.rows[d.LoggedNumber()] = line
	r.spent += d.Amount
}
