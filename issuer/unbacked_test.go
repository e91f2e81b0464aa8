package issuer_test

import (
	"testing"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// shelf is a ledger in memory.
type shelf struct {
	accounts  map[ledger.AccountID]ledger.State
	transfers map[ledger.TransferID]*ledger.Transfer
}

func (s *shelf) Account(id ledger.AccountID) (ledger.State, bool) {
	a, open := s.accounts[id]
	return a, open
}

func (s *shelf) Transfer(id ledger.TransferID) *ledger.Transfer { return s.transfers[id] }

func (s *shelf) post(t *testing.T, batch ...ledger.Transfer) []ledger.Outcome {
	t.Helper()
	res, err := ledger.Apply(s, batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range res.Created {
		s.transfers[batch[i].ID] = &batch[i]
	}
	for _, c := range res.Changes {
		a := s.accounts[c.ID]
		a.Balance = c.After
		s.accounts[c.ID] = a
	}
	return res.Outcomes
}

func (s *shelf) open(accounts ...ledger.Account) {
	for _, a := range accounts {
		s.accounts[a.ID] = ledger.State{Limit: a.Limit}
	}
}

// A row above the float is paid with the loan, and the claim pays the loan back:
// in between the float has what it would have if it could be overdrawn.
func TestUnbackedDebitIsLentAndRecovered(t *testing.T) {
	s := &shelf{map[ledger.AccountID]ledger.State{}, map[ledger.TransferID]*ledger.Transfer{}}
	card := cardOf(t, 7)
	token := tokens{}.Token(card)
	accounts, loads := books.Open(card, 500, at)
	s.open(accounts...)
	s.open(ledger.Account{ID: settlement, Kind: ledger.Settlement}, ledger.Account{ID: other, Kind: ledger.Claim})
	s.post(t, loads...)
	fares := books.Fares(card, settlement, 20_441, at, []issuer.Fare{{ATC: 1, Amount: 300}, {ATC: 2, Amount: 350}})
	if got := s.post(t, fares)[0]; got != ledger.DebitLimitExceeded {
		t.Fatalf("650 out of a float of 500: %s", got)
	}
	account, loan := books.Unbacked(&fares, 150)
	s.open(account)
	if account.ID != issuer.LossAccount(token) || ledger.CheckAccount(&account) != ledger.AccountOpened || loan.Code != issuer.CodeUnbacked || loan.Window != 20_441 || loan.At != at {
		t.Errorf("account %+v, loan %+v", account, loan)
	}
	for i, o := range s.post(t, loan, fares, loan, fares) {
		if want := []ledger.Outcome{ledger.Created, ledger.Created, ledger.ExistsSame, ledger.ExistsSame}[i]; o != want {
			t.Errorf("transfer %d: %s, want %s", i, o, want)
		}
	}
	net := func(id ledger.AccountID) money.Fen { return s.accounts[id].Balance.Net() }
	if float, loss, paid := net(issuer.FloatAccount(token)), net(issuer.LossAccount(token)), net(settlement); float != 0 || loss != -150 || paid != 650 {
		t.Errorf("float %s, loss %s, settlement %s", float, loss, paid)
	}
	claim := correction(t, card, issuer.CodeClaim, 1, 1, 1, 300)
	back := books.Recovered(&claim, 150)
	for i, o := range s.post(t, claim, back) {
		if o != ledger.Created {
			t.Errorf("transfer %d: %s", i, o)
		}
	}
	if float, loss := net(issuer.FloatAccount(token)), net(issuer.LossAccount(token)); float != 150 || loss != 0 || back.Code != issuer.CodeRecovered {
		t.Errorf("after the claim: float %s, loss %s", float, loss)
	}
	if loan.ID == back.ID || loan.ID == fares.ID {
		t.Error("loan, its return and the fares share an id")
	}
}

func TestReshareMovesBetweenOperators(t *testing.T) {
	card := cardOf(t, 1)
	x := books.Reshare(card, operator, other, 7, 1, 120, 20_441, at)
	if x.Debit != operator || x.Credit != other || x.Amount != 120 || x.Code != issuer.CodeReshare || x.At != at || x.Window != 20_441 || ledger.Check(&x) != ledger.Created {
		t.Errorf("%+v", x)
	}
	ids := map[ledger.TransferID]bool{books.Rebate(card, operator, 7, 120, 20_441, at).ID: true}
	for atc := range uint16(3) {
		for number := range uint16(3) {
			ids[books.Reshare(card, operator, other, atc, number, 1, 1, 1).ID] = true
		}
	}
	if len(ids) != 10 {
		t.Errorf("%d ids of 10 transfers", len(ids))
	}
}
