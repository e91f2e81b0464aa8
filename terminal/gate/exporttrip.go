package gate

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// variant is what kind of card a stored torn tap is of.
type variant byte

const (
	plainTap     variant = 0
	carriedTap   variant = 1 // a bank card that carries its own journeys
	purseTapKind variant = 2
)

func (t *tornTap) variant() variant {
	switch {
	case t.trip != nil:
		return carriedTap
	case t.bought != nil:
		return purseTapKind
	}
	return plainTap
}

// shut is added to a variant: the gate stayed shut although an answer came.
const shut variant = 0x10

// appendVariant appends what kind of card it is of, and why the gate stayed shut.
func (t *tornTap) appendVariant(dst []byte) []byte {
	if t.why == txn.NoDoubt {
		return append(dst, byte(t.variant()))
	}
	return append(dst, byte(t.variant()|shut), byte(t.why))
}

// variant reads what appendVariant wrote; a reason that is none is found by trip.
func (r *reader) variant() (kind variant, why txn.DoubtReason) {
	if !r.carrying {
		return plainTap, txn.NoDoubt
	}
	if kind = variant(r.byte()); kind&shut != 0 {
		return kind &^ shut, txn.DoubtReason(r.byte())
	}
	return kind, txn.NoDoubt
}

// validWhy says whether a waiting tap of this kind can have been refused for its reason.
func (t *tornTap) validWhy(kind variant) bool {
	switch t.why {
	case txn.NoDoubt, txn.GateFault:
		return t.why == txn.NoDoubt || kind != plainTap
	case txn.ODAFailed, txn.MissingCardData, txn.DenyListed, txn.Expired, txn.NotYetValid:
		return kind == carriedTap
	}
	return false
}

// format is the first byte of what Export gives.
func (a *Array) format() byte {
	for _, t := range a.torn {
		if t.variant() != plainTap {
			return exportCarrying
		}
	}
	for i := range a.passes {
		if a.passes[i].serial != (journey.Serial{}) {
			return exportCarrying
		}
	}
	return exportFormat
}

func (t *tornTap) appendData(dst []byte) []byte {
	switch {
	case t.bought != nil:
		return t.bought.Append(dst)
	case t.answered != nil:
		return t.answered.append(dst)
	}
	return t.Data.Append(dst)
}

// appendTrip appends what a plain tap has not.
func (t *tornTap) appendTrip(dst []byte) []byte {
	if t.variant() == plainTap {
		return dst
	}
	be, q := binary.BigEndian, &t.quote
	dst = be.AppendUint16(append(dst, byte(q.kind), q.file), q.record)
	dst = append(be.AppendUint64(dst, uint64(q.held)), q.concession)
	dst = be.AppendUint32(dst, q.df63)
	if t.trip == nil {
		return dst
	}
	return append(append(dst, t.trip.prev[:]...), t.trip.next[:]...)
}

// trip reads what appendTrip wrote, and compares it with the row.
func (r *reader) trip(t *tornTap, kind variant) error {
	if !t.validWhy(kind) {
		return fmt.Errorf("refused for reason %d: %w", t.why, errExport)
	}
	if kind == plainTap {
		return nil
	}
	q, line := &t.quote, &t.Row
	q.kind, q.file, q.record = txn.Kind(r.byte()), r.byte(), r.uint16()
	q.held, q.concession, q.df63 = money.Fen(r.int64()), r.byte(), r.uint32()
	if kind == carriedTap {
		t.trip = &tornTrip{}
		copy(t.trip.prev[:], r.next(journey.Size))
		copy(t.trip.next[:], r.next(journey.Size))
	}
	rest := *q
	rest.held, rest.df63 = line.Held, line.DF63
	if kind == purseTapKind && q.kind == 0 { // a bus, paid without a record
		rest.file, rest.record, rest.concession = 0, 0, 0
	}
	if r.short {
		return fmt.Errorf("it is cut off: %w", errExport)
	}
	var stored [txn.RowSize]byte
	finished := t.proved()
	switch {
	case kind > purseTapKind:
		return fmt.Errorf("kind %d of a card: %w", kind, errExport)
	case q.kind == txn.Doubt, q.kind == txn.Declined, q.kind > txn.Declined, q.kind == 0 && kind == carriedTap:
		return fmt.Errorf("kind %d is none of a paid tap: %w", q.kind, errExport)
	case q.kind == txn.Entry && line.Amount != 0:
		return fmt.Errorf("an entry for %v: %w", line.Amount, errExport)
	case rest.file != line.CAPPFile || rest.record != line.CAPPRecord || rest.concession != line.Concession || kind == carriedTap && rest != *q:
		return fmt.Errorf("row and journey are of different taps: %w", errExport)
	}
	if err := finished.Row.Encode(&stored); err != nil {
		return fmt.Errorf("its row, once it is proved to be paid: %w", err)
	}
	return nil
}

// decodeShut reads the tap of a bank card that has answered: its row and its answers.
func (t *tornTap) decodeShut(head, data []byte) error {
	if err := t.decodeHead(head); err != nil {
		return err
	}
	if r := &t.Row; r.Kind != txn.Doubt || r.Flags.Reason() != txn.LastAnswerLost || r.Scheme != txn.Finance || r.Flags.Has(txn.EvidenceKept) {
		return fmt.Errorf("its row is %v (%v), want a doubt row (%v) of a bank card: %w", r.Kind, r.Flags.Reason(), txn.LastAnswerLost, errExport)
	}
	var err error
	t.answered, err = decodeAnswered(data)
	return err
}

func (t *tornTap) decodeHead(head []byte) error {
	if len(head) != row.HeadSize {
		return fmt.Errorf("head of %d bytes, want %d: %w", len(head), row.HeadSize, errExport)
	}
	t.Until = int64(binary.BigEndian.Uint64(head))
	return t.Row.Decode(head[8:])
}

// decodePurse reads the torn tap of a purse: its row and the purchase.
func (t *tornTap) decodePurse(head, data []byte) error {
	if err := t.decodeHead(head); err != nil {
		return err
	}
	d, err := purse.DecodeData(data)
	if err != nil {
		return err
	}
	t.bought = &d
	same := d.Row(txn.Doubt, t.Row.Flags, t.Row.Terminal)
	switch r := &t.Row; {
	case r.Kind != txn.Doubt || r.Flags.Reason() != txn.LastAnswerLost || !d.Begun:
		return fmt.Errorf("its row is %v (%v), want a doubt row (%v) of a purchase: %w", r.Kind, r.Flags.Reason(), txn.LastAnswerLost, errExport)
	case r.ContentKey() != same.ContentKey() || r.Card != same.Card || r.ATC != same.ATC || r.Time != same.Time || r.Type != same.Type:
		return fmt.Errorf("row and purchase are of different ones: %w", errExport)
	}
	return nil
}
