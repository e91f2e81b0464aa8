package pos

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// row builds the row of a contactless transaction. The TVR is the one that the card
// was told, because a cryptogram of version 01 covers it.
func (t *Till) row(kind txn.Kind, flags txn.Flags, d *kernel.Data) txn.Row {
	r := txn.Row{
		Kind: kind, Flags: flags,
		Card: d.Card, ATC: d.ATC, AC: d.AC, AIP: d.AIP,
		Amount: d.Amount, UN: d.Sent.UN, TVR: d.Sent.TVR, Time: t.sale.Time, Type: d.Sent.Type,
		Tag9F69: d.CAD, Tag9F6C: d.CTQ, Expiry: d.Expiry,
		Terminal: t.cfg.Terminal, DF63: txn.DF63Unread,
	}
	d.IAD.Append(r.IAD[:0])
	return r
}

// unpaid records a counter of a card that was used without payment. Such a row needs
// no evidence.
func (t *Till) unpaid(kind txn.Kind, out *kernel.Outcome) {
	row := t.row(kind, txn.Flags(0).WithReason(out.Reason), out.Data)
	t.result.Records = append(t.result.Records, Record{Row: row})
}

// attach adds the evidence to a record, if it is complete: the dynamic signature and
// what it is verified with.
func attach(r *Record, d *kernel.Data) {
	e := gate.Evidence{Card: d.CardData(), SDAD: d.Get(tlv.TagSDAD)}
	e.Card.PAN = [10]byte{} // it is in the row
	if len(e.SDAD) > 0 && len(e.Card.IssuerCert) > 0 && len(e.Card.CardCert) > 0 {
		r.Evidence = e
		r.Row.Flags |= txn.EvidenceKept
	}
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

// balanceOf is what the card holds by its own word, -1 if it does not say or if it is
// not certain whether it has paid.
func balanceOf(out *kernel.Outcome) money.Fen {
	balance, ok := out.Data.BalanceBefore()
	switch {
	case !ok || out.Commit == kernel.CommitUnknown:
		return -1
	case out.Commit == kernel.Committed:
		balance -= out.Data.Amount
	}
	return balance
}
