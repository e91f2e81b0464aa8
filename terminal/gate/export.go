package gate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// The first byte of Array.Export: exportFormat where no card carries its journeys.
const (
	exportFormat   = 0x01
	exportCarrying = 0x02
)

// maxExport bounds what Restore reads: some 20,000 taps.
const maxExport = 32 << 20

var errExport = errors.New("no stored array")

// Export stores the memory of the array, for Restore after a power failure. A host
// that keeps it writes it together with the rows of each Result, in one write; then
// every counter has its row whenever the power fails. It holds account numbers and
// card data in the clear: encrypt it at rest. Integers are big-endian:
//
//	1 format 01
//	4 number of torn taps, each:
//	  1 mode, 11 UID, 8 end of its window and 128 row (row.Torn.AppendHead)
//	  price: 8 amount, 8 fare before discounts, 8 counted, 8 month's sum, 2 rule,
//	    2 flags, 2 month; entry record: 11 card, 11 UID, 2 station, 4 terminal,
//	    8 time, 2 ATC
//	  4 length of the card's data, and they (kernel.Data.Append)
//	4 number of passes, each:
//	  1 mode, 11 UID, 11 card, 8 end of its window, 1 opened again (01), passed (02)
//	  27 kernel.Seen: 16 AID, 1 its length, 1 SFI, 1 record, 8 9F69; or all zero
//
// Where a tap or a pass is of a card that carries its own journeys, the format is 02, and
// there stands
//
//	before each torn tap: 1 whether it is of such a bank card (01), of a purse (02) or of
//	  none of them (00), with 10 added if the gate stayed shut although an answer to the
//	  last record came: 1 why (txn.DoubtReason); the data of a purse are those of
//	  purse.Data.Append, those of a bank card that has answered: 8 balance, 5 RID, 1 CA
//	  index, 2 AIP, and each with its length in two bytes 9F4B, certificate, remainder
//	  and exponent of issuer and card, static data, 9F4A
//	behind one of the first two: 1 kind of its row if paid, else 00; 1 SFI, 2 record,
//	  8 amount held, 1 concession, 4 DF63; of a bank card also 128 the card's record
//	  before, 128 after
//	behind each pass: 8 the card's number in its record, else zeros; a pass that is
//	  known by it alone has no card
//
// A UID is its length and ten bytes, filled up with zeros; a card is PAN and PSN.
// The error is that of a row which no store would take.
func (a *Array) Export(dst []byte) ([]byte, error) {
	be := binary.BigEndian
	format := a.format()
	dst = be.AppendUint32(append(dst, format), uint32(len(a.torn)))
	for _, t := range a.torn {
		if format == exportCarrying {
			dst = t.appendVariant(dst)
		}
		dst = appendUID(append(dst, byte(t.mode)), t.uid)
		var err error
		if dst, err = t.AppendHead(dst); err != nil {
			return nil, fmt.Errorf("export array: %w", err)
		}
		dst = appendQuote(dst, &t.quote)
		at := len(dst)
		dst = t.appendData(append(dst, 0, 0, 0, 0))
		be.PutUint32(dst[at:], uint32(len(dst)-at-4))
		dst = t.appendTrip(dst)
	}
	dst = be.AppendUint32(dst, uint32(len(a.passes)))
	for i := range a.passes {
		p := &a.passes[i]
		dst = appendCard(appendUID(append(dst, byte(p.mode)), p.uid), p.card)
		dst = append(be.AppendUint64(dst, uint64(p.until)), bit(p.opened, 1)|bit(p.passed, 2))
		dst = append(append(dst, p.seen.AID[:]...), p.seen.AIDLen, p.seen.SFI, p.seen.Last)
		dst = append(dst, p.seen.CAD[:]...)
		if format == exportCarrying {
			dst = append(dst, p.serial[:]...)
		}
	}
	return dst, nil
}

// Restore fills an empty array with what Export gave. Any other form than that one
// is refused, and then the array stays empty.
func (a *Array) Restore(b []byte) error {
	if len(a.torn)+len(a.passes) != 0 {
		return fmt.Errorf("restore array: it is in use, restore into a new one: %w", errExport)
	}
	if len(b) > maxExport {
		return fmt.Errorf("restore array: %d bytes, at most %d: %w", len(b), maxExport, errExport)
	}
	r := reader{rest: b}
	var back Array
	switch f := r.byte(); f {
	case exportFormat, exportCarrying:
		r.carrying = f == exportCarrying
	default:
		return fmt.Errorf("restore array: format %02X, want %02X or %02X: %w", f, exportFormat, exportCarrying, errExport)
	}
	for i := r.uint32(); i > 0 && !r.short; i-- {
		t, err := r.torn()
		if err != nil {
			return fmt.Errorf("restore array: torn tap %d: %w", len(back.torn)+1, err)
		}
		back.torn = append(back.torn, t)
	}
	for i := r.uint32(); i > 0 && !r.short; i-- {
		p, err := r.pass()
		if err != nil {
			return fmt.Errorf("restore array: pass %d: %w", len(back.passes)+1, err)
		}
		back.passes = append(back.passes, p)
	}
	if r.short || len(r.rest) != 0 {
		return fmt.Errorf("restore array: %d bytes do not make it up: %w", len(b), errExport)
	}
	again, err := back.Export(make([]byte, 0, len(b)))
	if err != nil || !bytes.Equal(again, b) {
		return fmt.Errorf("restore array: not in the one form that it has: %w", errExport)
	}
	*a = back
	return nil
}

