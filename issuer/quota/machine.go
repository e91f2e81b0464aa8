package quota

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Keys is what the issuer's MAC master does for a card. The master stays behind it.
type Keys interface {
	// PushMAC is the MAC over a Push PUT DATA command, header to data object, under the
	// session key that the card's MAC key gives for the Push ATC.
	PushMAC(card txn.CardKey, pushATC uint16, covered []byte) ([8]byte, error)
}

// Config is what a Machine needs.
type Config struct {
	Terms  Schedule
	Keys   Keys
	Tokens issuer.Tokens
	// Settlement is the issuer's account in clearing, which debits pay into.
	Settlement ledger.AccountID
}

// Machine is the rules of one issuer's quota scheme.
type Machine struct {
	terms      Schedule
	keys       Keys
	tokens     issuer.Tokens
	settlement ledger.AccountID
}

// New prepares a machine. It fails without a port, and with ErrTerms.
func New(c Config) (*Machine, error) {
	switch {
	case c.Keys == nil || c.Tokens == nil:
		return nil, errors.New("quota scheme: keys and tokens are needed")
	case c.Settlement == ledger.AccountID{}:
		return nil, errors.New("quota scheme: settlement account is zero")
	}
	if err := c.Terms.Validate(); err != nil {
		return nil, fmt.Errorf("quota scheme: %w", err)
	}
	return &Machine{terms: c.Terms, keys: c.Keys, tokens: c.Tokens, settlement: c.Settlement}, nil
}

// Effects is what is to be done when the changed Service has been stored.
type Effects struct {
	// Accounts are to be opened before Transfers are booked; what became of each transfer
	// goes to Machine.Booked.
	Accounts  []ledger.Account
	Transfers []ledger.Transfer
	// Push says that Service.Outgoing is to be taken to the card (Session).
	Push bool
	// Listed says that the deny list changes, to Service.Denied.
	Listed bool
}

// Errors of events.
var (
	// ErrState says that the service is in a state in which this cannot be done.
	ErrState = errors.New("not possible in this state of the service")
	// ErrCap says that nothing may be pushed now, because the exposure would be above the
	// cap.
	ErrCap = errors.New("the exposure would be above the cap")
	// ErrRow says that a row is none that the machine can take.
	ErrRow = errors.New("not a verified row of this service")
	// ErrDebt says that the books answered about a transfer that was not asked for.
	ErrDebt = errors.New("no such debit is under way")
	// ErrPush says that an answer belongs to no push that was sent.
	ErrPush = errors.New("no such push was sent")
)

// Request is an approved application for the service.
type Request struct {
	Card       txn.CardKey
	Generation uint16
	// Counter is the card's counter (9F36) if known, else 0.
	Counter uint16
	// Balance and Deposit are 9F79 and DF62 as personalised.
	Balance, Deposit money.Fen
	// LastPush is the Push ATC that the card has seen from an earlier service, else 0.
	LastPush uint16
}

// Open begins a service: the deposit of the terms, if the card has another one, and the
// quota, if less than the threshold is personalised, are pushed. The error is ErrCap, if what the card has already is too much, or that
// of Keys.
func (m *Machine) Open(r *Request, now int64) (Service, Effects, error) {
	t := m.terms.At(now)
	if r.Balance < 0 || r.Deposit < 0 {
		return Service{}, Effects{}, fmt.Errorf("open quota of %v: balance %v, deposit %v: %w", r.Card, r.Balance, r.Deposit, ErrTerms)
	}
	s := Service{Card: r.Card, Generation: r.Generation, State: Opening, LastPush: r.LastPush, Deposit: r.Deposit,
		Floor: r.Counter, Seen: []Seen{{ATC: r.Counter, Balance: r.Balance}}}
	if t.Deposit != 0 && t.Deposit != r.Deposit {
		s.Deposit = max(s.Deposit, t.Deposit)
		s.Wanted = append(s.Wanted, Want{tlv.TagDeductionLimit, t.Deposit})
	}
	s.Bound = m.walk(&s, now).sum
	adds := money.Fen(0)
	if r.Balance < t.Threshold {
		s.Wanted, adds = append(s.Wanted, Want{tlv.TagECBalance, t.Quota}), t.Quota
	}
	if s.Bound+adds > t.Cap {
		return Service{}, Effects{}, fmt.Errorf("open quota of %v: %w", r.Card, ErrCap)
	}
	e, err := m.settle(&s, now, s.Denied())
	return s, e, err
}

// Suspend stops pushes until Resume. What the card has it keeps.
func (m *Machine) Suspend(s *Service, now int64) (Effects, error) {
	return m.stop(s, StopStaff, now)
}

// AccountGone says that the account was closed: debits become claims from now on and the
// card is denied.
func (m *Machine) AccountGone(s *Service, now int64) (Effects, error) {
	return m.stop(s, StopGone, now)
}

