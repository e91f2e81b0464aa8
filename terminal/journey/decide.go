package journey

import (
	"fmt"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

// Decide says what a tap comes to, by the rule book p with its rules r. It is a pure
// function of its arguments and changes none of them. The error is ErrTap, where the
// terminal's own setting cannot be priced. Next and Trip can always be encoded.
func Decide(p Pricer, r *fare.JourneyRules, c *Card, t *Tap) (Decision, error) {
	s := session{p: p, r: r, c: c, t: t, rec: &c.Record}
	if err := s.check(); err != nil {
		return Decision{}, fmt.Errorf("decide %s at terminal %d: %w", t.Mode, t.Terminal, err)
	}
	switch {
	case !c.Record.Valid:
		return Decision{Refused: NotValid}, nil
	case c.Record.Locked:
		return Decision{Refused: Locked}, nil
	}
	s.open()
	var refused Refusal
	switch t.Mode {
	case Entry:
		refused = s.entry()
	case Exit:
		refused = s.exit()
	case Bus:
		refused = s.bus()
	case Board:
		refused = s.board()
	case Alight:
		refused = s.alight()
	}
	if refused != NoRefusal {
		return Decision{Refused: refused}, nil
	}
	return s.d, nil
}

// Finish fills in what is known only once the card has answered GPO: its counter, and
// the balance after the tap (-1 if not known). It comes before Next and Trip are
// written.
func (d *Decision) Finish(atc uint16, balanceAfter money.Fen) {
	if d.begins {
		d.Next.EntryATC = atc
	}
	d.Trip.ATC, d.Trip.Balance = atc, logged(balanceAfter)
}

// logged is a balance as the log has it: one that its field cannot hold is not known.
func logged(balance money.Fen) money.Fen {
	if balance < 0 || balance > wire.MaxBalance {
		return wire.UnknownBalance
	}
	return balance
}

// session is one decision in the making.
type session struct {
	p   Pricer
	r   *fare.JourneyRules
	c   *Card
	t   *Tap
	rec *wire.Record // the card's record as it was read
	d   Decision

	direction   byte // of the bus, as the record has it
	longest     fare.Quote
	shortest    fare.Quote
	permille    int64 // concession; 1000 none
	ridesUsable bool
}

// check looks at the terminal's side, and prepares what can be known of a bus.
func (s *session) check() error {
	t := s.t
	switch {
	case !t.Mode.Valid():
		return fmt.Errorf("mode %d: want 1 to 5: %w", t.Mode, ErrTap)
	case t.Now <= 0 || t.Now > 1<<32-1:
		return fmt.Errorf("time %d: want unix seconds of 32 bits: %w", t.Now, ErrTap)
	case !t.Mode.OnBus() && s.p.HighestFrom(t.Station) == 0:
		return fmt.Errorf("station %d is not in rule book %d: %w", t.Station, s.p.Version(), ErrTap)
	case !t.Mode.OnBus() && !t.Medium.Valid():
		return fmt.Errorf("medium %d: want 1 to 4: %w", t.Medium, ErrTap)
	case !t.Mode.OnBus() && s.p.HoldFrom(t.Station) > maxSum:
		return fmt.Errorf("a trip from station %d costs up to %v: no record holds more than %v: %w", t.Station, s.p.HoldFrom(t.Station), maxSum, ErrTap)
	case !t.Mode.OnBus():
		return nil
	}
	switch t.Direction {
	case 0, wire.DirectionAB:
		s.direction = wire.DirectionAB
	case 1, wire.DirectionBA:
		s.direction = wire.DirectionBA
	default:
		return fmt.Errorf("direction %02X: want 0 or AB, 1 or BA: %w", t.Direction, ErrTap)
	}
	if t.Metres < 0 || t.Metres > maxPosition {
		return fmt.Errorf("bus at %d m: want 0 to %d: %w", t.Metres, maxPosition, ErrTap)
	}
	var err error
	if s.longest, err = s.p.BusPrice(s.r.Bus.LongestM, s.byCard()); err != nil {
		return fmt.Errorf("price the longest bus ride: %w: %w", ErrTap, err)
	}
	if s.shortest, err = s.p.BusPrice(0, s.byCard()); err != nil {
		return fmt.Errorf("price the shortest bus ride: %w: %w", ErrTap, err)
	}
	if far, err := s.p.BusPrice(maxPosition, s.byCard()); err != nil || max(far.Full, s.longest.Full) > maxSum {
		return fmt.Errorf("a bus ride costs up to %v: no record holds more than %v: %w", max(far.Full, s.longest.Full), maxSum, ErrTap)
	}
	return nil
}

// maxPosition is the furthest a bus can be from the beginning of its route, in metres:
// what the record holds.
const maxPosition = (1<<16 - 1) * wire.DistanceUnit

// maxSum is the greatest month's sum that the record holds, and the greatest fare of a
// row.
const maxSum money.Fen = 1<<24 - 1

func (s *session) byCard() bool { return s.t.Medium != fare.Ticket }

// open begins the decision with what is the same for every mode.
func (s *session) open() {
	s.d = Decision{DF60: dfSection, Rule: s.p.Version(), Month: txn.MonthBCD(s.t.Now), Next: *s.rec}
	if s.rec.Month == s.d.Month {
		s.d.MonthSum = s.rec.MonthSum
	}
	if s.c.Purse {
		s.d.DF60 = 0
	}
	s.rights(s.t.Now)
}

// rights finds concession and ride ticket that hold for a journey which began then.
func (s *session) rights(begin int64) {
	day := wire.DayOf(begin)
	s.permille, s.d.Concession = 1000, 0
	if c, ok := s.r.Concessions[s.rec.Concession]; ok && s.rec.ConcessionUntil.Reaches(day) {
		s.permille, s.d.Concession = c.Rate(s.t.Mode.OnBus()), c.Code
	}
	s.ridesUsable = s.rec.Rides > 0 && s.rec.RidesUntil.Reaches(day) && s.r.RideTickets.Takes(s.t.Mode.OnBus())
}

// reduced is an amount after the concession.
func (s *session) reduced(amount money.Fen) money.Fen { return money.Rate(amount, s.permille*1000) }

// fare sets the ordinary fare: concession, transfer and ride ticket are taken off.
func (s *session) fare(q *fare.Quote, off money.Fen) {
	s.d.Full, s.d.Amount, s.d.Counted = q.Full, max(0, s.reduced(q.Pay)-off), s.reduced(q.Counted)
	if s.ridesUsable && s.d.Amount > 0 {
		s.d.Amount = s.r.RideTickets.Remainder(s.d.Amount)
		s.d.Next.Rides--
		s.d.Concession = fare.RideConcession
	}
	s.d.Counted = min(s.d.Counted, s.d.Amount)
}

// penalty sets an amount that no discount but the concession lowers, and that does not
// count in the month.
func (s *session) penalty(amount money.Fen) {
	s.d.Full, s.d.Amount, s.d.Counted = amount, s.reduced(amount), 0
}

// owed is what the unended journey in the record costs now, with its beginning. One
// that is forgiven leaves no trace in the row. More than a row can say (three bytes) no
// journey owes, whatever the record says.
func (s *session) owed() {
	overdue := min(s.rec.Overdue, maxSum-max(s.d.Amount, s.d.Full))
	s.d.Amount, s.d.Full = s.d.Amount+overdue, s.d.Full+overdue
	if s.rec.Overdue > 0 || s.rec.Held > 0 {
		s.beganAt()
	}
}

// beganAt takes the beginning of the journey from the record.
func (s *session) beganAt() {
	s.d.EntryTime, s.d.EntryATC = s.rec.Entry.Time, s.rec.EntryATC
	if s.rec.Entry.Terminal <= 1<<32-1 {
		s.d.EntryTerminal = txn.TerminalID(s.rec.Entry.Terminal)
	}
}

// holds reports whether the card can hold an amount.
func (s *session) holds() bool { return s.c.Support >= 2 && !s.c.Quota && !s.c.Purse }

// here is the terminal as the record has it.
func (s *session) here() wire.Place {
	t := s.t
	p := wire.Place{
		City: t.City, Institution: t.Institution, Operator: t.Operator, Line: t.Line,
		Vehicle: t.Vehicle, Terminal: uint64(t.Terminal), Time: t.Now, Station: uint16(t.Station),
	}
	if t.Mode.OnBus() {
		p.Line, p.Stop, p.Station = t.Route, t.Stop, 0
	}
	return p
}

// begin writes the beginning of a journey into the next record: nothing of an older
// journey is left but the month.
func (s *session) begin(overdue money.Fen) {
	n := &s.d.Next
	n.State, n.Mode, n.Entry, n.Exit = wire.In, wire.SectionFare, s.here(), wire.Place{}
	n.Overdue, n.Amount, n.Distance, n.Held, n.Off, n.Position, n.Rule = overdue, s.d.Amount, 0, 0, 0, 0, s.d.Rule
	n.Direction, n.EntryATC = s.direction, 0 // Finish knows the counter
	s.d.begins = true
}

// hold turns a beginning that costs nothing into one that holds an amount, if the card
// can; a concession that makes the journey free leaves nothing to hold. Where the
// transaction settles an older journey, this one owes at least what it would with a hold.
func (s *session) hold(amount, overdue money.Fen) Refusal {
	amount = s.reduced(amount)
	if !s.holds() || amount == 0 {
		return NoRefusal
	}
	if s.d.Kind != txn.Entry {
		s.d.Next.Overdue = max(s.d.Next.Overdue, s.reduced(overdue))
		return NoRefusal
	}
	if s.c.Balance >= 0 && s.c.Balance < amount {
		return BalanceLow
	}
	s.d.Kind, s.d.DF60, s.d.Amount, s.d.Held = txn.Hold, dfHold, amount, amount
	n := &s.d.Next
	n.Mode, n.Held, n.Overdue = wire.PreAuth, amount, s.reduced(overdue)
	s.log()
	return NoRefusal
}

// end writes the end of a journey into the next record; known says that the record
// tells its beginning.
func (s *session) end(known bool, metres int) {
	n := &s.d.Next
	n.State, n.Mode, n.Exit, n.Direction = wire.Out, wire.SectionFare, s.here(), s.direction
	n.Amount, n.Distance = s.d.Amount, uint16(min(metres/wire.DistanceUnit, 1<<16-1))
	n.Overdue, n.Held, n.Off, n.Position, n.Rule = 0, 0, 0, 0, s.d.Rule
	if !known {
		n.Entry, n.EntryATC = wire.Place{}, 0
	}
	n.Month, n.MonthSum = s.d.Month, min(s.d.MonthSum+s.d.Counted, maxSum)
}

// settle chooses the kind of the row: an open hold is completed by whatever comes next.
func (s *session) settle(kind txn.Kind) {
	s.d.Kind = kind
	if s.rec.Held > 0 && s.rec.State == wire.In && !s.c.Purse {
		s.d.Kind, s.d.DF60, s.d.Held = txn.Completion, dfCompletion, s.rec.Held
		s.d.EntryATC = s.rec.EntryATC // names the hold, even where the journey cannot be priced
	}
}
