package journey_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/journey"
)

// boarded is a bus record with every field set, as the layout of JT/T 978 has it and
// as the table of Record has our fields behind it.
var boarded = journey.Record{
	ID: journey.Bus, Valid: true, Mode: journey.PreAuth, Serial: journey.Serial{0x00, 0x62, 0x28, 0x00, 0x01, 0x00, 0x11, 0x17}, State: journey.In,
	Entry: journey.Place{
		City: [2]byte{0x10, 0x00}, Institution: [8]byte{0x01, 0x01, 0x10, 0x00, 0xFF, 0xFF, 0xFF, 0xFF}, Operator: 7, Line: 300, Stop: 12,
		Vehicle: [8]byte{7: 0x42}, Terminal: 201, Time: 1774997100, Station: 17, // 2026-04-01 06:45:00
	},
	Exit: journey.Place{
		City: [2]byte{0x10, 0x00}, Institution: [8]byte{0x01, 0x01, 0x10, 0x00, 0xFF, 0xFF, 0xFF, 0xFF}, Operator: 8, Line: 301, Stop: 31,
		Vehicle: [8]byte{7: 0x43}, Terminal: 202, Time: 1774998600, Station: 18,
	},
	Overdue: 350, Direction: journey.DirectionBA, Amount: 250, Distance: 1234, Month: [2]byte{0x26, 0x04}, MonthSum: 12345, EntryATC: 0x0102,
	Concession: 1, ConcessionUntil: journey.DayOf(1774997100), Rides: 9, RidesUntil: journey.DayOf(1774997100) + 30, Held: 3800, Rule: 2, Position: 456, Off: 100,
}

// boardedHex is boarded, written by hand from the table of Record.
const boardedHex = "27017D" + "010200" + "0062280001001117" + "01" +
	"1000" + "01011000FFFFFFFF" + "0007" + "012C" + "0C" + "0000000000000042" + "00000000000000C9" + "20260401064500" + "0000015E" + "BA" +
	"1000" + "01011000FFFFFFFF" + "0008" + "012D" + "1F" + "0000000000000043" + "00000000000000CA" + "20260401071000" + "000000FA" + "04D2" +
	"2604" + "003039" + "0102" + "01" + "2573" + "09" + "2591" + "000ED8" + "0011" + "0012" + "0002" + "01C8" + "0064"

var ridden = journey.Trip{
	Type: journey.CashExit, Terminal: 202, Trade: journey.TradeBus, Line: 301, Station: 31, Operator: 8, Direction: journey.DirectionBA, Amount: 250, Balance: 9750,
	Time: 1774998600, City: [2]byte{0x10, 0x00}, Institution: [8]byte{0x01, 0x01, 0x10, 0x00, 0xFF, 0xFF, 0xFF, 0xFF}, ATC: 0x0103, Rule: 2, Concession: 1, Rides: 9,
}

const riddenHex = "02" + "00000000000000CA" + "02" + "012D" + "001F" + "0008" + "BA" + "000000FA" + "00002616" + "20260401071000" + "1000" + "01011000FFFFFFFF" +
	"0103" + "0002" + "01" + "09"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLayout(t *testing.T) {
	got, err := boarded.Append(nil)
	if err != nil || !bytes.Equal(got, unhex(t, boardedHex)) {
		t.Errorf("record\n%X, %v, want\n%s", got, err, boardedHex)
	}
	record, err := journey.Decode(unhex(t, boardedHex))
	if d := cmp.Diff(boarded, record); d != "" || err != nil {
		t.Error(err, d)
	}
	got, err = ridden.Append(nil)
	if err != nil || !bytes.Equal(got, unhex(t, riddenHex)) {
		t.Errorf("trip\n%X, %v, want\n%s", got, err, riddenHex)
	}
	trip, err := journey.DecodeTrip(unhex(t, riddenHex))
	if d := cmp.Diff(ridden, trip); d != "" || err != nil {
		t.Error(err, d)
	}
}

// A record as a card is personalised with it: head and serial, the rest zeros.
func TestFreshRecord(t *testing.T) {
	b := make([]byte, journey.Size)
	copy(b, unhex(t, "01107D0101000062280001001117"))
	r, err := journey.Decode(b)
	want := journey.Record{ID: journey.Metro, Valid: true, Mode: journey.SectionFare, Serial: boarded.Serial}
	if d := cmp.Diff(want, r); d != "" || err != nil {
		t.Error(err, d)
	}
	if trip, err := journey.DecodeTrip(make([]byte, journey.TripSize)); err != nil || trip != (journey.Trip{}) {
		t.Errorf("empty line of the log: %+v, %v", trip, err)
	}
}

