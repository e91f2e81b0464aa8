package pos

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
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
//	8 unix seconds until which it waits, 128 row (row.Torn.AppendHead)
//	the card's data (kernel.Data.Append)
//
// The error is that of a row which no store would take.
func (t *Till) Export(dst []byte) ([]byte, error) {
	if t.torn == nil {
		return dst, nil
	}
	dst, err := t.torn.AppendHead(append(dst, exportFormat))
	if err != nil {
		return nil, fmt.Errorf("export sale: %w", err)
	}
	return t.torn.Data.Append(dst), nil
}

// Restore goes on with the torn sale of an Export: the Action is Again. A card that
// comes back finishes the sale if it proves that it has paid; a new transaction is not
// begun, since nobody may be waiting for one. Any other form than that of Export is
// refused, and so is a sale of another terminal; the till is idle then.
func (t *Till) Restore(b []byte) (Action, error) {
	if t.phase != idle {
		panic("pos: Restore while a sale is running")
	}
	const head = 1 + row.HeadSize
	switch {
	case len(b) > maxExport || len(b) < head:
		return Action{}, fmt.Errorf("restore sale: %d bytes, want %d to %d: %w", len(b), head, maxExport, errExport)
	case b[0] != exportFormat:
		return Action{}, fmt.Errorf("restore sale: format %02X, want %02X: %w", b[0], exportFormat, errExport)
	}
	decoded, err := row.DecodeTorn(b[1:head], b[head:])
	switch {
	case err != nil:
		return Action{}, fmt.Errorf("restore sale: %w: %w", err, errExport)
	case decoded.Row.Terminal != t.cfg.Terminal:
		return Action{}, fmt.Errorf("restore sale: it is of terminal %d, this is %d: %w", decoded.Row.Terminal, t.cfg.Terminal, errExport)
	}
	w := &torn{Torn: decoded, restored: true}
	again, err := (&Till{torn: w}).Export(make([]byte, 0, len(b)))
	if err != nil || !bytes.Equal(again, b) {
		return Action{}, fmt.Errorf("restore sale: not in the one form that it has: %w", errExport)
	}
	t.reset(Sale{Kind: Purchase, Interface: Contactless, Amount: w.Row.Amount, Time: w.Row.Time})
	t.torn = w
	r, d := &t.result, w.Data
	r.Commit, r.Identified, r.Card, r.Expiry, r.ATC = kernel.CommitUnknown, true, d.Card, d.Expiry, d.ATC
	r.AID = append(r.AID, d.AID()...)
	r.Cryptogram, r.CID, r.HasCryptogram, r.Cash = d.AC, d.CID(), true, true
	return t.again(false), nil
}
