package stripe

import (
	"bytes"

	"github.com/citycard/citycard/txn"
)

// Track2 is track 2, or the track 2 equivalent data of a chip (tag 57).
type Track2 struct {
	PAN txn.PAN
	// Expiry is YYMM as BCD; HasExpiry says that it is there.
	Expiry    [2]byte
	HasExpiry bool
	// Service is the service code; HasService says that it is there.
	Service    ServiceCode
	HasService bool
	// Discretionary are the digits that belong to the issuer: PVV, CVN and others. They
	// authenticate the stripe, so they are secret.
	Discretionary string
}

// Track1 is track 1.
type Track1 struct {
	PAN txn.PAN
	// Name of the cardholder, surname first, without trailing spaces.
	Name          string
	Expiry        [2]byte // YYMM, BCD
	HasExpiry     bool
	Service       ServiceCode
	HasService    bool
	Discretionary string // secret, as in track 2
}

// Track3 is as much of track 3 as has the same place in all of its formats.
type Track3 struct {
	// Code is the format code, two digits: 01 of ISO/IEC 4909, 99 of Chinese bank cards.
	Code string
	PAN  txn.PAN
	// Rest are the characters after the first separator: currency, limits, cycles and
	// check values of the issuer. They are secret.
	Rest string
}

const (
	name1, name2, name3 = "track 1", "track 2", "track 3"
	bankFormat          = 'B' // format code of track 1
	maxName             = 26
	shortestName        = 2
	formatDigits        = 2
)

// ParseTrack1 reads the characters of track 1 with sentinels: %B, account number,
// ^, name, ^, expiry, service code, discretionary data, ? (ISO/IEC 7813, table 2).
// Expiry and service code may each be one ^ instead.
func ParseTrack1(text []byte) (Track1, error) {
	var t Track1
	body, err := between(name1, text, startLetters, maxTrack1)
	if err != nil {
		return t, err
	}
	if len(body) == 0 || body[0] != bankFormat {
		return t, bad(name1, "format code", "it is not B, that of bank cards")
	}
	number, rest, ok := bytes.Cut(body[1:], []byte{between1})
	if !ok {
		return t, bad(name1, "account number", "no separator follows")
	}
	if t.PAN, err = account(name1, number); err != nil {
		return t, err
	}
	holder, rest, ok := bytes.Cut(rest, []byte{between1})
	if !ok || len(holder) < shortestName || len(holder) > maxName {
		return t, bad(name1, "name", "%d characters, and a separator must follow 2 to 26", len(holder))
	}
	if i := notText(holder); i >= 0 {
		return t, bad(name1, "name", "character %d is not of track 1", i+1)
	}
	t.Name = string(bytes.TrimRight(holder, " "))
	rest, t.Expiry, t.HasExpiry, err = expiry(name1, rest, between1)
	if err != nil {
		return t, err
	}
	rest, t.Service, t.HasService, err = service(name1, rest, between1)
	if err != nil {
		return t, err
	}
	if i := notText(rest); i >= 0 {
		return t, bad(name1, "discretionary data", "character %d is not of track 1", i+1)
	}
	t.Discretionary = string(rest)
	return t, nil
}

// ParseTrack2 reads the characters of track 2 with sentinels: ;, account number,
// =, expiry, service code, discretionary data, ? (ISO/IEC 7813, table 3). Expiry and
// service code may each be one = instead.
func ParseTrack2(text []byte) (Track2, error) {
	body, err := between(name2, text, startDigits, maxTrack2)
	if err != nil {
		return Track2{}, err
	}
	return fields2(body)
}

// fields2 reads track 2 between the sentinels, with = between fields.
func fields2(body []byte) (t Track2, err error) {
	number, rest, ok := bytes.Cut(body, []byte{between2})
	if !ok {
		return t, bad(name2, "account number", "no separator follows")
	}
	if t.PAN, err = account(name2, number); err != nil {
		return t, err
	}
	rest, t.Expiry, t.HasExpiry, err = expiry(name2, rest, between2)
	if err != nil {
		return t, err
	}
	rest, t.Service, t.HasService, err = service(name2, rest, between2)
	if err != nil {
		return t, err
	}
	if i := notDigit(rest); i >= 0 {
		return t, bad(name2, "discretionary data", "character %d is no digit", i+1)
	}
	t.Discretionary = string(rest)
	return t, nil
}

// ParseTrack3 reads the characters of track 3 with sentinels: ;, format code,
// account number, =, the rest, ? (ISO/IEC 4909; GB/T 19584).
func ParseTrack3(text []byte) (Track3, error) {
	var t Track3
	body, err := between(name3, text, startDigits, maxTrack3)
	if err != nil {
		return t, err
	}
	number, rest, ok := bytes.Cut(body, []byte{between2})
	if !ok || len(number) < formatDigits || notDigit(number) >= 0 {
		return t, bad(name3, "account number", "format code, digits and a separator are wanted")
	}
	t.Code = string(number[:formatDigits])
	if t.PAN, err = account(name3, number[formatDigits:]); err != nil {
		return t, err
	}
	for i, b := range rest {
		if b < '0' || b > '?' || b == endSentinel || b == startDigits {
			return t, bad(name3, "rest", "character %d is not of track 3", i+1)
		}
	}
	t.Rest = string(rest)
	return t, nil
}

// between takes the sentinels off.
func between(track string, text []byte, start byte, most int) ([]byte, error) {
	switch {
	case len(text) > most-1: // the LRC is not among the characters
		return nil, bad(track, "length", "%d characters, at most %d", len(text), most-1)
	case len(text) < 2 || text[0] != start:
		return nil, bad(track, "start", "the start sentinel %c is missing", start)
	case text[len(text)-1] != endSentinel:
		return nil, bad(track, "end", "the end sentinel ? is missing")
	}
	return text[1 : len(text)-1], nil
}

func account(track string, digits []byte) (txn.PAN, error) {
	p, err := txn.ParsePAN(string(digits))
	if err != nil {
		return p, bad(track, "account number", "%v", err)
	}
	return p, nil
}

// expiry takes YYMM, or the separator that says that there is none.
func expiry(track string, b []byte, separator byte) (rest []byte, yymm [2]byte, ok bool, err error) {
	if len(b) > 0 && b[0] == separator {
		return b[1:], yymm, false, nil
	}
	if len(b) < 4 || notDigit(b[:4]) >= 0 {
		return b, yymm, false, bad(track, "expiry", "four digits YYMM are wanted")
	}
	yymm = [2]byte{packed(b[0], b[1]), packed(b[2], b[3])}
	if yymm[1] < 0x01 || yymm[1] > 0x12 {
		return b, yymm, false, bad(track, "expiry", "the month must be 01 to 12")
	}
	return b[4:], yymm, true, nil
}

// service takes three digits, or the separator that says that there are none.
func service(track string, b []byte, separator byte) (rest []byte, code ServiceCode, ok bool, err error) {
	if len(b) > 0 && b[0] == separator {
		return b[1:], code, false, nil
	}
	if len(b) < len(code) || notDigit(b[:len(code)]) >= 0 {
		return b, code, false, bad(track, "service code", "three digits are wanted")
	}
	return b[len(code):], ServiceCode(b[:len(code)]), true, nil
}

func notDigit(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return -1
}

// notText finds the first character that cannot stand in a field of track 1.
func notText(b []byte) int {
	for i, c := range b {
		if c < ' ' || c > '_' || c == startLetters || c == endSentinel || c == between1 {
			return i
		}
	}
	return -1
}

func packed(high, low byte) byte { return (high-'0')<<4 | (low - '0') }
