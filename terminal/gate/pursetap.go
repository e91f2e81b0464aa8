package gate

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	wire "github.com/citycard/citycard/wire/journey"
)

// purseTap is what a tap of a purse has come to.
type purseTap struct {
	refs    [2]purse.RecordRef // read: that of this terminal's trade, and of a bus the metro's
	n       int
	proving *tornTap   // whose proof the card is asked for
	asked   []*tornTap // claimed in the array: whose proof it was asked for in this tap
}

// release gives up the claims.
func (p *purseTap) release() {
	for i, o := range p.asked {
		o.claims--
		p.asked[i] = nil
	}
	p.proving, p.asked = nil, p.asked[:0]
}

// Files and records of a City Union purse: its compound file has one byte of identifier.
const (
	fileCompound   = 0x17
	compoundBus    = 0x01
	compoundMetro  = 0x02
	fileUnion      = 0x1A
	fileUnionTrips = 0x1E
)

// records are the journey records of a purse that this terminal reads, its own first.
func (g *Gate) purseRecords(kind ApplicationKind) []purse.RecordRef {
	p := &g.purse
	metro, bus := purse.RecordRef{File: fileUnion, ID: wire.UnionMetro}, purse.RecordRef{File: fileUnion, ID: wire.Bus}
	if kind == CityUnionPurse {
		metro, bus = purse.RecordRef{File: fileCompound, ID: compoundMetro}, purse.RecordRef{File: fileCompound, ID: compoundBus}
	}
	p.refs, p.n = [2]purse.RecordRef{metro}, 1
	if g.cfg.Mode.onBus() {
		p.refs[0] = bus
		if g.readsMetro() {
			p.refs[1], p.n = metro, 2
		}
	}
	return p.refs[:p.n]
}

// beginPurse selects the purse and reads its journey records.
func (g *Gate) beginPurse() Action {
	network := sam.TUnion
	if g.app.Kind == CityUnionPurse {
		network = sam.CityUnion
	}
	g.purse.release()
	r, err := g.pay.Begin(&purse.Input{AID: g.app.Name(), Network: network, Records: g.purseRecords(g.app.Kind), Time: g.now})
	if err != nil {
		g.result.Setting = err
		return g.done(OutOfOrder)
	}
	return g.followPurse(r)
}

// stepPurse takes what the card did.
func (g *Gate) stepPurse(ev kernel.Event) Action {
	g.stage = stageKernel
	if ev.Kind == kernel.Answer {
		return g.followPurse(g.pay.Answer(ev.Data))
	}
	return g.followPurse(g.pay.Left())
}

// followPurse does what the purse's machine asks for.
func (g *Gate) followPurse(r purse.Ready) Action {
	switch {
	case r.Send != nil:
		g.stage = stagePurse
		return Action{Send: r.Send}
	case r.SAM != nil:
		g.stage = stagePurseModule
		return Action{SAM: r.SAM}
	case r.Known:
		return g.purseKnown()
	case r.Opened:
		return g.purseOpened()
	case r.Probe != nil:
		return g.purseProved(r.Probe)
	case g.purseSearched(r.Outcome):
		return g.searchOn()
	}
	return g.purseEnded(r.Outcome)
}

// purseKnown has a purse that has told its number, and where the rider comes from.
func (g *Gate) purseKnown() Action {
	card := g.pay.Card()
	if denied := g.cfg.Kernel.Denied; denied != nil && denied(card.Key) {
		g.result.Card = card.Key
		return g.turnPurseAway(CardDenied)
	}
	return g.proveNext()
}

// turnPurseAway ends a tap of which the purse has not used a number.
func (g *Gate) turnPurseAway(d Display) Action {
	g.pay.Stop()
	return g.done(d)
}

// proveNext asks the purse what became of its torn taps, the latest first; when none is
// left, a new purchase begins.
func (g *Gate) proveNext() Action {
	p, key := &g.purse, g.pay.Card().Key
	for _, o := range slices.Backward(g.array.torn) {
		if o.bought != nil && o.ends == stillOpen && o.bought.Card.Key == key && !slices.Contains(p.asked, o) {
			o.claims++
			p.proving, p.asked = o, append(p.asked, o)
			return g.followPurse(g.pay.Prove(o.bought))
		}
	}
	if p := g.passOfCard(key); p != nil { // one that was proved just now
		g.pay.Stop()
		return g.again(p)
	}
	return g.purseJourney()
}

