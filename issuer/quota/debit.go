package quota

import (
	"encoding/binary"
	"fmt"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/txn"
)

// Codes of the postings of the quota scheme. Numbers are for ever.
const (
	CodeDebit   uint16 = 31 // customer -> settlement: one presented row
	CodeOwed    uint16 = 32 // claim on the customer -> settlement: the account did not cover it
	CodeRecover uint16 = 33 // customer -> claim: paid later
)

// ClaimAccount is what the customer of a card owes.
func ClaimAccount(t issuer.Token) ledger.AccountID {
	id := ledger.AccountID{byte(ledger.Claim)}
	copy(id[1:], t[:])
	return id
}

// Account is the account of what the customer owes, to be opened with the service or with
// the first Effects that name it.
func (m *Machine) Account(card txn.CardKey) ledger.Account {
	return ledger.Account{ID: ClaimAccount(m.tokens.Token(card)), Kind: ledger.Claim, Owner: card.String(), Limit: ledger.Unlimited}
}

// lenRef is the reference of a transfer: chip generation (2), counter (2).
const lenRef = 4

// transfer is the posting that a debt waits for; false if it waits for none.
func (m *Machine) transfer(s *Service, d *Debt) (ledger.Transfer, bool) {
	token := m.tokens.Token(s.Card)
	x := ledger.Transfer{Amount: d.Amount, At: d.At, Window: d.Window}
	number := uint16(0)
	switch d.State {
	case Asked:
		x.Code, x.Debit, x.Credit = CodeDebit, issuer.CustomerAccount(token), m.settlement
	case Short:
		x.Code, x.Debit, x.Credit = CodeOwed, ClaimAccount(token), m.settlement
	case Recovering:
		x.Code, x.Debit, x.Credit = CodeRecover, issuer.CustomerAccount(token), ClaimAccount(token)
		x.At, number = d.RecoverAt, d.Tries
	default:
		return x, false
	}
	x.Ref = make([]byte, 0, lenRef)
	x.Ref = binary.BigEndian.AppendUint16(x.Ref, s.Generation)
	x.Ref = binary.BigEndian.AppendUint16(x.Ref, d.ATC)
	x.ID = transferID(x.Code, token, x.Ref, number)
	return x, true
}

// transferID is SM3 over "quot", code, token, generation, counter and the number of the
// try, behind the first two bytes of the token as in the issuer's other books.
func transferID(code uint16, t issuer.Token, ref []byte, number uint16) ledger.TransferID {
	b := binary.BigEndian.AppendUint16([]byte("quot"), code)
	b = append(append(b, t[:]...), ref...)
	sum := sm3.Sum(binary.BigEndian.AppendUint16(b, number))
	id := ledger.TransferID{t[0], t[1]}
	copy(id[2:], sum[:])
	return id
}

// add puts the posting of a debt among the effects.
func (m *Machine) add(s *Service, d *Debt, e *Effects) {
	x, ok := m.transfer(s, d)
	if !ok {
		return
	}
	if d.State == Short && len(e.Accounts) == 0 {
		e.Accounts = append(e.Accounts, m.Account(s.Card))
	}
	e.Transfers = append(e.Transfers, x)
}

// Transfers gives again all postings whose answer is due, after a crash: each is the same
// as before, so that the books take it once.
func (m *Machine) Transfers(s *Service) Effects {
	var e Effects
	for i := range s.Debts {
		m.add(s, &s.Debts[i], &e)
	}
	return e
}

// Booked takes what became of a transfer. A debit that the account does not cover becomes
// a claim on the customer: the operator is paid all the same, the card is denied. An
// outcome that no repeat can mend (Outcome.Conflict and the like) is an error for staff
// and changes nothing; so is ErrDebt.
func (m *Machine) Booked(s *Service, x *ledger.Transfer, outcome ledger.Outcome, now int64) (Effects, error) {
	at := -1
	for i := range s.Debts {
		if y, ok := m.transfer(s, &s.Debts[i]); ok && y.ID == x.ID {
			at = i
		}
	}
	if at < 0 {
		return Effects{}, fmt.Errorf("transfer %v of %v: %w", x.ID, s.Card, ErrDebt)
	}
	d, listed := &s.Debts[at], s.Denied()
	var more Effects
	switch {
	case outcome.OK() && d.State == Short:
		d.State = Owed
	case outcome.OK():
		s.Debts = append(s.Debts[:at:at], s.Debts[at+1:]...)
	case !outcome.Transient() || d.State == Short:
		return Effects{}, fmt.Errorf("posting of counter %d of %v: %v", d.ATC, s.Card, outcome)
	case d.State == Recovering:
		d.State = Owed
	default:
		d.State = Short
		s.Stops |= StopAccount
		m.add(s, d, &more)
	}
	if s.Stops&StopAccount != 0 && !s.owes() {
		s.Stops &^= StopAccount
	}
	e, err := m.settle(s, now, listed)
	e.Accounts, e.Transfers = more.Accounts, more.Transfers
	return e, err
}

// Recover asks the account again for all that is owed: the customer has paid in, or wants
// to. When the last of it is paid the card leaves the deny list and gets its quota again.
func (m *Machine) Recover(s *Service, now int64) Effects {
	var e Effects
	for i := range s.Debts {
		d := &s.Debts[i]
		if d.State != Owed {
			continue
		}
		d.State, d.RecoverAt = Recovering, now
		d.Tries++
		m.add(s, d, &e)
	}
	return e
}
