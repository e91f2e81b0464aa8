package oracle

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

const serviceGiven = txn.ServiceGiven

// Pair is what the histories from one counter to the next one seen have in common.
//
//	Paid   Left    Unbacked
//	true   true    false     undecided
//	true   false   false     decided: the card paid, or the load ran
//	false  true    false     decided: it did not
//	false  true    true      it did not, and a terminal has been paid for it
//	false  false   false     no history: value came from nowhere
type Pair struct {
	P, Q    uint16
	Missing int       // counters between, of which nobody has heard
	Offered money.Fen // what P offered to pay, or to load
	Load    bool
	Cleared bool // a terminal has been paid for P
	// Torn says that more than one cryptogram exists for P or Q, so that no history of
	// one chip runs from one to the other. Nothing else is said then.
	Torn       bool
	Paid, Left bool
	Unbacked   bool
	// MissedPaid and MissedLeft are what the counters between took together in the
	// histories in which P paid, and in which it did not.
	MissedPaid, MissedLeft money.Fen
	Final                  int64 // unix seconds: after it no row can come any more
}

// play plays the histories from p to q: p ends in one of two ways, and then each
// counter between takes anything from 0 to the limit. Those that meet the balance of q
// remain.
func (c *Case) play(p, q *point) Pair {
	pair := Pair{P: p.atc, Q: q.atc, Missing: int(q.atc) - int(p.atc) - 1, Offered: max(p.debit, -p.debit), Load: p.load, Cleared: p.cleared, Torn: p.torn || q.torn}
	if pair.Torn {
		return pair
	}
	meets := func(after money.Fen) (missed money.Fen, ok bool) {
		v := value{after, after}
		for range pair.Missing {
			v.least -= max(0, c.Limit)
		}
		return after - q.before, v.holds(q.before)
	}
	pair.MissedLeft, pair.Left = meets(p.before)
	if p.debit != 0 {
		pair.MissedPaid, pair.Paid = meets(p.before - p.debit)
	}
	pair.believe(p)
	if !pair.Paid {
		pair.MissedPaid = 0
	}
	if !pair.Left {
		pair.MissedLeft = 0
	}
	pair.Unbacked = p.cleared && pair.Left && !pair.Paid
	return pair
}

// believe lets what terminals and logs say choose between histories. Where the
// balances leave one only, no word counts; nor do two that contradict each other, or a
// terminal that says of a presented row that the card did not pay.
func (pair *Pair) believe(p *point) {
	says, denies := p.says, p.denies
	if p.load {
		says, denies = !p.mayLeave, !p.mayPay
	}
	switch {
	case !pair.Paid || !pair.Left || says == denies:
	case says:
		pair.Left = false
	case !p.presented:
		pair.Paid = false
	}
}

// Total is by how much the value fell beyond what the issuer has paid out or booked for
// P; all histories agree on it. It is false if there is none.
func (pair *Pair) Total() (money.Fen, bool) {
	total := money.Fen(0)
	switch {
	case pair.Left:
		total = pair.MissedLeft
		if pair.Load {
			total += pair.Offered
		}
	case pair.Paid && pair.Load:
		total = pair.MissedPaid
	case pair.Paid:
		total = pair.MissedPaid + pair.Offered
	default:
		return 0, false
	}
	if pair.Cleared {
		total -= pair.Offered
	}
	return total, true
}
