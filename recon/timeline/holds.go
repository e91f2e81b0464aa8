package timeline

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/money"
)

// openHold is an amount that a pre-authorisation keeps on the card.
type openHold struct {
	atc    uint16
	amount money.Fen
	most   money.Fen // as far as MACs tell
	until  uint16    // counter of the completion that names it, 0 if there is none
	step   int       // the pair that tells the customer of it: the one of the hold, or in whose gap it lies
}

// ending is the open hold that p would complete, by its place in open, and the amount
// that p keeps or gives back: the terminal's word, corrected by the neighbours.
func (s *stage) ending(p *node) (at int, amount money.Fen) {
	switch {
	case p.kind == Hold:
		return -1, p.saidBefore.hi - p.saidAfter.hi
	case !p.completes():
		return -1, 0
	}
	amount = p.givesBack()
	if at = slices.IndexFunc(s.open, func(h openHold) bool { return h.atc == p.e.hold }); at >= 0 {
		return at, amount
	}
	return slices.IndexFunc(s.open, func(h openHold) bool { return h.amount == amount }), amount
}

// limits is what the missing counters can have taken if p did not commit and if it
// did. They give back what is held on the card, one hold a counter, or what earlier
// missing counters may have held. If completions are believed, those of them that were
// holds took just what completions say.
func (s *stage) limits(p, q *node, ends int, amount money.Fen, believe bool) (out [2]span) {
	limit := s.params.capWithin(p.e.time, q.e.time)
	named, count := s.namedBetween(p, q)
	for u := range out {
		g := missing(p, q, u == 1)
		out[u].hi = g * limit
		if g == 0 || !s.holds {
			continue
		}
		if believe {
			g -= count
			out[u] = span{named, named + g*limit}
		}
		if g > 0 {
			out[u].lo -= s.mayReturn(p, u == 1, ends, amount, int(g), believe)
		}
	}
	return out
}

// mayReturn is the most that g missing counters can have given back.
func (s *stage) mayReturn(p *node, committed bool, ends int, amount money.Fen, g int, believe bool) money.Fen {
	held := make([]money.Fen, 0, len(s.open)+1)
	for k, h := range s.open {
		switch {
		case !believe:
			held = append(held, h.most)
		case committed && k == ends:
		case h.until <= p.e.atc:
			held = append(held, h.amount)
		}
	}
	if committed && p.kind == Hold {
		switch {
		case !believe:
			held = append(held, p.keeps())
		case p.until == 0:
			held = append(held, amount)
		}
	}
	slices.SortFunc(held, func(a, b money.Fen) int { return cmp.Compare(b, a) })
	sum := s.pool
	if !believe {
		sum = s.mostPool
		if committed && p.completes() && len(held) > 0 {
			held = held[:len(held)-1] // which of them it ended is the terminal's word
		}
	}
	for _, h := range held[:min(g, len(held))] {
		sum += h
	}
	return sum
}

// namedBetween adds up the holds that lie in a gap by the word of their completions.
func (s *stage) namedBetween(p, q *node) (sum, count money.Fen) {
	for i := range s.named {
		if h := &s.named[i]; h.atc > p.e.atc && h.atc < q.e.atc {
			sum, count = sum+h.amount, count+1
		}
	}
	return sum, count
}

// settle finds what the pair says about money, and which holds are open after it.
// Names may be open, but what the customer lacks in total is the same in every
// feasible assignment, or at least what is put down here. What MACs alone leave open
// counts for what they leave possible later.
func (s *stage) settle(i int, p *node, f, hard *finding, ends int, amount money.Fen) {
	d := &s.plan.steps[i].dues
	took, committed := f.missed.lo, f.committed == Yes
	service := p.e.bits&bitService != 0
	switch f.outcome {
	case OutcomeImpossible:
		took, committed = 0, p.hint == Yes || p.kind == Paid
	case Undecided:
		whole := amount
		took, committed = undecided(d, p, f, service, &amount), true
		s.pool += whole - amount
	case Decided:
		switch {
		case p.kind == Doubt && committed && !service, p.kind == Load && !committed:
			d.atOnce = p.e.debit
		}
	}
	switch {
	case p.kind == Hold && committed:
		s.open = append(s.open, openHold{p.e.atc, amount, p.keeps(), p.until, i})
	case p.kind == Hold && hard.outcome == Undecided:
		s.mostPool += p.keeps()
	case !p.completes() || !committed:
	case ends >= 0:
		if f.outcome == Undecided { // it may be open still
			s.pool += s.open[ends].amount
		}
		s.mostPool += s.open[ends].most
		if hard.committed == Yes {
			s.mostPool -= slices.MinFunc(s.open, func(a, b openHold) int { return cmp.Compare(a.most, b.most) }).most
		}
		s.open = slices.Delete(s.open, ends, ends+1)
	default:
		s.giveBack(amount)
	}
	if f.outcome == OutcomeImpossible {
		return
	}
	took = s.unreported(i, p, took, f.believed)
	if took < 0 {
		another := s.plan.steps[i].verdict.Missing > 1 || s.pool >= -took
		took = s.returned(&s.nodes[i+1], -took, f.outcome != Undecided && f.missed.point())
		if another {
			s.pool += took // or another counter held it, or another hold was given back
		}
	}
	d.later += took
}

