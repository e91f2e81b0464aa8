package pos_test

import (
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/pos"
)

// TestAllProfiles: a purchase with every development card, over the air and, where the
// card has contacts, there too, with both sets of algorithms.
func TestAllProfiles(t *testing.T) {
	profiles, err := devcard.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if p.Blank {
			continue
		}
		for _, sm := range []bool{false, true} {
			w := newWorld(t)
			cfg := w.config(pos.QPBOC)
			cfg.Kernel.SM, cfg.EMV.SM = sm, sm
			w.setTill(cfg)
			opening := min(10_000, money.Fen(p.Limit))
			h := w.addCard("card", p.Name, opening)
			sides := []pos.Interface{pos.Contactless}
			if p.Contact {
				sides = append(sides, pos.Contact)
			}
			for n, side := range sides {
				res := w.play(story{sale: w.newSale(pos.Purchase, side, 1000), card: h, lose: map[string]cut{}}, nil)
				if !sm && len(p.Algorithms) == 1 && p.Algorithms[0].Cryptogram == "SM4" {
					if res.Outcome != pos.OtherInterface && res.Outcome != pos.Error || h.chip.Inspect().Balance != opening {
						t.Errorf("%s has SM4 alone, interface %d: %v", p.Name, side, res.Outcome)
					}
					continue
				}
				if p.Quota { // gates alone spend its quota: a shop gets debit/credit
					if !res.Outcome.Approved() || res.Cash || h.chip.Inspect().Balance != opening {
						t.Errorf("%s, interface %d: %v, cash %v, has %v", p.Name, side, res.Outcome, res.Cash, h.chip.Inspect().Balance)
					}
					continue
				}
				if want := h.chip.Inspect().Balance; res.Outcome != pos.OfflineApproved || !res.Cash || res.Balance != want || want != opening-1000*money.Fen(n+1) {
					t.Errorf("%s, SM %v, interface %d: %v [%v], card says %v, has %v", p.Name, sm, side, res.Outcome, res.Fault, res.Balance, want)
				}
			}
		}
	}
}
