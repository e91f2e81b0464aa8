package timeline

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// dropMisfits removes the records of breaks over which no money has moved and that
// a later observation has split: their pairs are judged afresh.
func (j *judging) dropMisfits() {
	c := j.c
	c.regions = slices.DeleteFunc(c.regions, func(r region) bool {
		if r.number != 0 || c.neighbours(r.p, r.q) {
			return false
		}
		j.gone = append(j.gone, r)
		return true
	})
}

// neighbours reports whether q is the next observed counter after p.
func (c *Card) neighbours(p, q uint16) bool {
	i, _ := slices.BinarySearchFunc(c.entries, int(p)+1, func(e entry, atc int) int { return cmp.Compare(int(e.atc), atc) })
	for i < len(c.entries) && c.entries[i].aside() {
		i++
	}
	return i < len(c.entries) && c.entries[i].atc == q
}

// inside moves on to the region that a pair lies in, and reports whether there is one.
func (j *judging) inside(v *Verdict) bool {
	regions := j.c.regions
	for j.at < len(regions) && regions[j.at].q <= v.P {
		j.at++
	}
	return j.at < len(regions) && regions[j.at].p <= v.P
}

// gap adds one pair to the region it lies in, or opens one for it, and settles the
// region with its last pair.
func (j *judging) gap(pr *pair, v *Verdict) {
	c := j.c
	d := pr.money(v)
	if j.quota {
		j.lostUpload(pr, v)
	}
	if !j.inside(v) {
		if d == (dues{}) {
			return
		}
		c.regions = slices.Insert(c.regions, j.at, region{p: v.P, q: v.Q, since: j.now})
	}
	r := &c.regions[j.at]
	j.add(r, pr, v, &d)
	if r.q == v.Q {
		j.settle(r)
		j.sum = sums{}
	}
}

// add puts what one pair says into the sums, and the break of its missing counters
// into the judgement. settle completes state and date of that break.
func (j *judging) add(r *region, pr *pair, v *Verdict, d *dues) {
	s, later, contested := &j.sum, d.later, d.contested
	if !s.begun {
		s.begun, s.terminal, s.breaks = true, pr.p.terminal, j.from
	}
	s.blocked = s.blocked || v.Outcome == OutcomeImpossible
	if v.Kind == Paid && !pr.p.cleared() {
		s.refused += pr.p.debit
	}
	s.due += d.atOnce
	if j.byLog {
		s.final += d.atOnce
	}
	j.kept(pr, v, d.held)
	if later+contested == 0 {
		return
	}
	end, over := j.over(pr)
	over = over || r.final
	b := Break{P: v.P, Q: v.Q, Part: PartGap, State: Proven, Amount: later, Contested: contested, Missing: v.Missing,
		Named: v.Missing == 1, Arose: pr.latest, Final: end, Terminal: pr.p.terminal, Basis: v.Basis}
	if v.Outcome == Undecided {
		b.Part, b.Named = PartPair, false
	}
	if j.c.told() {
		j.name(&b, v)
	}
	switch {
	case over && later > 0:
		s.due += later
		s.final += later
	case over: // only a bit is open, and no row can come to close it
		b.State = Expected
	default:
		b.State = Expected
		if t, ok := j.lostBetween(pr); ok && v.Kind != Doubt {
			b.State, b.Terminal = LostUpload, t
			s.lost, s.terminal = true, t
		}
		s.pending += later
		s.doubt = s.doubt || v.Kind == Doubt && v.Outcome == Undecided && contested == 0
		s.readyAt = max(s.readyAt, pr.latest)
		j.wake(end)
	}
	s.open = s.open || contested > 0
	j.out.Breaks = append(j.out.Breaks, b)
}

// kept puts the open hold of P into the sums and the judgement. The next gate may
// complete it at any time, so no watermark ends the wait: the issuer releases it when
// the window that began with it is over.
func (j *judging) kept(pr *pair, v *Verdict, held money.Fen) {
	if held == 0 {
		return
	}
	s := &j.sum
	end := pr.p.time + j.p.windowAt(pr.p.time)
	b := Break{P: v.P, Q: v.Q, Part: PartHold, State: Proven, Amount: held, Missing: v.Missing, Named: v.Kind == Hold, Arose: pr.latest, Final: end, Terminal: pr.p.terminal, Basis: v.Basis}
	if j.now >= end {
		s.due += held
	} else {
		b.State = Expected
		s.holding = true
		j.wake(end)
	}
	j.out.Breaks = append(j.out.Breaks, b)
}

