package journey

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/money"
)

// TripSize is the length of an encoded Trip.
const TripSize = 48

// TripType is what a line of the log records.
type TripType byte

// The types. Those of electronic cash are from JT/T 978; those of the purse fill the
// numbers between them (our choice).
const (
	NoTrip          TripType = 0x00 // an empty place of the log
	CashEntry       TripType = 0x01
	CashExit        TripType = 0x02
	PurseEntry      TripType = 0x03
	PurseExit       TripType = 0x04
	CashSingle      TripType = 0x05
	PurseSingle     TripType = 0x06
	CashSupplement  TripType = 0x07 // what an unended journey still owed
	PurseSupplement TripType = 0x08
)

// Trades of a Trip, JT/T 978.
const (
	TradeMetro      byte = 0x01
	TradeBus        byte = 0x02
	TradeParking    byte = 0x07
	TradeExpressway byte = 0x0C
)

// UnknownBalance stands in Trip.Balance if the terminal did not know it.
const UnknownBalance money.Fen = -1

// Trip is a line of the log 1E. As bytes, from 0; integers are big-endian, the time
// is YYYYMMDDhhmmss in BCD at UTC+8. The use of the two stretches that JT/T 978
// leaves free (16 and 42 to 47) is our choice.
//
//	off len field             off len field
//	  0   1 type               17   4 amount, fen
//	  1   8 terminal           21   4 balance after, fen; FFFFFFFF not known
//	  9   1 trade              25   7 time
//	 10   2 line               32   2 city
//	 12   2 station or stop    34   8 institution
//	 14   2 operator           42   2 counter (ATC)
//	 16   1 direction          44   2 rule book, 46 1 concession, 47 1 rides left
type Trip struct {
	Type        TripType
	Terminal    uint64
	Trade       byte
	Line        uint16
	Station     uint16 // a metro's station, a bus's stop
	Operator    uint16
	Direction   byte
	Amount      money.Fen
	Balance     money.Fen // after; UnknownBalance if not known
	Time        int64     // unix seconds; 0 none
	City        [2]byte
	Institution [8]byte
	ATC         uint16
	Rule        uint16
	Concession  byte
	Rides       byte
}

// MaxBalance is the largest balance that a Trip has room for.
const MaxBalance money.Fen = noBalance - 1

// noBalance is UnknownBalance as bytes.
const noBalance = max32

// Append writes the trip behind dst. The error is ErrRecord, with the field whose
// value has no form.
func (t *Trip) Append(dst []byte) ([]byte, error) {
	switch {
	case t.Amount < 0 || t.Amount > max32:
		return nil, fmt.Errorf("encode trip: amount of %d fen is outside 0..%d: %w", int64(t.Amount), int64(max32), ErrRecord)
	case t.Balance < UnknownBalance || t.Balance > MaxBalance:
		return nil, fmt.Errorf("encode trip: balance of %d fen is outside 0..%d: %w", int64(t.Balance), int64(MaxBalance), ErrRecord)
	case t.Time < 0 || t.Time > max32:
		return nil, fmt.Errorf("encode trip: time %d is outside 0..%d: %w", t.Time, int64(max32), ErrRecord)
	}
	var b [TripSize]byte
	b[0] = byte(t.Type)
	binary.BigEndian.PutUint64(b[1:], t.Terminal)
	b[9] = t.Trade
	binary.BigEndian.PutUint16(b[10:], t.Line)
	binary.BigEndian.PutUint16(b[12:], t.Station)
	binary.BigEndian.PutUint16(b[14:], t.Operator)
	b[16] = t.Direction
	binary.BigEndian.PutUint32(b[17:], uint32(t.Amount))
	binary.BigEndian.PutUint32(b[21:], uint32(t.Balance)) // -1 becomes FFFFFFFF
	putTime(b[25:], t.Time)
	copy(b[32:], t.City[:])
	copy(b[34:], t.Institution[:])
	binary.BigEndian.PutUint16(b[42:], t.ATC)
	binary.BigEndian.PutUint16(b[44:], t.Rule)
	b[46], b[47] = t.Concession, t.Rides
	return append(dst, b[:]...), nil
}

// DecodeTrip reads a line of the log. The error is ErrRecord and names the field.
func DecodeTrip(b []byte) (Trip, error) {
	if len(b) != TripSize {
		return Trip{}, fmt.Errorf("decode trip: length: %d bytes, want %d: %w", len(b), TripSize, ErrRecord)
	}
	t := Trip{
		Type: TripType(b[0]), Terminal: binary.BigEndian.Uint64(b[1:]), Trade: b[9],
		Line: binary.BigEndian.Uint16(b[10:]), Station: binary.BigEndian.Uint16(b[12:]), Operator: binary.BigEndian.Uint16(b[14:]),
		Direction: b[16], Amount: money.Fen(binary.BigEndian.Uint32(b[17:])), Balance: money.Fen(binary.BigEndian.Uint32(b[21:])),
		City: [2]byte(b[32:]), Institution: [8]byte(b[34:]),
		ATC: binary.BigEndian.Uint16(b[42:]), Rule: binary.BigEndian.Uint16(b[44:]), Concession: b[46], Rides: b[47],
	}
	if t.Balance == noBalance {
		t.Balance = UnknownBalance
	}
	var ok bool
	if t.Time, ok = getTime(b[25:]); !ok {
		return Trip{}, fmt.Errorf("decode trip: time %X: want YYYYMMDDhhmmss in BCD, or zeros: %w", b[25:32], ErrRecord)
	}
	return t, nil
}
