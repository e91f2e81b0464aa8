package quota

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
)

// Taken says what became of a presented row. Numbers are for ever.
type Taken uint8

// What can become of it.
const (
	Debited  Taken = 1 // its amount is asked of the account
	Noted    Taken = 2 // nothing to pay: entry, declined
	Repeated Taken = 3 // the same counter and content came before
	Conflict Taken = 4 // the same counter with other content: not debited, the card is denied
	Over     Taken = 5 // a counter that came before or is over: not debited
	Ignored  Taken = 6 // a doubt row proves nothing about what is left, nor does a declined one in which the card offered to pay
)

// Present takes a row of the T+1 file that the issuer has verified (verdict Cleared,
// Checkpoint or Noted: cryptogram and balance MAC are right). The same file may come
// twice. The error is ErrRow, for a row that is not verified, not this card's without a
// balance, or of a pre-authorisation, or that of Keys.
func (m *Machine) Present(s *Service, p *txn.Presented, verdict txn.Verdict, window int32, now int64) (Taken, Effects, error) {
	r := &p.Row
	if verdict.Refused() || r.Card != s.Card {
		return 0, Effects{}, fmt.Errorf("counter %d of %v, %v: %w", r.ATC, r.Card, verdict, ErrRow)
	}
	if r.Kind == txn.Doubt {
		return Ignored, Effects{}, nil
	}
	seen, offered, err := seenIn(r, now)
	if err != nil {
		return 0, Effects{}, fmt.Errorf("counter %d of %v: %w", r.ATC, r.Card, err)
	}
	if offered {
		return Ignored, Effects{}, nil
	}
	listed := s.Denied()
	at, found := slices.BinarySearchFunc(s.Seen, r.ATC, func(e Seen, atc uint16) int { return int(e.ATC) - int(atc) })
	switch {
	case r.ATC <= s.Floor && !found, found && s.Seen[at].Kind == 0:
		return Over, Effects{}, nil
	case found:
		was := s.Seen[at]
		was.Time, was.Arrived = seen.Time, seen.Arrived
		if was == seen {
			return Repeated, Effects{}, nil
		}
		s.Stops |= StopConflict
		e, err := m.settle(s, now, listed)
		return Conflict, e, err
	case at < len(s.Seen) && s.over(at, now, m.terms.At(now).Window):
		return Over, Effects{}, nil
	}
	s.Seen = slices.Insert(s.Seen, at, seen)
	taken, debit := Noted, Effects{}
	if seen.Amount > 0 {
		d := Debt{ATC: r.ATC, Amount: seen.Amount, State: Asked, At: now, Window: window}
		if s.Stops&StopGone != 0 {
			d.State = Short
		}
		s.Debts = append(s.Debts, d)
		s.Bound -= seen.Amount
		m.add(s, &d, &debit)
		taken = Debited
	}
	e, err := m.settle(s, now, listed)
	e.Accounts, e.Transfers = debit.Accounts, debit.Transfers
	return taken, e, err
}

// seenIn is what a row proves. offered says that the card's approval was not taken: it
// states what would have been left, and whether it has paid is open (JR/T 0025.12, annex
// D: with a TC the balance is that after the debit).
func seenIn(r *txn.Row, now int64) (e Seen, offered bool, err error) {
	e = Seen{ATC: r.ATC, Kind: r.Kind, Time: r.Time, Arrived: now}
	if r.Kind == txn.Hold || r.Kind == txn.Completion {
		return e, false, fmt.Errorf("%v: a card with a quota is issued without pre-authorisation (DF61 = 01): %w", r.Kind, ErrRow)
	}
	iad, err := cryptogram.ParseIAD(r.IssuerData())
	if err != nil {
		return e, false, fmt.Errorf("%w: %w", err, ErrRow)
	}
	balance, stated := iad.Balance()
	if !stated {
		return e, false, fmt.Errorf("9F10 states no balance (discretionary data %02X): %w", iad.IDD, ErrRow)
	}
	e.Balance = balance
	if r.Kind.Paid() {
		e.Amount = r.Amount
	}
	return e, r.Kind == txn.Declined && r.Amount > 0 && iad.Result() == cryptogram.TC, nil
}
