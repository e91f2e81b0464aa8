package journey

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
)

// Size is the length of an encoded Record.
const Size = 128

// Identifiers of records. The city's bank cards have one record for the metro in
// file 15 and one for buses in file 1A; a T-Union purse has both in file 1A.
const (
	Metro      uint16 = 0x0110 // file 15
	Bus        uint16 = 0x2701 // file 1A, bank card and T-Union
	UnionMetro uint16 = 0x2702 // file 1A of a T-Union purse
)

// Modes of a record: how its open journey is paid.
const (
	SectionFare byte = 1 // the fare is taken at the end
	PreAuth     byte = 2 // an amount is held from the beginning
)

// Directions of a bus along its route.
const (
	DirectionAB byte = 0xAB
	DirectionBA byte = 0xBA
)

// State is where the rider is.
type State byte

// The states, with the numbers of the record.
const (
	Fresh State = 0 // never used
	In    State = 1 // entered or boarded
	Out   State = 2 // left or alighted
)

// String is the state in a word.
func (s State) String() string {
	switch s {
	case Fresh:
		return "fresh"
	case In:
		return "in"
	case Out:
		return "out"
	}
	return "invalid"
}

// DistanceUnit is what Record.Distance and Record.Position count, in metres.
const DistanceUnit = 10

// Place is one end of a journey.
type Place struct {
	City        [2]byte // code of the city
	Institution [8]byte // code of the card institution that runs the terminal
	Operator    uint16
	Line        uint16 // route of a bus
	Stop        byte   // of a bus
	Vehicle     [8]byte
	Terminal    uint64
	Time        int64  // unix seconds; 0 none
	Station     uint16 // of a metro, by the rule book of Record.Rule; 0 none
}

// Record is where the rider is, and what the next fare needs to know. As bytes, with
// offsets counted from 1 as in JT/T 978; integers are big-endian, times YYYYMMDDhhmmss
// in BCD at UTC+8, amounts fen in binary. From 103 on the standard leaves the bytes
// free; what stands there is our choice, and so are the units of the distance and the
// use of the serial as the factor of the record's key.
//
//	off len field                     off len field
//	  1   2 ID                         58   1 direction AB, BA or 0
//	  3   1 7D, length of the rest     59  44 exit, as entry without time limits:
//	  4   1 valid 01                          59 2 city, 61 8 institution, 69 2 operator,
//	  5   1 mode 1 or 2                       71 2 line, 73 1 stop, 74 8 vehicle,
//	  6   1 locked 01                         82 8 terminal, 90 7 time
//	  7   8 serial                     97   4 amount of the last journey
//	 15   1 state                     101   2 distance of the last journey (10 m)
//	 16   2 entry: city               103   2 month YYMM (BCD)
//	 18   8 institution               105   3 month's sum
//	 26   2 operator                  108   2 counter of the entry (ATC)
//	 28   2 line                      110   1 concession, 111 2 its last day
//	 30   1 stop                      113   1 rides left, 114 2 their last day
//	 31   8 vehicle                   116   3 amount held
//	 39   8 terminal                  119   2 station of the entry, 121 2 of the exit
//	 47   7 time                      123   2 rule book of the entry
//	 54   4 overdue amount            125   2 position of boarding (10 m)
//	                                  127   2 transfer discount of the open journey
type Record struct {
	ID     uint16
	Valid  bool
	Mode   byte // SectionFare or PreAuth; 0 in a record never used
	Locked bool
	Serial Serial
	State  State
	Entry  Place
	Exit   Place
	// Overdue is what the next beginning costs if this journey is never ended.
	Overdue   money.Fen
	Direction byte
	Amount    money.Fen // of the last journey, as it was paid
	Distance  uint16    // of the last journey, in DistanceUnit
	// Month (YYMM, BCD) and what counted in it: the sum that sets the discount.
	Month    [2]byte
	MonthSum money.Fen
	EntryATC uint16
	// Concession is a code of the rule book, ConcessionUntil its last day; 0 is no end.
	Concession      byte
	ConcessionUntil Day
	// Rides are the rides left of a ride ticket, RidesUntil their last day; 0 is no end.
	Rides      byte
	RidesUntil Day
	Held       money.Fen // of a pre-authorisation that is open
	Rule       uint16    // version of the rule book that numbers the stations: that of the entry, or of a re-entry
	Position   uint16    // where on its route the bus was at boarding, in DistanceUnit
	Off        money.Fen // transfer discount that the open journey has earned
}

// ErrRecord says that bytes or values are no journey record or trip.
var ErrRecord = errors.New("not a journey record")

// Offsets from 0 in the record.
const (
	atLength    = 2
	atValid     = 3
	atMode      = 4
	atLocked    = 5
	atSerial    = 6
	atState     = 14
	atEntry     = 15
	atOverdue   = 53
	atDirection = 57
	atExit      = 58
	atAmount    = 96
	atDistance  = 100
	atMonth     = 102
	atMonthSum  = 104
	atEntryATC  = 107
	atCode      = 109
	atCodeDay   = 110
	atRides     = 112
	atRidesDay  = 113
	atHeld      = 115
	atEntrySt   = 118
	atExitSt    = 120
	atRule      = 122
	atPosition  = 124
	atOff       = 126
)

// bodyLen is what the length byte says: all behind it.
const bodyLen = Size - atLength - 1

