package timeline

import "github.com/citycard/citycard/money"

// Outcome is what a pair of neighbouring observations proves (section 3). Numbers
// are for ever.
type Outcome uint8

// The outcomes.
const (
	Decided            Outcome = 1 // the bit, if there is one, is the same in every feasible assignment
	Undecided          Outcome = 2 // both values of the bit are feasible; the total is decided
	OutcomeUnbacked    Outcome = 3 // a presented row that the card cannot have paid
	OutcomeImpossible  Outcome = 4 // nothing is feasible
	outcomeCount               = 5
	unknownSumOfMissed         = money.Fen(-1)
)

var outcomeNames = [outcomeCount]string{Decided: "decided", Undecided: "undecided", OutcomeUnbacked: "unbacked", OutcomeImpossible: "impossible"}

// String is the outcome in one English word.
func (o Outcome) String() string {
	if o < Decided || o >= outcomeCount {
		return "invalid"
	}
	return outcomeNames[o]
}

// Basis says what the values of a verdict rest on; whether P committed may rest on the
// word of its sources either way, where balances are silent. Numbers are for ever.
type Basis uint8

// The bases.
const (
	Hard Basis = 0 // every value that it needs is under a MAC, or follows from such values
	Soft Basis = 1 // it needs a terminal's word: an amount held, DF63, the balance of a purse, the place of a push
)

// String is "hard" or "soft".
func (b Basis) String() string {
	if b > Soft {
		return "invalid"
	}
	return [...]string{"hard", "soft"}[b]
}

// Verdict is what two neighbouring observations P and Q prove:
//
//	feasible u     outcome
//	one            Decided: Committed is u; Missed is what the missing counters took together
//	both           Undecided: only Total is certain
//	none but u=0,  OutcomeUnbacked: P was presented as paid and is not; Missed is decided
//	 P presented
//	none           OutcomeImpossible
type Verdict struct {
	P, Q      uint16
	Kind      ObsKind   // of P
	Missing   int       // g: counters between P and Q
	Fall      money.Fen // D = B(P) - B(Q)
	Offered   money.Fen // debit or load of P
	Outcome   Outcome
	Committed Certainty // Open if undecided or if P offers nothing
	// Missed is R(u), -1 unless the bit is decided. It is negative where missing
	// counters completed holds. Where values are known to a range only, it is the least
	// that R(u) can be, and Spread is how much more it can be.
	Missed money.Fen
	Spread money.Fen
	Total  money.Fen // what the value fell by beyond what the issuer has paid out or booked for P
	Held   money.Fen // amount that P kept, or completed
	Basis  Basis
	// Log is what the card's own log says about P's debit: a word, which decides nothing
	// before the window is over.
	Log Certainty
	Cut uint16 // Push ATC of the last push between P and Q, 0 if there is none
}

// Verdicts gives the verdict of every pair of neighbours, in counter order.
func (c *Card) Verdicts(p *Params) []Verdict {
	var out []Verdict
	var pr pair
	var v Verdict
	w := c.walk(p)
	for w.next(&pr, &v) {
		out = append(out, v)
	}
	return out
}

// pair is two neighbouring observations; latest is the greatest time seen up to Q,
// so that one clock in the past cannot make a break final too early.
type pair struct {
	p, q   *entry
	latest int64
	clash  int   // index of a second cryptogram for P's counter, 0 if there is none
	dues   *dues // of a card with a plan
	bound  bool  // what comes after Q cannot be judged without what comes before
}

// runner goes from pair to pair without allocation and decides nothing.
type runner struct {
	c      *Card
	p, end int // speaker of the current counter, and the end of its run
	clash  int
	latest int64
}

func (c *Card) run() runner {
	w := runner{c: c}
	if len(c.entries) == 0 {
		return w
	}
	w.p, w.end = c.group(0)
	w.clash = c.conflict(0, w.end)
	w.latest = c.entries[w.p].time
	return w
}

// next moves to the following pair; after the last one w.p is the tail.
func (w *runner) next(pr *pair) bool {
	entries := w.c.entries
	if w.end >= len(entries) {
		return false
	}
	q, end := w.end, w.end+1
	if end < len(entries) && entries[end].atc == entries[q].atc {
		q, end = w.c.group(q)
	}
	w.latest = max(w.latest, entries[q].time)
	*pr = pair{p: &entries[w.p], q: &entries[q], latest: w.latest, clash: w.clash}
	w.clash = w.c.conflict(w.end, end)
	w.p, w.end = q, end
	return true
}

// walker goes from pair to pair and decides each, of any card.
type walker struct {
	runner
	params *Params
	plan   *plan // of a card that needs more than its pairs; nil for others
	step   int   // in plan: index of the next step
}

