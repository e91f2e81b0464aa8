package sim

import (
	"slices"

	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// refunded is a refund of a card, as the ledger has it.
type refunded struct {
	p, q        uint16
	at          int64
	provisional bool // a credit ahead of the window
}

// refundTimes counts the flash cards that had a doubt row and gave no service, and whose
// card has been heard of since; and of them those that were refunded within 24 hours of
// the moment at which both had arrived. Quota cards lose no money and are left out.
func (r *Run) refundTimes(seen map[uint32][]oracle.Seen, f *Flash) {
	for _, x := range r.truth.flashes {
		if r.world.hasQuota(x.rider) {
			continue
		}
		from, ok := provable(seen[x.rider], x.atc)
		if !ok {
			continue
		}
		f.RefundEligible++
		soon := func(b refunded) bool { return b.p <= x.atc && x.atc < b.q && b.at <= from+secondsPerDay }
		if i := slices.IndexFunc(r.refunds[x.rider], soon); i >= 0 {
			f.RefundedWithinDay++
			if r.refunds[x.rider][i].provisional {
				f.CreditedWithinDay++
			}
		}
	}
	f.RefundedWithinDayBP = 10_000
	if f.RefundEligible > 0 {
		f.RefundedWithinDayBP = f.RefundedWithinDay * 10_000 / f.RefundEligible
	}
}

// provable is the moment at which a doubt row without service and a row of a later
// counter had both arrived; false if there is no such moment.
func provable(seen []oracle.Seen, atc uint16) (at int64, ok bool) {
	doubt, next := int64(0), int64(0)
	first := func(t *int64, arrived int64) {
		if *t == 0 || arrived < *t {
			*t = arrived
		}
	}
	for i := range seen {
		switch row := &seen[i].Row; {
		case row.ATC == atc && row.Kind == txn.Doubt && !row.Flags.Has(txn.ServiceGiven):
			first(&doubt, seen[i].Arrived)
		case row.ATC > atc:
			first(&next, seen[i].Arrived)
		}
	}
	return max(doubt, next), doubt > 0 && next > 0
}
