package timeline

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Judgement is all that a card's timeline says at one moment. A clean card gives
// the zero value.
type Judgement struct {
	Breaks  []Break  // everything that is not clean, settled breaks included
	Actions []Action // to be done once; the card already counts them as done
	Flash   []Flash  // doubt rows that the card certainly paid
	Alarms  []Alarm  // impossible pairs, conflicts and clock faults that stand
	Open    bool     // something waits for time, for the next tap or for approval: judge again
	Due     int64    // earliest moment at which time changes it, 0 if only a row can
	Frozen  bool
	// Provisional is the credit standing on the card after this judgement.
	Provisional money.Fen
}

// Judge decides every pair at the time now, and says what is to be done. It keeps
// in the card what it asked for: the caller stores card and actions together. A
// second call with nothing new asks for nothing.
func (c *Card) Judge(now int64, p Params, marks Watermarks) Judgement {
	special := c.special(&p)
	if special && c.mode&^modeZero != 0 || p.Deposit > 0 && special {
		return c.judgePlanned(now, p, marks)
	}
	s, clean := c.survey(&p)
	switch {
	case clean:
		return Judgement{}
	case special: // a plain card, but some of its missing counters may have been holds
		return c.judgePlanned(now, p, marks)
	}
	return c.judgeOpen(now, p, marks, &s)
}

// judgeOpen is apart so that a clean card costs no allocation: here the parameters
// outlive the walk.
func (c *Card) judgeOpen(now int64, p Params, marks Watermarks, s *survey) Judgement {
	j := judging{c: c, now: now, p: &p, marks: marks}
	j.run(s, c.walk(&p))
	return j.out
}

// judgePlanned is Judge for a card with a plan.
func (c *Card) judgePlanned(now int64, p Params, marks Watermarks) Judgement {
	w := c.walk(&p)
	s, clean := c.surveyPlan(w, &p)
	if clean {
		return Judgement{}
	}
	j := judging{c: c, now: now, p: &p, marks: marks, quota: w.plan.quota}
	j.run(&s, w)
	j.out.Alarms = append(j.out.Alarms, w.plan.alarms...)
	return j.out
}

// survey is what one walk over the pairs finds.
type survey struct {
	badP, badQ uint16 // first pair that freezes the card
	bad        bool
	disorder   bool // clock faults, and load logs that the balances belie
}

// pair looks at one pair.
func (s *survey) pair(pr *pair, v *Verdict, p *Params) {
	if (v.Outcome == OutcomeImpossible || pr.clash > 0) && !s.bad {
		s.bad, s.badP, s.badQ = true, v.P, v.Q
	}
	s.disorder = s.disorder || disordered(pr, p) || v.Kind == Load && belied(pr, v)
}

// tail looks at the last observation, and reports whether nothing is to be said of it.
func (s *survey) tail(e *entry, clash int) bool {
	if clash > 0 && !s.bad {
		s.bad, s.badP, s.badQ = true, e.atc, e.atc
	}
	return e.kind() != Doubt
}

// survey walks the timeline of a plain card once; clean means that nothing at all is to
// be said.
func (c *Card) survey(p *Params) (s survey, clean bool) {
	var pr pair
	var v Verdict
	clean = c.blank()
	w := c.run()
	for w.next(&pr) {
		decide(&v, &pr, p)
		clean = clean && v.quiet()
		s.pair(&pr, &v, p)
	}
	if len(c.entries) > 0 {
		clean = s.tail(&c.entries[w.p], w.clash) && clean
	}
	return s, clean && !s.bad && !s.disorder
}

// surveyPlan is survey for a card with a plan.
func (c *Card) surveyPlan(w walker, p *Params) (s survey, clean bool) {
	var pr pair
	var v Verdict
	clean = c.blank() && len(w.plan.alarms) == 0
	for w.next(&pr, &v) {
		clean = clean && pr.quiet(&v) && !w.plan.quota
		s.pair(&pr, &v, p)
	}
	clean = s.tail(&c.entries[w.p], w.clash) && clean
	return s, clean && !s.bad && !s.disorder
}

