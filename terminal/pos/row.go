package pos

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// row builds the row of a contactless transaction.
func (t *Till) row(kind txn.Kind, flags txn.Flags, d *kernel.Data) txn.Row {
	return row.New(kind, flags, d, t.cfg.Terminal, t.sale.Time)
}

// unpaid records a counter of a card that was used without payment. Such a row needs
// no evidence.
func (t *Till) unpaid(kind txn.Kind, out *kernel.Outcome) {
	r := row.Record{Row: t.row(kind, txn.Flags(0).WithReason(out.Reason), out.Data)}
	t.result.Records = append(t.result.Records, r)
}

// debitRow builds the row of a debit/credit or electronic cash transaction. Where the
// answer with the TC was lost, the row has no cryptogram: one that came before says
// nothing of the payment.
func (t *Till) debitRow(kind txn.Kind, flags txn.Flags, d *emv.Data) txn.Row {
	r := txn.Row{
		Kind: kind, Flags: flags,
		Card: d.Card, ATC: d.ATC, AC: d.AC, AIP: d.AIP,
		Amount: d.Amount, UN: d.Sent.UN, TVR: d.Sent.TVR, Time: t.sale.Time, Type: d.Sent.Type,
		Expiry: d.Expiry, Terminal: t.cfg.Terminal, DF63: txn.DF63Unread,
	}
	copy(r.IAD[:], d.IAD)
	if flags.Reason() == txn.LastAnswerLost && !isTC(d.CID) {
		r.AC, r.IAD = [8]byte{}, [24]byte{}
	}
	return r
}

func isTC(cid byte) bool { return cid&0xC0 == 0x40 }