// purseProved has the purse's word on a torn tap. A proof that the module cannot check is
// for the issuer, who can: the doubt row has it, and the rider is neither charged again
// nor let through, if the operator has not said otherwise. An answer that makes no proof
// of a counter that has not moved on does not make room for another purchase either.
func (g *Gate) purseProved(p *purse.Probe) Action {
	o := g.purse.proving
	if p.Left {
		g.result.Retap = true
		return g.done(TapAgain)
	}
	if o.ends != stillOpen || !slices.Contains(g.array.torn, o) { // another gate was quicker
		return g.proveNext()
	}
	switch verdict := p.Verdict; {
	case verdict == purse.Unverified && !g.cfg.Transit.AllowUnverified:
		o.learn(p.Data)
		return g.turnPurseAway(AskStaff)
	case verdict == purse.Paid, verdict == purse.Unverified:
		o.learn(p.Data)
		if g.broken {
			return g.turnPurseAway(OutOfOrder)
		}
		if o.mode == g.cfg.Mode && g.now <= o.Until && g.array.remove(o) {
			g.pay.Stop()
			g.quote = o.quote
			g.result.Balance = o.bought.After()
			r := o.proved()
			r.Row.Flags |= txn.ServiceGiven
			return g.letThrough(r, kernel.Seen{})
		}
		g.passElsewhere(o, wire.Serial{})
	case verdict == purse.NotPaid:
		o.ends = cannotPay
	case p.Fault.Code != purse.NoFault:
		return g.unproved(p.Fault)
	}
	return g.proveNext()
}

// unproved ends a tap of a purse that gives no clear answer about its torn one.
func (g *Gate) unproved(f purse.Fault) Action {
	g.result.Purse, g.result.Retap = f, true
	if f.Code == purse.ModuleFailed {
		g.loseModule(f.Err)
	}
	return g.turnPurseAway(purseText(f.Code))
}

// purseJourney decides what the tap comes to. A purse without a record of this trade can
// pay for a bus in one tap.
func (g *Gate) purseJourney() Action {
	t, p := &g.trip, &g.purse
	raw := g.pay.Record(0)
	if raw == nil && g.cfg.Mode == Bus {
		return g.tradePurse(false)
	}
	record, err := g.purseRecord(raw, p.refs[0])
	if raw == nil || err != nil {
		g.result.Purse = purse.Fault{Code: purse.BadAnswer}
		if raw == nil {
			g.result.Purse = purse.Fault{Code: purse.BadStatus, SW: apdu.SWRecordNotFound}
		}
		return g.turnPurseAway(CardNotValid)
	}
	t.card = journey.Card{Record: record, Purse: true, Balance: -1}
	if p.n > 1 {
		if other, err := g.purseRecord(g.pay.Record(1), p.refs[1]); err == nil {
			t.other = other
			t.card.Other = &t.other
		}
	}
	d, err := g.decision()
	switch {
	case err != nil:
		g.result.Setting = err
		return g.turnPurseAway(OutOfOrder)
	case d.Refused != journey.NoRefusal:
		g.result.Refusal = d.Refused
		return g.turnPurseAway(refusalTexts[d.Refused])
	}
	t.does = d
	g.quote = carriedQuote(&d, p.refs[0].File, p.refs[0].ID)
	return g.tradePurse(true)
}

func (g *Gate) tradePurse(compound bool) Action {
	r, err := g.pay.Trade(g.quote.amount, compound)
	if err != nil {
		g.result.Setting = err
		return g.turnPurseAway(OutOfOrder)
	}
	return g.followPurse(r)
}

// purseRecord reads a journey record of a purse. One that has never been written is of
// zeros: it is a fresh one (our choice).
func (g *Gate) purseRecord(raw []byte, ref purse.RecordRef) (wire.Record, error) {
	serial := wire.Serial(g.pay.Card().Serial)
	if ref.File == fileCompound {
		record, err := wire.DecodeCompact(raw, serial)
		record.Entry.Vehicle = g.cfg.Transit.Vehicle // it is open in one vehicle
		return record, err
	}
	if len(raw) == wire.Size && isZero(raw[3:]) {
		return wire.Record{ID: ref.ID, Valid: true, Serial: serial}, nil
	}
	return wire.Decode(raw)
}

func isZero(b []byte) bool { return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) }

