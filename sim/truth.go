package sim

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
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
	blind   map[blindKey]int32       // right price in fen of the journeys that were charged without their entry
	quota   map[uint32][]quotaCommit // debits of cards with a quota
	denied  int
	forged  map[txn.Verdict]int
	balance money.Fen
}

func newLedgerOfTruth(w *World) *ledgerOfTruth {
	t := &ledgerOfTruth{torn: map[uint32]bool{}, blind: map[blindKey]int32{}, quota: map[uint32][]quotaCommit{}}
	for i := range w.riders.Len() {
		if !w.hasQuota(uint32(i)) {
			t.balance += w.openingBalance(uint32(i))
		}
	}
	return t
}

// endOfDay collects what happened at the places since the last call, and reads the
// cards' memories.
func (t *ledgerOfTruth) endOfDay(w *World) error {
	var today []commit
	for _, p := range w.places {
		today = append(today, p.truth.commits...)
		t.flashes = append(t.flashes, p.truth.flashes...)
		for _, r := range p.truth.torn {
			t.torn[r] = true
		}
		for _, b := range p.truth.blind {
			t.blind[blindKey{b.rider, b.atc}] = b.amount
		}
		t.counts.add(p.truth.counts)
		t.denied += p.truth.deniedRows
		p.truth.commits, p.truth.flashes, p.truth.torn, p.truth.blind = nil, nil, nil, nil
		p.truth.counts, p.truth.deniedRows = tapCounts{}, 0
	}
	slices.SortFunc(today, func(a, b commit) int { return cmp.Or(cmp.Compare(a.rider, b.rider), cmp.Compare(a.atc, b.atc)) })
	t.commits = append(t.commits, today)
	changed, err := w.readChips()
	t.balance += changed
	t.chips = append(t.chips, t.balance)
	return err
}

// readChips reads the value in the memory of every card that was presented since the
// last call, and gives by how much all of them together have changed. The layout of
// the memory is the profile's, so that one card's image fits all of a profile.
func (w *World) readChips() (money.Fen, error) {
	const part = 4096
	n := w.riders.Len()
	sums := make([]money.Fen, (n+part-1)/part)
	err := w.parallel(len(sums), func(i int, k *worker) error {
		images := map[layout]*card.Image{}
		for rider := uint32(i * part); int(rider) < min((i+1)*part, n); rider++ {
			a := &w.dues[rider]
			if a.read == w.taps[rider] {
				continue
			}
			a.read = w.taps[rider]
			same := w.layoutOf(rider)
			img := images[same]
			if img == nil {
				var err error
				if img, err = w.issuing.image(rider); err != nil {
					return err
				}
				images[same] = img
			}
			if err := k.chip.Insert(img, w.cards[rider]); err != nil {
				return fmt.Errorf("read card of rider %d: %w", rider, err)
			}
			now := int32(k.state(img).balance)
			if same.kind != quotaCard {
				sums[i] += money.Fen(now - a.chip)
			}
			a.chip = now
		}
		return nil
	})
	sum := money.Fen(0)
	for _, s := range sums {
		sum += s
	}
	return sum, err
}

// layout is what cards have in common whose memories can be read with one image.
type layout struct {
	kind    cardKind
	profile *perso.Profile // nil of a purse
	phone   bool
}

func (c *City) layoutOf(rider uint32) layout {
	l := layout{kind: c.kindOf(rider)}
	if l.kind != tunionCard {
		l.profile = c.profileOf(rider)
	}
	l.phone = l.kind == quotaCard && c.isPhone(rider)
	return l
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
