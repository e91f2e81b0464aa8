package gate

import (
	"slices"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// comeback is the search for the torn tap that a card has left behind. Several may
// have the same counter and balance, so each that matches is tried; only a
// signature tells.
type comeback struct {
	torn  []*tornTap // claimed in the array
	asked int        // of torn: whose last record was asked for, or need not be
	probe kernel.Probe
	tried int      // of torn: what was compared with probe
	here  bool     // the card was asked whether it has paid (Recognise) and is still there
	stays bool     // the application of the last Probe is still selected
	old   *tornTap // being resumed
}

func (c *comeback) reset() { *c = comeback{torn: c.torn[:0]} }

// release gives up the claims.
func (c *comeback) release() {
	for i, t := range c.torn {
		t.claims--
		c.torn[i] = nil
	}
	c.reset()
}

// comeBack looks for a torn tap of this card before it begins a new one. The latest
// comes first: a card repeats no record but its last.
func (g *Gate) comeBack() Action {
	g.back.torn = g.array.claim(g.back.torn, g.cfg.Mode, g.field.UID, g.now)
	slices.Reverse(g.back.torn)
	return g.askNext()
}

// askNext asks the card for its last record, counter and balance, once for each
// application and record at which a claimed tap was torn. When none is left, a new
// transaction begins.
func (g *Gate) askNext() Action {
	c := &g.back
	for c.asked < len(c.torn) {
		d, before := c.torn[c.asked].Data, c.torn[:c.asked]
		c.asked++
		if !slices.ContainsFunc(before, func(t *tornTap) bool { return t.Data.SameProbe(d) }) {
			c.tried = 0
			if c.here {
				c.here = false
				return g.follow(g.kernel.ProbeOn(d))
			}
			return g.follow(g.kernel.Probe(d))
		}
	}
	return g.run(g.byHint())
}

// probed has what the card tells. A repeated record is judged even if the card left
// after it: the signature needs nothing more.
func (g *Gate) probed(p *kernel.Probe) Action {
	g.back.probe, g.back.stays = *p, p.Selected && !p.Left
	return g.resumeNext()
}

// resumeNext goes on with the next torn tap that the card may have paid.
func (g *Gate) resumeNext() Action {
	c := &g.back
	for c.tried < len(c.torn) {
		t := c.torn[c.tried]
		c.tried++
		if c.probe.Verdict(t.Data) == kernel.Finishable {
			c.old, c.stays = t, false
			return g.follow(g.kernel.Resume(t.Data))
		}
	}
	if c.probe.Left {
		g.result.Retap = true
		return g.done(TapAgain)
	}
	return g.askNext()
}

// resumed ends the attempt to finish an old tap.
func (g *Gate) resumed(out *kernel.Outcome) Action {
	old := g.back.old
	g.back.old = nil
	if out.Result == kernel.Approved && g.proves(out, old) && g.broken && old.quote.carried() {
		return g.done(OutOfOrder) // it waits for another gate
	}
	if out.Result == kernel.Approved && g.proves(out, old) && g.array.remove(old) {
		g.quote = old.quote
		if old.trip != nil {
			g.trip.prev, g.trip.next = old.trip.prev, old.trip.next
		}
		return g.accept(old.Finished(g.kind(&g.quote), out), out)
	}
	return g.resumeNext()
}

// proves says that the card here is the one that paid. Where its signature cannot
// say so (fDDA version 00), counter and balance must do, together with a UID that
// does not change: the rider of an old card must not be charged again.
func (g *Gate) proves(out *kernel.Outcome, old *tornTap) bool {
	return old.Proves(out) || old.uid.fixed() && old.uid == g.field.UID
}

// settleTorn gives up the older torn taps of a card that has now paid: it has used
// another counter since and cannot repeat their last record any more. They stay
// undecided. Counter and balance of GET DATA are under no signature, so that they
// could not prove that the card did not pay.
func (g *Gate) settleTorn(card txn.CardKey) {
	for _, t := range slices.Backward(g.back.torn) { // in order of time
		if t.Data.Card == card && t.ends == stillOpen && g.array.remove(t) {
			g.result.Records = append(g.result.Records, t.doubt())
		}
	}
}
