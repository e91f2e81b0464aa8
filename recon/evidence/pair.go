package evidence

import (
	"reflect"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// The two answers to "did P commit?".
const (
	uncommitted = "uncommitted"
	committed   = "committed"
)

// workOut decides a pair from values alone (chapter 3), apart from the code of package
// timeline that the issuer's conclusion comes from.
//
//	g = counters between, D = before(P) - before(Q), e = debit, or minus the load
//	R(u) = D - u*e is feasible if 0 <= R(u) <= g * limit
func workOut(p, q *Seen, limit money.Fen) Pair {
	out := Pair{P: p.ATC, Q: q.ATC, Missing: int(q.ATC) - int(p.ATC) - 1, Fall: p.Before - q.Before, Missed: -1,
		Committed: timeline.Open.String(), Basis: timeline.Hard.String(), Again: true, Feasible: []string{}}
	out.Most = money.Fen(out.Missing) * limit
	e := money.Fen(0)
	switch p.Kind {
	case timeline.Paid.String(), timeline.Doubt.String():
		e = p.Offered
	case timeline.Load.String():
		e = -p.Offered
	}
	out.Without, out.With = out.Fall, out.Fall-e
	zero := out.Without >= 0 && out.Without <= out.Most
	one := e != 0 && out.With >= 0 && out.With <= out.Most
	if zero {
		out.Feasible = append(out.Feasible, uncommitted)
	}
	if one {
		out.Feasible = append(out.Feasible, committed)
	}
	out.conclude(p, e != 0, zero, one)
	return out
}

// conclude is the table of chapter 3, with the word of the sources about P.
func (out *Pair) conclude(p *Seen, offers, zero, one bool) {
	paid := p.Kind == timeline.Paid.String()
	if zero && one {
		switch {
		case p.Committed == timeline.Yes.String():
			zero = false
		case p.Committed == timeline.No.String() && !paid:
			one = false
		}
	}
	switch {
	case zero && one:
		out.Outcome = timeline.Undecided.String()
	case one:
		out.Outcome, out.Committed, out.Missed = timeline.Decided.String(), timeline.Yes.String(), out.With
	case zero && !offers:
		out.Outcome, out.Missed = timeline.Decided.String(), out.Without
	case zero:
		out.Outcome, out.Committed, out.Missed = timeline.Decided.String(), timeline.No.String(), out.Without
		if paid && !p.Refused {
			out.Outcome = timeline.OutcomeUnbacked.String()
		}
	default:
		out.Outcome = timeline.OutcomeImpossible.String()
	}
}

// equal reports whether two pairs say the same.
func (out *Pair) equal(other *Pair) bool {
	return reflect.DeepEqual(out, other)
}

// sameNumbers reports whether two pairs have the same counters and differences, whatever
// is concluded from them.
func (out *Pair) sameNumbers(other *Pair) bool {
	return out.Missing == other.Missing && out.Fall == other.Fall && out.Most == other.Most && out.Without == other.Without && out.With == other.With &&
		slices.Equal(out.Feasible, other.Feasible)
}

// follows reports whether a break is possible by what a pair says. whole is true if the
// state follows as well; it is false where the state needs more than the pair: time,
// other pairs, uploads, money that has moved.
func (b *Break) follows(pair *Pair, p *Seen) (right, whole bool) {
	yes, no := pair.Committed == timeline.Yes.String(), pair.Committed == timeline.No.String()
	switch b.Part {
	case timeline.PartDoubt.String():
		state := timeline.Proven
		switch {
		case no:
			state = timeline.Disproved
		case p.Service:
			state = timeline.Collectable
		}
		return (yes || no) && p.Kind == timeline.Doubt.String() && b.Amount == p.Offered && b.Contested == 0 && b.State == state.String(), true
	case timeline.PartLoad.String():
		return no && p.Kind == timeline.Load.String() && b.Amount == p.Offered && b.State == timeline.Proven.String(), true
	case timeline.PartRow.String():
		return pair.Outcome == timeline.OutcomeUnbacked.String() && b.Amount == p.Offered && b.State == timeline.Unbacked.String(), true
	case timeline.PartGap.String():
		return pair.Missed >= 0 && b.Amount <= pair.Missed, false
	case timeline.PartPair.String():
		if b.State == timeline.Impossible.String() {
			return pair.Outcome == timeline.OutcomeImpossible.String(), true
		}
		return pair.Outcome == timeline.Undecided.String() && b.Amount+b.Contested <= max(pair.Without, pair.With), false
	}
	return true, false
}
