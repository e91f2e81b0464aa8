package row

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Torn is a transaction whose last record was asked for in vain, until its card comes
// back or its window ends.
type Torn struct {
	Data  *kernel.Data // a copy of its own
	Row   txn.Row      // as a doubt row LastAnswerLost
	Until int64        // end of its window, unix seconds
}

// Doubt is the record that is left if the card does not come back. Its signature is
// no evidence: it cannot be checked without the 9F69 of the record that was lost.
func (t *Torn) Doubt() Record { return Record{Row: t.Row} }

// Finished is the record of the payment, of the given kind, that a card has closed by
// repeating its record: out is the outcome of kernel.Machine.Resume.
func (t *Torn) Finished(kind txn.Kind, out *kernel.Outcome) Record {
	r := Record{Row: t.Row}
	r.Row.Kind = kind
	r.Row.Flags = r.Row.Flags.WithReason(txn.NoDoubt) | txn.ClosedByRetap
	r.Row.Tag9F69, r.Row.Expiry = out.Data.CAD, out.Data.Expiry
	return r
}

// Proves says that the card here, which kernel.Machine.Resume has approved, is the one
// that paid: the signature covers what it gave in its last record, 9F69, or stood there
// itself. Under fDDA version 00 with the signature in the answer to GET PROCESSING
// OPTIONS nothing proves it.
func (t *Torn) Proves(out *kernel.Outcome) bool {
	return out.CADChecked || t.Data.Get(tlv.TagSDAD) == nil
}

// HeadSize is the number of bytes that AppendHead appends.
const HeadSize = 8 + txn.RowSize

// AppendHead appends the part of fixed length, in the clear:
//
//	8 end of the window, unix seconds, big-endian
//	128 row (txn.Row)
//
// The card's data (kernel.Data.Append) are the rest; the caller says where they stand.
// The error is that of a row which no store would take.
func (t *Torn) AppendHead(dst []byte) ([]byte, error) {
	var row [txn.RowSize]byte
	if err := t.Row.Encode(&row); err != nil {
		return nil, fmt.Errorf("store torn transaction of terminal %d: %w", t.Row.Terminal, err)
	}
	return append(binary.BigEndian.AppendUint64(dst, uint64(t.Until)), row[:]...), nil
}

// DecodeTorn reads what AppendHead and kernel.Data.Append gave. It refuses a head of
// another length, a row that is none or no doubt row LastAnswerLost, card data that
// are none, and a row and card data that are of different transactions.
func DecodeTorn(head, data []byte) (Torn, error) {
	if len(head) != HeadSize {
		return Torn{}, fmt.Errorf("torn transaction: head of %d bytes, want %d", len(head), HeadSize)
	}
	t := Torn{Until: int64(binary.BigEndian.Uint64(head))}
	if err := t.Row.Decode(head[8:]); err != nil {
		return Torn{}, fmt.Errorf("torn transaction: %w", err)
	}
	var err error
	if t.Data, err = kernel.DecodeData(data); err != nil {
		return Torn{}, fmt.Errorf("torn transaction: %w", err)
	}
	d, r := t.Data, &t.Row
	switch {
	case r.Kind != txn.Doubt || r.Flags.Reason() != txn.LastAnswerLost:
		return Torn{}, fmt.Errorf("torn transaction: its row is %v (%v), want a doubt row (%v)", r.Kind, r.Flags.Reason(), txn.LastAnswerLost)
	case d.Card != r.Card || d.ATC != r.ATC || d.AC != r.AC || d.Amount != r.Amount || d.DF60 != r.DF60:
		return Torn{}, fmt.Errorf("torn transaction: row and card data are of different ones")
	}
	return t, nil
}
