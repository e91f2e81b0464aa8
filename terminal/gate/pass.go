package gate

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

// passOfUID finds the pass that a card with this UID has paid for. The UID alone
// opens nothing.
func (g *Gate) passOfUID() *pass {
	if !g.field.UID.fixed() {
		return nil
	}
	return g.array.passOf(g.cfg.Mode, g.now, func(p *pass) bool { return p.uid == g.field.UID })
}

func (g *Gate) passOfCard(card txn.CardKey) *pass {
	return g.array.passOf(g.cfg.Mode, g.now, func(p *pass) bool { return p.card == card })
}

// passOfSerial finds the pass of a card by the number in its journey record.
func (g *Gate) passOfSerial(s wire.Serial) *pass {
	return g.array.passOf(g.cfg.Mode, g.now, func(p *pass) bool { return p.serial == s && s != wire.Serial{} })
}

// known ends the question whether a card is the one that has paid. One that cannot
// prove it by repeating its last record is a card like any other.
func (g *Gate) known(p *kernel.Probe) Action {
	g.knowing = false
	switch at := g.passOfUID(); {
	case p.Left:
		return g.done(TapAgain)
	case p.OK && at != nil:
		return g.again(at)
	}
	g.back.here = true
	return g.comeBack()
}

// again answers a card that has paid for this pass already. The gate opens a second
// time for it, for a rider who was too slow, and never a third.
func (g *Gate) again(p *pass) Action {
	g.result.Card = p.card
	if g.denies(p.card) {
		return g.done(CardDenied) // since it paid
	}
	if p.passed || p.opened {
		return g.done(AlreadyUsed)
	}
	p.opened = true
	g.result.Opened = true
	return g.done(AlreadyPaid)
}

// done ends the tap.
func (g *Gate) done(d Display) Action {
	g.result.Records = g.array.settled(g.result.Records)
	g.back.release()
	g.purse.release()
	g.running = false
	g.result.Display = d
	g.result.Waiting = g.array.Doubts(g.result.Waiting)
	return Action{Done: &g.result}
}