func bit(set bool, b byte) byte {
	if set {
		return b
	}
	return 0
}

func appendUID(dst []byte, u UID) []byte { return append(append(dst, u.n), u.b[:]...) }

func appendCard(dst []byte, c txn.CardKey) []byte { return append(append(dst, c.PAN[:]...), c.PSN) }

func appendQuote(dst []byte, q *quote) []byte {
	be := binary.BigEndian
	for _, f := range [...]money.Fen{q.amount, q.full, q.counted, q.monthSum} {
		dst = be.AppendUint64(dst, uint64(f))
	}
	dst = be.AppendUint16(be.AppendUint16(dst, q.rule), uint16(q.flags))
	dst = append(dst, q.month[:]...)
	e := &q.entry
	dst = appendUID(appendCard(dst, e.Card), e.UID)
	dst = be.AppendUint32(be.AppendUint16(dst, uint16(e.Station)), uint32(e.Terminal))
	return be.AppendUint16(be.AppendUint64(dst, uint64(e.Time)), e.ATC)
}

// reader cuts a slice into parts; once it is too short it gives zeros.
type reader struct {
	rest     []byte
	short    bool
	carrying bool // format 02
}

func (r *reader) next(n int) []byte {
	if n > len(r.rest) {
		r.rest, r.short = nil, true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// integer reads n bytes, at most 8.
func (r *reader) integer(n int) (v uint64) {
	for _, b := range r.next(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (r *reader) byte() byte     { return byte(r.integer(1)) }
func (r *reader) uint16() uint16 { return uint16(r.integer(2)) }
func (r *reader) uint32() uint32 { return uint32(r.integer(4)) }
func (r *reader) int64() int64   { return int64(r.integer(8)) }

func (r *reader) uid() (u UID) {
	u.n = r.byte()
	copy(u.b[:], r.next(len(u.b)))
	return u
}

func (r *reader) card() (c txn.CardKey) {
	copy(c.PAN[:], r.next(len(c.PAN)))
	c.PSN = r.byte()
	return c
}

func (r *reader) quote() (q quote) {
	for _, f := range [...]*money.Fen{&q.amount, &q.full, &q.counted, &q.monthSum} {
		*f = money.Fen(r.int64())
	}
	q.rule, q.flags = r.uint16(), txn.Flags(r.uint16())
	copy(q.month[:], r.next(len(q.month)))
	e := &q.entry
	e.Card, e.UID = r.card(), r.uid()
	e.Station, e.Terminal, e.Time, e.ATC = fare.StationID(r.uint16()), txn.TerminalID(r.uint32()), r.int64(), r.uint16()
	return q
}

// torn reads a tap and compares what is said twice.
func (r *reader) torn() (*tornTap, error) {
	kind, why := r.variant()
	t := &tornTap{why: why, mode: Mode(r.byte()), uid: r.uid()}
	head := r.next(row.HeadSize)
	t.quote = r.quote()
	data := r.next(int(r.uint32()))
	if r.short {
		return nil, fmt.Errorf("it is cut off: %w", errExport)
	}
	var err error
	switch {
	case kind == purseTapKind:
		err = t.decodePurse(head, data)
	case why != txn.NoDoubt:
		err = t.decodeShut(head, data)
	default:
		t.Torn, err = row.DecodeTorn(head, data)
	}
	if err != nil {
		return nil, err
	}
	q := &t.quote
	switch {
	case !t.mode.valid() || !t.uid.valid() || !q.entry.UID.valid():
		return nil, fmt.Errorf("mode %d or a UID is none: %w", t.mode, errExport)
	case t.Row.Amount != q.amount || q.full != t.Row.FullFare || q.counted < 0 || q.monthSum < 0:
		return nil, fmt.Errorf("row and price are of different taps: %w", errExport)
	}
	return t, r.trip(t, kind)
}

func (r *reader) pass() (pass, error) {
	p := pass{mode: Mode(r.byte()), uid: r.uid(), card: r.card(), until: r.int64()}
	state := r.byte()
	p.opened, p.passed = state&1 != 0, state&2 != 0
	copy(p.seen.AID[:], r.next(len(p.seen.AID)))
	p.seen.AIDLen, p.seen.SFI, p.seen.Last = r.byte(), r.byte(), r.byte()
	copy(p.seen.CAD[:], r.next(len(p.seen.CAD)))
	if r.carrying {
		copy(p.serial[:], r.next(len(p.serial)))
	}
	byRecord := p.card == txn.CardKey{} && p.serial != journey.Serial{} && !p.seen.Known()
	if !p.mode.valid() || !p.uid.valid() || p.card.PAN.Validate() != nil && !byRecord || !p.seen.Valid() {
		return pass{}, fmt.Errorf("mode %d, UID, card or 9F69 is none: %w", p.mode, errExport)
	}
	return p, nil
}