func (m *Machine) stop(s *Service, why Stops, now int64) (Effects, error) {
	before := s.Denied()
	s.Stops |= why
	return m.settle(s, now, before)
}

// Resume ends all stops but what is owed or gone. Whoever resumes after StopPush,
// StopImpossible or StopConflict has looked at the card: pushes that it refused no longer
// count, the one that waits is sent anew, and an impossible history is forgotten.
func (m *Machine) Resume(s *Service, now int64) (Effects, error) {
	before := s.Denied()
	forget := s.Stops&StopImpossible != 0
	if forget {
		s.Seen = s.Seen[len(s.Seen)-1:]
		s.Floor = s.Seen[0].ATC
	}
	s.Stops &= StopAccount | StopGone
	kept := s.Pushes[:0]
	for _, p := range s.Pushes {
		if p.State == Refused {
			s.Bound -= p.Value
			continue
		}
		p.Sends = 0
		kept = append(kept, p)
	}
	s.Pushes = kept
	if forget {
		s.Bound = m.walk(s, now).sum
	}
	if s.waiting() == nil && len(s.Wanted) == 0 {
		switch t := m.terms.At(now); {
		case s.State == Opening && s.Shadow() < t.Threshold:
			s.Wanted = append(s.Wanted, Want{tlv.TagECBalance, t.Quota})
		case s.State == Closing:
			s.Wanted = append(s.Wanted, Want{tlv.TagECBalance, 0})
		}
	}
	return m.settle(s, now, before)
}

// Close ends the service: 0 is pushed, whatever else waits. Rows that come later are
// debited all the same.
func (m *Machine) Close(s *Service, now int64) (Effects, error) {
	if s.State != Opening && s.State != Active {
		return Effects{}, fmt.Errorf("close quota of %v, which is %v: %w", s.Card, s.State, ErrState)
	}
	if p := s.waiting(); p != nil {
		p.State = Superseded
	}
	s.State = Closing
	s.Wanted = append(s.Wanted[:0], Want{tlv.TagECBalance, 0})
	return m.settle(s, now, s.Denied())
}

// Tick lets time pass: a push that was not answered is sent again, the quota is restored
// where old counters are over. The closing of each day calls it.
func (m *Machine) Tick(s *Service, now int64) (Effects, error) {
	return m.settle(s, now, s.Denied())
}

// settle ends every event: it looks at what is known, forgets what is over, and makes the
// push that is due. listed is whether the card was denied before.
func (m *Machine) settle(s *Service, now int64, listed bool) (Effects, error) {
	w := m.walk(s, now)
	if w.impossible {
		s.Stops |= StopImpossible
	}
	s.forget(&w)
	t := m.terms.At(now)
	if p := s.waiting(); p != nil && p.Sends >= t.MaxSends && p.SentAt+t.Retry <= now {
		s.Stops |= StopPush
	}
	if s.State == Opening && s.waiting() == nil && len(s.Wanted) == 0 && s.Stops&StopPush == 0 {
		s.State = Active
	}
	s.Bound = min(s.Bound, w.sum)
	err := m.advance(s, now)
	e := Effects{Listed: listed != s.Denied()}
	if p, ok := s.Outgoing(); ok {
		e.Push = p.Sends == 0 || p.SentAt+t.Retry <= now
	}
	return e, err
}

// Validate checks a stored service before it is used: states, order of counters and of
// pushes, amounts. The error names the field.
func (s *Service) Validate() error {
	switch {
	case s.State < Opening || s.State > Closed:
		return fmt.Errorf("quota of %v: state %d is not defined", s.Card, s.State)
	case len(s.Seen) == 0:
		return fmt.Errorf("quota of %v: Seen is empty, its first entry says where the knowledge begins", s.Card)
	case s.Deposit < 0:
		return fmt.Errorf("quota of %v: Deposit %v is below 0", s.Card, s.Deposit)
	}
	for i := range s.Seen {
		e := &s.Seen[i]
		if e.Balance < 0 || e.Amount < 0 || i > 0 && e.ATC <= s.Seen[i-1].ATC {
			return fmt.Errorf("quota of %v: Seen %d (counter %d) has an amount below 0 or is out of order", s.Card, i, e.ATC)
		}
	}
	for i := range s.Pushes {
		p := &s.Pushes[i]
		if p.ATC == 0 || p.ATC > s.LastPush || i > 0 && p.ATC <= s.Pushes[i-1].ATC || p.State < Waiting || p.State > Superseded || len(p.Command) == 0 {
			return fmt.Errorf("quota of %v: push %d (Push ATC %d) has no command, an undefined state or is out of order", s.Card, i, p.ATC)
		}
	}
	for i := range s.Debts {
		if d := &s.Debts[i]; d.Amount <= 0 || d.State < Asked || d.State > Recovering {
			return fmt.Errorf("quota of %v: debt of counter %d has no amount or an undefined state", s.Card, d.ATC)
		}
	}
	return nil
}
