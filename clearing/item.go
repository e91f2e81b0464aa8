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
// difference to the right price goes to the account. The operators give it back,
// so that each is left with its share of the right price less the merchant fee as
// charged; where the way was not known when the fare was split, this moves money
// between operators too, even if nothing is owed to the card.
type Rebate struct {
	Card     txn.CardKey
	ATC      uint16
	Ref      txn.Ref
	Acquirer Participant
	Operator fare.OperatorID // of the exit
	Paid     money.Fen       // as deducted
	Price    money.Fen       // as it should have been, at least the merchant fee: operators give back no more than they got
	// Debits is what each operator gives back, by its number; below zero where it got
	// too little. They add to Amount.
	Debits []fare.Share
}

// Amount is what the card gets back, 0 if money moves between operators only.
func (r *Rebate) Amount() money.Fen { return r.Paid - r.Price }

// Abandoned is a fare that was charged blind and is no longer waited for: more
// than 64 of a card wait for their entries, and this is the oldest. What was
// charged stands; a person may still settle it.
type Abandoned struct {
	Card     txn.CardKey
	ATC      uint16
	Ref      txn.Ref
	Terminal txn.TerminalID
	Paid     money.Fen
}

// Result is the outcome of one partition of a window.
type Result struct {
	Items     []Item // by card, counter, time of acceptance
	Rebates   []Rebate
	Abandoned []Abandoned
	States    []StateUpdate
	Damaged   []txn.CardKey // their stored state cannot be read: it stays as it is, and their rows are refused as BadCardData
	Nets      *Nets
	Totals    map[[2]Participant]Totals // by issuer and acquirer
	Shares    map[ShareKey]money.Fen
	Counts    map[txn.Verdict]int64
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
