package timeline

import "github.com/citycard/citycard/money"

// finding is section 3 for values that are ranges: a bit is decided if only one of its
// values is feasible for any value of the ranges.
type finding struct {
	outcome   Outcome
	committed Certainty
	missed    span
	fall      [2]span // R(0), R(1) as far as feasible
	believed  bool    // made with the words of terminals
}

// find decides whether p committed, from the values before it, after it, and before q,
// and from the word of the sources.
func find(p *node, before, after, next span, limits [2]span, word Certainty) finding {
	f := finding{fall: [2]span{before.less(next).and(limits[0]), after.less(next).and(limits[1])}}
	canSkip, canCommit := !f.fall[0].empty(), p.offers && !f.fall[1].empty()
	switch {
	case !p.offers && canSkip:
		f.outcome, f.missed = Decided, f.fall[0]
	case canCommit && (!canSkip || word == Yes):
		f.outcome, f.committed, f.missed = Decided, Yes, f.fall[1]
	case canCommit && canSkip && (word == Open || p.kind == Paid):
		f.outcome = Undecided
	case canSkip:
		f.outcome, f.committed, f.missed = Decided, No, f.fall[0]
		if p.kind == Paid && p.e.cleared() {
			f.outcome = OutcomeUnbacked
		}
	default:
		f.outcome = OutcomeImpossible
	}
	return f
}

// most is the most that the missing counters can have taken.
func (f *finding) most() (most money.Fen) {
	if f.outcome == Undecided {
		return max(0, f.fall[0].hi, f.fall[1].hi)
	}
	return max(0, f.missed.hi)
}

// accuses reports whether a finding speaks against card or acquirer.
func (f *finding) accuses() bool {
	return f.outcome == OutcomeImpossible || f.outcome == OutcomeUnbacked
}

// begin fills what a verdict says without deciding anything.
func (s *stage) begin(i int) (*step, *node, *node) {
	p, q, st := &s.nodes[i], &s.nodes[i+1], &s.plan.steps[i]
	st.pair = pair{p: p.e, q: q.e, latest: q.latest, clash: p.clash}
	v := &st.verdict
	*v = Verdict{P: p.e.atc, Q: q.e.atc, Kind: p.kind, Missing: int(q.e.atc) - int(p.e.atc) - 1, Offered: p.e.debit, Missed: unknownSumOfMissed}
	v.Fall = p.saidBefore.hi - q.saidBefore.hi
	v.Total = v.Fall
	switch {
	case p.kind == Paid && p.e.cleared():
		v.Total -= p.e.debit
	case p.kind == Load:
		v.Total += p.e.debit
	}
	return st, p, q
}

// decide decides pair i: once with the terminals' words, once with MACs alone. What
// both say is hard. A word is never enough to accuse anybody.
func (s *stage) decide(i int) {
	st, p, q := s.begin(i)
	v := &st.verdict
	ends, amount := s.ending(p)
	v.Held = amount
	said := find(p, p.saidBefore, p.saidAfter, q.saidBefore, s.limits(p, q, ends, amount, true), p.hint)
	hard := find(p, p.before, p.after, q.before, s.limits(p, q, ends, amount, false), p.word)
	said.believed = true
	f := said
	switch {
	case said.accuses() && (!hard.accuses() || hard.outcome != said.outcome):
		f = hard
		s.plan.alarms = append(s.plan.alarms, Alarm{Kind: WordAlarm, P: v.P, Q: v.Q, A: p.e.terminal, B: q.e.terminal})
	case said.outcome != hard.outcome || said.committed != hard.committed || said.missed != hard.missed || said.fall != hard.fall && said.outcome == Undecided:
		v.Basis = Soft
	}
	if p.kind == Hold && !p.before.point() {
		v.Basis = Soft // how much it holds is only said
	}
	v.Outcome, v.Committed = f.outcome, f.committed
	if f.outcome == Decided || f.outcome == OutcomeUnbacked {
		v.Missed, v.Spread = f.missed.lo, f.missed.hi-f.missed.lo
	}
	s.settle(i, p, &f, &hard, ends, amount)
	if v.Missing > 0 {
		named, _ := s.namedBetween(p, q)
		s.pool += max(0, said.most()-named)
		s.mostPool += hard.most()
	}
}
