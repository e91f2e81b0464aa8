package agree

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/oracle"
)

// TestReconFindsWhatTheOracleKnows: every flash card that reconciliation finds is one
// by the oracle's word too, nearly every one that the oracle knows is found, and the
// truth is always among the oracle's histories.
func TestReconFindsWhatTheOracleKnows(t *testing.T) {
	for name, k := range map[string]kind{"bank": bank, "quota": quota, "purse": purse} {
		t.Run(name, func(t *testing.T) {
			known, found := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				l := live(t, k)
				n, f := compare(t, l)
				known, found = known+n, found+f
			})
			t.Logf("%d of %d found", found, known)
			// Between two counters of a purse another trade may always have paid just as
			// much, so that none is known; there the money is compared.
			if k != purse && (known == 0 || found*100 < known*99) {
				t.Errorf("%d flash cards known, %d of them found", known, found)
			}
		})
	}
}

func compare(t *rapid.T, l *life) (known, found int) {
	p := timeline.Params{Cap: limit, Window: 20 * 86400, Drift: 2, Deposit: l.deposit, Holds: l.kind == bank}
	c := l.card()
	j := c.Judge(100*86400, p, nil)
	open := l.open()
	for _, o := range open {
		if o.MustHavePaid && l.paid[o.ATC] != o.Amount {
			t.Fatalf("the oracle says %+v, and it did not: %+v, %+v", o, l.rows, l.pushes)
		}
		if o.MustHavePaid && !o.Tail {
			known++
		}
	}
	for atc, amount := range l.paid {
		can := func(o oracle.Open) bool { return o.ATC == atc && o.Amount == amount && o.CanHavePaid }
		if !slices.ContainsFunc(open, can) {
			t.Fatalf("%d paid at counter %d, the oracle says %+v: %+v, %+v", amount, atc, open, l.rows, l.pushes)
		}
	}
	for _, f := range j.Flash {
		is := func(o oracle.Open) bool { return o.ATC == f.ATC && o.Amount == f.Amount && o.MustHavePaid }
		if !slices.ContainsFunc(open, is) {
			t.Fatalf("reconciliation alone finds %+v: %+v of %+v, %+v: %+v", f, open, l.rows, l.pushes, c.Verdicts(&p))
		}
		found++
	}
	if len(j.Alarms) > 0 {
		t.Fatalf("an honest card raises %+v: %+v of %+v, %+v", j.Alarms, c.Verdicts(&p), l.rows, l.pushes)
	}
	given := money.Fen(0)
	for _, a := range j.Actions {
		given += a.Amount
	}
	switch {
	case l.kind == quota && given != 0:
		t.Fatalf("a quota card is given %+v", j.Actions)
	case l.kind == purse && given != l.lost():
		t.Fatalf("given %d, lost %d: %+v", given, l.lost(), l.rows)
	}
	return known, found
}

// lost is what a purse lost up to its last reported counter and nobody presented.
func (l *life) lost() money.Fen {
	if len(l.rows) == 0 {
		return 0
	}
	last := l.rows[len(l.rows)-1]
	trade, _ := last.Purse()
	lost := l.opening - trade.Before
	for _, r := range l.rows {
		if r.Kind.Paid() && r.ATC < last.ATC {
			lost -= r.Amount
		}
	}
	return lost
}
