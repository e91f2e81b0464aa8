package timeline

import (
	"slices"

	"github.com/citycard/citycard/money"
)

// Explained compares the issuer's book balance of the card with its timeline and
// returns what no named break and no refused row explains: 0 when all is explained.
//
// The book balance is the opening value, plus loads booked, minus rows cleared,
// minus money moved by Judge's actions to customer or operator, plus what came back
// and what was claimed (section 11: the float held for this card). An impossible
// pair explains nothing. The balance of a quota card is no money, and there is
// nothing to explain.
func (c *Card) Explained(bookBalance money.Fen, p *Params) (unexplained money.Fen) {
	expected := c.carried
	var pr pair
	var v Verdict
	w := c.walk(p)
	for w.next(&pr, &v) {
		if v.Outcome != OutcomeImpossible {
			expected += v.Total
		}
	}
	if w.plan != nil && w.plan.quota {
		return 0
	}
	if len(c.entries) > 0 {
		tail := &c.entries[w.p]
		if w.plan != nil {
			expected += w.plan.tailValue
		} else {
			expected += tail.b
		}
		switch {
		case tail.kind() == Load:
			expected += tail.debit
		case tail.kind() == Paid && tail.cleared():
			expected -= tail.debit
		}
	}
	for i := range c.regions {
		expected -= c.regions[i].standing + c.regions[i].provisional
	}
	for i := range c.marks {
		expected -= c.marks[i].outflow()
	}
	return bookBalance - expected
}

// Claimed is what stands claimed from the acquirer for a counter. known is false if the
// timeline has no observation of it, or no longer has one.
func (c *Card) Claimed(atc uint16) (amount money.Fen, known bool) {
	for i := range c.entries {
		known = known || c.entries[i].atc == atc
	}
	for i := range c.marks {
		if m := &c.marks[i]; m.atc == atc && m.moved == ClaimUnbacked {
			amount += m.amount
		}
	}
	return amount, known
}

// outflow is what left the card's float for a counter: paid to the operator, or,
// negative, claimed from the acquirer.
func (m *mark) outflow() money.Fen {
	if m.moved == ClaimUnbacked {
		return -m.amount
	}
	return m.amount
}

// Compact drops the observations before a time whose pairs are settled, and returns
// how many it dropped. A pair is settled when it is clean, or when it was judged and
// nothing about it waits. Rows with a counter below what is left are refused by Add
// with ArchivedAlarm, so before must lie further back than any row may be late.
// A quota card is cut at a push, which sets its value anew, if the card told its place.
// Nothing is dropped from a frozen card, while a hold is or may be open, or before a
// value that only its neighbours tell.
func (c *Card) Compact(before int64, p *Params) int {
	switch {
	case c.frozen:
		return 0
	case c.mode&modePush != 0:
		return c.compactQuota(before, p)
	}
	keepFrom, sum := c.cutAt(before, p, false)
	n := c.below(keepFrom)
	if n > 0 {
		c.drop(keepFrom, n, sum)
	}
	return n
}

// cutAt is the highest counter before which everything is settled and older than a
// time, 0 if there is none, and the sum of the totals of the pairs before it. A cut in
// order is one after which nothing depends on the clocks before it.
func (c *Card) cutAt(before int64, p *Params, inOrder bool) (keepFrom uint16, sum money.Fen) {
	var pr pair
	var v Verdict
	pending := money.Fen(0)
	w := c.walk(p)
	for w.next(&pr, &v) {
		if pr.latest >= before || pr.clash > 0 || !c.settled(&pr, &v) || inOrder && disordered(&pr, p) {
			break
		}
		pending += v.Total
		if !pr.bound && c.cuts(v.Q, before) && (!inOrder || pr.q.time == pr.latest) {
			keepFrom, sum = v.Q, sum+pending
			pending = 0
		}
	}
	return keepFrom, sum
}

// drop takes off the first n entries, those below a counter, and what is on record
// about them.
func (c *Card) drop(keepFrom uint16, n int, sum money.Fen) {
	c.entries = slices.Delete(c.entries, 0, n)
	c.carried += sum
	c.regions = slices.DeleteFunc(c.regions, func(r region) bool {
		if r.q > keepFrom {
			return false
		}
		c.carried -= r.standing // a credit still provisional waits, and is not cut off
		return true
	})
	c.marks = slices.DeleteFunc(c.marks, func(m mark) bool {
		if m.atc >= keepFrom {
			return false
		}
		c.carried -= m.outflow()
		return true
	})
	c.forget(keepFrom)
	c.compacted = true
}

// settled reports whether a pair is clean, or its break is on record; cuts asks
// whether that record is closed.
func (c *Card) settled(pr *pair, v *Verdict) bool {
	if pr.quiet(v) {
		return true
	}
	if v.Outcome == OutcomeImpossible {
		return false
	}
	if v.Missed == 0 && slices.ContainsFunc(c.marks, func(m mark) bool { return m.atc == v.P && m.kind != markNone }) {
		return true
	}
	return slices.ContainsFunc(c.regions, func(r region) bool { return r.p <= v.P && v.Q <= r.q })
}

// cuts reports whether the timeline may be cut at a counter: no region reaches over
// it, and none below it waits or is younger than the time.
func (c *Card) cuts(atc uint16, before int64) bool {
	for i := range c.regions {
		r := &c.regions[i]
		if r.p >= atc {
			break
		}
		if r.q > atc || r.state.Waiting() || r.waits || r.state == Impossible || r.since >= before {
			return false
		}
	}
	return true
}