// purseOpened has a purse that has told counter and balance, and used neither yet.
func (g *Gate) purseOpened() Action {
	t, d := &g.trip, g.pay.Data()
	balance := money.Fen(d.Balance)
	if g.cfg.Mode == Entry && balance < g.cfg.MinEntryBalance {
		g.result.Card, g.result.Balance = d.Card.Key, balance
		return g.turnPurseAway(BalanceLow)
	}
	if d.After() < 0 { // an overdraft that its balance does not tell of, or no balance
		return g.turnPurseAway(CardNotValid)
	}
	if !g.quote.carried() {
		return g.writePurse()
	}
	t.does.Finish(d.LoggedNumber(), d.After())
	ref := g.purse.refs[0]
	var next []byte
	var err error
	if ref.File == fileCompound {
		next, err = t.does.Next.AppendCompact(t.next[:0])
	} else if next, err = t.does.Next.Append(t.next[:0]); err == nil {
		_, err = t.does.Trip.Append(t.log[:0])
	}
	if err != nil {
		g.result.Setting = fmt.Errorf("write journey record %04X: %w", ref.ID, err)
		return g.turnPurseAway(OutOfOrder)
	}
	own := purse.Write{File: ref.File, ID: ref.ID, Data: next}
	if ref.File == fileCompound {
		return g.writePurse(own) // its log is the card's own
	}
	return g.writePurse(own, purse.Write{File: fileUnionTrips, Data: t.log[:]})
}

func (g *Gate) writePurse(list ...purse.Write) Action {
	r, err := g.pay.Write(list...)
	if err != nil {
		g.result.Setting = err
		return g.turnPurseAway(OutOfOrder)
	}
	return g.followPurse(r)
}

// purseRow builds the row of a purchase.
func (g *Gate) purseRow(kind txn.Kind, flags txn.Flags, d *purse.Data) txn.Row {
	r := d.Row(kind, flags|g.quote.flags, g.cfg.Terminal)
	g.fill(&r, &g.quote)
	return r
}

// purseEnded turns the machine's outcome into a row and a display.
func (g *Gate) purseEnded(out *purse.Outcome) Action {
	d := out.Data
	g.result.Purse = out.Fault
	if out.Fault.Code == purse.ModuleFailed {
		g.loseModule(out.Fault.Err)
	}
	if out.Identified {
		g.result.Card, g.result.Balance = d.Card.Key, out.After()
	}
	switch {
	case out.Result == kernel.Approved && g.broken && g.quote.carried():
		return g.stuckPurse(d)
	case out.Result == kernel.Approved:
		r := row.Record{Row: g.purseRow(g.kind(&g.quote), txn.LastRecordRead|txn.ServiceGiven, d)}
		return g.letThrough(r, kernel.Seen{})
	case out.Commit == kernel.CommitUnknown && (out.Reason == txn.LastAnswerLost || out.Fault.Code == purse.NotGenuine):
		return g.waitPurse(d) // with an answer that was spoilt on the way it has paid too
	case out.Commit == kernel.CommitUnknown:
		g.result.Records = append(g.result.Records, row.Record{Row: g.purseRow(txn.Doubt, txn.Flags(0).WithReason(out.Reason), d)})
	}
	return g.done(purseText(out.Fault.Code))
}

// waitPurse keeps a purchase whose end is unknown until its card comes back.
func (g *Gate) waitPurse(d *purse.Data) Action {
	g.keepPurse(d)
	return g.done(TapAgain)
}

// settlePurse gives up the older torn taps of a purse that has now paid.
func (g *Gate) settlePurse(card txn.CardKey) {
	for _, t := range slices.Clone(g.array.torn) {
		if t.bought != nil && t.ends == stillOpen && t.bought.Card.Key == card && g.array.remove(t) {
			g.result.Records = append(g.result.Records, t.doubt())
		}
	}
}

// purseText is what to say about a purse that was refused.
func purseText(c purse.FaultCode) Display {
	switch c {
	case purse.NoFault:
		return TapAgain
	case purse.Blocked:
		return CardDenied
	case purse.NotYetValid:
		return CardNotValid
	case purse.Expired:
		return CardExpired
	case purse.NoFunds:
		return BalanceLow
	case purse.CounterSpent:
		return CardRefused
	case purse.ModuleFailed:
		return ModuleFailed
	case purse.NotGenuine:
		return NotGenuine
	}
	return CardNotKnown
}
