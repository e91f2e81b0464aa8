package gate

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// answered is what is kept of a bank card that has answered its last record: the evidence,
// empty if it is not whole, and the balance after the payment by its own word, -1 unknown.
// Nothing in it is asked whether it makes sense, as it may have been spoilt on the way.
type answered struct {
	evidence row.Evidence
	balance  money.Fen
}

func newAnswered(d *kernel.Data) *answered {
	a := &answered{balance: -1}
	if b, ok := d.BalanceAfter(); ok {
		a.balance = b
	}
	var r row.Record
	r.Keep(d)
	a.evidence = r.Evidence
	for _, part := range a.parts() {
		*part = slices.Clone(*part)
	}
	return a
}

// keep puts the evidence beside a row.
func (a *answered) keep(r *row.Record) {
	if a != nil && len(a.evidence.SDAD) > 0 {
		r.Evidence = a.evidence
		r.Row.Flags |= txn.EvidenceKept
	}
}

func (a *answered) parts() [9]*[]byte {
	c := &a.evidence.Card
	return [...]*[]byte{
		&a.evidence.SDAD, &c.IssuerCert, &c.IssuerRest, &c.IssuerExponent, &c.CardCert, &c.CardRest, &c.CardExponent,
		&c.StaticData, &c.StaticTags,
	}
}

// append stores it: 8 balance, 5 RID, 1 CA index, 2 AIP, then SDAD, issuer certificate,
// remainder and exponent, the same of the card, static data and 9F4A, each with its length
// in two bytes.
func (a *answered) append(dst []byte) []byte {
	be, c := binary.BigEndian, &a.evidence.Card
	dst = append(be.AppendUint64(dst, uint64(a.balance)), c.RID[:]...)
	dst = append(append(dst, c.CAIndex), c.AIP[:]...)
	for _, part := range a.parts() {
		dst = append(be.AppendUint16(dst, uint16(len(*part))), *part...)
	}
	return dst
}

// decodeAnswered reads what append gave.
func decodeAnswered(b []byte) (*answered, error) {
	r := reader{rest: b}
	a := &answered{balance: money.Fen(r.int64())}
	c := &a.evidence.Card
	copy(c.RID[:], r.next(len(c.RID)))
	c.CAIndex = r.byte()
	copy(c.AIP[:], r.next(len(c.AIP)))
	for _, part := range a.parts() {
		*part = slices.Clone(r.next(int(r.uint16())))
	}
	whole := len(a.evidence.SDAD) > 0 && len(c.IssuerCert) > 0 && len(c.CardCert) > 0
	if r.short || len(r.rest) != 0 || a.balance < -1 || !whole && len(a.evidence.SDAD) > 0 {
		return nil, fmt.Errorf("what its card has answered is not whole: %w", errExport)
	}
	return a, nil
}

// keep lets a tap wait whose card may have paid while the gate stays shut. why is
// NoDoubt if its last answer was lost.
func (g *Gate) keep(d *kernel.Data, why txn.DoubtReason) *tornTap {
	t := g.keepRow(g.row(txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), d, &g.quote))
	if t.why = why; why == txn.NoDoubt {
		t.Data = d.Clone()
	} else {
		t.answered = newAnswered(d)
	}
	if g.quote.carried() {
		t.trip = &tornTrip{prev: g.trip.prev, next: g.trip.next}
	}
	return t
}

// keepPurse does the same for a purchase of a purse.
func (g *Gate) keepPurse(d *purse.Data) *tornTap {
	t := g.keepRow(g.purseRow(txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), d))
	bought := *d
	t.bought = &bought
	return t
}

func (g *Gate) keepRow(r txn.Row) *tornTap {
	t := &tornTap{
		Torn: row.Torn{Until: g.now + seconds(g.cfg.RetapWindow), Row: r},
		mode: g.cfg.Mode, uid: g.field.UID, quote: g.quote,
	}
	g.array.torn = append(g.array.torn, t)
	g.result.Retap = true
	return t
}

// stuck has a card that has paid while the leaves broke. Its own record says that it is
// through, so that it can prove its payment to another gate of the array; the row waits
// for that.
func (g *Gate) stuck(out *kernel.Outcome) Action {
	g.settleTorn(out.Data.Card)
	t := g.keep(out.Data, txn.GateFault)
	paid := row.Record{Row: t.Row}
	paid.Accept(out)
	t.Row.Flags = paid.Row.Flags &^ (txn.ServiceGiven | txn.EvidenceKept)
	return g.jammed(t)
}

// stuckPurse does the same for a purse.
func (g *Gate) stuckPurse(d *purse.Data) Action {
	g.settlePurse(d.Card.Key)
	t := g.keepPurse(d)
	t.why = txn.GateFault
	t.Row.Flags |= txn.LastRecordRead
	return g.jammed(t)
}

func (g *Gate) jammed(t *tornTap) Action {
	g.result.Amount = t.Row.Amount
	if g.quote.kind == txn.Hold {
		g.result.Amount, g.result.Held = 0, t.Row.Amount
	}
	return g.done(OutOfOrder)
}

// doubt is the row that is left of a tap if its card does not come back, with the
// evidence if the card has answered.
func (t *tornTap) doubt() row.Record {
	r := t.Doubt()
	if t.why == txn.NoDoubt {
		return r
	}
	r.Row.Flags = r.Row.Flags.WithReason(t.why)
	t.answered.keep(&r)
	return r
}

// staysOut says that the tap was refused for what the card is, not for what was spoilt on
// the way: it may have paid, and is not let through for it.
func (t *tornTap) staysOut() bool {
	return t.why == txn.DenyListed || t.why == txn.Expired || t.why == txn.NotYetValid
}

// denies says that a card is on the deny list.
func (g *Gate) denies(card txn.CardKey) bool {
	return g.cfg.Kernel.Denied != nil && g.cfg.Kernel.Denied(card)
}

// begin notes when the memory begins.
func (a *Array) begin(now int64) {
	if !a.used {
		a.since, a.used = now, true
	}
}
