package sim

import (
	"context"
	"testing"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// A tariff of the user's own has no twin: nothing is checked, and the figures say so.
func TestOwnTariffIsNotChecked(t *testing.T) {
	own := map[string][]byte{fare.TariffFile: beijing.Files()[fare.TariffFile]}
	res, err := (&Run{Dir: t.TempDir()}).Do(t.Context(), newCity(t, Options{Riders: 50, Seed: 3, Files: own}))
	if err != nil {
		t.Fatal(err)
	}
	if res.FareRiders != 0 || !res.Closed() {
		t.Errorf("%d riders checked; open: %v", res.FareRiders, res.Open())
	}
}

// Prices of 2016-09-06, worked by hand: 0.35 %, 0.0325 % and 0.5 %, half up.
func TestRightFees(t *testing.T) {
	for _, c := range []struct {
		amount, issuer, network, acquirer money.Fen
	}{
		{3_00, 1, 0, 2}, {4_00, 1, 0, 2}, {1_00, 0, 0, 1}, {1_43, 1, 0, 1}, {15_38, 5, 0, 8}, {15_39, 5, 1, 8}, {100_00, 35, 3, 50}, {371_429, 13_00, 1_21, 18_57},
	} {
		if i, n, a := rightFee(c.amount, issuerPerMillion), rightFee(c.amount, networkPerMillion), rightFee(c.amount, acquirerPerMillion); i != c.issuer || n != c.network || a != c.acquirer {
			t.Errorf("%s: %s, %s and %s, want %s, %s and %s", c.amount, i, n, a, c.issuer, c.network, c.acquirer)
		}
	}
}

// mistrustful takes every row of every second rider for a forgery.
type mistrustful struct {
	clearing.Verifier
	city *City
}

func (m mistrustful) Verify(rows []txn.Presented, out []txn.Verdict) error {
	err := m.Verifier.Verify(rows, out)
	for i := range out {
		if rider, known := m.city.riderOf(rows[i].Row.Card); known && rider%2 == 0 {
			out[i] = txn.BadCryptogram
		}
	}
	return err
}

// What could be known follows from the rows that arrived, not from what clearing says
// about them; or else whoever refuses all evidence would have nothing to find.
func TestEvidenceDoesNotListenToClearing(t *testing.T) {
	first := newCity(t, Options{Riders: 800, Seed: 1})
	run := func(ports func(*City, *Ports)) *Result {
		city := first.anew(t)
		res, err := (&Run{Dir: t.TempDir(), Ports: func(p *Ports) { ports(city, p) }}).Do(t.Context(), city)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	honest := run(func(*City, *Ports) {})
	deaf := run(func(c *City, p *Ports) {
		verifier := p.Verifier
		p.Verifier = func() clearing.Verifier { return mistrustful{verifier(), c} }
	})
	if h, d := honest.FlashCard, deaf.FlashCard; d.Caused != h.Caused || d.Decidable < h.Decidable || d.Found >= d.Decidable {
		t.Errorf("honest: %+v; where half of the evidence is refused: %+v", h, d)
	}
}

// What was refused is known by rider: many cards look the same with their middle
// digits hidden.
func TestRefusedRowsByRider(t *testing.T) {
	run := &Run{Dir: t.TempDir()}
	res, err := run.Do(t.Context(), newCity(t, Options{Riders: 800, Seed: 1}))
	if err != nil {
		t.Fatal(err)
	}
	road, err := run.world.openRoad(run.Dir, "", run.clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := road.close(); err != nil {
			t.Error(err)
		}
	}()
	run.road = road
	a := audit{Run: run, res: res}
	if err := road.db.Read(context.Background(), func(rd *sqlite.Reader) error {
		refused, err := a.refused(rd)
		denied := money.Fen(0)
		for rider, amount := range refused {
			switch {
			case run.world.injected.deniedAtAcquirer(rider):
				denied += amount
			case !run.carrier.touched[rider]:
				t.Errorf("rows of rider %d over %s are refused, to whom nothing happened", rider, amount)
			}
		}
		spent := money.Fen(0)
		for _, day := range run.truth.commits {
			for _, c := range day {
				if run.world.injected.deniedAtAcquirer(c.rider) {
					spent += money.Fen(c.amount)
				}
			}
		}
		if denied != spent || spent == 0 {
			t.Errorf("rows over %s of denied riders are refused, %s left their cards", denied, spent)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