// blank reports whether nothing is on record about the card.
func (c *Card) blank() bool {
	return len(c.regions) == 0 && len(c.marks) == 0 && !c.frozen && !c.told()
}

// disordered is section 5: the counters rise and the clocks fall by more than two
// clocks can be wrong.
func disordered(pr *pair, p *Params) bool { return pr.p.time > pr.q.time+2*p.Drift }

// judging is one call of Judge.
type judging struct {
	c      *Card
	now    int64
	p      *Params
	marks  Watermarks
	frozen bool
	byLog  bool     // the current pair is decided by the card's own log
	quota  bool     // a quota card: nothing is due to anybody
	from   int      // index of the current pair's first break
	at     int      // index of the region that the walk is in or before
	gone   []region // records without money that no longer fit a pair
	sum    sums
	wishes []wish
	out    Judgement
}

// sums is what the pairs of one region say so far.
type sums struct {
	due      money.Fen // refundable now
	final    money.Fen // the part of due that waited for the window
	pending  money.Fen // refundable at the end of the window
	refused  money.Fen // rows presented and not cleared
	readyAt  int64     // latest time of the pending pairs: from here a credit's delay counts
	lost     bool      // a pending pair has a terminal with a gap in its sequence
	open     bool      // a bit is open that no money can close
	doubt    bool      // an undecided doubt row without service waits
	holding  bool      // a hold is open
	blocked  bool      // a pair is impossible: nothing can be said about the whole
	begun    bool
	terminal txn.TerminalID // of the first pair, or the one with the gap
	breaks   int            // index of the region's first break in the judgement
}

func (j *judging) run(s *survey, w walker) {
	c := j.c
	j.freeze(s)
	j.dropMisfits()
	var pr pair
	var v Verdict
	for w.next(&pr, &v) {
		j.from = len(j.out.Breaks)
		if c.told() {
			j.contradicted(&pr, &v)
			j.believe(&pr, &v)
		}
		j.alarms(&pr, &v)
		j.counter(&pr, &v)
		j.gap(&pr, &v)
	}
	if len(c.entries) > 0 {
		j.tail(&c.entries[w.p], w.clash)
	}
	j.credits()
	j.approvals()
	j.vanished()
	j.out.Provisional = c.Provisional()
	j.out.Frozen = j.frozen
	c.frozen = j.frozen
	slices.SortStableFunc(j.out.Breaks, func(a, b Break) int { return cmp.Or(cmp.Compare(a.P, b.P), cmp.Compare(a.Part, b.Part)) })
}

// freeze stops the card, or releases it when the evidence has come to explain what
// looked impossible. A clone stays frozen.
func (j *judging) freeze(s *survey) {
	c := j.c
	j.frozen = s.bad
	if j.frozen == c.frozen {
		return
	}
	purpose := Release
	if j.frozen {
		purpose = Freeze
	}
	c.freezes++
	j.out.Actions = append(j.out.Actions, Action{Key: Key{Card: c.Key, P: s.badP, Q: s.badQ, Purpose: purpose, Number: c.freezes}})
}

func (j *judging) alarms(pr *pair, v *Verdict) {
	raise := func(k AlarmKind) {
		j.out.Alarms = append(j.out.Alarms, Alarm{Kind: k, P: v.P, Q: v.Q, A: pr.p.terminal, B: pr.q.terminal})
	}
	if v.Outcome == OutcomeImpossible {
		raise(ImpossibleAlarm)
	}
	j.clone(pr.clash)
	if disordered(pr, j.p) {
		raise(ClockAlarm)
	}
	if belied(pr, v) {
		raise(WordAlarm)
	}
}

// clone raises the alarm for the conflict whose second cryptogram is entry i, if any.
func (j *judging) clone(i int) {
	if i > 0 {
		a, b := &j.c.entries[i-1], &j.c.entries[i]
		j.out.Alarms = append(j.out.Alarms, Alarm{Kind: CloneAlarm, P: a.atc, Q: b.atc, A: a.terminal, B: b.terminal})
	}
}