func TestFaultsNameTheField(t *testing.T) {
	spoil := func(from string, at int, with string) []byte {
		b := unhex(t, from)
		copy(b[at-1:], unhex(t, with)) // offsets from 1, as in the table
		return b
	}
	for _, c := range []struct {
		b    []byte
		want string
	}{
		{nil, "length: 0 bytes"},
		{unhex(t, boardedHex)[:127], "length: 127 bytes"},
		{spoil(boardedHex, 3, "7C"), "length byte 7C: want 7D"},
		{spoil(boardedHex, 4, "02"), "valid flag 02"},
		{spoil(boardedHex, 5, "03"), "mode 03"},
		{spoil(boardedHex, 6, "FF"), "lock flag FF"},
		{spoil(boardedHex, 15, "03"), "state 03"},
		{spoil(boardedHex, 47, "20260231064500"), "entry time 20260231064500"},
		{spoil(boardedHex, 47, "2026040106450A"), "entry time 2026040106450A"},
		{spoil(boardedHex, 47, "20260401246000"), "entry time"},
		{spoil(boardedHex, 90, "19691231000000"), "exit time 19691231000000"},
		{spoil(boardedHex, 90, "21060207142816"), "exit time 21060207142816"}, // 2^32
		{spoil(boardedHex, 58, "AA"), "direction AA"},
		{spoil(boardedHex, 103, "2613"), "month 2613"},
		{spoil(boardedHex, 103, "2A01"), "month 2A01"},
	} {
		_, err := journey.Decode(c.b)
		if !errors.Is(err, journey.ErrRecord) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for want, b := range map[string][]byte{
		"length: 47 bytes": unhex(t, riddenHex)[1:], "time 20261301071000": spoil(riddenHex, 26, "20261301071000"),
	} {
		if _, err := journey.DecodeTrip(b); !errors.Is(err, journey.ErrRecord) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestValuesWithoutAForm(t *testing.T) {
	for name, change := range map[string]func(*journey.Record){
		"overdue amount":    func(r *journey.Record) { r.Overdue = 1 << 32 },
		"amount of -1":      func(r *journey.Record) { r.Amount = -1 },
		"month's sum":       func(r *journey.Record) { r.MonthSum = 1 << 24 },
		"amount held":       func(r *journey.Record) { r.Held = 1 << 24 },
		"transfer discount": func(r *journey.Record) { r.Off = 1 << 16 },
		"entry time":        func(r *journey.Record) { r.Entry.Time = -1 },
		"exit time":         func(r *journey.Record) { r.Exit.Time = 1 << 32 },
		"mode 03":           func(r *journey.Record) { r.Mode = 3 },
		"state 03":          func(r *journey.Record) { r.State = 3 },
	} {
		r := boarded
		change(&r)
		if b, err := r.Append(nil); b != nil || !errors.Is(err, journey.ErrRecord) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %X, %v", name, b, err)
		}
	}
	for name, change := range map[string]func(*journey.Trip){
		"amount of":  func(r *journey.Trip) { r.Amount = 1 << 32 },
		"balance of": func(r *journey.Trip) { r.Balance = 1<<32 - 1 },
		"time":       func(r *journey.Trip) { r.Time = 1 << 32 },
	} {
		r := ridden
		change(&r)
		if b, err := r.Append(nil); b != nil || !errors.Is(err, journey.ErrRecord) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %X, %v", name, b, err)
		}
	}
}

func TestSerialIsMasked(t *testing.T) {
	text, err := json.Marshal(boarded.Serial)
	shown := []string{
		boarded.Serial.LogValue().String(), string(text), fmt.Sprint(boarded.Serial), fmt.Sprintf("%x %X %s %d", boarded.Serial, boarded.Serial, boarded.Serial, boarded.Serial),
		fmt.Sprintf("%+v", boarded), slog.AnyValue(boarded.Serial).String(),
	}
	for _, s := range shown {
		if err != nil || !strings.Contains(s, "1117") || strings.Contains(s, "0100") || strings.Contains(s, "256") {
			t.Errorf("%v %s", err, s)
		}
	}
}

func TestDays(t *testing.T) {
	for unix, want := range map[int64]string{0: "2000-01-01", 946656000: "2000-01-01", 946742399: "2000-01-01", 946742400: "2000-01-02", 1774997100: "2026-04-01", 1774972799: "2026-03-31"} {
		if got := journey.DayOf(unix).String(); got != want {
			t.Errorf("%d is %s, want %s", unix, got, want)
		}
	}
	if d := journey.DayOf(1774997100); !d.Reaches(d) || d.Reaches(d+1) || !d.Reaches(d-1) || !journey.Day(0).Reaches(d) {
		t.Error("a last day is wrong")
	}
}

func place(t *rapid.T, name string) journey.Place {
	p := journey.Place{
		Operator: rapid.Uint16().Draw(t, name+" operator"), Line: rapid.Uint16().Draw(t, name+" line"), Stop: rapid.Byte().Draw(t, name+" stop"),
		Terminal: rapid.Uint64().Draw(t, name+" terminal"), Time: rapid.Int64Range(0, 1<<32-1).Draw(t, name+" time"), Station: rapid.Uint16().Draw(t, name+" station"),
	}
	copy(p.City[:], rapid.SliceOfN(rapid.Byte(), 2, 2).Draw(t, name+" city"))
	copy(p.Institution[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, name+" institution"))
	copy(p.Vehicle[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, name+" vehicle"))
	return p
}

func TestEveryValueComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := journey.Record{
			ID: rapid.Uint16().Draw(t, "id"), Valid: rapid.Bool().Draw(t, "valid"), Mode: rapid.ByteRange(0, 2).Draw(t, "mode"), Locked: rapid.Bool().Draw(t, "locked"),
			State: journey.State(rapid.ByteRange(0, 2).Draw(t, "state")), Entry: place(t, "entry"), Exit: place(t, "exit"),
			Overdue:   money.Fen(rapid.Int64Range(0, 1<<32-1).Draw(t, "overdue")),
			Direction: rapid.SampledFrom([]byte{0, journey.DirectionAB, journey.DirectionBA}).Draw(t, "direction"),
			Amount:    money.Fen(rapid.Int64Range(0, 1<<32-1).Draw(t, "amount")), Distance: rapid.Uint16().Draw(t, "distance"),
			MonthSum: money.Fen(rapid.Int64Range(0, 1<<24-1).Draw(t, "sum")), EntryATC: rapid.Uint16().Draw(t, "atc"),
			Concession: rapid.Byte().Draw(t, "code"), ConcessionUntil: journey.Day(rapid.Uint16().Draw(t, "until")),
			Rides: rapid.Byte().Draw(t, "rides"), RidesUntil: journey.Day(rapid.Uint16().Draw(t, "rides until")),
			Held: money.Fen(rapid.Int64Range(0, 1<<24-1).Draw(t, "held")), Rule: rapid.Uint16().Draw(t, "rule"),
			Position: rapid.Uint16().Draw(t, "position"), Off: money.Fen(rapid.Int64Range(0, 1<<16-1).Draw(t, "off")),
		}
		copy(r.Serial[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "serial"))
		if month := rapid.IntRange(0, 12).Draw(t, "month"); month > 0 {
			r.Month = [2]byte{0x26, byte(month/10<<4 | month%10)}
		}
		b, err := r.Append([]byte{0xEE})
		if err != nil || len(b) != 1+journey.Size || b[0] != 0xEE {
			t.Fatalf("%X, %v", b, err)
		}
		back, err := journey.Decode(b[1:])
		if d := cmp.Diff(r, back); d != "" || err != nil {
			t.Fatal(err, d)
		}
		trip := journey.Trip{
			Type: journey.TripType(rapid.Byte().Draw(t, "type")), Terminal: r.Entry.Terminal, Trade: r.Entry.Stop, Line: r.Entry.Line, Station: r.Entry.Station,
			Operator: r.Entry.Operator, Direction: r.Direction, Amount: r.Amount, Balance: money.Fen(rapid.Int64Range(-1, 1<<32-2).Draw(t, "balance")),
			Time: r.Exit.Time, City: r.Exit.City, Institution: r.Exit.Institution, ATC: r.EntryATC, Rule: r.Rule, Concession: r.Concession, Rides: r.Rides,
		}
		b, err = trip.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := journey.DecodeTrip(b); back != trip || err != nil {
			t.Fatalf("%+v, %v, want %+v", back, err, trip)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(unhex(f, boardedHex))
	f.Add(append(unhex(f, "01107D0101000062280001001117"), make([]byte, journey.Size-14)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := journey.Decode(b)
		if err != nil {
			if !errors.Is(err, journey.ErrRecord) || r != (journey.Record{}) {
				t.Fatalf("%+v, %v", r, err)
			}
			return
		}
		if again, err := r.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%X, %v", again, err)
		}
	})
}

