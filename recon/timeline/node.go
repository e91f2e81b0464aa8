package timeline

import "github.com/citycard/citycard/money"

// node is the entry that speaks for a counter, with what is known of the card's value
// before it and, if it committed, after it. Value is 9F79 less DF63 (section 6): a
// debit lowers it, whichever of the two paid.
type node struct {
	e      *entry
	latest int64
	clash  int
	kind   ObsKind
	word   Certainty // the sources' word on whether it committed
	hint   Certainty // the same, with what completions say of holds
	until  uint16    // of a hold: counter of the last completion that names it
	offers bool      // there is something that can have been committed or not
	alone  bool      // the value before it is under its own MAC
	cap    money.Fen
	// What MACs alone leave possible. It gets narrower from neighbour to neighbour.
	before, after span
	// The same if terminals are believed: single values, unless nobody said anything.
	saidBefore, saidAfter span
}

// completes reports whether the node ends a hold.
func (n *node) completes() bool { return n.e.more&moreCompletes != 0 }

// values gives the value before and after: as MACs leave it possible, or as it was said.
func (n *node) values(said bool) (before, after *span) {
	if said {
		return &n.saidBefore, &n.saidAfter
	}
	return &n.before, &n.after
}

// read fills the values as this entry alone tells them.
func (n *node) read(p *Params, deposit money.Fen) {
	n.fill(p, deposit)
	n.alone = n.before.point()
}

func (n *node) fill(p *Params, deposit money.Fen) {
	e := n.e
	n.kind, n.word = e.kind(), e.commit()
	n.hint = n.word
	n.cap = p.capWithin(e.time, e.time)
	n.offers = e.moves()
	if n.kind == Opening {
		n.offers = false
	}
	if e.class == classPurse || e.class == classTry {
		n.before = span{e.debit, max(maxBalance, e.b)}
		n.after = n.before.plus(-e.debit)
		n.saidBefore, n.saidAfter = at(e.b), at(e.b-e.debit)
		return
	}
	stated := e.b
	if n.kind != Load {
		stated -= e.debit
	}
	hard, said := at(stated), at(stated)
	if stated == 0 && deposit > 0 && n.kind != Opening && n.kind != Hold {
		hard = span{-deposit, 0}
		if said = hard; e.more&moreUsed != 0 {
			said = at(-money.Fen(e.used))
		}
	}
	held := money.Fen(e.held)
	switch {
	case n.kind == Load:
		n.before, n.saidBefore = hard, said
		n.after, n.saidAfter = hard.plus(e.debit), said.plus(e.debit)
	case n.kind == Hold:
		n.after, n.saidAfter = hard, said
		n.before, n.saidBefore = span{stated, stated + n.cap}, at(stated+held)
	case n.completes():
		n.after, n.saidAfter = hard, said
		n.before, n.saidBefore = span{hard.lo + e.debit - n.cap, hard.hi + e.debit}, said.plus(e.debit-held)
	default:
		n.after, n.saidAfter = hard, said
		n.before, n.saidBefore = hard.plus(e.debit), said.plus(e.debit)
	}
}

// effect is by how much a commit lowers the value, as far as MACs tell.
func (n *node) effect() span {
	switch {
	case n.kind == Load:
		return at(-n.e.debit)
	case n.kind == Hold:
		return span{0, n.cap}
	case n.completes():
		return span{n.e.debit - n.cap, n.e.debit}
	}
	return at(n.e.debit)
}

// keeps is the most that a hold can have kept.
func (n *node) keeps() money.Fen { return n.before.hi - n.after.lo }

// givesBack is the amount that a completion ends: what was said, corrected if the
// neighbours know better.
func (n *node) givesBack() money.Fen {
	if n.saidBefore.point() && n.saidAfter.point() {
		return n.saidAfter.lo - n.saidBefore.lo + n.e.debit
	}
	return money.Fen(n.e.held)
}

// agree makes before and after fit each other.
func (n *node) agree(said bool) {
	e := n.effect()
	before, after := n.values(said)
	if said && !after.point() && n.completes() {
		e = at(n.e.debit - money.Fen(n.e.held))
	}
	after.narrow(span{before.lo - e.hi, before.hi - e.lo})
	before.narrow(after.widened(e))
}

// believe brings what was said within what is possible, and reports whether it was
// not: then a terminal's word is wrong.
func (n *node) believe() (corrected bool) {
	if !n.saidBefore.point() {
		n.saidBefore, n.saidAfter = n.before, n.after
		return false
	}
	before, after := at(n.before.nearest(n.saidBefore.lo)), at(n.after.nearest(n.saidAfter.lo))
	corrected = before != n.saidBefore || after != n.saidAfter
	n.saidBefore, n.saidAfter = before, after
	return corrected
}

// missing is the number of counters between two nodes that nobody has reported; if p
// did not use its own, that one was used by another trade.
func missing(p, q *node, committed bool) money.Fen {
	g := money.Fen(q.e.atc) - money.Fen(p.e.atc) - 1
	if q.e.aside() {
		g++ // the counter that it names was used before it
	}
	if p.e.class == classTry && !committed {
		g++
	}
	return g
}
