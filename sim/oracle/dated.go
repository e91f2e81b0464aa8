package oracle

import (
	"cmp"
	"slices"
)

// Sort is what a Decision is about.
type Sort uint8

// The sorts.
const (
	FlashCard Sort = 1 // a doubt row that paid
	FlashLoad Sort = 2 // a load that did not run
	Short     Sort = 3 // what missing counters took, after their window
	Clone     Sort = 4 // two cards with one counter
)

// Decision is a thing that the evidence decides, and the first moment at which it does.
type Decision struct {
	Sort  Sort
	P, Q  uint16 // one counter, or for Short those on both sides of it
	Flash Flash
	At    int64
}

// Decided asks again at each of the moments, which must ascend, and gives what is
// decided at the last of them, with the first moment from which on it was. complete
// gives Case.At's argument for a moment; nil means that nothing is known.
func (c *Case) Decided(moments []int64, complete func(now int64) int64) []Decision {
	since := map[Decision]int64{}
	for _, now := range moments {
		through := int64(0)
		if complete != nil {
			through = complete(now)
		}
		today := map[Decision]int64{}
		k := c.At(now, through)
		for _, d := range k.decisions() {
			today[d] = now
			if first, known := since[d]; known {
				today[d] = first
			}
		}
		since = today
	}
	var out []Decision
	for d, at := range since {
		d.At = at
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(a.P, b.P), cmp.Compare(a.Sort, b.Sort), cmp.Compare(a.Q, b.Q))
	})
	return out
}

// decisions lists everything that is decided, without a date.
func (k *Known) decisions() []Decision {
	var out []Decision
	add := func(s Sort, p, q uint16, f Flash) { out = append(out, Decision{Sort: s, P: p, Q: q, Flash: f}) }
	for _, f := range k.FlashCards {
		add(FlashCard, f.ATC, f.ATC, f)
	}
	for _, f := range k.FlashLoads {
		add(FlashLoad, f.ATC, f.ATC, f)
	}
	for _, m := range k.Missing {
		add(Short, m.P, m.Q, Flash{Amount: m.Amount})
	}
	for _, atc := range k.Clones {
		add(Clone, atc, atc, Flash{})
	}
	return out
}
