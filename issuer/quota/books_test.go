package quota_test

import (
	"testing"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// books is a ledger in memory, with the account behind the card and settlement open.
type books struct {
	t         testing.TB
	machine   ledger.Machine
	accounts  map[ledger.AccountID]ledger.State
	transfers map[ledger.TransferID]ledger.Transfer
}

func newBooks(t testing.TB, funds money.Fen) *books {
	b := &books{t: t, accounts: map[ledger.AccountID]ledger.State{}, transfers: map[ledger.TransferID]ledger.Transfer{}}
	b.open(ledger.Account{ID: settlement, Kind: ledger.Settlement})
	b.open(ledger.Account{ID: b.customer(), Kind: ledger.CustomerBank, Limit: ledger.DebitsWithinCredits})
	b.fund(funds)
	return b
}

func (b *books) customer() ledger.AccountID {
	return issuer.CustomerAccount(tokens{}.Token(cardKey(b.t)))
}

func (b *books) open(a ledger.Account) {
	if _, ok := b.accounts[a.ID]; !ok {
		b.accounts[a.ID] = ledger.State{Limit: a.Limit}
	}
}

// fund pays into the account behind the card, from outside of this ledger.
func (b *books) fund(amount money.Fen) {
	a := b.accounts[b.customer()]
	a.Balance.Credits += amount
	b.accounts[b.customer()] = a
}

func (b *books) net(id ledger.AccountID) money.Fen { return b.accounts[id].Balance.Net() }

// Account implements ledger.View.
func (b *books) Account(id ledger.AccountID) (ledger.State, bool) {
	a, ok := b.accounts[id]
	return a, ok
}

// Transfer implements ledger.View.
func (b *books) Transfer(id ledger.TransferID) *ledger.Transfer {
	if x, ok := b.transfers[id]; ok {
		return &x
	}
	return nil
}

// book books one transfer.
func (b *books) book(x ledger.Transfer) ledger.Outcome {
	b.t.Helper()
	r, err := b.machine.Apply(b, []ledger.Transfer{x})
	noError(b.t, err)
	for range r.Created {
		b.transfers[x.ID] = x
	}
	for _, c := range r.Changes {
		a := b.accounts[c.ID]
		a.Balance = c.After
		b.accounts[c.ID] = a
	}
	return r.Outcomes[0]
}
