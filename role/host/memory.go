package host

import (
	"slices"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/txn"
)

// What every development card has at its issuer.
const (
	OpeningAccount money.Fen = 100_000 // 1000.00 yuan
	CashLimit      money.Fen = 500_000 // 9F77 of the development profiles
	PINTries                 = 3
)

// account is one card at the development issuer. A card comes into being with its
// first request.
type account struct {
	card      authorise.Card
	pin       pin.PIN
	wrong     int
	decisions map[authorise.Number]authorise.Decision
}

// memory keeps the accounts of the development issuer; the owner holds the lock.
type memory struct {
	accounts map[txn.CardKey]*account
	opening  money.Fen
	pin      pin.PIN
}

// account gives what is known of a card, or what every card begins with, which is not
// kept: a request that proves nothing leaves nothing behind.
func (m *memory) account(card txn.CardKey) *account {
	if a := m.accounts[card]; a != nil {
		return a
	}
	return &account{
		pin: m.pin, decisions: map[authorise.Number]authorise.Decision{},
		card: authorise.Card{Status: authorise.Active, Available: m.opening, Limit: CashLimit},
	}
}

// keep is account, kept.
func (m *memory) keep(card txn.CardKey) *account {
	a := m.account(card)
	m.accounts[card] = a
	return a
}

// Card implements authorise.Cards.
func (m *memory) Card(card txn.CardKey) (authorise.Card, bool, error) {
	return m.account(card).card, true, nil
}

// ByNumber implements authorise.Cards: the cards that were here before, in the order of
// their sequence numbers. An account number that was not is that of a card with
// devcard.DefaultPSN, as nearly all have; of another card the chip must come first.
func (m *memory) ByNumber(number txn.PAN) ([]txn.CardKey, error) {
	var out []txn.CardKey
	for k := range m.accounts {
		if k.PAN == number {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b txn.CardKey) int { return int(a.PSN) - int(b.PSN) })
	if len(out) == 0 {
		out = append(out, txn.CardKey{PAN: number, PSN: devcard.DefaultPSN})
	}
	return out, nil
}

// Decision implements authorise.Cards.
func (m *memory) Decision(card txn.CardKey, n authorise.Number) (authorise.Decision, bool, error) {
	d, ok := m.account(card).decisions[n]
	return d, ok, nil
}

// Store implements authorise.Cards.
func (m *memory) Store(card txn.CardKey, c *authorise.Change) error {
	a := m.keep(card)
	if err := a.card.Apply(c); err != nil {
		return err
	}
	a.decisions[c.Decision.Number] = c.Decision
	return nil
}

// Check implements authorise.PINs.
func (m *memory) Check(card txn.CardKey, block [8]byte) (authorise.PINVerdict, error) {
	a := m.keep(card)
	if a.wrong >= PINTries {
		return authorise.PINBlocked, nil
	}
	p, err := decipherPIN(card, block)
	if err != nil || !p.Equal(a.pin) {
		a.wrong++ // a block that does not open was made of a PIN that cannot be right
		return authorise.PINWrong, nil
	}
	a.wrong = 0
	return authorise.PINRight, nil
}
