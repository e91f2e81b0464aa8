package issuer_test

import (
	"testing"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
)

// TestOnlineTransfersHaveIDsOfTheirOwn: no two postings of a card share an id unless they
// are the same posting, and each moves in the direction of its code.
func TestOnlineTransfersHaveIDsOfTheirOwn(t *testing.T) {
	b := issuer.Books{Tokens: tokens{}}
	card, other := cardOf(t, 1), cardOf(t, 2)
	shop := ledger.AccountID{byte(ledger.Settlement), 1}
	_, open := b.Open(card, 100, 1)
	float, account := open[0].Credit, open[0].Debit
	all := []struct {
		what     string
		t        ledger.Transfer
		from, to ledger.AccountID
	}{
		{"open", open[0], account, float},
		{"load", b.Load(card, 5, 100, 1), account, float},
		{"take over", b.TakeOver(card, 5, 100, 1), account, float},
		{"advance", b.Advance(card, 5, 100, 1), float, account},
		{"undo advance", b.UndoAdvance(card, 5, 100, 1), account, float},
		{"row", b.Row(card, shop, 1, issuer.Fare{ATC: 5, Amount: 100}), float, shop},
		{"window 5", b.Fares(card, shop, 5, 1, []issuer.Fare{{ATC: 5, Amount: 100}}), float, shop},
		{"purchase", b.Purchase(card, shop, issuer.ByCounter(5), 100, 1, false), account, shop},
		{"undo purchase", b.Purchase(card, shop, issuer.ByCounter(5), 100, 1, true), shop, account},
		{"purchase by sequence", b.Purchase(card, shop, issuer.BySequence(0, 5), 100, 1, false), account, shop},
		{"purchase of terminal 5", b.Purchase(card, shop, issuer.BySequence(5, 0), 100, 1, false), account, shop},
		{"load 6", b.Load(card, 6, 100, 1), account, float},
		{"another card", b.Load(other, 5, 100, 1), issuer.CustomerAccount(b.Tokens.Token(other)), issuer.FloatAccount(b.Tokens.Token(other))},
	}
	seen := map[ledger.TransferID]string{}
	for _, x := range all {
		if was := seen[x.t.ID]; was != "" {
			t.Errorf("%s has the id of %s", x.what, was)
		}
		seen[x.t.ID] = x.what
		if x.t.Debit != x.from || x.t.Credit != x.to || x.t.Amount != 100 {
			t.Errorf("%s moves %v from %v to %v", x.what, x.t.Amount, x.t.Debit, x.t.Credit)
		}
	}
	if b.Load(card, 5, 100, 1).ID != b.Load(card, 5, 100, 2).ID {
		t.Error("a load has another id at another time")
	}
	fares, err := issuer.ParseFares(b.Row(card, shop, 1, issuer.Fare{ATC: 5, Amount: 100}).Ref)
	if err != nil || len(fares) != 1 || fares[0].ATC != 5 {
		t.Errorf("reference of a row: %v, %v", fares, err)
	}
}
