package issuer

import (
	"fmt"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Codes of the postings of disputes (package recon/dispute). The issuer's side is the
// claim on the acquirer where reconciliation has booked one, else the customer. Numbers
// are for ever.
const (
	CodeGiveBack     uint16 = 30 // acquirer -> issuer's side: credit adjustment
	CodeTakeBack     uint16 = 31 // acquirer -> issuer's side: chargeback
	CodeReturn       uint16 = 32 // issuer's side -> acquirer: re-presentment, or a ruling for it
	CodePayRequested uint16 = 33 // customer -> acquirer: a request for payment was accepted
	CodeClaimGivenUp uint16 = 34 // loss -> claim: the issuer does not get it back
	CodeToClaim      uint16 = 35 // customer -> claim: it was paid back for a row that its card never paid
	CodeClaimTakenUp uint16 = 36 // claim -> loss: CodeClaimGivenUp undone, there is no claim
	firstDisputeCode        = CodeGiveBack
	lastDisputeCode         = CodeClaimTakenUp
)

// Dispute gives the transfer of one move of a dispute. number is the case's and move the
// move's: together they are the permanent key. claim is the account of claims on the
// acquirer if the amount is claimed, else zero.
func (b *Books) Dispute(card txn.CardKey, code uint16, number uint32, move uint16, amount money.Fen, acquirer, claim ledger.AccountID, window int32, at int64) (ledger.Transfer, error) {
	t := b.Tokens.Token(card)
	x := ledger.Transfer{ID: transferID(code, t, number, move), Amount: amount, Code: code, At: at, Window: window}
	side := claim
	if side == (ledger.AccountID{}) {
		side = CustomerAccount(t)
	}
	switch code {
	case CodeGiveBack, CodeTakeBack:
		x.Debit, x.Credit = acquirer, side
	case CodeReturn, CodePayRequested:
		x.Debit, x.Credit = side, acquirer
	case CodeClaimGivenUp, CodeToClaim, CodeClaimTakenUp:
		if claim == (ledger.AccountID{}) {
			return x, fmt.Errorf("dispute %d: code %d is about a claim, and nothing is claimed", number, code)
		}
		switch code {
		case CodeClaimGivenUp:
			x.Debit, x.Credit = LossAccount(t), claim
		case CodeToClaim:
			x.Debit, x.Credit = CustomerAccount(t), claim
		case CodeClaimTakenUp:
			x.Debit, x.Credit = claim, LossAccount(t)
		}
	default:
		return x, fmt.Errorf("dispute %d: posting code %d is none of a dispute, want %d to %d", number, code, firstDisputeCode, lastDisputeCode)
	}
	return x, nil
}

// DisputeLoss is the account that CodeClaimGivenUp takes from; open it first.
func (b *Books) DisputeLoss(card txn.CardKey) ledger.Account {
	return ledger.Account{ID: LossAccount(b.Tokens.Token(card)), Kind: ledger.Loss, Limit: ledger.Unlimited}
}
