package timeline

// join makes one pair of those before and after the loads of a purse, which use no
// counter of the timeline: pairs are of rows. Loads behind the last row wait for the
// next one.
func (s *stage) join() {
	last := len(s.nodes) - 1
	for ; last > 0 && s.nodes[last].e.class == classCredit; last-- {
		s.plan.tailValue += s.nodes[last].e.debit
	}
	if last < 0 {
		return
	}
	s.plan.tailValue += s.nodes[last].saidBefore.hi
	if !s.loads {
		return
	}
	joined := s.plan.steps[:0]
	for i := 0; i < last; i++ {
		st := s.plan.steps[i]
		for ; s.nodes[i+1].e.class == classCredit; i++ {
			st.append(&s.plan.steps[i+1])
		}
		if st.verdict.Outcome == OutcomeImpossible {
			// Where a load lies is no card's word: that accuses nobody.
			st.verdict.Outcome, st.verdict.Basis = Undecided, Soft
			p, q := st.pair.p, st.pair.q
			s.plan.alarms = append(s.plan.alarms, Alarm{Kind: WordAlarm, P: p.atc, Q: q.atc, A: p.terminal, B: q.terminal})
		}
		if st.pair.p.class == classCredit {
			st.dues = dues{} // money waits for a row or the opening value before it
		}
		joined = append(joined, st)
	}
	s.plan.steps = joined
}

// append adds the pair that follows, of which the load is P.
func (st *step) append(next *step) {
	v, n := &st.verdict, &next.verdict
	v.Q, v.Missing = n.Q, v.Missing+n.Missing+1
	v.Fall, v.Total = v.Fall+n.Fall, v.Total+n.Total
	v.Basis = max(v.Basis, n.Basis)
	switch {
	case v.Outcome == OutcomeImpossible || n.Outcome == OutcomeImpossible:
		v.Outcome = OutcomeImpossible
	case v.Outcome == Undecided:
	case n.Outcome == Undecided:
		v.Outcome, v.Committed, v.Missed, v.Spread = Undecided, Open, unknownSumOfMissed, 0
	default:
		v.Missed, v.Spread = v.Missed+n.Missed, v.Spread+n.Spread
	}
	st.pair.q, st.pair.latest = next.pair.q, next.pair.latest
	st.pair.bound = next.pair.bound
	d := &next.dues
	st.dues = dues{st.dues.atOnce + d.atOnce, st.dues.later + d.later, st.dues.contested + d.contested, st.dues.held + d.held}
}