// undecided is what the customer lacks at least, if a bit of p is open: the smaller of
// what is lacking in the two cases. For values that are known exactly it is the same in
// both, but for a debit that was presented or for which service was given; this one is
// in dispute. A hold that may be open counts as kept, one that may be completed as
// lacking here.
func undecided(d *dues, p *node, f *finding, service bool, amount *money.Fen) (took money.Fen) {
	left, paid := f.fall[0].lo, f.fall[1].lo
	switch {
	case p.kind == Load:
		left += p.e.debit
	case p.completes():
		left += *amount
	}
	switch {
	case p.kind == Hold:
		took = min(paid, left)
		*amount = max(0, min(*amount, left-took))
		return took
	case p.kind == Doubt && !service:
		paid += p.e.debit
	case p.kind == Doubt:
		d.contested = min(max(left-paid, 0), p.e.debit)
	}
	return min(left, paid)
}

// claims reads what completions say of the holds that they name. A card completes
// only what is open: so the hold was made, and no completion before this one was. Holds
// that nobody has reported lie in the gap that has their counter.
func (s *stage) claims() {
	if !s.holds {
		return
	}
	for i := range s.nodes {
		n := &s.nodes[i]
		if !n.completes() || n.e.hold == 0 {
			continue
		}
		for k := range s.nodes[:i] {
			switch o := &s.nodes[k]; {
			case o.kind == Hold && o.e.atc == n.e.hold:
				o.until = n.e.atc
				if o.hint == Open {
					o.hint = Yes
				}
			case o.hint == Open && o.completes() && o.e.hold == n.e.hold:
				o.hint = No
			}
		}
		if s.c.observed(n.e.hold) {
			continue
		}
		s.named = append(s.named, openHold{atc: n.e.hold, until: n.e.atc, amount: n.givesBack()})
	}
	slices.SortFunc(s.named, func(a, b openHold) int { return cmp.Or(cmp.Compare(a.atc, b.atc), cmp.Compare(b.until, a.until)) })
	s.named = slices.CompactFunc(s.named, func(a, b openHold) bool { return a.atc == b.atc })
}

// unreported takes the holds that lie in the gap of pair i out of what its missing
// counters took; if the completions that name them are not believed, no more than that.
func (s *stage) unreported(i int, p *node, took money.Fen, believed bool) money.Fen {
	next := s.nodes[i+1].e.atc
	for _, h := range s.named {
		if h.atc <= p.e.atc || h.atc >= next {
			continue
		}
		if h.step = i; !believed {
			h.amount = min(h.amount, max(took, 0))
		}
		took -= h.amount
		s.open = append(s.open, h)
	}
	return took
}

// returned takes back as much from open holds as the missing counters before q gave to
// the card: they completed them. What of those holds is not back was paid to somebody
// who has not presented it.
func (s *stage) returned(q *node, back money.Fen, certain bool) (paid money.Fen) {
	for back > 0 && len(s.open) > 0 {
		best := 0
		for k := range s.open {
			if s.open[k].before(&s.open[best], q.e.atc, back) {
				best = k
			}
		}
		h := s.open[best]
		s.mostPool += h.most // it may have been another
		if !certain {
			s.pool += h.amount // or none
		}
		s.open = slices.Delete(s.open, best, best+1)
		if h.amount >= back {
			return h.amount - back
		}
		back -= h.amount
	}
	s.pool -= min(back, s.pool)
	s.giveBack(back)
	return 0
}

// before prefers holds that nobody completes later, then the smallest that covers the
// amount, else the largest.
func (h *openHold) before(o *openHold, atc uint16, back money.Fen) bool {
	if x, y := h.until < atc, o.until < atc; x != y {
		return x
	}
	x, y := h.amount >= back, o.amount >= back
	if x != y {
		return x
	}
	return x && h.amount < o.amount || !x && h.amount > o.amount
}

// giveBack finds an amount that was held by nobody knows whom: earlier missing
// counters took it, so that they took less for good, or it was taken for another hold.
func (s *stage) giveBack(amount money.Fen) {
	for i := range s.plan.steps {
		d := &s.plan.steps[i].dues
		take := min(amount, d.later)
		d.later -= take
		amount -= take
	}
	for k := range s.open {
		take := min(amount, s.open[k].amount)
		s.open[k].amount -= take
		amount -= take
	}
}

// keep puts down the holds that are open at the end. The tail has no verdict, but a
// completion there ends its hold.
func (s *stage) keep() {
	if n := len(s.nodes); n > 0 && s.nodes[n-1].completes() {
		tail := &s.nodes[n-1]
		ends, amount := s.ending(tail)
		switch {
		case tail.kind == Doubt && tail.hint != Yes || tail.hint == No:
		case ends >= 0:
			s.open = slices.Delete(s.open, ends, ends+1)
		default:
			s.giveBack(amount)
		}
	}
	for _, h := range s.open {
		s.plan.steps[h.step].dues.held += h.amount
	}
}
