package oracle

import (
	"slices"

	"github.com/citycard/citycard/money"
)

// Case is one card before the issuer: the terms, and everything that ever arrived.
type Case struct {
	Limit  money.Fen // 9F78: the most that one counter takes
	Window int64     // seconds after a tap within which its row must be presented: 20 days
	Drift  int64     // seconds that a clock may be wrong
	// Opened says that Opening is the issuer's record of the value at counter 0.
	Opened  bool
	Opening money.Fen
	Seen    []Seen
}

// Known is what follows at one moment from what has arrived by then.
type Known struct {
	Pairs      []Pair     // neighbouring counters of which something was seen, in order
	FlashCards []Flash    // doubt rows that paid in every history
	FlashLoads []Flash    // loads that ran in no history
	Missing    []Shortage // what missing counters certainly took, and nothing more can come
	Clones     []uint16   // counters for which two cards vouch
	// Frozen says that value came from nowhere or two cards exist: nobody is refunded.
	Frozen bool
	// Torn says that counters exist with cryptograms of two types, of which each may be of
	// the same chip or not: then nothing can be said of Frozen and Due.
	Torn bool
	// Due is what the customer lacks in every history, whatever may still arrive.
	Due money.Fen
	// Tail is the last counter seen; TailDoubt says that it is a doubt row, of which
	// nothing can be said yet.
	Tail      uint16
	TailDoubt bool
}

// Flash is a flash card or a flash load.
type Flash struct {
	ATC     uint16
	Amount  money.Fen
	Service bool // flash card: the service was given, so that the operator is to be paid
}

// Shortage is what the customer certainly lacks between P and Q when the window is over
// and nobody has presented the counters between: what these took, and where it is open
// whether P paid or ran, what is lacking in either case.
type Shortage struct {
	P, Q   uint16
	Amount money.Fen
	Named  bool // there is one counter between, and it took exactly this
}

// At says what is known at a moment (unix seconds). complete is the time up to which
// every terminal has sent all its rows, 0 if nothing is known of that.
func (c *Case) At(now, complete int64) Known {
	var k Known
	points := c.points(now)
	for i := range points {
		if points[i].cloned {
			k.Clones = append(k.Clones, points[i].atc)
			k.Frozen = true
		}
		k.Torn = k.Torn || points[i].torn && !points[i].cloned
	}
	latest := int64(0)
	for i := 0; i+1 < len(points); i++ {
		p, q := &points[i], &points[i+1]
		latest = max(latest, p.time, q.time)
		pair := c.play(p, q)
		pair.Final = latest + c.Window
		k.note(p, &pair, now >= pair.Final || complete > latest+c.Drift)
	}
	if n := len(points); n > 0 {
		k.Tail, k.TailDoubt = points[n-1].atc, points[n-1].doubt
	}
	return k
}

// note adds what a pair says. Before the window is over, missing counters may still be
// presented: what they took is nobody's yet.
func (k *Known) note(p *point, pair *Pair, final bool) {
	k.Pairs = append(k.Pairs, *pair)
	if pair.Torn {
		return
	}
	if !pair.Paid && !pair.Left && !pair.Unbacked {
		k.Frozen = true
		return
	}
	f := Flash{ATC: pair.P, Amount: pair.Offered, Service: p.service}
	switch {
	case p.doubt && pair.Paid && !pair.Left:
		k.FlashCards = append(k.FlashCards, f)
	case pair.Load && pair.Offered > 0 && !pair.Paid:
		k.FlashLoads = append(k.FlashLoads, f)
	}
	atOnce, late := pair.lacks(p, false), pair.lacks(p, true)
	k.Due += atOnce
	if final && late > atOnce {
		k.Due += late - atOnce
		k.Missing = append(k.Missing, Shortage{P: pair.P, Q: pair.Q, Amount: late - atOnce, Named: pair.Missing == 1 && pair.Paid != pair.Left})
	}
}

// lacks is what the customer lacks in every history of a pair: what missing counters
// took, if nobody can present it any more, and P itself, if it paid in doubt and gave no
// service, or was a load and did not run.
func (pair *Pair) lacks(p *point, final bool) money.Fen {
	least := money.Fen(-1)
	history := func(paid bool, missing money.Fen) {
		sum := money.Fen(0)
		if final {
			sum = missing
		}
		if p.doubt && paid && !p.service || p.load && !paid {
			sum += pair.Offered
		}
		if least < 0 || sum < least {
			least = sum
		}
	}
	if pair.Paid {
		history(true, pair.MissedPaid)
	}
	if pair.Left {
		history(false, pair.MissedLeft)
	}
	return max(0, least)
}

// point is a counter of which something was seen: what all sources together say.
type point struct {
	claim
	atc              uint16
	time             int64
	doubt, presented bool
	cleared, service bool
	says, denies     bool // a source says that the card paid, that it did not
	torn, cloned     bool // several cryptograms; several of one type
}

// points lists what had arrived at a moment, by counter.
func (c *Case) points(now int64) []point {
	var arrived []Seen
	for i := range c.Seen {
		if c.Seen[i].Arrived <= now {
			arrived = append(arrived, c.Seen[i])
		}
	}
	var out []point
	if c.Opened {
		out = append(out, point{claim: claim{before: c.Opening, mayLeave: true}})
	}
	for _, at := range gather(arrived) {
		p := point{claim: at.claims[0], atc: at.atc, torn: len(at.claims) > 1}
		for n := range at.claims {
			p.cloned = p.cloned || slices.ContainsFunc(at.claims[:n], func(o claim) bool { return o.result == at.claims[n].result })
		}
		p.hear(arrived)
		out = append(out, p)
	}
	return out
}

// hear collects what the sources of a counter say beside the cryptogram. The time is
// that of the row that was cleared, else of the earliest.
func (p *point) hear(arrived []Seen) {
	for i := range arrived {
		s := &arrived[i]
		c, atc, ok := s.read()
		if !ok || atc != p.atc {
			continue
		}
		if s.Load != nil {
			p.time = s.Load.Time
			continue
		}
		paid := s.Row.Kind.Paid() && c.debit > 0
		cleared := paid && !s.Refused
		if p.time == 0 || cleared && !p.cleared || cleared == p.cleared && s.Row.Time < p.time {
			p.time = s.Row.Time
		}
		p.presented, p.cleared = p.presented || paid, p.cleared || cleared
		if c.debit > 0 {
			p.doubt = p.doubt || !paid
			p.says, p.denies = p.says || !c.mayLeave, p.denies || !c.mayPay
			p.service = p.service || !paid && s.Row.Flags.Has(serviceGiven)
		}
	}
	p.doubt = p.doubt && !p.presented
}
