package twoloads

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
)

// Window is the merchants' clearing period of the papers: 20 days, in seconds.
const Window int64 = 20 * 86400

// Load is one load as the issuer's host has it.
type Load struct {
	ATC    uint16    // A, 9F36 of the request
	Before money.Fen // Y, the balance that 9F10 of the request states
	Amount money.Fen // L, debited from the account
	Time   int64     // unix seconds, the host's clock
	Told   bool      // the result of the script reached the host, and it ran
}

// Spend is one offline transaction that a merchant presented as paid.
type Spend struct {
	ATC     uint16 // in the row; the method does not look at it
	Amount  money.Fen
	Time    int64 // unix seconds, the terminal's clock: the method sums over a time
	Arrived int64 // unix seconds, when the issuer got it
}

// Kind is what the method says about the time between two loads. Numbers are for ever.
type Kind uint8

// The kinds.
const (
	Nothing   Kind = 0 // not known yet, or nobody asked
	Waiting   Kind = 1 // the second load is there, the clearing period is not over
	Clean     Kind = 2 // Y2 = Y1 + L1 - T
	FlashCard Kind = 3 // Y2 < Y1 + L1 - T: the difference was paid and not presented
	FlashLoad Kind = 4 // Y2 = Y1 - T: the first load never reached the card
	Undecided Kind = 5 // Y2 > Y1 + L1 - T: the papers have no sentence for it
	Missing   Kind = 6 // an amount is missing, its name open; only other methods say this
)

var kindNames = [...]string{Nothing: "nothing", Waiting: "waiting", Clean: "clean", FlashCard: "flash card", FlashLoad: "flash load",
	Undecided: "undecided", Missing: "missing"}

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool { return k <= Missing }

// String is the kind in English.
func (k Kind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("Kind(%d)", k)
	}
	return kindNames[k]
}

// Answer is what the method says about two neighbouring loads.
type Answer struct {
	First, Second uint16 // counters A1 and A2
	Kind          Kind
	Amount        money.Fen // of a flash card the difference, of a flash load L1; else 0
	// DecidedAt is when the answer is given: the second load's time if no counter lies
	// between and the balance is one of the two that the papers name, else Window
	// later. While Kind is Waiting it lies ahead.
	DecidedAt int64
	// Either says that both formulas fit: a first load that did not run, and flash cards
	// of just its amount, leave the same numbers.
	Either bool
}

// Compare answers for each pair of neighbouring loads that are there at now. Loads
// and spends may be in any order. window is the merchants' clearing period in seconds.
//
// Only spends that arrived until an answer was given count for it: a later one finds
// the case closed. Loads of one counter count once, the earliest of them.
func Compare(loads []Load, spends []Spend, now, window int64) []Answer {
	known := inOrder(loads, now)
	if len(known) < 2 {
		return nil
	}
	rows := slices.Clone(spends)
	slices.SortFunc(rows, func(a, b Spend) int { return cmp.Compare(a.Time, b.Time) })
	out := make([]Answer, 0, len(known)-1)
	for i := range len(known) - 1 {
		out = append(out, compare(&known[i], &known[i+1], rows, now, window))
	}
	return out
}

// inOrder are the loads that the host has at now, by counter.
func inOrder(loads []Load, now int64) []Load {
	known := make([]Load, 0, len(loads))
	for _, l := range loads {
		if l.Time <= now {
			known = append(known, l)
		}
	}
	slices.SortFunc(known, func(a, b Load) int { return cmp.Or(cmp.Compare(a.ATC, b.ATC), cmp.Compare(a.Time, b.Time)) })
	return slices.CompactFunc(known, func(a, b Load) bool { return a.ATC == b.ATC })
}

// compare is the calculation of the papers; rows are sorted by time.
func compare(one, two *Load, rows []Spend, now, window int64) Answer {
	a := Answer{First: one.ATC, Second: two.ATC, DecidedAt: two.Time}
	if int(one.ATC)+1 == int(two.ATC) {
		switch {
		case !one.Told && two.Before == one.Before:
			a.Kind, a.Amount = FlashLoad, one.Amount
			return a
		case two.Before == one.Before+one.Amount:
			a.Kind = Clean
			return a
		}
	}
	a.DecidedAt += window
	if now < a.DecidedAt {
		a.Kind = Waiting
		return a
	}
	spent := spentBetween(rows, one.Time, two.Time, a.DecidedAt)
	lacking := one.Before + one.Amount - spent - two.Before
	switch {
	case lacking == 0:
		a.Kind = Clean
	case lacking < 0:
		a.Kind = Undecided
	case !one.Told && lacking == one.Amount:
		a.Kind, a.Amount, a.Either = FlashLoad, one.Amount, true
	default:
		a.Kind, a.Amount, a.Either = FlashCard, lacking, lacking == one.Amount
	}
	return a
}

// spentBetween is T: what was spent after one time up to another and had arrived by
// a third.
func spentBetween(rows []Spend, after, to, arrived int64) money.Fen {
	from, _ := slices.BinarySearchFunc(rows, after+1, func(s Spend, t int64) int { return cmp.Compare(s.Time, t) })
	sum := money.Fen(0)
	for _, s := range rows[from:] {
		if s.Time > to {
			break
		}
		if s.Arrived <= arrived {
			sum += s.Amount
		}
	}
	return sum
}

// About finds the answer that covers a counter: the one whose first load is at it or
// before it, and whose second is behind it.
func About(answers []Answer, atc uint16) (Answer, bool) {
	for _, a := range answers {
		if a.First <= atc && atc < a.Second {
			return a, true
		}
	}
	return Answer{}, false
}
