package journey

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"github.com/citycard/citycard/money"
)

const (
	max16 = 1<<16 - 1
	max24 = 1<<24 - 1
	max32 = 1<<32 - 1
)

// cityOffset is UTC+8 in seconds.
const cityOffset = 8 * 3600

// Serial is the card's number in its journey records, from which the keys of the
// records are derived too. It prints the last two bytes only, because the issuer may
// take it from the account number.
type Serial [8]byte

// Format masks the number for every verb.
func (s Serial) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "************%X", s[6:]) }

// MarshalText gives the masked number to encoding/json and others.
func (s Serial) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%v", s), nil }

// LogValue gives the masked number to slog.
func (s Serial) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// Day counts days of the city's calendar from 2000-01-01, which is day 0.
type Day uint16

// dayZero is 2000-01-01 in days from 1970-01-01.
const dayZero = 10957

// DayOf is the city's day at a unix time; 0 before 2000 and past the year 2179.
func DayOf(unix int64) Day {
	days := (unix+cityOffset)/86400 - dayZero
	if days < 0 || days > max16 {
		return 0
	}
	return Day(days)
}

// String gives "2026-03-28".
func (d Day) String() string {
	return time.Unix((int64(d)+dayZero)*86400, 0).UTC().Format(time.DateOnly)
}

// Reaches reports whether a right whose last day is d still holds on a day; day 0
// means a right without an end.
func (d Day) Reaches(day Day) bool { return d == 0 || day <= d }

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func flagOf(name string, b byte) (bool, error) {
	if b > 1 {
		return false, fmt.Errorf("%s %02X: want 00 or 01: %w", name, b, ErrRecord)
	}
	return b == 1, nil
}

func put24(b []byte, v money.Fen) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }

func get24(b []byte) money.Fen {
	return money.Fen(b[0])<<16 | money.Fen(b[1])<<8 | money.Fen(b[2])
}

func bcd(v int) byte { return byte(v/10<<4 | v%10) }

// digits reads one byte of BCD; false if it is none.
func digits(b byte) (int, bool) { return int(b>>4)*10 + int(b&15), b>>4 < 10 && b&15 < 10 }

func monthValid(m [2]byte) bool {
	if m == [2]byte{} {
		return true
	}
	_, ok := digits(m[0])
	month, ok2 := digits(m[1])
	return ok && ok2 && month >= 1 && month <= 12
}

// putTime writes YYYYMMDDhhmmss of a unix time, zeros for 0.
func putTime(b []byte, unix int64) {
	if unix == 0 {
		clear(b[:7])
		return
	}
	t := time.Unix(unix+cityOffset, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b[0], b[1], b[2], b[3] = bcd(year/100), bcd(year%100), bcd(int(month)), bcd(day)
	b[4], b[5], b[6] = bcd(hour), bcd(minute), bcd(second)
}

// getTime reads what putTime writes; false if that is no time, or one that putTime
// never writes.
func getTime(b []byte) (int64, bool) {
	if [7]byte(b) == [7]byte{} {
		return 0, true
	}
	var v [7]int
	for i := range v {
		var ok bool
		if v[i], ok = digits(b[i]); !ok {
			return 0, false
		}
	}
	t := time.Date(v[0]*100+v[1], time.Month(v[2]), v[3], v[4], v[5], v[6], 0, time.UTC)
	unix := t.Unix() - cityOffset
	if unix < 1 || unix > max32 {
		return 0, false
	}
	var again [7]byte
	putTime(again[:], unix)
	return unix, again == [7]byte(b) // a 31st of June would have become a 1st of July
}

// Offsets inside a Place.
const (
	atCity        = 0
	atInstitution = 2
	atOperator    = 10
	atLine        = 12
	atStop        = 14
	atVehicle     = 15
	atTerminal    = 23
	atTime        = 31
)

func (p *Place) put(b []byte) {
	copy(b[atCity:], p.City[:])
	copy(b[atInstitution:], p.Institution[:])
	binary.BigEndian.PutUint16(b[atOperator:], p.Operator)
	binary.BigEndian.PutUint16(b[atLine:], p.Line)
	b[atStop] = p.Stop
	copy(b[atVehicle:], p.Vehicle[:])
	binary.BigEndian.PutUint64(b[atTerminal:], p.Terminal)
	putTime(b[atTime:], p.Time)
}

func (p *Place) get(name string, b []byte) error {
	p.City, p.Institution = [2]byte(b[atCity:]), [8]byte(b[atInstitution:])
	p.Operator, p.Line = binary.BigEndian.Uint16(b[atOperator:]), binary.BigEndian.Uint16(b[atLine:])
	p.Stop, p.Vehicle = b[atStop], [8]byte(b[atVehicle:])
	p.Terminal = binary.BigEndian.Uint64(b[atTerminal:])
	var ok bool
	if p.Time, ok = getTime(b[atTime:]); !ok {
		return fmt.Errorf("%s time %X: want YYYYMMDDhhmmss in BCD, or zeros: %w", name, b[atTime:atTime+7], ErrRecord)
	}
	return nil
}
