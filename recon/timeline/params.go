package timeline

import (
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// LatePolicy says what is done with a valid row that arrives after its window.
type LatePolicy uint8

// The policies.
const (
	AcceptLate LatePolicy = 0 // pay it; a refund for it is reversed
	RefuseLate LatePolicy = 1 // do not pay it; a refund for it stands
)

// Params are the rules in force. The zero value of every optional field is the
// safe one: no provisional credit, no earlier rules.
type Params struct {
	Cap        money.Fen  // 9F78, the most that one counter can have taken
	Window     int64      // seconds within which terminals must present: 20 days (JR/T 0025 business rules)
	Drift      int64      // seconds that one clock may be wrong: 2
	LatePolicy LatePolicy // for LateRow
	// Holds says that cards can make pre-authorisations (DF61 = 02): missing counters
	// may have given back what earlier ones held, so that a value may rise. Cards with a
	// hold or a completion among their rows are taken to do so anyway.
	Holds bool
	// Deposit is the most that a card's DF62 can be: how far fares may go beyond the
	// balance. 0 if no card has one.
	Deposit money.Fen

	// ApproveAbove is the most that is refunded for one break without anybody: what would
	// go beyond it waits until two people have approved it (Card.Grant). 0 if none waits.
	ApproveAbove money.Fen

	ProvisionalAfter int64 // seconds after the later observation before a credit may be given ahead of the window
	// ProvisionalAtDoubt gives that credit at once where a doubt row without service is
	// undecided: the customer lacks the fall in either case, and only a late row for a
	// missing counter can still explain some of it.
	ProvisionalAtDoubt  bool
	ProvisionalPerCard  money.Fen // most provisional credit standing on one card, 0 for none at all
	ProvisionalPerMonth money.Fen // most given to one card in one month (UTC+8)
	ProvisionalBudget   money.Fen // what may still be given to all cards together

	Earlier []Era // rules of former times, oldest first
}

// Era are the values that held until a time, for rules that changed since. A
// verdict about the past must not change with today's limit.
type Era struct {
	Until  int64 // unix seconds, exclusive
	Cap    money.Fen
	Window int64
}

// DefaultParams are the values of the sources: 20 days, clocks within 2 seconds,
// and a limit of 1000 yuan for one counter (the most that electronic cash holds).
func DefaultParams() Params {
	return Params{Cap: 100_000, Window: 20 * 86400, Drift: 2}
}

// LateRow reports whether a row of that time, received then, is refused for being
// late. Whoever clears rows asks this and marks the observation Refused.
func (p *Params) LateRow(rowTime, received int64) bool {
	return p.LatePolicy == RefuseLate && received > rowTime+p.windowAt(rowTime)
}

// above reports whether so much for one break needs an approval.
func (p *Params) above(refunded money.Fen) bool {
	return p.ApproveAbove > 0 && refunded > p.ApproveAbove
}

// capWithin is the largest limit in force at any moment from one time to another:
// a larger limit can only leave more open, never prove more.
func (p *Params) capWithin(from, to int64) money.Fen {
	if len(p.Earlier) == 0 {
		return p.Cap
	}
	if from > to {
		from, to = to, from
	}
	limit, start := money.Fen(-1), int64(-1)<<62
	for _, e := range p.Earlier {
		if start <= to && from < e.Until {
			limit = max(limit, e.Cap)
		}
		start = e.Until
	}
	if to >= start {
		limit = max(limit, p.Cap)
	}
	return limit
}

// windowAt is the window in force at a time.
func (p *Params) windowAt(t int64) int64 {
	for _, e := range p.Earlier {
		if t < e.Until {
			return e.Window
		}
	}
	return p.Window
}

// Watermarks tells how complete the rows of the terminals are that may accept the
// card. Nil means that nothing is known: only the window counts.
type Watermarks interface {
	// Complete is the time up to which every such terminal has a receipted
	// sequence without a gap, 0 if one of them has none.
	Complete() int64
	// Gap names a terminal with a gap in its sequence between two times.
	Gap(from, to int64) (txn.TerminalID, bool)
}

// Marks is a plain list of watermarks.
type Marks struct {
	Through int64 // see Watermarks.Complete
	Gaps    []SequenceGap
}

// SequenceGap is a hole in a terminal's sequence: rows that it made between two
// times and that nobody has received.
type SequenceGap struct {
	Terminal txn.TerminalID
	From, To int64
}

// Complete implements Watermarks.
func (m *Marks) Complete() int64 { return m.Through }

// Gap implements Watermarks with the first gap of the list that overlaps.
func (m *Marks) Gap(from, to int64) (txn.TerminalID, bool) {
	for _, g := range m.Gaps {
		if g.From <= to && from <= g.To {
			return g.Terminal, true
		}
	}
	return 0, false
}

// monthOf counts months since year 0 at UTC+8.
func monthOf(unix int64) uint16 {
	t := time.Unix(unix, 0).In(txn.CityTime)
	return uint16(t.Year()*12 + int(t.Month()) - 1)
}
