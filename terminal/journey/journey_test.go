package journey_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

func parse(t testing.TB, change func(files map[string][]byte)) *fare.Book {
	t.Helper()
	files := beijing.Files()
	change(files)
	b, err := fare.Parse(files)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func station(t testing.TB, b *fare.Book, name string) fare.StationID {
	t.Helper()
	id, ok := b.StationByName(name)
	if !ok {
		t.Fatalf("no station %s", name)
	}
	return id
}

func newCard() journey.Card {
	return journey.Card{Record: wire.Record{ID: wire.Metro, Valid: true, Mode: wire.SectionFare}, Support: 2, Balance: -1}
}

func TestSettingsThatCannotBePriced(t *testing.T) {
	b := parse(t, func(map[string][]byte) {})
	good := journey.Tap{Mode: journey.Exit, Station: 1, Now: 1774997100, Medium: fare.BankCard}
	for want, change := range map[string]func(*journey.Tap){
		"mode 0":             func(t *journey.Tap) { t.Mode = 0 },
		"mode 6":             func(t *journey.Tap) { t.Mode = 6 },
		"time 0":             func(t *journey.Tap) { t.Now = 0 },
		"time 4294967296":    func(t *journey.Tap) { t.Now = 1 << 32 },
		"station 0":          func(t *journey.Tap) { t.Station = 0 },
		"station 60000":      func(t *journey.Tap) { t.Station = 60000 },
		"medium 0":           func(t *journey.Tap) { t.Medium = 0 },
		"bus at 655351 m":    func(t *journey.Tap) { t.Mode, t.Metres = journey.Board, 655351 },
		"direction AA":       func(t *journey.Tap) { t.Mode, t.Direction = journey.Alight, 0xAA },
		"bus at -1 m":        func(t *journey.Tap) { t.Mode, t.Metres = journey.Bus, -1 },
		"the longest bus ri": func(t *journey.Tap) { t.Mode, t.Metres = journey.Bus, 5 },
	} {
		tap, card, rules := good, newCard(), *b.Journeys()
		change(&tap)
		if strings.HasPrefix(want, "the longest") {
			rules.Bus.LongestM = -5
		}
		got, err := journey.Decide(b, &rules, &card, &tap)
		if !errors.Is(err, journey.ErrTap) || !strings.Contains(err.Error(), want) || got != (journey.Decision{}) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// The last settings that can be priced, and the two ways to give a direction.
func TestEdgesOfSettings(t *testing.T) {
	b := parse(t, func(map[string][]byte) {})
	for given, want := range map[byte]byte{0: wire.DirectionAB, wire.DirectionAB: wire.DirectionAB, 1: wire.DirectionBA, wire.DirectionBA: wire.DirectionBA} {
		card, tap := newCard(), journey.Tap{Mode: journey.Board, Metres: 655350, Direction: given, Now: 1<<32 - 1}
		d, err := journey.Decide(b, b.Journeys(), &card, &tap)
		if err != nil || d.Next.Direction != want || d.Trip.Direction != want || d.Next.Position != 65535 || d.Next.Entry.Time != tap.Now {
			t.Errorf("direction %02X: %+v, %v", given, d, err)
		}
	}
}

// dear is a book with another highest price.
type dear struct {
	*fare.Book
	highest money.Fen
}

func (d dear) HoldFrom(fare.StationID) money.Fen { return d.highest }

func (d dear) BusPrice(metres int, card bool) (fare.Quote, error) {
	q, err := d.Book.BusPrice(metres, card)
	if metres > 600_000 {
		q.Full = d.highest
	}
	return q, err
}

// Prices that no record and no row can hold are refused before anybody pays them.
func TestPricesBeyondARecord(t *testing.T) {
	b := parse(t, func(map[string][]byte) {})
	for highest, refused := range map[money.Fen]bool{1<<24 - 1: false, 1 << 24: true} {
		for mode := journey.Entry; mode <= journey.Alight; mode++ {
			card, tap := newCard(), journey.Tap{Mode: mode, Station: 1, Now: 1774997100, Medium: fare.BankCard}
			rules := *b.Journeys()
			rules.Hold.All = true
			d, err := journey.Decide(dear{b, highest}, &rules, &card, &tap)
			if errors.Is(err, journey.ErrTap) != refused {
				t.Errorf("%s, up to %v: %v", mode, highest, err)
			}
			if _, err := d.Next.Append(nil); err != nil {
				t.Errorf("%s: %v", mode, err)
			}
		}
	}
}

// Records that no gate of the city wrote must not lead to a panic or a wrong price.
func TestStrangeRecords(t *testing.T) {
	b := parse(t, func(map[string][]byte) {})
	tap := journey.Tap{Mode: journey.Exit, Station: 1, Now: 1774997100, Medium: fare.BankCard}
	for name, change := range map[string]func(*wire.Record){
		"no entry time":         func(r *wire.Record) { r.State, r.Entry.Station = wire.In, 2 },
		"station unknown":       func(r *wire.Record) { r.State, r.Entry = wire.In, wire.Place{Time: tap.Now - 600, Station: 9999} },
		"no station":            func(r *wire.Record) { r.State, r.Entry = wire.In, wire.Place{Time: tap.Now - 600} },
		"entry in the future":   func(r *wire.Record) { r.State, r.Entry = wire.In, wire.Place{Time: tap.Now + 1, Station: 2} },
		"out, but with a place": func(r *wire.Record) { r.State, r.Entry = wire.Out, wire.Place{Time: tap.Now - 600, Station: 2} },
	} {
		card := newCard()
		change(&card.Record)
		got, err := journey.Decide(b, b.Journeys(), &card, &tap)
		if err != nil || got.Amount != b.HighestFrom(1) || !got.Flags.Has(txn.EntryUnread) || got.EntryTime != 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for entered, known := range map[int64]bool{0: false, 1: true, tap.Now: true, tap.Now + 1: false} {
		card, alights := newCard(), tap
		alights.Mode = journey.Alight
		card.Record.State, card.Record.Direction, card.Record.Entry = wire.In, wire.DirectionAB, wire.Place{Time: entered}
		if got, err := journey.Decide(b, b.Journeys(), &card, &alights); err != nil || got.Flags.Has(txn.EntryUnread) == known {
			t.Errorf("boarded at %d: %+v, %v", entered, got, err)
		}
	}
	card := newCard()
	card.Record.State, card.Record.Entry = wire.In, wire.Place{Time: tap.Now - 600, Station: 2, Terminal: 1 << 40}
	if got, err := journey.Decide(b, b.Journeys(), &card, &tap); err != nil || got.EntryTerminal != 0 || got.EntryTime == 0 {
		t.Errorf("terminal of another register: %+v, %v", got, err)
	}
	card.Record.Month, card.Record.MonthSum = txn.MonthBCD(tap.Now), 1<<24-1
	if got, err := journey.Decide(b, b.Journeys(), &card, &tap); err != nil || got.Next.MonthSum != 1<<24-1 {
		t.Errorf("a month's sum beyond what the record holds: %+v, %v", got.Next, err)
	}
}

func TestFinish(t *testing.T) {
	b := parse(t, func(map[string][]byte) {})
	card := newCard()
	card.Balance = 500
	tap := journey.Tap{Mode: journey.Entry, Station: 1, Now: 1774997100, Medium: fare.BankCard, Terminal: 9}
	d, err := journey.Decide(b, b.Journeys(), &card, &tap)
	if err != nil || d.Trip.Balance != 500 {
		t.Fatalf("%+v, %v", d, err)
	}
	d.Finish(77, 499)
	if d.Next.EntryATC != 77 || d.Trip.ATC != 77 || d.Trip.Balance != 499 {
		t.Errorf("entry: %+v %+v", d.Next, d.Trip)
	}
	card.Record = d.Next
	tap.Mode, tap.Now = journey.Exit, tap.Now+600
	if d, err = journey.Decide(b, b.Journeys(), &card, &tap); err != nil || d.EntryATC != 77 || d.EntryTerminal != 9 {
		t.Fatalf("%+v, %v", d, err)
	}
	for balance, want := range map[money.Fen]money.Fen{
		-100: wire.UnknownBalance, 0: 0, wire.MaxBalance: wire.MaxBalance, wire.MaxBalance + 1: wire.UnknownBalance, 999_999_999_999: wire.UnknownBalance,
	} {
		d.Finish(78, balance)
		if _, err := d.Trip.Append(nil); err != nil || d.Next.EntryATC != 77 || d.Trip.ATC != 78 || d.Trip.Balance != want {
			t.Errorf("exit with %v: %+v %+v, %v", balance, d.Next, d.Trip, err)
		}
	}
}

// A station that was renamed between entry and exit: the old book does not have the
// exit, so the new one counts; without the entry in it, the entry is not known.
func TestStationsOfAnotherBook(t *testing.T) {
	old := parse(t, func(map[string][]byte) {})
	renamed := parse(t, func(files map[string][]byte) {
		for name, text := range files {
			text = bytes.ReplaceAll(text, []byte("西单"), []byte("新西单"))
			files[name] = bytes.ReplaceAll(text, []byte("国贸"), []byte("新国贸"))
		}
		tariff := bytes.Replace(files[fare.TariffFile], []byte(`"version": 1`), []byte(`"version": 2`), 1)
		tariff = bytes.Replace(tariff, []byte(`"since": "2014-12-28"`), []byte(`"since": "2026-05-01"`), 1)
		files[fare.TariffFile] = bytes.Replace(tariff, []byte(`"up_to_m": 6000, "fare_yuan": 3`), []byte(`"up_to_m": 6000, "fare_yuan": 4`), 1)
	})
	books, err := fare.NewBooks(old, renamed)
	if err != nil {
		t.Fatal(err)
	}
	const entered, left = 1777563600, 1777565400 // 2026-04-30 23:40, 2026-05-01 00:10
	for _, c := range []struct {
		from, to string
		rule     uint16
		amount   money.Fen
		unread   bool
	}{
		{"西单", "建国门", 1, 3_00, false},
		{"建国门", "新西单", 2, 4_00, false},
		{"西单", "新国贸", 2, renamed.HighestFrom(station(t, renamed, "新国贸")), true},
		{"by a book that nobody knows", "新西单", 2, renamed.HighestFrom(station(t, renamed, "新西单")), true},
	} {
		card := newCard()
		from, known := old.StationByName(c.from)
		if !known {
			from = station(t, old, "建国门")
		}
		d, err := journey.DecideDated(books, &card, &journey.Tap{Mode: journey.Entry, Station: from, Now: entered, Medium: fare.BankCard})
		if err != nil || d.Rule != 1 {
			t.Fatal(d, err)
		}
		if card.Record = d.Next; !known {
			card.Record.Rule = 77
		}
		d, err = journey.DecideDated(books, &card, &journey.Tap{Mode: journey.Exit, Station: station(t, renamed, c.to), Now: left, Medium: fare.BankCard})
		if err != nil || d.Rule != c.rule || d.Amount != c.amount || d.Flags.Has(txn.EntryUnread) != c.unread || d.Next.Rule != c.rule {
			t.Errorf("%s to %s: %v by book %d, %v, %v, want %v by %d", c.from, c.to, d.Amount, d.Rule, d.Flags, err, c.amount, c.rule)
		}
	}
}

// What the log says of the balance before the card has told it: nothing, where the
// terminal cannot know.
func TestBalanceBeforeTheCardTells(t *testing.T) {
	b := parse(t, func(map[string][]byte) {})
	tap := journey.Tap{Mode: journey.Bus, Metres: 9000, Now: 1774997100, Medium: fare.BankCard} // 1 yuan
	for balance, want := range map[money.Fen]money.Fen{1<<32 + 99: wire.UnknownBalance, 1<<32 + 98: wire.MaxBalance, 200: 100, 100: 0, 99: wire.UnknownBalance, -1: wire.UnknownBalance} {
		card := newCard()
		card.Balance = balance
		if d, err := journey.Decide(b, b.Journeys(), &card, &tap); err != nil || d.Amount != 100 || d.Trip.Balance != want {
			t.Errorf("of %v: %v, %v, want %v", balance, d.Trip.Balance, err, want)
		}
		card.Record.State, card.Record.Held = wire.In, 300
		if d, err := journey.Decide(b, b.Journeys(), &card, &tap); err != nil || d.Kind != txn.Completion || d.Trip.Balance != wire.UnknownBalance {
			t.Errorf("completion of %v: %v, %v", balance, d.Trip.Balance, err)
		}
	}
}

func TestNamesOfNumbers(t *testing.T) {
	for got, want := range map[string]string{
		journey.Alight.String(): "alight", journey.Mode(0).String(): "invalid", journey.Mode(6).String(): "invalid",
		journey.BalanceLow.String(): "balance low", journey.Refusal(10).String(): "invalid", journey.NoRefusal.String(): "none",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func BenchmarkExit(b *testing.B) {
	book := parse(b, func(map[string][]byte) {})
	card := newCard()
	tap := journey.Tap{Mode: journey.Entry, Station: 1, Now: 1774997100, Medium: fare.MunicipalCard}
	d, err := journey.Decide(book, book.Journeys(), &card, &tap)
	if err != nil {
		b.Fatal(err)
	}
	card.Record = d.Next
	tap.Mode, tap.Station, tap.Now = journey.Exit, 100, tap.Now+1800
	b.ReportAllocs()
	for b.Loop() {
		if _, err := journey.Decide(book, book.Journeys(), &card, &tap); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleDecide() {
	book, err := beijing.Book()
	if err != nil {
		fmt.Println(err)
		return
	}
	from, _ := book.StationByName("国贸")
	to, _ := book.StationByName("西单")
	card := journey.Card{Record: wire.Record{ID: wire.Metro, Valid: true}, Support: 2, Balance: 50_00}
	tap := journey.Tap{Mode: journey.Entry, Station: from, Terminal: 7, Now: 1774997100, Medium: fare.MunicipalCard}
	for range 2 {
		d, err := journey.Decide(book, book.Journeys(), &card, &tap)
		d.Finish(12, 50_00-d.Amount) // the card's counter and balance, from its answer to GPO
		fmt.Println(d.Kind, d.DF60, d.Amount, d.Next.State, d.Next.MonthSum, err)
		card.Record = d.Next // as the card commits it
		tap.Mode, tap.Station, tap.Now = journey.Exit, to, tap.Now+1500
	}
	// Output:
	// entry 1 0.00 in 0.00 <nil>
	// exit 1 4.00 out 4.00 <nil>
}

// FuzzDecide: whatever a record says, a tap is decided, and what is to be written can
// be, with the card's own identity and rights.
func FuzzDecide(f *testing.F) {
	book := parse(f, func(map[string][]byte) {})
	strict := *book.Journeys()
	strict.MissingExit, strict.ReEntry, strict.Hold.All, strict.Bus.HoldAtBoarding = fare.ChargeHighest, 600, true, true
	strict.RideTickets = fare.RideTickets{Metro: true, Bus: true, Covers: 150}
	strict.BusToBus, strict.MetroToBus = fare.Transfer{Within: 3600, Off: 70}, fare.Transfer{Within: 3600, Off: 90}
	seed := func(change func(*wire.Record)) {
		r := newCard().Record
		change(&r)
		b, err := r.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		for mode := byte(1); mode <= 5; mode++ {
			f.Add(b, mode, uint32(1774997100), uint16(17), uint32(3000), int64(-1))
		}
		f.Add(b, byte(journey.Exit), uint32(1774997100), uint16(17), uint32(0), int64(999_999_999_999))
	}
	seed(func(*wire.Record) {})
	seed(func(r *wire.Record) { r.State, r.Overdue = wire.In, 1<<32-1 })
	seed(func(r *wire.Record) {
		r.State, r.Mode, r.Held, r.Overdue, r.Rides, r.Concession = wire.In, wire.PreAuth, 500, 400, 3, 1
		r.Entry, r.Month, r.MonthSum = wire.Place{Time: 1774996000, Station: 20, Line: 17}, [2]byte{0x26, 0x04}, 1<<24-1
	})
	seed(func(r *wire.Record) {
		r.State, r.Exit, r.Direction = wire.Out, wire.Place{Time: 1774997000, Line: 3}, wire.DirectionBA
	})
	f.Fuzz(func(t *testing.T, b []byte, mode byte, now uint32, place uint16, metres uint32, balance int64) {
		rec, err := wire.Decode(b)
		if err != nil {
			return
		}
		for _, rules := range []*fare.JourneyRules{book.Journeys(), &strict} {
			for support := range byte(3) {
				card := journey.Card{Record: rec, Other: &rec, Support: support, Balance: money.Fen(balance), Purse: support == 0}
				tap := journey.Tap{Mode: journey.Mode(mode), Station: fare.StationID(place), Route: place, Metres: int(metres), Now: int64(now), Medium: fare.MunicipalCard}
				d, err := journey.Decide(book, rules, &card, &tap)
				if err != nil {
					if !errors.Is(err, journey.ErrTap) {
						t.Fatal(err)
					}
					continue
				}
				if d.Refused != journey.NoRefusal {
					continue
				}
				d.Finish(5, money.Fen(balance))
				_, bad := d.Next.Append(nil)
				_, wrong := d.Trip.Append(nil)
				if bad != nil || wrong != nil || d.Amount < 0 || max(d.Amount, d.Full) > 1<<24-1 || d.Counted < 0 || d.Counted > d.Amount && d.Kind != txn.Hold {
					t.Fatalf("%+v: %v, %v", d, bad, wrong)
				}
				if d.Next.ID != rec.ID || d.Next.Serial != rec.Serial || d.Next.Concession != rec.Concession || d.Next.Locked || d.Kind == txn.Entry && d.Amount != 0 {
					t.Fatalf("%+v became %+v", rec, d.Next)
				}
			}
		}
	})
}
