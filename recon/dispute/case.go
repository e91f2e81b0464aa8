package dispute

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/citycard/citycard/money"
)

// Subject is what a case is about: one presented row.
type Subject struct {
	Card     string    `json:"card"` // masked
	ATC      uint16    `json:"atc"`
	Terminal uint32    `json:"terminal"`
	Sequence uint32    `json:"sequence"`
	Acquirer uint16    `json:"acquirer"` // participant
	Issuer   uint16    `json:"issuer"`
	Trade    Trade     `json:"trade"`
	TradeAt  int64     `json:"trade_at"`
	Amount   money.Fen `json:"amount_fen"`
	// Claimed says that reconciliation has booked the amount as a claim on the acquirer
	// (an unbacked row): money from the acquirer then settles the claim.
	// when the case was opened; Case.Claimed says how it is now.
	Claimed bool `json:"claimed"`
	// Refused says that the row was presented and did not clear: the acquirer may ask for
	// its payment, and there is nothing to give back.
	Refused bool   `json:"refused,omitempty"`
	Why     string `json:"why"` // from which break it was opened, or what a clerk wrote
}

// Event is one step of a case.
type Event struct {
	Step   Step      `json:"step"`
	At     int64     `json:"at"`
	Reason string    `json:"reason,omitempty"`
	Amount money.Fen `json:"amount_fen,omitempty"` // of a step that moves money; 0: as much as possible
	Note   string    `json:"note,omitempty"`
	// Proposal is the number of the approved proposal of a step that moved money; 0 for
	// what moves none, or what time and reconciliation do.
	Proposal int64 `json:"proposal,omitempty"`
}

// Case is a dispute. It is made by New and Replay, and changed by Take, Lapse and
// Reconcile only.
type Case struct {
	ID      int64     `json:"id"`
	Subject Subject   `json:"subject"`
	State   State     `json:"state"`
	Events  []Event   `json:"events"`
	Got     money.Fen `json:"got_fen"` // what the issuer's side has from the acquirer
	Claimed bool      `json:"claimed"` // the issuer's side is the claim, else the customer
	Moves   []Move    `json:"moves"`
	// Due is when the state lapses: the last deadline of what may be done in it. 0 when it
	// is closed, or waits for a ruling.
	Due int64 `json:"due"`
}

// Move is money that a step asked for. Case and Number are its permanent key.
type Move struct {
	Number uint16    `json:"number"` // from 1 in each case
	Kind   Kind      `json:"kind"`
	Amount money.Fen `json:"amount_fen"`
	At     int64     `json:"at"`
	Claim  bool      `json:"claim"` // the issuer's side of it is the claim
}

// Errors of a step. Their texts name what was asked.
var (
	ErrSubject = errors.New("no dispute can be about this")
	ErrStep    = errors.New("step is not possible now")
	ErrTrade   = errors.New("step is not allowed for this trade")
	ErrExpired = errors.New("step comes too late")
	ErrReason  = errors.New("reason does not fit the step")
	ErrAmount  = errors.New("amount is not possible")
	ErrOrder   = errors.New("event is older than the last one")
)

const (
	maxNote   = 400
	maxEvents = 64
)

// New opens a case. The error wraps ErrSubject, or says that no rules fit the trade.
func New(r *Rules, id int64, s Subject, at int64) (*Case, error) {
	switch {
	case id < 1:
		return nil, fmt.Errorf("open case %d: numbers start at 1: %w", id, ErrSubject)
	case s.Amount <= 0 || s.Amount > 1<<40:
		return nil, fmt.Errorf("open case %d: amount %s: %w", id, s.Amount, ErrSubject)
	case s.Card == "" || s.Terminal == 0 || s.Acquirer == 0 || s.Issuer == 0:
		return nil, fmt.Errorf("open case %d: card, terminal, acquirer and issuer are needed: %w", id, ErrSubject)
	case at < s.TradeAt || s.TradeAt <= 0:
		return nil, fmt.Errorf("open case %d: it is opened before the trade: %w", id, ErrSubject)
	case utf8.RuneCountInString(s.Why) > maxNote:
		return nil, fmt.Errorf("open case %d: text of more than %d characters: %w", id, maxNote, ErrSubject)
	}
	c := &Case{ID: id, Subject: s, State: Opened, Claimed: s.Claimed, Events: []Event{{Step: Open, At: at}}, Moves: []Move{}}
	if err := c.settle(r); err != nil {
		return nil, fmt.Errorf("open case %d: %w", id, err)
	}
	if c.State.Closed() {
		return nil, fmt.Errorf("open case %d: the row did not clear and trade %s knows no request for payment: %w", id, s.Trade, ErrSubject)
	}
	if c.Due < at {
		return nil, fmt.Errorf("open case %d: the last term for this trade ended on %s: %w", id, Day(c.Due), ErrExpired)
	}
	return c, nil
}

