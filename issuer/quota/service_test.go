package quota_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/txn"
)

// The account does not cover a debit: the operator is paid, the customer owes, the card is
// denied and gets nothing until all is paid.
func TestAccountFailsAndRecovers(t *testing.T) {
	m, b := newMachine(t, terms), newBooks(t, 1000)
	s := running(t, m)
	booked := func(e quota.Effects) quota.Effects {
		t.Helper()
		for _, a := range e.Accounts {
			b.open(a)
		}
		var all quota.Effects
		for _, x := range e.Transfers {
			more, err := m.Booked(&s, &x, b.book(x), start)
			noError(t, err)
			all.Accounts, all.Transfers = append(all.Accounts, more.Accounts...), append(all.Transfers, more.Transfers...)
			all.Listed, all.Push = all.Listed || more.Listed, all.Push || more.Push
		}
		return all
	}
	p := row(t, txn.Single, 1, 4600, 400)
	_, e, err := m.Present(&s, &p, txn.Cleared, 1, start)
	noError(t, err)
	if _, ok := s.Outgoing(); !ok {
		t.Fatal("nothing is wrong yet, the quota is restored")
	}
	e = booked(e)
	if !e.Listed || !s.Denied() || s.Stops != quota.StopAccount || len(e.Accounts) != 1 || len(e.Transfers) != 1 {
		t.Fatalf("debit refused: %+v, stops %b", e, s.Stops)
	}
	if _, ok := s.Outgoing(); ok {
		t.Error("a card that owes gets a quota")
	}
	if e = booked(e); b.net(settlement) != 4600 || s.Debts[0].State != quota.Owed || e.Listed {
		t.Errorf("the operator has %v, debt %+v", b.net(settlement), s.Debts[0])
	}
	b.fund(1000)
	if booked(m.Recover(&s, start+1)); s.Debts[0].State != quota.Owed || !s.Denied() {
		t.Errorf("20 yuan do not pay 46: %+v", s.Debts)
	}
	b.fund(5000)
	e = booked(m.Recover(&s, start+2))
	if len(s.Debts) != 0 || s.Stops != 0 || !e.Listed || b.net(b.customer()) != 2400 {
		t.Errorf("paid: debts %+v, stops %b, listed %t, account %v", s.Debts, s.Stops, e.Listed, b.net(b.customer()))
	}
	if _, ok := s.Outgoing(); !ok {
		t.Error("the push of before does not go on")
	}
	if got := b.net(quota.ClaimAccount(tokens{}.Token(s.Card))); got != 0 {
		t.Errorf("claim %v", got)
	}
}

// The account is gone: rows that come are claims at once.
func TestAccountGone(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	e, err := m.AccountGone(&s, start)
	noError(t, err)
	if !e.Listed || !s.Denied() {
		t.Error("not denied")
	}
	p := row(t, txn.Single, 1, 4600, 400)
	_, e, err = m.Present(&s, &p, txn.Cleared, 1, start)
	noError(t, err)
	if len(e.Transfers) != 1 || e.Transfers[0].Code != quota.CodeOwed || len(e.Accounts) != 1 || e.Listed {
		t.Errorf("effects %+v", e)
	}
	again := m.Transfers(&s)
	if len(again.Transfers) != 1 || ledger.Compare(&e.Transfers[0], &again.Transfers[0]) != ledger.ExistsSame {
		t.Errorf("after a crash %+v", again)
	}
	if _, ok := s.Outgoing(); ok {
		t.Error("a quota for nobody's account")
	}
}

// Outcomes for staff change nothing.
func TestBookedErrors(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	p := row(t, txn.Single, 1, 100, 4900)
	_, e, err := m.Present(&s, &p, txn.Cleared, 1, start)
	noError(t, err)
	x := e.Transfers[0]
	if _, err = m.Booked(&s, &x, ledger.ExistsDifferentAmount, start); err == nil || len(s.Debts) != 1 || s.Debts[0].State != quota.Asked {
		t.Errorf("a conflict in the books: %v %+v", err, s.Debts)
	}
	x.ID[3] ^= 1
	if _, err = m.Booked(&s, &x, ledger.Created, start); !errors.Is(err, quota.ErrDebt) {
		t.Errorf("a foreign transfer: %v", err)
	}
}

