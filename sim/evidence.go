package sim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// accountIndex leads from a ledger account of a card to its rider.
type accountIndex []struct {
	key   uint64
	rider uint32
}

func (r *road) accountIndex() accountIndex {
	x := make(accountIndex, r.riders.Len())
	for i := range x {
		x[i].key, x[i].rider = accountKey(issuer.FloatAccount(r.books.Tokens.Token(r.cardOf(uint32(i))))), uint32(i)
	}
	slices.SortFunc(x, func(a, b struct {
		key   uint64
		rider uint32
	}) int {
		return cmp.Compare(a.key, b.key)
	})
	return x
}

// accountKey leaves out the kind: float and customer account of a card have one
// key.
func accountKey(id ledger.AccountID) uint64 { return binary.BigEndian.Uint64(id[1:]) }

func (x accountIndex) rider(id ledger.AccountID) (uint32, error) {
	i, found := slices.BinarySearchFunc(x, accountKey(id), func(e struct {
		key   uint64
		rider uint32
	}, key uint64) int {
		return cmp.Compare(e.key, key)
	})
	if !found {
		return 0, fmt.Errorf("account %s belongs to no rider", id)
	}
	return x[i].rider, nil
}

// knowable asks the oracle what the rows that arrived prove about the cards of
// riders with flash cards, and gives these rows.
func (r *Run) knowable(rd *sqlite.Reader) (known map[uint32][]oracle.Open, seen map[uint32][]oracle.Seen, err error) {
	seen = map[uint32][]oracle.Seen{}
	for _, f := range r.truth.flashes {
		seen[f.rider] = nil
	}
	if len(seen) == 0 {
		return nil, nil, nil
	}
	for day := range int32(LastDay + 1) {
		if err := r.arrived(rd, r.world.day+day, seen); err != nil {
			return nil, nil, err
		}
	}
	out := map[uint32][]oracle.Open{}
	for rider, rows := range seen {
		out[rider] = r.chipOf(rider).Decide(rows)
	}
	return out, seen, nil
}

// chipOf is what the issuer knows of a rider's card beside its rows.
func (r *Run) chipOf(rider uint32) oracle.Chip {
	c := oracle.Chip{Opening: r.world.openingBalance(rider), Limit: cardLimit}
	switch r.world.kindOf(rider) {
	case oldCard, tunionCard:
		return c
	case quotaCard:
		for _, p := range r.road.quota.sent[rider] {
			if p.executed {
				c.Pushes = append(c.Pushes, oracle.Push{Number: p.number, Value: quotaTerms.Quota, After: p.after})
			}
		}
	}
	product := r.world.profileOf(rider).Product()
	c.Deposit, c.Holds = product.Extension.Deposit, product.Transit == pboc.TransitHold
	return c
}

// arrived reads the blocks of a window again and collects the rows of some
// riders, all but those that the injector made: no verdict of clearing is looked at.
func (r *Run) arrived(rd *sqlite.Reader, window int32, seen map[uint32][]oracle.Seen) error {
	blocks, err := rd.Blocks(window)
	if err != nil {
		return err
	}
	opened := make([][]txn.Presented, len(blocks))
	errs := make([]error, len(blocks))
	const chunk = 256
	for from := 0; from < len(blocks); from += chunk {
		to := min(from+chunk, len(blocks))
		parallel(r.Workers, to-from, func(i int) { opened[from+i], errs[from+i] = r.road.openBlock(&blocks[from+i]) })
		for i := from; i < to; i++ {
			if errs[i] != nil {
				return errs[i]
			}
			for n := range opened[i] {
				p := &opened[i][n]
				rider, known := r.world.riderOf(p.Row.Card)
				if _, wanted := seen[rider]; !known || !wanted {
					continue
				}
				if p.Row.Terminal == shopTerminals+1 {
					continue
				}
				late := blocks[i].Arrived-p.Row.Time > lateAfter
				seen[rider] = append(seen[rider], oracle.Seen{Row: p.Row, Arrived: blocks[i].Arrived, Refused: late || r.world.injected.deniedAtAcquirer(rider)})
			}
			opened[i] = nil
		}
	}
	return nil
}
