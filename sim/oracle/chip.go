package oracle

import (
	"github.com/citycard/citycard/money"
)

// Chip is what the issuer knows of a card beside its rows.
type Chip struct {
	Opening money.Fen // value at counter 0
	Limit   money.Fen // 9F78: the most that one counter takes, or a hold keeps
	Deposit money.Fen // DF62: how far fares go beyond the balance
	Holds   bool      // DF61 = 02: counters that nobody reported may have held value, or given it back
	Pushes  []Push    // of a quota card, by number
}

// Push is one push of a quota: it sets the value and uses no counter.
type Push struct {
	Number uint16
	Value  money.Fen
	// After is a counter that came before it. If Placed, it is the last one, by the
	// card's word, which is under no MAC.
	After  uint16
	Placed bool
}

// Decide plays all histories of the card as the function Decide does, but also with
// holds and their completions, a deposit that pays when the balance is 0, a quota that
// is pushed, and the tries of a purse. What terminals say beside the MACs (amounts held
// and which hold is completed, DF63, the balance of a purse) is believed.
func (c Chip) Decide(rows []Seen) []Open {
	taps := collect(rows)
	if plain(taps) && c.Deposit == 0 && !c.Holds && len(c.Pushes) == 0 {
		return Decide(rows, c.Opening, c.Limit)
	}
	for i := range taps {
		for n := range taps[i] {
			taps[i][n].lend(c.Deposit)
		}
	}
	g := newGame(c, taps, true)
	if g.play(); !g.found && len(c.Pushes) > 0 {
		g = newGame(c, taps, false)
		g.play()
	}
	return g.answers()
}

func newGame(c Chip, taps [][]tap, believe bool) *game {
	g := &game{Chip: c, taps: taps, believe: believe, ends: make([][]end, len(taps))}
	for i := range taps {
		g.ends[i] = make([]end, len(taps[i]))
	}
	g.named()
	return g
}

// plain reports whether no row needs more than Decide.
func plain(taps [][]tap) bool {
	for _, at := range taps {
		for i := range at {
			if at[i].sort != ordinary || at[i].purse {
				return false
			}
		}
	}
	return true
}

// maxPlays bounds the histories that are played; beyond it nothing is known.
const maxPlays = 1 << 17

// game plays the histories of one chip from its first counter to its last.
type game struct {
	Chip
	taps    [][]tap // by counter
	believe bool    // of the place of a push
	hidden  []pledge
	ends    [][]end
	path    []end
	pick    []int
	plays   int
	found   bool
}

// pledge is an amount that a hold keeps on the card.
type pledge struct {
	atc    uint16
	amount money.Fen
}

// state is a chip between two counters.
type state struct {
	value  value // 9F79 less DF63
	open   []pledge
	vague  money.Fen // the most that holds of which nobody knows keep
	pushed int       // pushes used up
	spare  int       // counters that may have been used although a row was their last word
}

func (g *game) play() {
	s := state{value: value{g.Opening, g.Opening}}
	g.counter(0, 0, s)
	if g.plays > maxPlays {
		g.found = true
		for i := range g.taps {
			for n := range g.taps[i] {
				g.ends[i][n] = end{g.taps[i][n].mayPay, g.taps[i][n].mayLeave}
			}
		}
	}
}

// counter plays on from the state after counter last to the taps of counter i.
func (g *game) counter(i int, last uint16, s state) {
	if g.plays++; g.plays > maxPlays {
		return
	}
	if i == len(g.taps) {
		g.note()
		return
	}
	for n := range g.taps[i] {
		t := &g.taps[i][n]
		if !g.speaks(i, n) {
			continue
		}
		g.pick = append(g.pick, n)
		for _, r := range g.reach(s, last, t) {
			g.tap(i, t, r)
		}
		g.pick = g.pick[:len(g.pick)-1]
	}
}

// speaks reports whether a tap can be this chip's word on its counter. A purse that was
// asked in vain gives the same counter again: only the trade that was made, or the last
// try, can be it.
func (g *game) speaks(i, n int) bool {
	t := &g.taps[i][n]
	if !t.purse || t.proven {
		return true
	}
	for k := range g.taps[i] {
		o := &g.taps[i][k]
		if o.proven || k != n && later(o, t) {
			return false
		}
	}
	return true
}

func later(a, b *tap) bool {
	if a.time != b.time {
		return a.time > b.time
	}
	if a.terminal != b.terminal {
		return a.terminal > b.terminal
	}
	return a.sequence > b.sequence
}

// tap plays the ends of one tap of a chip whose value fits.
func (g *game) tap(i int, t *tap, s state) {
	after, ok := t.commit(s)
	if !ok {
		return
	}
	s.spare, after.spare = 0, 0
	if t.mayPay {
		g.path = append(g.path, end{paid: true})
		g.counter(i+1, t.atc, after)
		g.path = g.path[:len(g.path)-1]
	}
	if t.mayLeave {
		if t.purse && !t.proven {
			s.spare = 1
		}
		g.path = append(g.path, end{left: true})
		g.counter(i+1, t.atc, s)
		g.path = g.path[:len(g.path)-1]
	}
}

func (g *game) note() {
	g.found = true
	for k, e := range g.path {
		for n := range g.ends[k] {
			if x := &g.ends[k][n]; n == g.pick[k] {
				x.paid, x.left = x.paid || e.paid, x.left || e.left
			} else {
				x.left = true
			}
		}
	}
}

func (g *game) answers() []Open {
	var out []Open
	for i := range g.taps {
		for n := range g.taps[i] {
			t, e := &g.taps[i][n], g.ends[i][n]
			if t.debit == 0 || t.kind.Paid() && t.mayPay && !t.mayLeave {
				continue
			}
			out = append(out, Open{ATC: t.atc, Kind: t.kind, Amount: t.debit, MustHavePaid: e.paid && !e.left, CanHavePaid: e.paid,
				Contradicted: !e.paid && !e.left, Tail: i == len(g.taps)-1})
		}
	}
	return out
}
