package timeline

import "github.com/citycard/citycard/money"

// Value is what is on a card as far as its observations tell.
type Value struct {
	// Least and Most are the bounds of the value right after the last observation: equal
	// unless it is open how that one ended. The word of its sources is believed, since no
	// later balance can belie it yet.
	Least, Most money.Fen
	At          int64 // time of the last observation, unix seconds
	// CertainOn is when terminals have had their window since then: until that moment a
	// row may come that shows a later tap, and with it another value.
	CertainOn int64
}

// Value tells what is on the card. With a deposit it is 9F79 less DF63, which may be
// below 0; of a quota card it is head-room and no money. Where the counters contradict
// each other (a clone) the bounds hold for each of the two. A card without observations
// has the zero Value.
func (c *Card) Value(p *Params) Value {
	if len(c.entries) == 0 {
		return Value{}
	}
	latest := int64(0)
	for i := range c.entries {
		latest = max(latest, c.entries[i].time)
	}
	out := Value{CertainOn: latest + p.windowAt(latest)}
	if c.special(p) {
		plan := c.makePlan(p)
		out.Least, out.Most, out.At = plan.left.lo, plan.left.hi, c.entries[plan.tail].time
		return out
	}
	first := len(c.entries) - 1
	for first > 0 && c.entries[first-1].atc == c.entries[first].atc {
		first--
	}
	speaker, end := c.group(first)
	left := c.entries[speaker].left()
	for i := first; i < end; i++ {
		if clash(&c.entries[i], &c.entries[speaker]) && i != speaker {
			left = left.hull(c.entries[i].left())
		}
	}
	out.Least, out.Most, out.At = left.lo, left.hi, c.entries[speaker].time
	return out
}

// left is what a plain entry left on the card: a commit that nobody knows of leaves two
// values.
func (e *entry) left() span {
	after := e.b
	switch e.kind() {
	case Load:
		after += e.debit
	case Paid, Doubt:
		after -= e.debit
	}
	return ended(e.commit(), at(e.b), at(after))
}

// ended chooses between the value before and after by a word on the commit.
func ended(word Certainty, before, after span) span {
	switch word {
	case Yes:
		return after
	case No:
		return before
	}
	return before.hull(after)
}

// left is what the last node, and the pushes behind it, left on the card.
func (s *stage) left() span {
	var left span
	if n := len(s.nodes); n > 0 {
		last := &s.nodes[n-1]
		left = last.before
		if last.offers {
			left = ended(last.hint, last.before, last.after)
		}
	}
	for i := range s.cuts {
		if c := &s.cuts[i]; c.placed && c.word == Yes {
			left = s.after(c)
		} else {
			left = left.hull(s.after(c))
		}
	}
	return left
}
