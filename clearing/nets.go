package clearing

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
)

// Participant is an institution in the net matrix. Names and codes are in the
// participant table of the host.
type Participant uint16

// Pair is a bilateral position: From owes To.
type Pair struct {
	From, To Participant
	Amount   money.Fen
	Items    int64
}

// Nets is the bilateral matrix of one window, kept up to date per cleared row.
// It stores a pair once, under the lower number.
type Nets struct {
	pairs map[[2]Participant]*position
}

type position struct {
	amount money.Fen // what the lower owes the higher, may be negative
	items  int64
}

// NewNets gives an empty matrix.
func NewNets() *Nets { return &Nets{pairs: map[[2]Participant]*position{}} }

// Owe adds an obligation of from to to. An amount of zero counts the item only.
func (n *Nets) Owe(from, to Participant, amount money.Fen, items int64) {
	if from == to {
		return
	}
	key, sign := [2]Participant{from, to}, money.Fen(1)
	if from > to {
		key, sign = [2]Participant{to, from}, -1
	}
	p := n.pairs[key]
	if p == nil {
		p = &position{}
		n.pairs[key] = p
	}
	p.amount += sign * amount
	p.items += items
}

// Add merges another matrix into this one.
func (n *Nets) Add(m *Nets) {
	for key, p := range m.pairs {
		n.Owe(key[0], key[1], p.amount, p.items)
	}
}

// Pairs lists the positions, debtor first, in the order of the numbers.
func (n *Nets) Pairs() []Pair {
	out := make([]Pair, 0, len(n.pairs))
	for key, p := range n.pairs {
		pair := Pair{From: key[0], To: key[1], Amount: p.amount, Items: p.items}
		if p.amount < 0 {
			pair.From, pair.To, pair.Amount = key[1], key[0], -p.amount
		}
		out = append(out, pair)
	}
	slices.SortFunc(out, func(a, b Pair) int {
		lo := cmp.Compare(min(a.From, a.To), min(b.From, b.To))
		return cmp.Or(lo, cmp.Compare(max(a.From, a.To), max(b.From, b.To)))
	})
	return out
}

// Positions gives each participant's net: what it receives less what it owes.
// They add to zero; if they do not, the matrix is broken and Positions panics.
func (n *Nets) Positions() map[Participant]money.Fen {
	out := map[Participant]money.Fen{}
	var sum money.Fen
	for key, p := range n.pairs {
		out[key[0]] -= p.amount
		out[key[1]] += p.amount
	}
	for _, v := range out {
		sum += v
	}
	if sum != 0 {
		panic(fmt.Sprintf("clearing: nets add to %d fen, must be 0", int64(sum)))
	}
	return out
}
