package row

import (
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Record is a row with the evidence that belongs beside it in a block.
type Record struct {
	Row      txn.Row  // sequence number not yet given
	Evidence Evidence // empty unless Row.Flags has EvidenceKept
}

// Evidence lets anyone with the CA keys check a tap: the dynamic signature (9F4B)
// and what it is verified with. Card.PAN is not set: it is in the row.
type Evidence struct {
	SDAD []byte
	Card oda.CardData
}

// New is the row of a contactless transaction, with what the card told and was told.
// at is the time of the transaction in unix seconds. Sequence number, price and
// journey are left to the caller.
func New(kind txn.Kind, flags txn.Flags, d *kernel.Data, terminal txn.TerminalID, at int64) txn.Row {
	r := txn.Row{
		Kind: kind, Flags: flags,
		Card: d.Card, ATC: d.ATC, AC: d.AC, AIP: d.AIP,
		Amount: d.Amount, UN: d.Sent.UN, TVR: d.Sent.TVR, Time: at, Type: d.Sent.Type,
		Tag9F69: d.CAD, Tag9F6C: d.CTQ, Expiry: d.Expiry,
		DF60: d.DF60, Terminal: terminal, DF63: txn.DF63Unread,
	}
	d.IAD.Append(r.IAD[:0])
	return r
}

// Keep adds the evidence, if signature and certificates are all there. Its slices are
// those of d.
func (r *Record) Keep(d *kernel.Data) {
	e := Evidence{SDAD: d.Get(tlv.TagSDAD), Card: d.CardData()}
	e.Card.PAN = [10]byte{}
	if len(e.SDAD) > 0 && len(e.Card.IssuerCert) > 0 && len(e.Card.CardCert) > 0 {
		r.Evidence = e
		r.Row.Flags |= txn.EvidenceKept
	}
}

// Accept marks the record of a payment that the kernel approved, for which the
// service is given, and keeps its evidence.
func (r *Record) Accept(out *kernel.Outcome) {
	r.Row.Flags |= txn.LastRecordRead | txn.ODAVerified | txn.ServiceGiven
	if out.CADChecked {
		r.Row.Flags |= txn.Tag9F69Checked
	}
	r.Keep(out.Data)
}

// Balance is what the card holds after the transaction by its own word, in fen; -1 if
// it does not say or if it is not certain whether it has paid.
func Balance(out *kernel.Outcome) money.Fen {
	before, ok := out.Data.BalanceBefore()
	switch after, stated := out.Data.BalanceAfter(); {
	case stated && out.Commit == kernel.Committed:
		return after
	case !ok || out.Commit != kernel.NotCommitted:
		return -1
	}
	return before
}

// String tells of evidence no more than what kind it is.
func (e Evidence) String() string {
	return fmt.Sprintf("evidence(9F4B %d bytes, CA key %02X)", len(e.SDAD), e.Card.CAIndex)
}

// Format writes String for every verb: the static data contain the account number.
func (e Evidence) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.String())) }

// MarshalText gives String, so that JSON never holds the static data.
func (e Evidence) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// LogValue gives String to slog.
func (e Evidence) LogValue() slog.Value { return slog.StringValue(e.String()) }
