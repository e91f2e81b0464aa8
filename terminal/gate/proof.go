package gate

import (
	"slices"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

// justHere is until when a card has a pass whose last tap was here by its own record; 0
// if it has none. The array knows of no such pass, and of no tap that was refused.
func (g *Gate) justHere(r *wire.Record) (until int64) {
	last, state := &r.Exit, wire.Out
	if g.cfg.Mode == Entry || g.cfg.Mode == Board {
		last, state = &r.Entry, wire.In
	}
	if r.State != state || last.Terminal != uint64(g.cfg.Terminal) || last.Time > g.now || g.cfg.PassWindow == 0 {
		return 0
	}
	return last.Time + seconds(g.cfg.PassWindow)
}

// passAnew has a card whose own record proves that it has just paid here, while the array
// knows nothing of it. If that was before the array's memory begins, the memory was lost,
// and the rider may still stand here: the gate opens once (our choice). The row of that tap
// is what Pending left behind. Else the gate has already answered for the tap by a doubt
// row, and no row could say that it lets the rider through after all; nor must he pay
// again.
func (g *Gate) passAnew(r *wire.Record, until int64) Action {
	if paid := until - seconds(g.cfg.PassWindow); paid > g.array.since {
		return g.turnAway(AskStaff)
	}
	serial := r.Serial
	g.kernel.Step(kernel.Event{Kind: kernel.Stop})
	g.array.notePass(pass{mode: g.cfg.Mode, uid: g.field.UID, serial: serial, until: until, opened: true}, g.now)
	g.result.Opened = true
	return g.done(AlreadyPaid)
}

// closeByRecord compares the card's record, which is under a MAC for a random number of
// this tap, with those of its torn taps. Record and payment are committed together: if
// the card has the record that a torn tap was to write, it has paid, and if it still has
// the one before, it has not and cannot any more. A torn tap of this kind of terminal that
// has paid lets the rider pass, and so does one that was refused because something on the
// way from the card had been spoilt: this record is the card's own word. Who was refused
// for what he is stays out.
func (g *Gate) closeByRecord() (a Action, done bool) {
	t := &g.trip
	var mine, barred *tornTap
	for _, o := range slices.Backward(g.array.torn) {
		if o.trip == nil || o.ends != stillOpen || o.quote.file != t.file || o.quote.record != t.id || o.trip.prev == o.trip.next {
			continue
		}
		switch {
		case o.trip.next == t.prev && o.staysOut():
			if o.mode == g.cfg.Mode {
				barred = o
			}
		case o.trip.next == t.prev && o.mode == g.cfg.Mode && g.now <= o.Until && mine == nil:
			mine = o
		case o.trip.next == t.prev:
			g.passElsewhere(o, t.serial())
		case o.trip.prev == t.prev:
			o.ends = cannotPay
		}
	}
	switch {
	case barred != nil:
		g.result.Card = barred.Row.Card
		return g.turnAway(reasonText(barred.why)), true
	case mine == nil:
		return Action{}, false
	case g.denies(mine.Row.Card):
		g.result.Card = mine.Row.Card
		return g.turnAway(CardDenied), true
	case g.broken:
		return g.turnAway(OutOfOrder), true
	}
	g.array.remove(mine)
	g.kernel.Step(kernel.Event{Kind: kernel.Stop})
	g.quote = mine.quote
	g.result.Balance = -1
	if mine.answered != nil {
		g.result.Balance = mine.answered.balance
	} else if b, ok := mine.Data.BalanceAfter(); ok {
		g.result.Balance = b
	}
	r := mine.proved()
	r.Row.Flags |= txn.ServiceGiven
	return g.letThrough(r, kernel.Seen{}), true
}

// passElsewhere keeps a pass for the rider of a torn tap that has paid at another kind of
// terminal of the array, or too long ago to be let through here.
func (g *Gate) passElsewhere(o *tornTap, serial wire.Serial) {
	o.ends = hasPaid
	if g.cfg.PassWindow > 0 {
		g.array.notePass(pass{mode: o.mode, uid: o.uid, card: o.Row.Card, serial: serial, until: g.now + seconds(g.cfg.PassWindow)}, g.now)
	}
}
