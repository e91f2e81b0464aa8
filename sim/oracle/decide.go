package oracle

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// maxOpen is how many open ends are played together, 2^12 histories at most.
const maxOpen = 12

// Open is a row whose end is not plain from the row itself: a doubt or declined row
// that offered a debit, or a row that asks for money and proves no payment.
//
//	MustHavePaid  CanHavePaid
//	true          true         every history pays here: decided, paid
//	false         true         some do: undecided
//	false         false        none does: decided, not paid, unless Contradicted
type Open struct {
	ATC          uint16
	Kind         txn.Kind // 0 for a load
	Load         bool     // a load: to pay is to run the script, and a flash load is one that no history runs
	Amount       money.Fen
	MustHavePaid bool
	CanHavePaid  bool
	Contradicted bool // no history at all fits the balances around: a clone, a rollback, a terminal that lies
	Tail         bool // no later counter of the card has been seen: only the terminal's word speaks
}

// Decide plays all histories of one card: which of the rows with an open end were
// paid, which of the loads ran, and what each counter below the last one that nobody
// reported took, from 0 to limit (9F78). It keeps the histories that meet every balance, and says for every
// open row, in counter order, what they have in common.
//
// The rows must be of one card; opening is its value at counter 0. The time is
// exponential in the number of open ends between two rows of certain end, up to maxOpen.
func Decide(rows []Seen, opening, limit money.Fen) []Open {
	counters := gather(rows)
	p := player{counters: counters, limit: max(0, limit), ends: make([][]end, len(counters))}
	for i := range counters {
		p.ends[i] = make([]end, len(counters[i].claims))
	}
	start := value{opening, opening}
	for first := 0; first < len(counters); {
		last := p.stretch(first)
		p.step(first, first, last, start)
		if last == len(counters) {
			break
		}
		// The balance at last is under a MAC: from there on the past does not matter.
		b := counters[last].claims[0].before
		first, start = last, value{b, b}
	}
	return p.answers()
}

// value is a range of values that the card can have.
type value struct{ least, most money.Fen }

// end is how a claim ended in the histories found so far.
type end struct{ paid, left bool }

type player struct {
	counters []counter
	limit    money.Fen
	ends     [][]end // by counter and claim
	path     []end   // of the history being played, with claim in pick
	pick     []int
}

// stretch is the counter at which the histories that begin with first can be cut: the
// next one of certain end, or with a single balance when many ends are open.
func (p *player) stretch(first int) int {
	open := 0
	for i := first; i < len(p.counters); i++ {
		c := &p.counters[i]
		if i > first && (c.certain() || open >= maxOpen && len(c.claims) == 1) {
			return i
		}
		if !c.certain() {
			open++
		}
	}
	return len(p.counters)
}

// step goes on with a history that began at first and has come to counter i with the
// value v. A history that reaches last and meets its balance is one that fits.
func (p *player) step(first, i, last int, v value) {
	if i > first || first == 0 {
		v = p.unreported(i, v)
	}
	if i == last {
		if i == len(p.counters) || v.holds(p.counters[i].claims[0].before) {
			p.note(first)
		}
		return
	}
	for n := range p.counters[i].claims {
		c := &p.counters[i].claims[n]
		if !v.holds(c.before) {
			continue
		}
		p.pick = append(p.pick, n)
		if c.mayPay {
			p.path = append(p.path, end{paid: true})
			p.step(first, i+1, last, value{c.before - c.debit, c.before - c.debit})
			p.path = p.path[:len(p.path)-1]
		}
		if c.mayLeave {
			p.path = append(p.path, end{left: true})
			p.step(first, i+1, last, value{c.before, c.before})
			p.path = p.path[:len(p.path)-1]
		}
		p.pick = p.pick[:len(p.pick)-1]
	}
}

// unreported lets each counter between the one before i and i, which nobody has
// reported, take anything from 0 to the limit; a card never goes below 0.
func (p *player) unreported(i int, v value) value {
	if i == len(p.counters) {
		return v
	}
	before := 0
	if i > 0 {
		before = int(p.counters[i-1].atc)
	}
	for n := before + 1; n < int(p.counters[i].atc) && v.least > 0; n++ {
		v.least = max(0, v.least-p.limit)
	}
	return v
}

func (v value) holds(b money.Fen) bool { return v.least <= b && b <= v.most }

// note adds a history that fits. A claim that it did not pick is another chip's.
func (p *player) note(first int) {
	for k, e := range p.path {
		for n := range p.ends[first+k] {
			x := &p.ends[first+k][n]
			if n == p.pick[k] {
				x.paid, x.left = x.paid || e.paid, x.left || e.left
			} else {
				x.left = true
			}
		}
	}
}

func (p *player) answers() []Open {
	var out []Open
	for i := range p.counters {
		for n, c := range p.counters[i].claims {
			plain := c.kind.Paid() && c.mayPay && !c.mayLeave
			if c.debit == 0 || plain {
				continue
			}
			e := p.ends[i][n]
			out = append(out, Open{
				ATC: p.counters[i].atc, Kind: c.kind, Load: c.load, Amount: max(c.debit, -c.debit), MustHavePaid: e.paid && !e.left, CanHavePaid: e.paid,
				Contradicted: !e.paid && !e.left, Tail: i == len(p.counters)-1,
			})
		}
	}
	return out
}
