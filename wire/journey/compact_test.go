package journey_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/journey"
)

// compactRecord is a record with another value in every field that the compact form has.
func compactRecord() journey.Record {
	return journey.Record{
		ID: 2, Valid: true, Locked: true, State: journey.Out, Serial: journey.Serial{1, 2, 3},
		Entry:   journey.Place{Terminal: 0x01020304, Time: 0x69449580, Line: 0x0506, Stop: 7, Station: 0x0809},
		Exit:    journey.Place{Time: 0x694496FF, Line: 0x0506, Station: 0x0A0B},
		Overdue: 0x0C0D0E, Amount: 0x0F1011, Direction: journey.DirectionBA, Month: [2]byte{0x26, 0x03}, MonthSum: 0x121314,
		EntryATC: 0x1516, Concession: 0x17, ConcessionUntil: 0x1819, Rides: 0x1A, RidesUntil: 0x1B1C, Rule: 0x1D1E, Position: 0x1F20, Off: 0x2122,
	}
}

// TestCompactLayout: the form is ours and cards in the field have it, so no byte of it may
// ever move.
func TestCompactLayout(t *testing.T) {
	r := compactRecord()
	got, err := r.AppendCompact(nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "022E01C2" + "01020304" + "69449580" + "0506" + "07" + "0809" + "694496FF" + "0A0B" + "0C0D0E" + "0F1011" + "2603" + "121314" +
		"1516" + "17" + "1819" + "1A" + "1B1C" + "1D1E" + "1F20" + "2122"
	if s := strings.ToUpper(hex.EncodeToString(got)); s != want {
		t.Fatalf("%s, want %s", s, want)
	}
	back, err := journey.DecodeCompact(got, r.Serial)
	if err != nil || back != r {
		t.Errorf("%+v, %v", back, err)
	}
}

// TestCompactFresh: a record of zeros was never used.
func TestCompactFresh(t *testing.T) {
	b := make([]byte, journey.CompactSize)
	b[0], b[1] = 2, 0x2E
	r, err := journey.DecodeCompact(b, journey.Serial{9})
	if err != nil || !r.Valid || r.Locked || r.State != journey.Fresh || r.ID != 2 || r.Serial != (journey.Serial{9}) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCompactRefuses(t *testing.T) {
	for name, spoil := range map[string]func(r *journey.Record){
		"identifier of two bytes": func(r *journey.Record) { r.ID = 0x2702 },
		"a long terminal number":  func(r *journey.Record) { r.Entry.Terminal = 1 << 32 },
		"overdue":                 func(r *journey.Record) { r.Overdue = 1 << 24 },
		"amount":                  func(r *journey.Record) { r.Amount = 1 << 24 },
		"held":                    func(r *journey.Record) { r.Held = 1 },
		"negative":                func(r *journey.Record) { r.MonthSum = -1 },
		"state":                   func(r *journey.Record) { r.State = 3 },
	} {
		r := compactRecord()
		spoil(&r)
		if b, err := r.AppendCompact(nil); !errors.Is(err, journey.ErrRecord) || b != nil {
			t.Errorf("%s: %X, %v", name, b, err)
		}
	}
	r := compactRecord()
	good, err := r.AppendCompact(nil)
	if err != nil {
		t.Fatal(err)
	}
	for at, b := range map[int]byte{1: 0x2D, 2: 2, 3: 0xE2, 29: 0x2A, 30: 0x13} {
		bad := bytes.Clone(good)
		bad[at] = b
		if _, err := journey.DecodeCompact(bad, r.Serial); !errors.Is(err, journey.ErrRecord) {
			t.Errorf("byte %d is %02X: %v", at, b, err)
		}
	}
	if _, err := journey.DecodeCompact(good[:47], r.Serial); !errors.Is(err, journey.ErrRecord) {
		t.Error(err)
	}
}

// TestCompactRoundTrip: what fits comes back.
func TestCompactRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := compactRecord()
		r.State = journey.State(rapid.IntRange(0, 2).Draw(t, "state"))
		if r.State != journey.Out {
			r.Exit.Line = 0
		}
		r.Direction = rapid.SampledFrom([]byte{0, journey.DirectionAB, journey.DirectionBA}).Draw(t, "direction")
		r.Entry.Station = rapid.Uint16().Draw(t, "station")
		r.MonthSum = money.Fen(rapid.IntRange(0, 1<<24-1).Draw(t, "sum"))
		r.Entry.Time = int64(rapid.Uint32().Draw(t, "time"))
		r.Valid, r.Locked = rapid.Bool().Draw(t, "valid"), rapid.Bool().Draw(t, "locked")
		b, err := r.AppendCompact(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := journey.DecodeCompact(b, r.Serial)
		if err != nil || back != r {
			t.Fatalf("%+v, %v", back, err)
		}
	})
}

// FuzzDecodeCompact: what is taken is written again as it came, but for a fresh record,
// which is written as valid.
func FuzzDecodeCompact(f *testing.F) {
	r := compactRecord()
	good, err := r.AppendCompact(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:47])
	f.Add(append([]byte{1, 0x2E}, make([]byte, 46)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := journey.DecodeCompact(b, journey.Serial{})
		if err != nil {
			return
		}
		again, err := r.AppendCompact(nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.State == journey.Fresh && bytes.Equal(b[3:], make([]byte, 45)) {
			again[3] = 0
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("%X became %X", b, again)
		}
	})
}
