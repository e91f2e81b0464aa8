package timeline

import (
	"encoding/binary"
	"slices"
)

// Shed takes the settled beginning of a plain card's timeline off and puts it into
// past, as a timeline of its own; it reports whether there was one. What is left says
// the same about everything that is not settled, and counts as compacted. Past ends
// with the counter that the rest begins with, so that Restore can tell whether the two
// belong together; it counts as compacted if the card did before.
//
// Settled is what Compact calls so for that time, without counters against the clock
// and only of a card whose pairs are judged one by one: nothing is taken off a card
// with holds, a deposit, a quota or a purse, nor of one whose own log was read. Past's
// key and memory are kept.
func (c *Card) Shed(before int64, p *Params, past *Card) bool {
	if c.frozen || len(c.entries) < 2 || c.told() || c.special(p) || c.mode&^modeZero != 0 {
		return false
	}
	keepFrom, sum := c.cutAt(before, p, true)
	n := c.below(keepFrom)
	if n == 0 {
		return false
	}
	end := n
	for end < len(c.entries) && c.entries[end].atc == keepFrom {
		end++
	}
	past.Reset(past.Key)
	past.compacted = c.compacted
	past.entries = append(past.entries, c.entries[:end]...)
	for i := range c.regions {
		if r := &c.regions[i]; r.q <= keepFrom {
			past.regions = append(past.regions, *r)
		}
	}
	for i := range c.marks {
		if m := &c.marks[i]; m.atc < keepFrom {
			past.marks = append(past.marks, *m)
		}
	}
	was := c.carried
	c.drop(keepFrom, n, sum)
	past.carried = c.carried - was
	return true
}

// Restore puts back what Shed took off. It reports false, and does nothing, if the
// past does not end where the timeline begins.
func (c *Card) Restore(past *Card) bool {
	if !c.compacted || len(past.entries) == 0 || past.entries[len(past.entries)-1].atc != c.entries[0].atc {
		return false
	}
	n := past.below(c.entries[0].atc)
	c.entries = slices.Insert(c.entries, 0, past.entries[:n]...)
	c.regions = slices.Insert(c.regions, 0, past.regions...)
	c.marks = slices.Insert(c.marks, 0, past.marks...)
	c.carried -= past.carried
	c.mode |= past.mode
	c.compacted = past.compacted
	return true
}

// WantsPast reports whether an observation of a compacted card that begins with a counter
// can only be judged together with what Shed or Compact took off: it does not lie behind
// that counter, or brings a rule into play that looks at more than neighbours.
func WantsPast(o *Observation, first uint16, p *Params) bool {
	e := fromObservation(o)
	return e.atc <= first || e.extended() || e.mode() != 0 && p.Deposit > 0
}

// First is the counter that the timeline begins with, and whether there was more
// before it once.
func (c *Card) First() (atc uint16, compacted bool) {
	if len(c.entries) == 0 {
		return 0, false
	}
	return c.entries[0].atc, c.compacted
}

// FirstOf is First of an encoded card, without the work of decoding it. What is no
// encoded card begins with 0.
func FirstOf(encoded []byte) (atc uint16, compacted bool) {
	if len(encoded) < headerSize+entrySize {
		return 0, false
	}
	return binary.BigEndian.Uint16(encoded[headerSize:]), encoded[1]&flagCompacted != 0
}

// below is the number of entries with a counter below atc.
func (c *Card) below(atc uint16) int {
	n, _ := slices.BinarySearchFunc(c.entries, atc, func(e entry, atc uint16) int { return int(e.atc) - int(atc) })
	return n
}