// Next is a step that may be taken.
type Next struct {
	Step     Step     `json:"step"`
	By       Party    `json:"by"`
	Deadline int64    `json:"deadline"`
	Reasons  []string `json:"reasons,omitempty"` // codes of which one is needed
}

// Next lists what may be done in the state, whether or not it is too late.
func (c *Case) Next(r *Rules) ([]Next, error) {
	set, steps, err := r.at(c.Subject.Trade, c.Subject.TradeAt)
	if err != nil {
		return nil, err
	}
	var out []Next
	for _, t := range machine {
		if t.from != c.State || !slices.Contains(steps, t.step) {
			continue
		}
		if c.State == Opened && t.step != Withdraw && (t.step == RequestPayment) != c.Subject.Refused {
			continue // what has been paid is not paid again, what has not is not given back
		}
		term := set.Terms[t.step]
		from := c.Subject.TradeAt
		if term.From == fromLast {
			from = c.last().At
		}
		until, err := term.deadline(from, r.calendar)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.step, err)
		}
		out = append(out, Next{t.step, t.by, until, r.Reasons(t.step)})
	}
	return out, nil
}

func (c *Case) last() *Event { return &c.Events[len(c.Events)-1] }

// Take takes a step and gives what money it moves: nothing, one move, or one and a
// write-off. The error wraps ErrStep, ErrTrade, ErrExpired, ErrReason, ErrAmount or
// ErrOrder; the case is then as it was.
func (c *Case) Take(r *Rules, e Event) ([]Move, error) {
	fail := func(err error, format string, args ...any) ([]Move, error) {
		return nil, fmt.Errorf("case %d, %s: %s: %w", c.ID, e.Step, fmt.Sprintf(format, args...), err)
	}
	i := slices.IndexFunc(machine, func(t transition) bool { return t.from == c.State && t.step == e.Step })
	if i < 0 {
		return fail(ErrStep, "the case is %s", c.State)
	}
	next, err := c.Next(r)
	if err != nil {
		return nil, fmt.Errorf("case %d: %w", c.ID, err)
	}
	k := slices.IndexFunc(next, func(n Next) bool { return n.Step == e.Step })
	switch {
	case k < 0:
		return fail(ErrTrade, "trade %s, row cleared: %v", c.Subject.Trade, !c.Subject.Refused)
	case e.At < c.last().At:
		return fail(ErrOrder, "the last event is of %s", Day(c.last().At))
	case e.At > next[k].Deadline:
		return fail(ErrExpired, "it was possible until %s", Day(next[k].Deadline))
	case len(next[k].Reasons) > 0 && !slices.Contains(next[k].Reasons, e.Reason):
		return fail(ErrReason, "code %.10q, want one of %v", e.Reason, next[k].Reasons)
	case len(next[k].Reasons) == 0 && e.Reason != "":
		return fail(ErrReason, "code %.10q, this step has none", e.Reason)
	case utf8.RuneCountInString(e.Note) > maxNote || len(c.Events) >= maxEvents:
		return fail(ErrStep, "a note of more than %d characters, or more than %d events", maxNote, maxEvents)
	}
	t := machine[i]
	amount, err := c.amount(t.move, e.Amount)
	if err != nil {
		return fail(err, "amount %s", e.Amount)
	}
	if e.Step == CreditAdjustment && amount < c.Subject.Amount-c.Got {
		t.to = c.State // a part of it does not end the case
	}
	return c.enter(r, t, e, amount)
}

// amount is what a step may move: e, or as much as possible for 0.
func (c *Case) amount(k Kind, asked money.Fen) (money.Fen, error) {
	most := money.Fen(0)
	switch {
	case k.gain() > 0:
		most = c.Subject.Amount - c.Got
	case k == Return:
		most = c.Got
	case k == Pay:
		most = c.Subject.Amount
	}
	if asked < 0 || asked > most || k == Pay && asked != 0 && asked != most { // a request is accepted as a whole
		return 0, ErrAmount
	}
	if asked == 0 {
		asked = most
	}
	return asked, nil
}

