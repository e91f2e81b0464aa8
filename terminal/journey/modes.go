package journey

import (
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

// entry lets a rider in. An older journey without an end is settled first.
func (s *session) entry() Refusal {
	inside := s.rec.State == wire.In
	if inside && s.comesBack() {
		s.settleNothing()
		return NoRefusal
	}
	if inside {
		if s.r.MissingExit == fare.ChargeRefuse && s.rec.Held == 0 {
			return MissingExit
		}
		s.owed()
	}
	s.beginKind()
	s.begin(s.reduced(s.fixed(s.r.MissingExit, s.t.Station)))
	s.log()
	if s.r.Hold.At(s.t.Station, fare.LineID(s.t.Line)) {
		return s.hold(s.p.HoldFrom(s.t.Station), s.fixed(s.r.Hold.MissingExit, s.t.Station))
	}
	return NoRefusal
}

// comesBack reports a rider who has turned round behind the gate and enters again.
func (s *session) comesBack() bool {
	since := s.t.Now - s.rec.Entry.Time
	return s.r.ReEntry > 0 && s.rec.Entry.Station == uint16(s.t.Station) && since >= 0 && since <= s.r.ReEntry
}

// settleNothing goes on with the journey of the record, which stays as it is, a hold
// too.
func (s *session) settleNothing() {
	s.d.Kind = txn.Entry
	s.log()
}

// beginKind is the kind of a beginning: what is owed of an older journey is a payment,
// or completes its hold.
func (s *session) beginKind() {
	s.settle(txn.Entry)
	if s.d.Kind == txn.Entry && s.d.Amount > 0 {
		s.d.Kind = txn.Single
	}
}

// fixed is what a rule charges at a station, before the concession.
func (s *session) fixed(c fare.Charge, station fare.StationID) money.Fen {
	switch c {
	case fare.ChargeLowest:
		return s.lowest(station)
	case fare.ChargeHighest:
		return s.p.HighestFrom(station)
	}
	return 0
}

// lowest is the lowest fare of a station: that of leaving where one entered.
func (s *session) lowest(station fare.StationID) money.Fen {
	q, err := s.p.Price(fare.Trip{Entry: station, Exit: station, EnterAt: s.t.Now, ExitAt: s.t.Now, Medium: s.t.Medium})
	if err != nil {
		return s.p.HighestFrom(station) // the station is known, so a book gives no error
	}
	return q.Full
}

// exit lets a rider out for the fare.
func (s *session) exit() Refusal {
	rec, t := s.rec, s.t
	if !begun(rec, t.Now) {
		return s.exitUnknown()
	}
	trip := fare.Trip{
		Entry: fare.StationID(rec.Entry.Station), Exit: t.Station, EnterAt: rec.Entry.Time, ExitAt: t.Now,
		Medium: t.Medium, MonthPaid: s.d.MonthSum, Workday: t.Workday != nil && t.Workday(rec.Entry.Time),
	}
	q, err := s.p.Price(trip)
	if err != nil {
		return s.exitUnknown()
	}
	since := t.Now - rec.Entry.Time
	s.rights(rec.Entry.Time)
	s.beganAt()
	switch r := s.r; {
	case r.OverTime.After > 0 && since > r.OverTime.After && r.OverTime.Charge == fare.ChargeRefuse:
		return OverTime
	case r.OverTime.After > 0 && since > r.OverTime.After && r.OverTime.Charge != fare.ChargeFare:
		s.penalty(max(s.fixed(r.OverTime.Charge, t.Station), q.Pay)) // the fare has a surcharge
	case trip.Entry == trip.Exit && r.SameStation.Within > 0 && since <= r.SameStation.Within && r.SameStation.Charge != fare.ChargeFare:
		s.penalty(s.fixed(r.SameStation.Charge, t.Station))
	default:
		s.fare(&q, 0)
	}
	s.settle(txn.Exit)
	metres := 0
	for _, p := range q.Parts {
		metres += p.Metres
	}
	s.end(true, metres)
	s.log()
	return NoRefusal
}

// begun reports a journey without an end, that began at a time which can be true.
func begun(rec *wire.Record, now int64) bool {
	return rec.State == wire.In && rec.Entry.Time > 0 && rec.Entry.Time <= now
}

// exitUnknown is the exit of a rider whose record tells no entry, or one that makes no
// trip.
func (s *session) exitUnknown() Refusal {
	if s.r.MissingEntry == fare.ChargeRefuse {
		return MissingEntry
	}
	s.penalty(s.fixed(s.r.MissingEntry, s.t.Station))
	s.d.Flags |= txn.EntryUnread
	s.settle(txn.Exit)
	s.end(false, 0)
	s.log()
	return NoRefusal
}

// bus is a whole ride in one tap.
func (s *session) bus() Refusal {
	q, err := s.p.BusPrice(s.t.Metres, s.byCard())
	if err != nil {
		q = s.longest // the distance was checked, so a book gives no error
	}
	s.fare(&q, s.transfer())
	if s.rec.State == wire.In {
		if s.mayNotBoard() {
			return MissingAlight
		}
		s.owed()
	}
	s.settle(txn.Single)
	s.begin(0)
	s.end(true, s.t.Metres)
	s.log()
	return NoRefusal
}

// mayNotBoard reports a ride without an end that nobody may add another to.
func (s *session) mayNotBoard() bool {
	return s.r.Bus.MissingAlight == fare.ChargeRefuse && s.rec.Held == 0
}

// board begins a ride that ends with another tap.
func (s *session) board() Refusal {
	off := s.transfer()
	if s.rec.State == wire.In {
		if s.mayNotBoard() {
			return MissingAlight
		}
		s.owed()
	}
	s.beginKind()
	s.begin(s.reduced(s.fixedOnBus(s.r.Bus.MissingAlight).Pay))
	s.d.Next.Position, s.d.Next.Off = uint16(s.t.Metres/wire.DistanceUnit), off
	s.log()
	if s.r.Bus.HoldAtBoarding {
		return s.hold(s.longest.Pay, s.fixedOnBus(s.r.Bus.MissingAlight).Pay)
	}
	return NoRefusal
}

// fixedOnBus is what a rule charges on a bus.
func (s *session) fixedOnBus(c fare.Charge) fare.Quote {
	switch c {
	case fare.ChargeLowest:
		return s.shortest
	case fare.ChargeHighest:
		return s.longest
	}
	return fare.Quote{}
}

// alight ends a ride.
func (s *session) alight() Refusal {
	rec, t := s.rec, s.t
	same := rec.Entry.Line == t.Route && rec.Entry.Vehicle == t.Vehicle
	if !same || !begun(rec, t.Now) {
		return s.alightUnknown(rec.State == wire.In && !same)
	}
	s.rights(rec.Entry.Time)
	s.beganAt()
	ahead := t.Metres/wire.DistanceUnit - int(rec.Position)
	if s.direction == wire.DirectionBA {
		ahead = -ahead
	}
	metres := max(ahead, -ahead) * wire.DistanceUnit
	wrong := s.direction != rec.Direction || ahead < 0
	switch rule := s.r.Bus.WrongDirection; {
	case wrong && rule == fare.ChargeRefuse:
		return WrongDirection
	case wrong && rule == fare.ChargeHighest:
		s.penaltyOnBus(&s.longest)
	default:
		q, err := s.p.BusPrice(metres, s.byCard())
		if err != nil {
			q = s.longest // the distance was checked, so a book gives no error
		}
		s.fare(&q, rec.Off)
	}
	s.settle(txn.Exit)
	s.end(true, metres)
	s.log()
	return NoRefusal
}

func (s *session) penaltyOnBus(q *fare.Quote) {
	s.d.Full, s.d.Amount, s.d.Counted = q.Full, s.reduced(q.Pay), 0
}

// alightUnknown is alighting without boarding; a ride elsewhere that has no end is
// paid with it.
func (s *session) alightUnknown(elsewhere bool) Refusal {
	switch {
	case s.r.Bus.MissingBoard == fare.ChargeRefuse:
		return MissingBoard
	case elsewhere && s.mayNotBoard():
		return MissingAlight
	}
	q := s.fixedOnBus(s.r.Bus.MissingBoard)
	s.penaltyOnBus(&q)
	s.d.Flags |= txn.EntryUnread
	if elsewhere {
		s.owed()
	}
	s.settle(txn.Exit)
	s.end(false, 0)
	s.log()
	return NoRefusal
}

// transfer is what the ride before this one takes off, by the later of the last metro
// exit and the last bus. Who left for nothing where he entered has not ridden.
func (s *session) transfer() money.Fen {
	byBus, byMetro := int64(0), int64(0)
	if s.rec.State == wire.Out {
		byBus = s.rec.Exit.Time
	}
	if o := s.c.Other; o != nil && o.State == wire.Out && (o.Amount > 0 || o.Distance > 0) {
		byMetro = o.Exit.Time
	}
	rule, last := &s.r.BusToBus, byBus
	if byMetro > byBus {
		rule, last = &s.r.MetroToBus, byMetro
	} else if s.rec.Exit.Line == s.t.Route {
		return 0
	}
	if since := s.t.Now - last; last == 0 || rule.Within == 0 || since < 0 || since > rule.Within {
		return 0
	}
	return rule.Off
}

// log writes the line of the log.
func (s *session) log() {
	t, d := s.t, &s.d
	d.Trip = wire.Trip{
		Type: tripType(t.Mode, d.Kind, d.Amount, s.c.Purse), Terminal: uint64(t.Terminal), Trade: wire.TradeMetro, Line: t.Line, Station: uint16(t.Station),
		Operator: t.Operator, Amount: d.Amount, Balance: wire.UnknownBalance, Time: t.Now, City: t.City, Institution: t.Institution,
		Rule: d.Rule, Concession: d.Concession, Rides: d.Next.Rides,
	}
	if t.Mode.OnBus() {
		d.Trip.Trade, d.Trip.Line, d.Trip.Station, d.Trip.Direction = wire.TradeBus, t.Route, uint16(t.Stop), s.direction
	}
	if s.c.Balance >= d.Amount && d.Kind != txn.Completion {
		d.Trip.Balance = logged(s.c.Balance - d.Amount)
	}
}

// tripType is the kind of a line of the log.
func tripType(m Mode, kind txn.Kind, amount money.Fen, purse bool) wire.TripType {
	cash, own := wire.CashEntry, wire.PurseEntry
	switch {
	case m == Bus:
		cash, own = wire.CashSingle, wire.PurseSingle
	case m == Exit || m == Alight:
		cash, own = wire.CashExit, wire.PurseExit
	case kind != txn.Hold && amount > 0:
		cash, own = wire.CashSupplement, wire.PurseSupplement
	}
	if purse {
		return own
	}
	return cash
}
