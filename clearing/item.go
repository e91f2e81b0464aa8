package clearing

import (
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Item is a presented row with the decision on it.
type Item struct {
	*txn.Presented
	Verdict txn.Verdict

	// The rest is set for cleared rows only.
	Issuer, Acquirer Participant
	Fees             Fees
	Shares           []fare.Share // among operators, of the amount less the merchant fee
}

// Rebate is owed to a card that was charged blind: the row keeps its amount, the
// difference to the right price goes to the account.
type Rebate struct {
	Card     txn.CardKey
	ATC      uint16
	Ref      txn.Ref
	Acquirer Participant
	Operator fare.OperatorID
	Paid     money.Fen // as deducted
	Price    money.Fen // as it should have been
}

// Amount is the difference.
func (r *Rebate) Amount() money.Fen { return r.Paid - r.Price }

// Result is the outcome of one partition of a window.
type Result struct {
	Items   []Item // by card, counter, time of acceptance
	Rebates []Rebate
	States  []StateUpdate
	Nets    *Nets
	Totals  map[[2]Participant]Totals // by issuer and acquirer
	Shares  map[ShareKey]money.Fen
	Counts  map[txn.Verdict]int64
}

// Totals sum up the cleared rows of one issuer at one acquirer.
type Totals struct {
	Items  int64
	Amount money.Fen
	Fees   Fees
}

func (t Totals) plus(u Totals) Totals {
	t.Items += u.Items
	t.Amount += u.Amount
	t.Fees.Merchant += u.Fees.Merchant
	t.Fees.Issuer += u.Fees.Issuer
	t.Fees.NetworkIssuer += u.Fees.NetworkIssuer
	t.Fees.NetworkAcquirer += u.Fees.NetworkAcquirer
	return t
}

// ShareKey names an operator's income from one acquirer.
type ShareKey struct {
	Acquirer Participant
	Operator fare.OperatorID
}

// StateUpdate is a card's new stored state.
type StateUpdate struct {
	Card  txn.CardKey
	State []byte
}