// lostBetween names a terminal whose sequence has a gap between the two taps.
func (j *judging) lostBetween(pr *pair) (t txn.TerminalID, ok bool) {
	if j.marks == nil {
		return 0, false
	}
	return j.marks.Gap(min(pr.p.time, pr.q.time)-j.p.Drift, pr.q.time+j.p.Drift)
}

// lostUpload names the terminal whose gap may hold what is missing from the head-room
// of a quota card. No money depends on it.
func (j *judging) lostUpload(pr *pair, v *Verdict) {
	end := pr.latest + j.p.windowAt(pr.latest)
	t, lost := j.lostBetween(pr)
	if !lost || v.Outcome != Decided || v.Missed <= 0 || j.now >= end {
		return
	}
	j.out.Breaks = append(j.out.Breaks, Break{P: v.P, Q: v.Q, Part: PartGap, State: LostUpload, Amount: v.Missed, Missing: v.Missing,
		Named: v.Missing == 1, Since: pr.latest, Arose: pr.latest, Final: end, Terminal: t, Basis: v.Basis})
	j.wake(end)
}

// wake notes when the card has to be judged again.
func (j *judging) wake(at int64) {
	j.out.Open = true
	if j.out.Due == 0 || at < j.out.Due {
		j.out.Due = at
	}
}

// settle compares what was paid over a region with what is due there, and asks for
// the difference.
func (j *judging) settle(r *region) {
	s := &j.sum
	r.waits = false
	if !s.blocked {
		j.balance(r)
	}
	j.date(r, s, s.breaks, len(j.out.Breaks))
	if s.pending > 0 && !r.credited && !j.frozen && (j.p.ProvisionalPerCard > 0 || r.granted) {
		j.wishes = append(j.wishes, wish{p: r.p, sum: *s, from: s.breaks, to: len(j.out.Breaks)})
	}
	j.history(r)
}

// date gives the region its state and completes its breaks [from, to).
func (j *judging) date(r *region, s *sums, from, to int) {
	if state := r.stateOf(s); state != r.state {
		r.state, r.since = state, j.now
	}
	if paid := r.standing - r.lateRefused; paid < s.due {
		paid = j.unpaid(r, paid, from, to, true)
		j.unpaid(r, paid, from, to, false)
	}
	for i := from; i < to; i++ {
		b := &j.out.Breaks[i]
		if b.Part != PartGap && b.Part != PartPair && b.Part != PartHold || b.State == Impossible {
			continue
		}
		b.Since = r.since
		if b.State != Proven && b.Part != PartHold && r.provisional > 0 && b.Amount > 0 {
			b.State = Provisional
		}
	}
}

// unpaid tells of the proven breaks [from, to) of a region which of them have not been
// paid, and gives what is left of what was: those that were due at once came first.
func (j *judging) unpaid(r *region, paid money.Fen, from, to int, atOnce bool) money.Fen {
	for i := from; i < to; i++ {
		b := &j.out.Breaks[i]
		if b.State != Proven || (b.Part == PartDoubt || b.Part == PartLoad) != atOnce {
			continue
		}
		short := b.Amount > paid
		b.Held, b.Waits = short && j.frozen, short && r.waits
		paid -= min(b.Amount, paid)
	}
	return paid
}

// balance moves money until what stands is what is due.
func (j *judging) balance(r *region) {
	s := &j.sum
	if r.number == 0 {
		r.refusedBase = s.refused
	}
	cover := max(0, s.refused-r.refusedBase)
	r.lateRefused = min(r.lateRefused, cover)
	stands := r.standing - r.lateRefused
	if need := s.due - stands; need > 0 {
		counted := min(need, r.provisional)
		r.provisional -= counted
		r.standing += counted
		need -= counted
		// What stands already counts: two small refunds are one large one.
		r.waits = need > 0 && j.p.above(s.due) && !r.granted
		if need > 0 && !r.waits && !j.frozen {
			j.move(r, Refund, need)
			r.standing += need
		}
	} else if excess := -need; excess > 0 {
		if keep := min(excess, cover-r.lateRefused); keep > 0 {
			j.move(r, LateRefused, keep)
			r.lateRefused += keep
			excess -= keep
		}
		if excess > 0 {
			j.move(r, ReverseRefund, excess)
			r.standing -= excess
			r.late += excess
		}
	}
	if r.provisional > s.pending {
		j.move(r, ReverseProvisional, r.provisional-s.pending)
		r.provisional = s.pending
	}
	if s.final > 0 && s.pending == 0 && r.standing-r.lateRefused >= s.due {
		r.final = true
	}
}

