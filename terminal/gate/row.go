package gate

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// row builds the row of a tap from what the card told and what it was priced by.
func (g *Gate) row(kind txn.Kind, flags txn.Flags, d *kernel.Data, q *quote) txn.Row {
	r := row.New(kind, flags|q.flags, d, g.cfg.Terminal, g.now)
	g.fill(&r, q)
	return r
}

// fill writes into a row what the tap was priced by.
func (g *Gate) fill(r *txn.Row, q *quote) {
	r.FullFare, r.FareRule, r.Month = q.full, q.rule, q.month
	switch {
	case q.carried():
		r.EntryTerminal, r.EntryTime, r.EntryATC = q.entry.Terminal, q.entry.Time, q.entry.ATC
		r.MonthSum, r.Concession = q.monthSum, q.concession
		if r.Scheme == txn.Finance {
			r.Held, r.DF63 = q.held, q.df63
		}
		r.CAPPFile, r.CAPPRecord = q.file, q.record
	case g.cfg.Mode == Exit && q.known() && q.entry.Card == r.Card: // a hint may have led to another card's entry
		r.EntryTerminal, r.EntryTime, r.EntryATC = q.entry.Terminal, q.entry.Time, q.entry.ATC
		r.MonthSum = q.monthSum
	}
	if g.cfg.Mode.onBus() {
		r.Route, r.Stop, r.Direction = g.cfg.Route, g.stop, g.direction
	}
}

// kind is what the row of a paid tap records.
func (g *Gate) kind(q *quote) txn.Kind {
	if q.carried() {
		return q.kind
	}
	return modeKinds[g.cfg.Mode]
}

// unpaid records a counter of a card that was used without payment. Such a row
// needs no evidence.
func (g *Gate) unpaid(kind txn.Kind, reason txn.DoubtReason) {
	r := row.Record{Row: g.row(kind, txn.Flags(0).WithReason(reason), g.kernel.Data(), &g.quote)}
	g.result.Records = append(g.result.Records, r)
}

// refused records a tap whose last record was answered and which is not accepted,
// with the evidence.
func (g *Gate) refused(flags txn.Flags) {
	d := g.kernel.Data()
	r := row.Record{Row: g.row(txn.Doubt, flags, d, &g.quote)}
	r.Keep(d)
	g.result.Records = append(g.result.Records, r)
}
