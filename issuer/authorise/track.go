package authorise

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/txn"
)

// ErrTrack says that track 2 of a request cannot be read.
var ErrTrack = errors.New("track 2 cannot be read")

// maxTrack is the number of characters on track 2 (ISO/IEC 7813), sentinels left out.
const maxTrack = 37

// Track is track 2 taken apart (ISO/IEC 7813; tag 57).
type Track struct {
	PAN           txn.PAN
	Fields        pin.Track // expiry YYMM, service code
	Discretionary string    // the issuer's own digits
}

// Format withholds everything.
func (Track) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheldTrack)) }

// MarshalText withholds everything from encoding/json and others.
func (Track) MarshalText() ([]byte, error) { return []byte(withheldTrack), nil }

// LogValue withholds everything from slog.
func (Track) LogValue() slog.Value { return slog.StringValue(withheldTrack) }

const withheldTrack = "[track 2 withheld]"

// ParseTrack reads track 2: packed as in tag 57, with D between number and expiry and
// perhaps F at the end, or as characters with D or = in that place. It refuses, with
// ErrTrack, what has no number, expiry and service code, or more than 37 characters.
func ParseTrack(b []byte) (Track, error) {
	digits := spread(b)
	cut := -1
	for i, c := range digits {
		if c == 'D' || c == '=' {
			cut = i
			break
		}
	}
	if cut < 0 || len(digits) > maxTrack || len(digits) < cut+8 {
		return Track{}, fmt.Errorf("%d characters, want number, D, expiry YYMM, service code: %w", len(digits), ErrTrack)
	}
	rest := digits[cut+1:]
	for _, c := range rest {
		if c < '0' || c > '9' {
			return Track{}, fmt.Errorf("a character that is no digit after the separator: %w", ErrTrack)
		}
	}
	number, err := txn.ParsePAN(string(digits[:cut]))
	if err != nil {
		return Track{}, fmt.Errorf("%w: %w", err, ErrTrack)
	}
	two := func(i int) byte { return (rest[i]-'0')<<4 | (rest[i+1] - '0') }
	return Track{PAN: number, Discretionary: string(rest[7:]),
		Fields: pin.Track{Expiry: [2]byte{two(0), two(2)}, Service: [2]byte{rest[4] - '0', two(5)}}}, nil
}

// spread gives track 2 as characters, without padding. More than 19 bytes are
// characters already: packed, 37 digits have no more.
func spread(b []byte) []byte {
	if len(b) > (maxTrack+1)/2 {
		return b
	}
	out := make([]byte, 0, 2*len(b))
	for _, v := range b {
		out = append(out, "0123456789ABCDEF"[v>>4], "0123456789ABCDEF"[v&15])
	}
	if n := len(out); n > 0 && out[n-1] == 'F' {
		out = out[:n-1]
	}
	return out
}

// chip tells whether the service code says that the card has a chip (ISO/IEC 7813:
// first digit 2 or 6).
func (t *Track) chip() bool { return t.Fields.Service[0] == 2 || t.Fields.Service[0] == 6 }

// dynamic takes the discretionary data of magnetic stripe data over the air apart (our
// choice, after the practice of other schemes): four digits of the counter, three of
// the dynamic check value.
func (t *Track) dynamic() (counter uint16, code pin.Code, ok bool) {
	if len(t.Discretionary) != 7 {
		return 0, code, false
	}
	for _, c := range t.Discretionary[:4] {
		counter = 10*counter + uint16(c-'0')
	}
	return counter, pin.Code([]byte(t.Discretionary[4:])), true
}

// static takes the check value of a stripe out of the discretionary data: their last
// three digits (our choice; the place is each issuer's own).
func (t *Track) static() (code pin.Code, ok bool) {
	if len(t.Discretionary) < 3 {
		return code, false
	}
	return pin.Code([]byte(t.Discretionary[len(t.Discretionary)-3:])), true
}
