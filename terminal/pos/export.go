package pos

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// exportFormat is the first byte of Till.Export.
const exportFormat = 0x01

// maxExport bounds what Restore reads: one torn sale.
const maxExport = 64 << 10

var errExport = errors.New("no stored sale")

// Export stores the torn sale that waits for its card, for Restore after a power
// failure; it appends nothing if none waits. It holds account number and card data in
// the clear: encrypt it at rest. Integers are big-endian:
//
//	1 format 01
//	8 unix seconds until which it waits
//	128 row (txn.Row)
//	the card's data (kernel.Data.Append)
//
// The error is that of a row which no store would take.
func (t *Till) Export(dst []byte) ([]byte, error) {
	if t.torn == nil {
		return dst, nil
	}
	var row [txn.RowSize]byte
	if err := t.torn.row.Encode(&row); err != nil {
		return nil, fmt.Errorf("export torn sale: %w", err)
	}
	dst = binary.BigEndian.AppendUint64(append(dst, exportFormat), uint64(t.torn.until))
	return t.torn.data.Append(append(dst, row[:]...)), nil
}

// Restore goes on with the torn sale of an Export: the Action is Again. A card that
// comes back finishes the sale if it proves that it has paid; a new transaction is not
// begun, since nobody may be waiting for one. Any other form than that of Export is
// refused, and so is a sale of another terminal; the till is idle then.
func (t *Till) Restore(b []byte) (Action, error) {
	if t.phase != idle {
		panic("pos: Restore while a sale is running")
	}
	const head = 1 + 8 + txn.RowSize
	switch {
	case len(b) > maxExport || len(b) < head:
		return Action{}, fmt.Errorf("restore sale: %d bytes, want %d to %d: %w", len(b), head, maxExport, errExport)
	case b[0] != exportFormat:
		return Action{}, fmt.Errorf("restore sale: format %02X, want %02X: %w", b[0], exportFormat, errExport)
	}
	w := &torn{until: int64(binary.BigEndian.Uint64(b[1:])), restored: true}
	if err := w.row.Decode(b[9:head]); err != nil {
		return Action{}, fmt.Errorf("restore sale: %w: %w", err, errExport)
	}
	var err error
	if w.data, err = kernel.DecodeData(b[head:]); err != nil {
		return Action{}, fmt.Errorf("restore sale: %w: %w", err, errExport)
	}
	d := w.data
	switch {
	case w.row.Kind != txn.Doubt || w.row.Flags.Reason() != txn.LastAnswerLost:
		return Action{}, fmt.Errorf("restore sale: its row is %v (%v), want a doubt row (%v): %w", w.row.Kind, w.row.Flags.Reason(), txn.LastAnswerLost, errExport)
	case w.row.Terminal != t.cfg.Terminal:
		return Action{}, fmt.Errorf("restore sale: it is of terminal %d, this is %d: %w", w.row.Terminal, t.cfg.Terminal, errExport)
	case d.Card != w.row.Card || d.ATC != w.row.ATC || d.AC != w.row.AC || d.Amount != w.row.Amount:
		return Action{}, fmt.Errorf("restore sale: row and card data are of different sales: %w", errExport)
	}
	again, err := (&Till{torn: w}).Export(make([]byte, 0, len(b)))
	if err != nil || !bytes.Equal(again, b) {
		return Action{}, fmt.Errorf("restore sale: not in the one form that it has: %w", errExport)
	}
	t.reset(Sale{Kind: Purchase, Interface: Contactless, Amount: w.row.Amount, Time: w.row.Time})
	t.torn = w
	r := &t.result
	r.Commit, r.Identified, r.Card, r.Expiry, r.ATC = kernel.CommitUnknown, true, d.Card, d.Expiry, d.ATC
	r.AID = append(r.AID, d.AID()...)
	r.Cryptogram, r.CID, r.HasCryptogram, r.Cash = d.AC, cidOf(cryptogram.TC), true, true
	return t.again(false), nil
}
