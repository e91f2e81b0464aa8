package quota

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// State of a service. Numbers are for ever.
type State uint8

// The states.
const (
	Opening State = 1 // approved; the card has not yet answered the first quota
	Active  State = 2
	Closing State = 3 // the card has not yet answered the quota of 0
	Closed  State = 4 // rows that come late are debited all the same
)

// String is the state in words.
func (s State) String() string {
	switch s {
	case Opening:
		return "opening"
	case Active:
		return "active"
	case Closing:
		return "closing"
	case Closed:
		return "closed"
	}
	return "unknown state"
}

// Stops are the reasons why a service pushes no quota, a set of bits.
type Stops uint8

// The reasons. Those in Denying also put the card on the deny list.
const (
	StopStaff      Stops = 1 << 0 // suspended by the issuer
	StopAccount    Stops = 1 << 1 // the account did not cover a debit; something is owed
	StopGone       Stops = 1 << 2 // the account is closed
	StopImpossible Stops = 1 << 3 // the card had value from nowhere: a copy, or a roll back
	StopConflict   Stops = 1 << 4 // one counter, two contents: the card exists twice
	StopPush       Stops = 1 << 5 // the card refused a push for good, or never answered one
	Denying              = StopAccount | StopGone | StopImpossible | StopConflict
)

// Service is what the issuer knows of the quota of one card: a value to be stored whole,
// for instance as JSON, under Card, before anything is sent.
type Service struct {
	// Card is the key under which the rest is stored; it is no part of the JSON.
	Card txn.CardKey `json:"-"`
	// Generation tells chips with one number and one sequence number apart.
	Generation uint16
	State      State
	Stops      Stops
	// LastPush is the highest Push ATC that was ever used.
	LastPush uint16
	// Deposit is the greatest DF62 that the card can have.
	Deposit money.Fen
	// Bound is the exposure as far as amounts alone bound it: it falls with every row that
	// is presented and rises with every push.
	Bound money.Fen
	// Wanted are values to push when the ones before are answered.
	Wanted []Want
	// Pushes are those on their way and those whose place among the counters is not
	// known, by Push ATC.
	Pushes []Push
	// Floor: counters up to here are over, presented or not.
	Floor uint16
	// Seen is what is known of counters above Floor, in their order; the first entry is
	// where the knowledge begins.
	Seen []Seen
	// Debts are rows whose debit is not done.
	Debts []Debt
}

// Want is a value to be pushed: tag 9F79 or DF62.
type Want struct {
	Tag   tlv.Tag
	Value money.Fen
}

// PushState says what is known of a push. Numbers are for ever.
type PushState uint8

// The states of a push.
const (
	Waiting    PushState = 1 // stored; sent or to be sent; not answered
	Executed   PushState = 2 // the card has said that it has it
	Refused    PushState = 3 // the card has said that it will not take it
	Superseded PushState = 4 // given up for a later one; the card may have it
)

// Push is one Push PUT DATA.
type Push struct {
	Want
	ATC     uint16 // Push ATC
	After   uint16 // the highest counter (9F36) known when it was stored: it comes later
	State   PushState
	Command []byte // what goes to the card
	Sends   int
	// SentAt is when it was sent last, AnsweredAt when it was answered; unix times.
	SentAt, AnsweredAt int64
}

// Seen is what a row proved about the card.
type Seen struct {
	ATC     uint16
	Kind    txn.Kind  // 0 where the knowledge begins
	Balance money.Fen // 9F79 after it, under MAC
	Amount  money.Fen // what it took from the card, and what is debited
	// Time is the terminal's, Arrived the issuer's.
	Time, Arrived int64
}

// DebtState says how far a debit is. Numbers are for ever.
type DebtState uint8

// The states of a debt.
const (
	Asked      DebtState = 1 // account -> settlement is with the books
	Short      DebtState = 2 // the account does not cover it: claim -> settlement is with the books
	Owed       DebtState = 3 // the customer owes it
	Recovering DebtState = 4 // account -> claim is with the books
)

// Debt is one row to be paid by the customer.
type Debt struct {
	ATC    uint16
	Amount money.Fen
	State  DebtState
	At     int64 // value time of the first posting
	Window int32
	// RecoverAt and Tries are those of the newest try to get it from the account.
	RecoverAt int64
	Tries     uint16
}

// Shadow is what the issuer thinks is left on the card: what the newest counter stated, or
// the value of a push that the card has answered since.
func (s *Service) Shadow() money.Fen {
	last := &s.Seen[len(s.Seen)-1]
	left := last.Balance
	for i := range s.Pushes {
		if p := &s.Pushes[i]; p.Tag == tlv.TagECBalance && p.State == Executed && p.AnsweredAt >= last.Time {
			left = p.Value
		}
	}
	return left
}

// Denied tells whether the card belongs on the deny list.
func (s *Service) Denied() bool { return s.Stops&Denying != 0 }

// Outgoing gives the push that waits for the card's answer; false if there is none, or if
// it must not be sent because the service has stopped.
func (s *Service) Outgoing() (Push, bool) {
	p := s.waiting()
	if p == nil || s.Stops != 0 && p.Value != 0 {
		return Push{}, false
	}
	return *p, true
}

func (s *Service) waiting() *Push {
	for i := range s.Pushes {
		if s.Pushes[i].State == Waiting {
			return &s.Pushes[i]
		}
	}
	return nil
}

// owes tells whether the customer has something to pay that the account did not cover.
func (s *Service) owes() bool {
	for i := range s.Debts {
		if s.Debts[i].State != Asked {
			return true
		}
	}
	return false
}
