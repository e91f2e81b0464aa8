package issuer_test

import (
	"testing"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/txn"
)

// plainTokens makes tokens of account numbers, for tests.
type plainTokens struct{}

// Token implements issuer.Tokens.
func (plainTokens) Token(card txn.CardKey) issuer.Token {
	key := card.Bytes()
	return issuer.Token(append(key[:], 0, 0, 0, 0))
}

func TestPostingsOfADispute(t *testing.T) {
	b := issuer.Books{Tokens: plainTokens{}}
	card := txn.CardKey{PAN: txn.PAN{0x62, 0x28, 0, 1, 0, 0, 0, 0, 0xFF, 0xFF}, PSN: 1}
	token := plainTokens{}.Token(card)
	acquirer, claim := ledger.AccountID{9, 'i', 0, 11, 1}, ledger.AccountID{8, 'i', 0, 11, 1}
	customer, loss := issuer.CustomerAccount(token), issuer.LossAccount(token)
	seen := map[ledger.TransferID]bool{}
	for _, c := range []struct {
		code          uint16
		claim         ledger.AccountID
		debit, credit ledger.AccountID
	}{
		{issuer.CodeGiveBack, claim, acquirer, claim}, {issuer.CodeTakeBack, claim, acquirer, claim}, {issuer.CodeReturn, claim, claim, acquirer},
		{issuer.CodeClaimGivenUp, claim, loss, claim}, {issuer.CodeTakeBack, ledger.AccountID{}, acquirer, customer},
		{issuer.CodeReturn, ledger.AccountID{}, customer, acquirer}, {issuer.CodePayRequested, ledger.AccountID{}, customer, acquirer},
	} {
		x, err := b.Dispute(card, c.code, 7, uint16(len(seen)+1), 300, acquirer, c.claim, 20_000, 1_795_000_000)
		if err != nil || x.Debit != c.debit || x.Credit != c.credit || x.Amount != 300 || x.Code != c.code {
			t.Errorf("code %d: %+v, %v", c.code, x, err)
		}
		again, _ := b.Dispute(card, c.code, 7, uint16(len(seen)+1), 300, acquirer, c.claim, 20_001, 1_796_000_000)
		other, _ := b.Dispute(card, c.code, 8, uint16(len(seen)+1), 300, acquirer, c.claim, 20_000, 1_795_000_000)
		if again.ID != x.ID || other.ID == x.ID || seen[x.ID] {
			t.Errorf("code %d: the id does not follow from case and move alone", c.code)
		}
		seen[x.ID] = true
	}
	if _, err := b.Dispute(card, issuer.CodeClaimGivenUp, 7, 1, 300, acquirer, ledger.AccountID{}, 1, 1); err == nil {
		t.Error("a claim that nobody has was given up")
	}
	if _, err := b.Dispute(card, issuer.CodeRefund, 7, 1, 300, acquirer, claim, 1, 1); err == nil {
		t.Error("a refund was booked as a dispute")
	}
	if a := b.DisputeLoss(card); a.ID != loss || a.Kind != ledger.Loss {
		t.Errorf("%+v", a)
	}
}