func (c *Card) walk(p *Params) walker {
	if c.special(p) {
		w := walker{runner: runner{c: c}, plan: c.makePlan(p)}
		w.p, w.clash = w.plan.tail, w.plan.tailClash
		return w
	}
	return walker{runner: c.run(), params: p}
}

// next moves to the following pair; after the last one w.p is the tail.
func (w *walker) next(pr *pair, v *Verdict) bool {
	if w.plan == nil {
		if !w.runner.next(pr) {
			return false
		}
		decide(v, pr, w.params)
		w.c.consult(pr, v)
		return true
	}
	if w.step == len(w.plan.steps) {
		return false
	}
	s := &w.plan.steps[w.step]
	w.step++
	*pr, *v = s.pair, s.verdict
	pr.dues = &s.dues
	w.c.consult(pr, v)
	return true
}

// decide is section 3 for one pair.
func decide(v *Verdict, pr *pair, p *Params) {
	a, b := pr.p, pr.q
	*v = Verdict{P: a.atc, Q: b.atc, Kind: a.kind(), Missing: int(b.atc) - int(a.atc) - 1, Fall: a.b - b.b, Offered: a.debit, Missed: unknownSumOfMissed}
	limit := money.Fen(v.Missing)
	if v.Missing > 0 {
		limit *= p.capWithin(a.time, b.time)
	}
	effect := money.Fen(0)
	v.Total = v.Fall
	switch v.Kind {
	case Paid:
		effect = a.debit
		if a.cleared() {
			v.Total -= a.debit
		}
	case Doubt:
		effect = a.debit
	case Load:
		effect = -a.debit
		v.Total += a.debit
	}
	without, with := v.Fall, v.Fall-effect
	canSkip := without >= 0 && without <= limit
	canCommit := effect != 0 && with >= 0 && with <= limit
	word := a.commit()
	switch {
	case effect == 0 && canSkip:
		v.Outcome, v.Missed = Decided, without
	case canCommit && (!canSkip || word == Yes):
		v.Outcome, v.Committed, v.Missed = Decided, Yes, with
	case canCommit && canSkip && (word == Open || v.Kind == Paid):
		v.Outcome = Undecided
	case canSkip:
		v.Outcome, v.Committed, v.Missed = Decided, No, without
		if v.Kind == Paid && a.cleared() {
			v.Outcome = OutcomeUnbacked
		}
	default:
		v.Outcome = OutcomeImpossible
	}
}

// dues is what a pair says about money: to the customer at once, at the end of the
// window, in dispute between customer and operator, and on the card in an open hold
// of P.
type dues struct{ atOnce, later, contested, held money.Fen }

// money gives the dues of a pair. For a plain card they follow from the verdict.
func (pr *pair) money(v *Verdict) dues {
	if pr.dues != nil {
		return *pr.dues
	}
	service := pr.p.bits&bitService != 0
	d := dues{later: v.certain(service)}
	switch {
	case v.Kind == Doubt && v.Committed == Yes && !service, v.Kind == Load && v.Committed == No:
		d.atOnce = v.Offered
	case v.Kind == Doubt && v.Outcome == Undecided && service:
		d.contested = v.Offered
	}
	return d
}

// certain is what the customer lacks in every feasible assignment because of the
// missing counters, once the window is over. An undecided doubt row without service
// adds its own debit: the customer lacks the whole fall either way.
func (v *Verdict) certain(service bool) money.Fen {
	switch v.Outcome {
	case Decided, OutcomeUnbacked:
		return v.Missed
	case Undecided:
		switch v.Kind {
		case Load:
			return v.Fall + v.Offered
		case Doubt:
			if !service {
				return v.Fall
			}
		}
		return v.Fall - v.Offered
	}
	return 0
}

// quiet reports whether nothing about the pair needs a clerk, a record or money.
func (pr *pair) quiet(v *Verdict) bool {
	if pr.dues == nil {
		return v.quiet()
	}
	bad := v.Outcome == OutcomeImpossible || v.Outcome == OutcomeUnbacked
	return !bad && *pr.dues == dues{} && v.Kind != Doubt && (v.Kind != Load || v.Committed == Yes)
}

// quiet is that for a plain card.
func (v *Verdict) quiet() bool {
	switch v.Outcome {
	case Decided:
		if v.Missed != 0 || v.Kind == Doubt {
			return false
		}
		return v.Kind != Load || v.Committed == Yes
	case Undecided:
		return v.Kind == Paid && v.Fall == v.Offered
	}
	return false
}