// Suspended, resumed, closed.
func TestSuspendAndClose(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	_, err := m.Suspend(&s, start)
	noError(t, err)
	if present(t, m, &s, row(t, txn.Single, 1, 4900, 100), start) != quota.Debited {
		t.Error("a suspended card's row is debited")
	}
	if _, ok := s.Outgoing(); ok || s.Denied() {
		t.Errorf("suspended: push %t, denied %t", ok, s.Denied())
	}
	e, err := m.Resume(&s, start)
	noError(t, err)
	if p, ok := s.Outgoing(); !ok || !e.Push || p.ATC != 2 {
		t.Errorf("resumed: %t %+v", ok, p)
	}
	if e, err = m.Close(&s, start); err != nil || s.State != quota.Closing {
		t.Fatalf("%v, %v", s.State, err)
	}
	p, _ := s.Outgoing()
	if !e.Push || p.Value != 0 || p.ATC != 3 {
		t.Errorf("closing pushes %+v", p)
	}
	if _, err = m.Close(&s, start); !errors.Is(err, quota.ErrState) {
		t.Errorf("closed twice: %v", err)
	}
	answer(t, m, &s, 0x6A84, start)
	if s.State != quota.Closing || s.Stops != quota.StopPush {
		t.Errorf("the card has refused: %v, %b", s.State, s.Stops)
	}
	_, err = m.Resume(&s, start)
	noError(t, err)
	answer(t, m, &s, 0x9000, start)
	if s.State != quota.Closed || present(t, m, &s, row(t, txn.Single, 2, 50, 50), start) != quota.Debited {
		t.Errorf("%v: a late row is debited all the same", s.State)
	}
}

// A quota that was personalised needs no push to begin; one too large is refused.
func TestOpen(t *testing.T) {
	m := newMachine(t, terms)
	s := open(t, m, quota.Request{Balance: 5000, Deposit: 1000, Counter: 9})
	if _, ok := s.Outgoing(); ok || s.State != quota.Active || m.Exposure(&s, start) != 6000 {
		t.Errorf("personalised: push %t, %v, exposure %v", ok, s.State, m.Exposure(&s, start))
	}
	if present(t, m, &s, row(t, txn.Single, 9, 1, 4999), start) != quota.Over {
		t.Error("a row from before the service")
	}
	for _, c := range []struct {
		r    quota.Request
		want error
	}{{quota.Request{Balance: 20_000}, quota.ErrCap}, {quota.Request{Balance: -1}, quota.ErrTerms}, {quota.Request{Deposit: -1}, quota.ErrTerms}} {
		c.r.Card = cardKey(t)
		if _, _, err := m.Open(&c.r, start); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.r, err, c.want)
		}
	}
}

func TestTermsContradict(t *testing.T) {
	for name, edit := range map[string]func(*quota.Terms){
		"quota -0.01":  func(x *quota.Terms) { x.Quota = -1 },
		"quota 0.00":   func(x *quota.Terms) { x.Quota = 0 },
		"deposit":      func(x *quota.Terms) { x.Deposit = x.Quota },
		"threshold 0":  func(x *quota.Terms) { x.Threshold = 0 },
		"threshold 50": func(x *quota.Terms) { x.Threshold = x.Quota + 1 },
		"cap":          func(x *quota.Terms) { x.Cap = x.Quota + x.Threshold - 1 },
		"window 0":     func(x *quota.Terms) { x.Window = 0 },
		"retry 0":      func(x *quota.Terms) { x.Retry = 0 },
		"0 sends":      func(x *quota.Terms) { x.MaxSends = 0 },
	} {
		bad := terms
		edit(&bad)
		keys, err := quota.NewMasters(alg, master)
		noError(t, err)
		c := quota.Config{Terms: quota.Schedule{terms, bad}, Keys: keys, Tokens: tokens{}, Settlement: settlement}
		if _, err = quota.New(c); !errors.Is(err, quota.ErrTerms) || !strings.Contains(err.Error(), "parameters 2") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		c.Terms = quota.Schedule{terms, terms}
		if _, err = quota.New(c); !errors.Is(err, quota.ErrTerms) {
			t.Errorf("two of one time: %v", err)
		}
		c.Terms = nil
		if _, err = quota.New(c); !errors.Is(err, quota.ErrTerms) {
			t.Errorf("no terms: %v", err)
		}
		if c.Terms, c.Settlement = (quota.Schedule{terms}), (ledger.AccountID{}); true {
			if _, err = quota.New(c); err == nil {
				t.Error("no settlement account")
			}
		}
	}
	if _, err := quota.New(quota.Config{Terms: quota.Schedule{terms}, Settlement: settlement}); err == nil {
		t.Error("no ports")
	}
	if _, err := quota.NewMasters(9, master); !errors.Is(err, cryptogram.ErrAlgorithm) {
		t.Errorf("unknown algorithm: %v", err)
	}
}

