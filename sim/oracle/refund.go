package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
)

// refunds are what was given back to one card, and how it matches what the card lacks.
type refunds struct {
	standing []refund // by p, then q
	sums     Sums     // what the refunds add to the card's sums
}

// refund is one break that money moved for: counters p to q, q itself excluded. What
// happened at q shows only in the balance after q. If p and q are one, it is that one.
type refund struct {
	p, q   uint16
	amount money.Fen // refunded less taken back
}

func (r refund) end() int {
	if r.p == r.q {
		return int(r.q) + 1
	}
	return int(r.q)
}

// Refunded notes that the issuer gave a card money back for the break between the
// counters p and q: for p, if its row was in doubt, and for the counters between. It
// is matched with what the chip paid there and nobody has presented. A provisional
// credit is such a refund.
func (b *Books) Refunded(card int, p, q uint16, amount money.Fen) error {
	if err := b.giveBack(card, p, q, amount, 1); err != nil {
		return fmt.Errorf("refund for counters %04X to %04X: %w", p, q, err)
	}
	return nil
}

// Undone notes that a refund, or part of one, was taken back from the customer: a row
// was accepted late, or a provisional credit did not last.
func (b *Books) Undone(card int, p, q uint16, amount money.Fen) error {
	if err := b.giveBack(card, p, q, amount, -1); err != nil {
		return fmt.Errorf("refund undone for counters %04X to %04X: %w", p, q, err)
	}
	return nil
}

func (b *Books) giveBack(card int, p, q uint16, amount, sign money.Fen) error {
	if err := b.check(card, amount); err != nil {
		return err
	}
	if p > q {
		return fmt.Errorf("card %d: %w", card, ErrRange)
	}
	if amount == 0 {
		return nil
	}
	r := b.refunds[uint32(card)]
	if r == nil {
		r = new(refunds)
		b.refunds[uint32(card)] = r
	}
	at, found := slices.BinarySearchFunc(r.standing, refund{p: p, q: q}, func(x, y refund) int {
		return cmp.Or(cmp.Compare(x.p, y.p), cmp.Compare(x.q, y.q))
	})
	if !found {
		r.standing = slices.Insert(r.standing, at, refund{p: p, q: q})
	}
	r.standing[at].amount += sign * amount
	b.rematch(card)
	return nil
}

// rematch matches the refunds of a card anew. It is nothing for the many cards that
// never had one.
func (b *Books) rematch(card int) {
	r := b.refunds[uint32(card)]
	if r == nil {
		return
	}
	b.total.add(r.sums, -1)
	r.sums = match(r.standing, b.lacking(card))
	b.total.add(r.sums, 1)
}

// lacking are the commits of a card that nobody presented, by counter.
func (b *Books) lacking(card int) []posting {
	var out []posting
	for n := b.last[card]; n != 0; {
		c := b.commits.at(n)
		if !c.posted {
			out = append(out, posting{c.atc, money.Fen(c.amount)})
		}
		n = c.before
	}
	slices.SortFunc(out, func(a, b posting) int { return cmp.Compare(a.atc, b.atc) })
	return out
}

// match matches refunds with the commits in their ranges. It takes together the
// refunds whose ranges overlap.
func match(standing []refund, lacking []posting) Sums {
	var s Sums
	for len(standing) > 0 {
		n, end := 1, standing[0].end()
		for n < len(standing) && int(standing[n].p) < end {
			end = max(end, standing[n].end())
			n++
		}
		first := standing[0].p
		s.add(matchOverlapping(standing[:n], slices.DeleteFunc(slices.Clone(lacking), func(c posting) bool {
			return c.atc < first || int(c.atc) >= end
		})), 1)
		standing = standing[n:]
	}
	return s
}

// matchOverlapping spreads every commit, in counter order, over the refunds whose
// range holds it, the one that ends first before the others. As ranges have no holes,
// no other way matches more (Glover 1967).
func matchOverlapping(standing []refund, lacking []posting) Sums {
	var s Sums
	open := slices.Clone(standing)
	slices.SortStableFunc(open, func(a, b refund) int { return cmp.Compare(a.end(), b.end()) })
	matched := money.Fen(0)
	for _, c := range lacking {
		left := c.amount
		for i := range open {
			r := &open[i]
			if r.amount <= 0 || c.atc < r.p || int(c.atc) >= r.end() {
				continue
			}
			took := min(left, r.amount)
			r.amount, left, matched = r.amount-took, left-took, matched+took
		}
	}
	for _, r := range open {
		s.Overpaid += max(0, r.amount)
		s.Overtaken += max(0, -r.amount)
	}
	s.Outstanding = -matched
	s.Partial = matched - largestSum(lacking, matched)
	return s
}

// largestSum is the largest sum of whole amounts that is not above the limit.
func largestSum(of []posting, limit money.Fen) money.Fen {
	sums := []money.Fen{0}
	for _, c := range of {
		for _, s := range sums[:len(sums):len(sums)] {
			if s+c.amount <= limit {
				sums = append(sums, s+c.amount)
			}
		}
		slices.Sort(sums)
		sums = slices.Compact(sums)
	}
	return sums[len(sums)-1]
}
