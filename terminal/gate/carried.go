package gate

import (
	"errors"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	wire "github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// paused has a card with the low-value extension that nothing was asked of yet: its
// record is read, and of a bus the metro's record before it, if a rule needs that. The
// one that is read last is the one that the card lets be written.
func (g *Gate) paused() Action {
	g.back.stays = false
	if !g.module.Ready() {
		return g.turnAway(ModuleFailed)
	}
	g.trip.card = journey.Card{Support: g.kernel.Support(), Balance: -1}
	if !g.cfg.Transit.AllowHold {
		g.trip.card.Support = 1
	}
	if g.readsMetro() {
		return g.readRecord(stepReadOther, fileMetro, wire.Metro)
	}
	return g.readOwn()
}

// readsMetro says that a rule of this bus looks at the metro trip before.
func (g *Gate) readsMetro() bool {
	t := g.rules().MetroToBus
	return (g.cfg.Mode == Bus || g.cfg.Mode == Board) && t.Within > 0 && t.Off > 0
}

// readOwn asks for the record of this terminal's trade.
func (g *Gate) readOwn() Action {
	if g.cfg.Mode.onBus() {
		return g.readRecord(stepRead, fileBus, wire.Bus)
	}
	return g.readRecord(stepRead, fileMetro, wire.Metro)
}

// turnAway ends a tap of which the card has not even used a counter.
func (g *Gate) turnAway(d Display) Action {
	g.kernel.Step(kernel.Event{Kind: kernel.Stop})
	return g.done(d)
}

// readRecord is READ CAPP DATA with a random number (JR/T 0025.14 annex C): the tap's
// unpredictable number, three bytes of the time, and how many were read in this tap.
func (g *Gate) readRecord(step tripStep, file byte, id uint16) Action {
	t := &g.trip
	t.step, t.file, t.id = step, file, id
	t.reads++
	t.random = [8]byte{g.un[0], g.un[1], g.un[2], g.un[3], byte(g.now >> 16), byte(g.now >> 8), byte(g.now), t.reads}
	data := append(t.data[:0], byte(id>>8), byte(id))
	return g.follow(g.kernel.Ask(apdu.Command{CLA: 0x80, INS: 0xB4, P2: file << 3, Data: append(data, t.random[:]...), Le: apdu.MaxShortLe}))
}

// replied has the card's answer to a command of the gate's own.
func (g *Gate) replied(r *kernel.Reply) Action {
	switch g.trip.step {
	case stepReadOther, stepRead:
		return g.recordRead(r)
	case stepUpdateRecord, stepUpdateLog:
		return g.recordTaken(r)
	}
	panic("gate: an answer to no question")
}

// recordRead lets the module check the record. A card that has none of this form cannot
// carry the journey, so it is treated as one without the extension.
func (g *Gate) recordRead(r *kernel.Reply) Action {
	t := &g.trip
	whole := len(r.Data) == wire.Size+4
	switch missing := r.SW == apdu.SWFileNotFound || r.SW == apdu.SWRecordNotFound || r.SW == apdu.SWOK && !whole; {
	case missing && t.step == stepReadOther:
		return g.readOwn()
	case missing:
		return g.notCarried()
	case r.SW != apdu.SWOK:
		g.result.Fault = kernel.Fault{Code: kernel.BadStatus, SW: r.SW, Tag: tlv.TagCAPPSupport}
		return g.turnAway(CardNotKnown)
	}
	copy(t.prev[:], r.Data)
	alg := t.alg
	if t.reads == 1 {
		if alg = epurse.TDES; g.kernel.AsksSM() { // the module tries the other one too
			alg = epurse.SM4
		}
	}
	t.key = sam.RecordKey{File: t.file, Factor: epurse.Factor(t.serial()), Alg: alg}
	next := stepCheck
	if t.step == stepReadOther {
		next = stepCheckOther
	}
	return g.work(next, g.module.CheckRecord(t.key, t.random, t.prev[:], [4]byte(r.Data[wire.Size:])))
}

// notCarried goes on without a record, by the station records.
func (g *Gate) notCarried() Action {
	if g.cfg.Mode > Bus {
		g.result.Fault = kernel.Fault{Code: kernel.Missing, Tag: tlv.TagCAPPSupport}
		return g.turnAway(CardNotKnown)
	}
	return g.follow(g.kernel.Trade(g.quote.amount, 0))
}

// errOtherRecord: the card has given another record of the file than it was asked for.
var errOtherRecord = errors.New("another journey record than the one asked for")

// recordChecked has the module's word on a record.
func (g *Gate) recordChecked(other bool) Action {
	t := &g.trip
	if g.job.Check() != sam.Genuine {
		g.result.Fault = kernel.Fault{Code: kernel.Mismatch, Tag: tlv.TagCAPPSupport}
		return g.turnAway(NotGenuine)
	}
	t.alg, t.key.Alg = g.job.Alg(), g.job.Alg()
	record, err := wire.Decode(t.prev[:])
	if err == nil && record.ID != t.id {
		err = errOtherRecord
	}
	if other {
		if t.other = record; err == nil {
			t.card.Other = &t.other
		}
		return g.readOwn()
	}
	if closed, done := g.closeByRecord(); done {
		return closed
	}
	if p := g.passOfSerial(t.serial()); p != nil {
		g.kernel.Step(kernel.Event{Kind: kernel.Stop})
		return g.again(p)
	}
	if err != nil {
		g.result.Fault = kernel.Fault{Code: kernel.BadValue, Tag: tlv.TagCAPPSupport}
		return g.turnAway(CardNotValid)
	}
	if until := g.justHere(&record); until >= g.now {
		return g.passAnew(&record, until)
	}
	t.card.Record = record
	return g.decide()
}

// decide asks the rules what the tap comes to, and the card whether it agrees.
func (g *Gate) decide() Action {
	t := &g.trip
	d, err := g.decision()
	switch {
	case err != nil:
		g.result.Setting = err
		return g.turnAway(OutOfOrder)
	case d.Refused != journey.NoRefusal:
		g.result.Refusal = d.Refused
		return g.turnAway(refusalTexts[d.Refused])
	}
	t.does = d
	g.quote = carriedQuote(&d, t.file, t.id)
	return g.follow(g.kernel.Trade(d.Amount, d.DF60))
}

// carriedQuote is the price that the card's own record has led to.
func carriedQuote(d *journey.Decision, file byte, id uint16) quote {
	return quote{
		amount: d.Amount, full: d.Full, counted: d.Counted, rule: d.Rule, flags: d.Flags, monthSum: d.MonthSum, month: d.Month,
		entry: EntryRecord{Terminal: d.EntryTerminal, Time: d.EntryTime, ATC: d.EntryATC},
		kind:  d.Kind, df63: txn.DF63Unread, held: d.Held, concession: d.Concession, file: file, record: id,
	}
}

func (g *Gate) decision() (journey.Decision, error) {
	c := g.cfg.Transit
	tap := journey.Tap{
		Mode: journey.Mode(g.cfg.Mode), Station: g.cfg.Station, Line: c.Line, Route: g.cfg.Route, Stop: g.stop, Direction: g.direction,
		Metres: g.metres, Terminal: g.cfg.Terminal, Now: g.now, Medium: g.cfg.Medium, Workday: g.cfg.Workday,
		City: c.City, Institution: c.Institution, Operator: c.Operator, Vehicle: c.Vehicle,
	}
	if c.Books != nil {
		return journey.DecideDated(c.Books, &g.trip.card, &tap)
	}
	return journey.Decide(g.journeys, g.rules(), &g.trip.card, &tap)
}

func (g *Gate) rules() *fare.JourneyRules { return g.journeys.Journeys() }

// refusalTexts are what a rider reads whose own record forbids the tap.
var refusalTexts = [...]Display{
	journey.Locked: JourneyLocked, journey.NotValid: CardNotValid, journey.MissingExit: NoExit, journey.MissingEntry: NoEntry,
	journey.OverTime: TooLong, journey.MissingAlight: NoAlighting, journey.MissingBoard: NoBoarding,
	journey.WrongDirection: WrongDirection, journey.BalanceLow: BalanceLow,
}

// strange says that the card which answers GET PROCESSING OPTIONS is not the one whose
// record was read.
func (g *Gate) strange(card txn.CardKey) bool {
	return g.quote.carried() && g.cfg.Transit.Factor != nil && g.cfg.Transit.Factor(card) != g.trip.serial()
}

// carry goes on with a card that has told its number and counter: record and log are
// made, and the module protects them.
func (g *Gate) carry() Action {
	t, d := &g.trip, g.kernel.Data()
	balance, stated := d.BalanceAfter()
	if g.cfg.Mode == Entry && g.quote.kind != txn.Hold && stated && balance < g.cfg.MinEntryBalance {
		g.stopCard()
		g.result.Balance = balance
		return g.done(BalanceLow)
	}
	if !stated {
		balance = wire.UnknownBalance
	}
	t.does.Finish(d.ATC, balance)
	next, err := t.does.Next.Append(t.next[:0])
	if err == nil {
		_, err = t.does.Trip.Append(t.log[:0])
	}
	if err != nil || len(next) != wire.Size {
		g.stopCard()
		g.result.Setting = err
		return g.done(OutOfOrder)
	}
	return g.work(stepCodeRecord, g.module.Code(t.key, d.ATC, t.next[:]))
}

// update is UPDATE CAPP DATA CACHE with the module's code.
func (g *Gate) update(step tripStep, record []byte) Action {
	t := &g.trip
	t.step = step
	mac := g.job.MAC()
	data := append(append(t.data[:0], record...), mac[:]...)
	return g.follow(g.kernel.Ask(apdu.Command{CLA: 0x84, INS: 0xDE, P2: t.key.File << 3, Data: data, Le: apdu.MaxShortLe}))
}

// recordTaken goes on when the card has put a record by: first the journey's record,
// which the payment needs, then the log, which a card may lack.
func (g *Gate) recordTaken(r *kernel.Reply) Action {
	t := &g.trip
	lacks := t.step == stepUpdateLog && (r.SW == apdu.SWFileNotFound || r.SW == apdu.SWRecordNotFound)
	switch {
	case r.SW != apdu.SWOK && !lacks:
		g.stopCard()
		g.result.Fault = kernel.Fault{Code: kernel.BadStatus, SW: r.SW, Tag: tlv.TagCAPPIndicator}
		return g.done(CardNotKnown)
	case t.step == stepUpdateLog:
		t.step = noStep
		return g.follow(g.kernel.Step(kernel.Event{Kind: kernel.Continue}))
	case len(r.Data) == len(epurse.MAC{}):
		return g.work(stepCheckAnswer, g.module.CheckAnswer(t.key, g.job.MAC(), epurse.MAC(r.Data)))
	case len(r.Data) != 0 || !g.cfg.Transit.AllowSilent:
		return g.refuseRecord(kernel.BadAnswer, tlv.TagCAPPIndicator)
	}
	return g.codeLog()
}

// answerChecked has the module's word on the card's answer: it has put the record by for
// this very payment, which is then no other than the gate has asked for.
func (g *Gate) answerChecked() Action {
	if g.job.Check() != sam.Genuine {
		return g.refuseRecord(kernel.Mismatch, tlv.TagCAPPIndicator)
	}
	return g.codeLog()
}

func (g *Gate) codeLog() Action {
	t := &g.trip
	t.key.File = fileLog
	return g.work(stepCodeLog, g.module.Code(t.key, g.kernel.Data().ATC, t.log[:]))
}

// refuseRecord ends a tap of a card that is not the one of its record, or has not taken
// the record. It has not paid.
func (g *Gate) refuseRecord(c kernel.FaultCode, tag tlv.Tag) Action {
	g.stopCard()
	g.result.Fault = kernel.Fault{Code: c, Tag: tag}
	return g.done(NotGenuine)
}
