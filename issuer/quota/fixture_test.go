package quota_test

import (
	"testing"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

const (
	start = 1_766_102_400
	day   = 86_400
	alg   = cryptogram.SM4
)

// terms are the article's quota of 50 and threshold of 5 yuan, and its 20 days.
var terms = quota.Terms{Quota: 5000, Threshold: 500, Cap: 11_000, Window: 20 * day, Retry: 3600, MaxSends: 5}

var settlement = ledger.AccountID{byte(ledger.Settlement), 1}

// tokens stands in for the keyed hash of a role.
type tokens struct{}

func (tokens) Token(card txn.CardKey) issuer.Token {
	b := card.Bytes()
	sum := sm3.Sum(b[:])
	return issuer.Token(sum[:15])
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func cardKey(t testing.TB) txn.CardKey {
	t.Helper()
	pan, err := txn.ParsePAN("6228000100001117")
	noError(t, err)
	return txn.CardKey{PAN: pan, PSN: 1}
}

// master is the MAC master of the worked examples.
var master = cryptogram.Key{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}

func newMachine(t testing.TB, of ...quota.Terms) *quota.Machine {
	t.Helper()
	keys, err := quota.NewMasters(alg, master)
	noError(t, err)
	m, err := quota.New(quota.Config{Terms: of, Keys: keys, Tokens: tokens{}, Settlement: settlement})
	noError(t, err)
	return m
}

func open(t testing.TB, m *quota.Machine, r quota.Request) quota.Service {
	t.Helper()
	r.Card = cardKey(t)
	s, e, err := m.Open(&r, start)
	noError(t, err)
	if _, ok := s.Outgoing(); ok != e.Push {
		t.Fatalf("the effects say push %t, the service %t", e.Push, ok)
	}
	return s
}

// running is a service whose card has its first quota.
func running(t testing.TB, m *quota.Machine) quota.Service {
	t.Helper()
	s := open(t, m, quota.Request{})
	answer(t, m, &s, 0x9000, start)
	if s.State != quota.Active {
		t.Fatalf("state %v, want active", s.State)
	}
	return s
}

// row is a verified row of the card: kind, counter, amount and the balance after it.
func row(t testing.TB, kind txn.Kind, atc uint16, amount, balance money.Fen) txn.Presented {
	t.Helper()
	r := txn.Row{Kind: kind, Card: cardKey(t), ATC: atc, Amount: amount, Time: start + int64(atc)}
	v, err := balance.N12()
	noError(t, err)
	d := cryptogram.IAD{CVN: cryptogram.CVN01, Alg: alg, IDD: cryptogram.IDDBalance, Amount1: [5]byte(v[1:])}
	d.Append(r.IAD[:0])
	return txn.Presented{Row: r}
}
