package sim

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// ledgerOfTruth is what the simulation knows and nobody else: what left every
// chip on every day, which taps were torn, what was forged.
type ledgerOfTruth struct {
	counts  tapCounts
	commits [][]commit  // by day after D
	chips   []money.Fen // sum of all balances at the end of each day
	flashes []flash
	torn    map[uint32]bool
	denied  int
	forged  map[txn.Verdict]int
	balance money.Fen
}

func newLedgerOfTruth(w *World) *ledgerOfTruth {
	t := &ledgerOfTruth{torn: map[uint32]bool{}}
	for i := range w.riders.Len() {
		t.balance += w.openingBalance(uint32(i))
	}
	return t
}

// endOfDay collects what happened at the places since the last call.
func (t *ledgerOfTruth) endOfDay(w *World) {
	var today []commit
	for _, p := range w.places {
		today = append(today, p.truth.commits...)
		t.flashes = append(t.flashes, p.truth.flashes...)
		for _, r := range p.truth.torn {
			t.torn[r] = true
		}
		t.counts.add(p.truth.counts)
		t.denied += p.truth.deniedRows
		p.truth.commits, p.truth.flashes, p.truth.torn = nil, nil, nil
		p.truth.counts, p.truth.deniedRows = tapCounts{}, 0
	}
	for _, c := range today {
		t.balance -= c.amount
	}
	slices.SortFunc(today, func(a, b commit) int { return cmp.Or(cmp.Compare(a.rider, b.rider), cmp.Compare(a.atc, b.atc)) })
	t.commits = append(t.commits, today)
	t.chips = append(t.chips, t.balance)
}

// comingBack lists the riders who tap again on a day: those whose taps were torn
// and those whose rows were held up, each on one of three days.
func (t *ledgerOfTruth) comingBack(w *World, c *carrier, day int) []uint32 {
	var out []uint32
	add := func(rider uint32) {
		if w.injected.roles[rider] == 0 && 1+w.below(3, forReturn, uint64(rider)) == day {
			out = append(out, rider)
		}
	}
	for rider := range t.torn {
		add(rider)
	}
	for rider := range c.touched {
		if !t.torn[rider] {
			add(rider)
		}
	}
	slices.Sort(out)
	return out
}