// Append writes the record behind dst. The error is ErrRecord, with the field whose
// value has no form.
func (r *Record) Append(dst []byte) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("encode journey record %04X: %w", r.ID, err)
	}
	var b [Size]byte
	binary.BigEndian.PutUint16(b[:], r.ID)
	b[atLength], b[atValid], b[atMode], b[atLocked] = bodyLen, flag(r.Valid), r.Mode, flag(r.Locked)
	copy(b[atSerial:], r.Serial[:])
	b[atState] = byte(r.State)
	r.Entry.put(b[atEntry:])
	binary.BigEndian.PutUint32(b[atOverdue:], uint32(r.Overdue))
	b[atDirection] = r.Direction
	r.Exit.put(b[atExit:])
	binary.BigEndian.PutUint32(b[atAmount:], uint32(r.Amount))
	binary.BigEndian.PutUint16(b[atDistance:], r.Distance)
	copy(b[atMonth:], r.Month[:])
	put24(b[atMonthSum:], r.MonthSum)
	binary.BigEndian.PutUint16(b[atEntryATC:], r.EntryATC)
	b[atCode], b[atRides] = r.Concession, r.Rides
	binary.BigEndian.PutUint16(b[atCodeDay:], uint16(r.ConcessionUntil))
	binary.BigEndian.PutUint16(b[atRidesDay:], uint16(r.RidesUntil))
	put24(b[atHeld:], r.Held)
	binary.BigEndian.PutUint16(b[atEntrySt:], r.Entry.Station)
	binary.BigEndian.PutUint16(b[atExitSt:], r.Exit.Station)
	binary.BigEndian.PutUint16(b[atRule:], r.Rule)
	binary.BigEndian.PutUint16(b[atPosition:], r.Position)
	binary.BigEndian.PutUint16(b[atOff:], uint16(r.Off))
	return append(dst, b[:]...), nil
}

// Decode reads a record. The error is ErrRecord and names the field.
func Decode(b []byte) (Record, error) {
	var r Record
	if err := r.decode(b); err != nil {
		return Record{}, fmt.Errorf("decode journey record: %w", err)
	}
	return r, nil
}

func (r *Record) decode(b []byte) error {
	switch {
	case len(b) != Size:
		return fmt.Errorf("length: %d bytes, want %d: %w", len(b), Size, ErrRecord)
	case b[atLength] != bodyLen:
		return fmt.Errorf("length byte %02X: want %02X: %w", b[atLength], bodyLen, ErrRecord)
	}
	var err error
	r.ID = binary.BigEndian.Uint16(b)
	if r.Valid, err = flagOf("valid flag", b[atValid]); err != nil {
		return err
	}
	if r.Locked, err = flagOf("lock flag", b[atLocked]); err != nil {
		return err
	}
	r.Mode, r.State, r.Direction = b[atMode], State(b[atState]), b[atDirection]
	copy(r.Serial[:], b[atSerial:])
	if err := r.Entry.get("entry", b[atEntry:]); err != nil {
		return err
	}
	if err := r.Exit.get("exit", b[atExit:]); err != nil {
		return err
	}
	r.Overdue = money.Fen(binary.BigEndian.Uint32(b[atOverdue:]))
	r.Amount = money.Fen(binary.BigEndian.Uint32(b[atAmount:]))
	r.Distance = binary.BigEndian.Uint16(b[atDistance:])
	r.Month, r.MonthSum = [2]byte(b[atMonth:]), get24(b[atMonthSum:])
	r.EntryATC = binary.BigEndian.Uint16(b[atEntryATC:])
	r.Concession, r.ConcessionUntil = b[atCode], Day(binary.BigEndian.Uint16(b[atCodeDay:]))
	r.Rides, r.RidesUntil = b[atRides], Day(binary.BigEndian.Uint16(b[atRidesDay:]))
	r.Held = get24(b[atHeld:])
	r.Entry.Station, r.Exit.Station = binary.BigEndian.Uint16(b[atEntrySt:]), binary.BigEndian.Uint16(b[atExitSt:])
	r.Rule = binary.BigEndian.Uint16(b[atRule:])
	r.Position = binary.BigEndian.Uint16(b[atPosition:])
	r.Off = money.Fen(binary.BigEndian.Uint16(b[atOff:]))
	return r.check()
}

// check holds what every record obeys.
func (r *Record) check() error {
	switch {
	case r.Mode > PreAuth:
		return fmt.Errorf("mode %02X: want 00, 01 (section fare) or 02 (pre-authorisation): %w", r.Mode, ErrRecord)
	case r.State > Out:
		return fmt.Errorf("state %02X: want 00 (fresh), 01 (in) or 02 (out): %w", byte(r.State), ErrRecord)
	case r.Direction != 0 && r.Direction != DirectionAB && r.Direction != DirectionBA:
		return fmt.Errorf("direction %02X: want AB, BA or 00: %w", r.Direction, ErrRecord)
	case !monthValid(r.Month):
		return fmt.Errorf("month %X: want YYMM in BCD, or zeros: %w", r.Month, ErrRecord)
	}
	for _, f := range [...]struct {
		name  string
		value money.Fen
		limit money.Fen
	}{
		{"overdue amount", r.Overdue, max32}, {"amount", r.Amount, max32}, {"month's sum", r.MonthSum, max24},
		{"amount held", r.Held, max24}, {"transfer discount", r.Off, max16},
	} {
		if f.value < 0 || f.value > f.limit {
			return fmt.Errorf("%s of %d fen is outside 0..%d: %w", f.name, int64(f.value), int64(f.limit), ErrRecord)
		}
	}
	for _, p := range [...]struct {
		name string
		unix int64
	}{{"entry", r.Entry.Time}, {"exit", r.Exit.Time}} {
		if p.unix < 0 || p.unix > max32 {
			return fmt.Errorf("%s time %d is outside 0..%d: %w", p.name, p.unix, int64(max32), ErrRecord)
		}
	}
	return nil
}
