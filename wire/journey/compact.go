package journey

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/money"
)

// CompactSize is the length of a Record in the compound file of a City Union purse.
const CompactSize = 48

// compactBody is what the length byte of a compound record says: all behind it.
const compactBody = CompactSize - 2

// Bits of the state byte of a compact record.
const (
	compactValid   = 0x80
	compactReverse = 0x40 // direction BA
	compactForward = 0x20 // direction AB
	compactState   = 0x03
)

// Offsets from 0 in a compact record.
const (
	atShortFlags  = 3
	atShortEntry  = 4
	atShortExit   = 17
	atShortMoney  = 23
	atShortMonth  = 29
	atShortATC    = 34
	atShortRights = 36
	atShortRule   = 42
	atShortOff    = 46
)

// AppendCompact writes the record in the form that fits a compound record of a City
// Union purse (file 17, records 01 bus and 02 metro, of 48 bytes), whose content is not
// public: all but tag, length and lock flag is our choice. Integers are big-endian,
// times unix seconds, amounts fen.
//
//	off len field                       off len field
//	  0   1 tag, low byte of ID          26   3 amount of the last journey
//	  1   1 2E, length of the rest       29   2 month YYMM (BCD), 31 3 month's sum
//	  2   1 locked 01                    34   2 counter of the entry
//	  3   1 80 valid, 40 direction BA,   36   1 concession, 37 2 its last day
//	        20 AB, low bits the state    39   1 rides left, 40 2 their last day
//	  4   4 entry: terminal, 8 4 time    42   2 rule book of the entry
//	 12   2 line, 14 1 stop              44   2 position of boarding (10 m)
//	 15   2 station                      46   2 transfer discount
//	 17   4 exit: time, 21 2 station
//	 23   3 overdue amount
//
// A record is open in one vehicle and on one line: the exit's are those of the entry.
// Serial, mode, distance and what is held are not written: a purse holds nothing and
// knows its number elsewhere. The error is ErrRecord, with the field that does not fit.
func (r *Record) AppendCompact(dst []byte) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("encode compact record %02X: %w", r.ID, err)
	}
	for _, f := range [...]struct {
		name  string
		value uint64
		limit uint64
	}{
		{"tag", uint64(r.ID), 0xFF}, {"entry terminal", r.Entry.Terminal, max32}, {"overdue amount", uint64(r.Overdue), max24},
		{"amount", uint64(r.Amount), max24}, {"amount held", uint64(r.Held), 0},
	} {
		if f.value > f.limit {
			return nil, fmt.Errorf("encode compact record %02X: %s %d is above %d: %w", r.ID, f.name, f.value, f.limit, ErrRecord)
		}
	}
	be := binary.BigEndian
	var b [CompactSize]byte
	b[0], b[1], b[2] = byte(r.ID), compactBody, flag(r.Locked)
	b[atShortFlags] = byte(r.State) | flag(r.Valid)*compactValid
	switch r.Direction {
	case DirectionAB:
		b[atShortFlags] |= compactForward
	case DirectionBA:
		b[atShortFlags] |= compactReverse
	}
	e, line := b[atShortEntry:], r.Entry.Line
	if r.State == Out {
		line = r.Exit.Line
	}
	be.PutUint32(e, uint32(r.Entry.Terminal))
	be.PutUint32(e[4:], uint32(r.Entry.Time))
	be.PutUint16(e[8:], line)
	e[10] = r.Entry.Stop
	be.PutUint16(e[11:], r.Entry.Station)
	be.PutUint32(b[atShortExit:], uint32(r.Exit.Time))
	be.PutUint16(b[atShortExit+4:], r.Exit.Station)
	put24(b[atShortMoney:], r.Overdue)
	put24(b[atShortMoney+3:], r.Amount)
	copy(b[atShortMonth:], r.Month[:])
	put24(b[atShortMonth+2:], r.MonthSum)
	be.PutUint16(b[atShortATC:], r.EntryATC)
	b[atShortRights], b[atShortRights+3] = r.Concession, r.Rides
	be.PutUint16(b[atShortRights+1:], uint16(r.ConcessionUntil))
	be.PutUint16(b[atShortRights+4:], uint16(r.RidesUntil))
	be.PutUint16(b[atShortRule:], r.Rule)
	be.PutUint16(b[atShortRule+2:], r.Position)
	be.PutUint16(b[atShortOff:], uint16(r.Off))
	return append(dst, b[:]...), nil
}

// DecodeCompact reads what AppendCompact wrote; serial is the card's number. A body of
// zeros is that of a record that was never used: a fresh one, valid unless it is locked.
// The error is ErrRecord and names the field.
func DecodeCompact(b []byte, serial Serial) (Record, error) {
	switch {
	case len(b) != CompactSize:
		return Record{}, fmt.Errorf("decode compact record: length: %d bytes, want %d: %w", len(b), CompactSize, ErrRecord)
	case b[1] != compactBody:
		return Record{}, fmt.Errorf("decode compact record: length byte %02X: want %02X: %w", b[1], compactBody, ErrRecord)
	}
	be := binary.BigEndian
	r := Record{ID: uint16(b[0]), Serial: serial}
	var err error
	if r.Locked, err = flagOf("lock flag", b[2]); err != nil {
		return Record{}, fmt.Errorf("decode compact record: %w", err)
	}
	if [CompactSize - 3]byte(b[3:]) == [CompactSize - 3]byte{} {
		r.Valid = true
		return r, nil
	}
	f := b[atShortFlags]
	r.Valid, r.State = f&compactValid != 0, State(f&compactState)
	switch f &^ (compactValid | compactState) {
	case 0:
	case compactForward:
		r.Direction = DirectionAB
	case compactReverse:
		r.Direction = DirectionBA
	default:
		return Record{}, fmt.Errorf("decode compact record: state byte %02X: %w", f, ErrRecord)
	}
	e := b[atShortEntry:]
	r.Entry = Place{Terminal: uint64(be.Uint32(e)), Time: int64(be.Uint32(e[4:])), Line: be.Uint16(e[8:]), Stop: e[10], Station: be.Uint16(e[11:])}
	r.Exit = Place{Time: int64(be.Uint32(b[atShortExit:])), Station: be.Uint16(b[atShortExit+4:])}
	if r.State == Out {
		r.Exit.Line = r.Entry.Line
	}
	r.Overdue, r.Amount = get24(b[atShortMoney:]), get24(b[atShortMoney+3:])
	r.Month, r.MonthSum = [2]byte(b[atShortMonth:]), get24(b[atShortMonth+2:])
	r.EntryATC = be.Uint16(b[atShortATC:])
	r.Concession, r.ConcessionUntil = b[atShortRights], Day(be.Uint16(b[atShortRights+1:]))
	r.Rides, r.RidesUntil = b[atShortRights+3], Day(be.Uint16(b[atShortRights+4:]))
	r.Rule, r.Position = be.Uint16(b[atShortRule:]), be.Uint16(b[atShortRule+2:])
	r.Off = money.Fen(be.Uint16(b[atShortOff:]))
	if err := r.check(); err != nil {
		return Record{}, fmt.Errorf("decode compact record: %w", err)
	}
	return r, nil
}