// enter brings the case into the state of a transition.
func (c *Case) enter(r *Rules, t transition, e Event, amount money.Fen) ([]Move, error) {
	was := *c
	was.Events, was.Moves = slices.Clone(c.Events), slices.Clone(c.Moves)
	e.Amount = amount
	c.State = t.to
	c.Events = append(slices.Clip(c.Events), e)
	first := len(c.Moves)
	if amount > 0 {
		c.move(t.move, amount, e.At)
	}
	if err := c.settle(r); err != nil {
		*c = was
		return nil, fmt.Errorf("case %d, %s: %w", c.ID, e.Step, err)
	}
	if c.State.Closed() && c.Claimed && c.Got < c.Subject.Amount {
		c.move(WriteOff, c.Subject.Amount-c.Got, e.At)
	}
	return slices.Clone(c.Moves[first:]), nil
}

func (c *Case) move(k Kind, amount money.Fen, at int64) {
	c.Moves = append(c.Moves, Move{Number: uint16(len(c.Moves) + 1), Kind: k, Amount: amount, At: at, Claim: c.Claimed})
	c.Got += money.Fen(k.gain()) * amount
}

// settle works the deadline of the state out. A state in which nobody may do anything is
// at its end.
func (c *Case) settle(r *Rules) error {
	c.Due = 0
	if c.State.Closed() {
		return nil
	}
	next, err := c.Next(r)
	if err != nil {
		return err
	}
	other := slices.ContainsFunc(next, func(n Next) bool { return n.Step != Withdraw })
	if !other {
		if end, found := lapses[c.State]; found && end.Closed() {
			c.State = end
			return nil
		}
	}
	if c.State == ruled {
		return nil
	}
	for _, n := range next {
		if n.Step != Withdraw && n.Step != CreditAdjustment {
			c.Due = max(c.Due, n.Deadline)
		}
	}
	if c.State == Queried {
		c.Due = c.answerBy(next)
	}
	return nil
}

// answerBy is when an answer to a query is due: the issuer may go on before and after.
func (c *Case) answerBy(next []Next) int64 {
	for _, n := range next {
		if n.Step == Answer {
			return n.Deadline
		}
	}
	return c.Due
}

// Lapse does what follows when the deadline of the state has passed at a moment: nothing
// if it has not. It may have to be called again, since the next state may have passed
// too.
func (c *Case) Lapse(r *Rules, now int64) (moves []Move, lapsed bool, err error) {
	if c.Due == 0 || now <= c.Due || c.State.Closed() {
		return nil, false, nil
	}
	to, found := lapses[c.State]
	if !found {
		return nil, false, nil
	}
	t := transition{from: c.State, step: Lapsed, by: Time, to: to}
	moves, err = c.enter(r, t, Event{Step: Lapsed, At: max(c.Due+1, c.last().At)}, 0)
	return moves, err == nil, err
}

// Replay makes a case again from its subject and events: what is stored of it. An event
// that the rules would refuse is an error.
func Replay(r *Rules, id int64, s Subject, events []Event) (*Case, error) {
	if len(events) == 0 || events[0].Step != Open || len(events) > maxEvents {
		return nil, fmt.Errorf("replay case %d: %d events, the first must open it: %w", id, len(events), ErrStep)
	}
	c, err := New(r, id, s, events[0].At)
	if err != nil {
		return nil, err
	}
	for _, e := range events[1:] {
		if e.Step == Claimed || e.Step == Unclaimed {
			_, changed, err := c.Reconcile(r, e.Step == Claimed, e.At)
			if err != nil || !changed || *c.last() != e {
				return nil, errors.Join(fmt.Errorf("replay case %d: %s on %s changes nothing: %w", id, e.Step, Day(e.At), ErrStep), err)
			}
			continue
		}
		if e.Step == Lapsed {
			_, lapsed, err := c.Lapse(r, e.At)
			if err != nil || !lapsed || c.last().At != e.At {
				return nil, errors.Join(fmt.Errorf("replay case %d: nothing lapsed on %s: %w", id, Day(e.At), ErrStep), err)
			}
			continue
		}
		if _, err := c.Take(r, e); err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
	}
	return c, nil
}