// counter deals with what is decided about P itself.
func (j *judging) counter(pr *pair, v *Verdict) {
	kind, part, state := markNone, PartDoubt, Disproved
	var move Purpose
	switch {
	case v.Outcome == OutcomeImpossible:
		kind, part, state = markImpossible, PartPair, Impossible
	case v.Outcome == OutcomeUnbacked:
		kind, part, state, move = markUnbacked, PartRow, Unbacked, ClaimUnbacked
	case v.Kind == Doubt && v.Committed == Yes && pr.p.bits&bitService != 0:
		kind, state, move = markPaid, Collectable, CollectForOperator
	case v.Kind == Doubt && v.Committed == Yes:
		kind, state = markPaid, Proven
	case v.Kind == Doubt && v.Committed == No:
		kind = markUnpaid
	case v.Kind == Load && v.Committed == No:
		kind, part, state = markLoadFailed, PartLoad, Proven
	}
	if kind == markPaid && j.byLog { // a word finds no flash card, it names a break
		kind = markLogged
	}
	if j.quota {
		move = 0
	}
	m := j.decideMark(pr.p, kind, move)
	if m == nil {
		return
	}
	if kind == markPaid {
		j.out.Flash = append(j.out.Flash, Flash{Card: j.c.Key, ATC: v.P, Amount: v.Offered, Service: state == Collectable, Basis: v.Basis, DecidedAt: m.at})
	}
	if j.quota && part == PartDoubt {
		return
	}
	b := Break{P: v.P, Q: v.Q, Part: part, State: state, Amount: v.Offered, Missing: v.Missing, Named: true, Since: m.at, Arose: pr.latest, Terminal: pr.p.terminal, Basis: v.Basis, ByLog: j.byLog}
	if kind == markImpossible {
		b.Amount, b.Named = max(v.Fall, -v.Fall), false
	}
	b.Held = state == Collectable && m.moved != CollectForOperator
	j.out.Breaks = append(j.out.Breaks, b)
}

// decideMark brings the mark of p's counter, and the money moved for it, to what
// is now known. It returns nil if nothing is to be said about the counter.
func (j *judging) decideMark(p *entry, kind markKind, move Purpose) *mark {
	c := j.c
	i, found := slices.BinarySearchFunc(c.marks, p.atc, func(m mark, atc uint16) int { return cmp.Compare(m.atc, atc) })
	if !found {
		if kind == markNone {
			return nil
		}
		c.marks = slices.Insert(c.marks, i, mark{atc: p.atc, kind: kind, at: j.now})
	}
	m := &c.marks[i]
	if m.kind != kind {
		m.kind, m.at = kind, j.now
	}
	if m.moved != 0 && m.moved != move {
		back := ReverseCollect
		if m.moved == ClaimUnbacked {
			back = ReverseClaim
		}
		j.onCounter(m, back, m.amount, p)
		m.moved, m.amount = 0, 0
	}
	if move != 0 && m.moved == 0 && (move != CollectForOperator || !j.frozen) {
		j.onCounter(m, move, p.debit, p)
		m.moved, m.amount = move, p.debit
	}
	if kind == markNone {
		if m.number == 0 {
			c.marks = slices.Delete(c.marks, i, i+1)
		}
		return nil
	}
	return m
}

// marked reports whether that was decided about a counter.
func (c *Card) marked(atc uint16, kind markKind) bool {
	i, found := slices.BinarySearchFunc(c.marks, atc, func(m mark, atc uint16) int { return cmp.Compare(m.atc, atc) })
	return found && c.marks[i].kind == kind
}

func (j *judging) onCounter(m *mark, purpose Purpose, amount money.Fen, p *entry) {
	m.number++
	key := Key{Card: j.c.Key, P: m.atc, Q: m.atc, Purpose: purpose, Number: m.number}
	j.out.Actions = append(j.out.Actions, Action{Key: key, Amount: amount, Terminal: p.terminal})
}

// tail is the last observation: no verdict, but a doubt row there is a suspicion.
func (j *judging) tail(e *entry, clash int) {
	j.clone(clash)
	if e.kind() == Doubt && !j.quota {
		j.out.Open = true
		j.out.Breaks = append(j.out.Breaks, Break{P: e.atc, Part: PartDoubt, State: Suspected, Amount: e.debit, Since: e.time, Arose: e.time, Terminal: e.terminal})
	}
}