// A stored service that makes no sense is refused by name of the field.
func TestStoredServiceIsChecked(t *testing.T) {
	m := newMachine(t, terms)
	good := open(t, m, quota.Request{})
	present(t, m, &good, row(t, txn.Single, 2, 10, 10), start)
	noError(t, good.Validate())
	for want, edit := range map[string]func(*quota.Service){
		"state 0":          func(s *quota.Service) { s.State = 0 },
		"Seen is empty":    func(s *quota.Service) { s.Seen = nil },
		"Deposit":          func(s *quota.Service) { s.Deposit = -1 },
		"Seen 1":           func(s *quota.Service) { s.Seen[1].ATC = 0 },
		"Seen 0":           func(s *quota.Service) { s.Seen[0].Balance = -1 },
		"push 0":           func(s *quota.Service) { s.Pushes[0].Command = nil },
		"Push ATC 1":       func(s *quota.Service) { s.LastPush = 0 },
		"debt of counter":  func(s *quota.Service) { s.Debts[0].Amount = 0 },
		"debt of counter ": func(s *quota.Service) { s.Debts[0].State = 9 },
	} {
		s := good
		s.Seen = append([]quota.Seen(nil), good.Seen...)
		s.Pushes = append([]quota.Push(nil), good.Pushes...)
		s.Debts = append([]quota.Debt(nil), good.Debts...)
		edit(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// No way of printing shows a key or a whole number.
func TestNothingIsPrinted(t *testing.T) {
	keys, err := quota.NewMasters(alg, master)
	noError(t, err)
	domains := quota.NewDomainKeys(scp.KeySet{ENC: master, MAC: master, DEK: master}, 0)
	s := running(t, newMachine(t, terms))
	for _, v := range []any{keys, *keys, domains, *domains, s, &s} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
			text := strings.ToLower(fmt.Sprintf(verb, v))
			for _, secret := range []string{"1122334455667788", "0x11, 0x22, 0x33, 0x44", "17 34 51 68", "6228000100001117"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows %s", verb, v, secret)
				}
			}
		}
	}
}

// The ids of postings are stored for ever: these were made with another implementation of
// SM3 over "quot", code, token, generation, counter and try.
func TestTransferIDsAreForEver(t *testing.T) {
	m := newMachine(t, terms)
	s := open(t, m, quota.Request{Generation: 3})
	answer(t, m, &s, 0x9000, start)
	p := row(t, txn.Single, 0x0102, 100, 4900)
	_, e, err := m.Present(&s, &p, txn.Cleared, 7, start)
	noError(t, err)
	x := e.Transfers[0]
	if fmt.Sprintf("%X", x.Ref) != "00030102" || x.Window != 7 || x.At != start || x.Code != 31 {
		t.Errorf("transfer %+v", x)
	}
	owed, err := m.Booked(&s, &x, ledger.DebitLimitExceeded, start)
	noError(t, err)
	y := owed.Transfers[0]
	_, err = m.Booked(&s, &y, ledger.Created, start)
	noError(t, err)
	z := m.Recover(&s, start+5).Transfers[0]
	for _, c := range []struct {
		got  ledger.Transfer
		want string
	}{{x, "29f10fb1bd0a41a9c8ecea36346b441c"}, {y, "29f1984c52189082a1a034abfdc1bd2f"}, {z, "29f15d8cd30c6fa7a785c10747b72563"}} {
		if c.got.ID.String() != c.want {
			t.Errorf("code %d has id %s, want %s", c.got.Code, c.got.ID, c.want)
		}
	}
}