func FuzzDecodeTrip(f *testing.F) {
	f.Add(unhex(f, riddenHex))
	f.Add(make([]byte, journey.TripSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := journey.DecodeTrip(b)
		if err != nil {
			if !errors.Is(err, journey.ErrRecord) || r != (journey.Trip{}) {
				t.Fatalf("%+v, %v", r, err)
			}
			return
		}
		if again, err := r.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%X, %v", again, err)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	b.ReportAllocs()
	var buffer [journey.Size]byte
	for b.Loop() {
		encoded, err := boarded.Append(buffer[:0])
		if err != nil {
			b.Fatal(err)
		}
		if _, err := journey.Decode(encoded); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleDecode() {
	b, _ := hex.DecodeString(boardedHex)
	r, err := journey.Decode(b)
	fmt.Println(r.State, r.Serial, r.Entry.Line, r.Entry.Stop, r.MonthSum, r.Held, err)
	// Output: in ************1117 300 12 123.45 38.00 <nil>
}

// The greatest values of a trip come back as they are.
func TestGreatestTrip(t *testing.T) {
	want := ridden
	want.Amount, want.Balance, want.Time = 1<<32-1, journey.MaxBalance, 1<<32-1
	b, err := want.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := journey.DecodeTrip(b); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(*journey.Trip){
		"amount": func(t *journey.Trip) { t.Amount++ }, "balance": func(t *journey.Trip) { t.Balance++ }, "time": func(t *journey.Trip) { t.Time++ },
	} {
		above := want
		change(&above)
		if _, err := above.Append(nil); !errors.Is(err, journey.ErrRecord) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