// wish is a region that policy may credit before its window is over. Wishes are
// granted after the whole timeline is settled, when every credit that ends today has
// made room within the limits.
type wish struct {
	p        uint16
	sum      sums
	from, to int // its breaks in the judgement
}

// credits gives provisional credits, once for a break, within the policy's limits.
func (j *judging) credits() {
	c, p := j.c, j.p
	standing := c.Provisional()
	for _, w := range j.wishes {
		i, _ := slices.BinarySearchFunc(c.regions, w.p, func(r region, p uint16) int { return cmp.Compare(r.p, p) })
		r, s := &c.regions[i], &w.sum
		at := s.readyAt + p.ProvisionalAfter
		if s.doubt && p.ProvisionalAtDoubt {
			at = j.now
		}
		if j.now < at && !r.granted {
			j.wake(at)
			continue
		}
		given, month := c.monthSum, max(c.month, monthOf(j.now)) // a clock that goes back begins no new month
		if month > c.month {
			given = 0
		}
		within := standing+s.pending <= p.ProvisionalPerCard && given+s.pending <= p.ProvisionalPerMonth && s.pending <= p.ProvisionalBudget && !p.above(s.due+s.pending)
		if !within && !r.granted {
			continue
		}
		j.sum = w.sum
		j.move(r, ProvisionalCredit, s.pending)
		r.provisional, r.credited = s.pending, true
		c.month, c.monthSum = month, given+s.pending
		standing += s.pending
		p.ProvisionalBudget -= s.pending
		j.date(r, s, w.from, w.to)
	}
}

// move asks for one action about a region.
func (j *judging) move(r *region, purpose Purpose, amount money.Fen) {
	r.number++
	key := Key{Card: j.c.Key, P: r.p, Q: r.q, Purpose: purpose, Number: r.number}
	j.out.Actions = append(j.out.Actions, Action{Key: key, Amount: amount, Terminal: j.sum.terminal})
}

// stateOf is the state of the region as a whole: what waits comes before what was.
func (r *region) stateOf(s *sums) State {
	switch {
	case s.blocked:
		return Impossible
	case s.pending > 0 && r.provisional > 0:
		return Provisional
	case s.pending > 0 && s.lost:
		return LostUpload
	case s.pending > 0:
		return Expected
	case r.late > 0 || r.lateRefused > 0:
		return Late
	case s.open || s.holding:
		return Expected
	case s.due > 0:
		return Proven
	}
	return Disproved
}

// history reports what became of a region beside what its pairs say now, and
// forgets a break that came to nothing before money moved.
func (j *judging) history(r *region) {
	past := Break{P: r.p, Q: r.q, Part: PartPast, State: Late, Since: r.since, Arose: r.since, Terminal: j.sum.terminal}
	if r.late > 0 {
		past.Amount = r.late
		j.out.Breaks = append(j.out.Breaks, past)
	}
	if r.lateRefused > 0 {
		past.Part, past.Amount, past.Stands = PartStands, r.lateRefused, true
		j.out.Breaks = append(j.out.Breaks, past)
	}
	if r.state != Disproved {
		return
	}
	if r.number == 0 {
		j.gone = append(j.gone, *r)
		j.c.regions = slices.Delete(j.c.regions, j.at, j.at+1)
		return
	}
	past.State = Disproved
	j.out.Breaks = append(j.out.Breaks, past)
}

// vanished reports, once, the breaks without money of which nothing is left.
func (j *judging) vanished() {
	said := len(j.out.Breaks)
	for _, g := range j.gone {
		inside := func(b Break) bool { return b.P >= g.p && b.Q <= g.q && b.Q != 0 }
		if !slices.ContainsFunc(j.out.Breaks[:said], inside) {
			j.out.Breaks = append(j.out.Breaks, Break{P: g.p, Q: g.q, Part: PartPast, State: Disproved, Since: j.now, Arose: j.now})
		}
	}
}
