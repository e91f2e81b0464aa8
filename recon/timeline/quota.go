package timeline

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/money"
)

// cut is a push: the value that it set, and where it can lie.
type cut struct {
	number uint16
	from   uint16 // it came after this counter
	placed bool   // and before the next one, as the card said in the push session
	value  money.Fen
	word   Certainty // whether it was executed
}

// pushes lists the pushes by number, which is the order in which cards execute them.
// One that is known not to be executed is none.
func (s *stage) pushes() {
	for i := range s.c.entries {
		e := &s.c.entries[i]
		if e.class != classPush || e.commit() == No {
			continue
		}
		s.cuts = append(s.cuts, cut{uint16(e.content), e.atc, e.more&morePlaced != 0, e.b, e.commit()})
	}
	slices.SortFunc(s.cuts, func(a, b cut) int {
		if c := cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(rankOf(b), rankOf(a))); c != 0 {
			return c
		}
		return cmp.Compare(a.from, b.from)
	})
	s.cuts = slices.CompactFunc(s.cuts, func(a, b cut) bool { return a.number == b.number })
	if len(s.nodes) == 0 {
		return
	}
	// A push before the first row is in no pair. Without one the card had nothing.
	begin, first := node{e: &entry{}}, &s.nodes[0]
	k := s.placed(&begin, first)
	if k < 0 && first.kind != Opening && first.before.lo > 0 {
		k = s.fitting(&begin, first, true)
	}
	s.cuts = s.cuts[k+1:]
}

func rankOf(c cut) int {
	if c.placed {
		return 1
	}
	return 0
}

// headRoom decides pair i of a quota card (section 7). A push in it makes what was
// before it unknowable; where its place is not known, it lies where values fit.
// Nothing is due: the balance is head-room, and the account was debited for rows only.
func (s *stage) headRoom(i int) {
	st, p, q := s.begin(i)
	v := &st.verdict
	v.Basis = Soft
	if k := s.placed(p, q); k >= 0 {
		s.cutAt(v, p, q, k)
		return
	}
	limits := [2]span{s.widest(p, q, false), s.widest(p, q, true)}
	said := find(p, p.saidBefore, p.saidAfter, q.saidBefore, limits, p.word)
	hard := find(p, p.before, p.after, q.before, limits, p.word)
	accused := hard.accuses() || said.accuses()
	k := s.fitting(p, q, accused)
	switch {
	case k >= 0 && accused:
		s.cutAt(v, p, q, k)
		return
	case k >= 0 && p.offers && hard.outcome == Decided && p.word == Open:
		v.Outcome = Undecided // a push may have covered up how p ended
		return
	case said.accuses():
		said = hard
	}
	if said == hard {
		v.Basis = Hard
	}
	v.Outcome, v.Committed = said.outcome, said.committed
	if said.outcome == Decided || said.outcome == OutcomeUnbacked {
		v.Missed, v.Spread = said.missed.lo, said.missed.hi-said.missed.lo
	}
}

// after is what a push can have left: it pays the deposit that is used first.
func (s *stage) after(c *cut) span {
	return span{c.value - s.deposit, c.value}
}

// fits reports whether a push just before the missing counters ahead of q, or among
// them, explains the value before q.
func (s *stage) fits(c *cut, p, q *node) bool {
	return s.after(c).less(q.before).meets(s.widest(p, q, false))
}

// placed is the last push that the card places between p and q and that fits, -1 if
// there is none.
func (s *stage) placed(p, q *node) int {
	found := -1
	for k := range s.cuts {
		if c := &s.cuts[k]; c.placed && p.e.atc <= c.from && c.from < q.e.atc && s.fits(c, p, q) {
			found = k
		}
	}
	return found
}

// fitting is the first push that may lie between p and q although nothing says so:
// one without a place, or, where nothing else explains the values, one whose place is
// another by a word that is under no MAC.
func (s *stage) fitting(p, q *node, anywhere bool) int {
	return slices.IndexFunc(s.cuts, func(c cut) bool {
		return (anywhere && c.placed || !c.placed && c.from < q.e.atc) && s.fits(&c, p, q)
	})
}

// cutAt is the verdict of a pair with a push in it. That push and those before it lie
// in no later pair.
func (s *stage) cutAt(v *Verdict, p, q *node, k int) {
	c := s.cuts[k]
	left := s.after(&c).less(q.before).and(s.widest(p, q, false))
	v.Cut, v.Outcome, v.Committed = c.number, Decided, p.word
	v.Missed, v.Spread = left.lo, left.hi-left.lo
	if p.offers && p.word == Open {
		v.Outcome, v.Missed, v.Spread = Undecided, unknownSumOfMissed, 0
	}
	s.cuts = s.cuts[k+1:]
}

// compactQuota drops what lies before the latest push that sets the value anew without a
// doubt: the card told its place, it was executed, and no other push contends for it.
// Pairs up to it must be older than the time and neither impossible nor a clone.
func (c *Card) compactQuota(before int64, p *Params) int {
	used := func(e entry) bool { return e.used > 0 }
	if len(c.regions) > 0 || slices.ContainsFunc(c.entries, used) {
		return 0
	}
	var pr pair
	var v Verdict
	n := 0
	w := c.walk(p)
	for w.next(&pr, &v) {
		if pr.latest >= before || pr.clash > 0 || v.Outcome == OutcomeImpossible || disordered(&pr, p) {
			break
		}
		if i := c.begins(&v); i > 0 && c.entries[i].time < before {
			n = i
		}
	}
	if n == 0 {
		return 0
	}
	from := c.entries[n].atc
	c.entries = slices.Delete(c.entries, 0, n)
	c.marks = slices.DeleteFunc(c.marks, func(m mark) bool { return m.atc <= from })
	c.forget(from)
	c.compacted = true
	return n
}

// begins finds the push that cuts a pair, if a timeline can begin with it: all earlier
// pushes lie before it, and all later ones behind the pair.
func (c *Card) begins(v *Verdict) int {
	at := -1
	for i := range c.entries {
		e := &c.entries[i]
		number := uint16(e.content)
		switch {
		case e.class != classPush || v.Cut == 0:
		case number == v.Cut:
			if at >= 0 || e.more&morePlaced == 0 || e.commit() != Yes || e.atc < v.P || e.atc >= v.Q {
				return -1
			}
			at = i
		case number > v.Cut && e.atc < v.Q, number < v.Cut && at >= 0:
			return -1
		}
	}
	return at
}
