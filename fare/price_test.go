package fare_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
)

func Example() {
	book, err := beijing.Book()
	if err != nil {
		fmt.Println(err)
		return
	}
	from, _ := book.StationByName("传媒大学")
	to, _ := book.StationByName("国贸")
	quote, err := book.Price(fare.Trip{
		Entry: from, Exit: to,
		EnterAt: 1774997100, ExitAt: 1774998600, // 06:45 to 07:10
		Medium: fare.MunicipalCard, MonthPaid: 120_00, Workday: true,
	})
	fmt.Println(quote.Full, quote.Pay, quote.Discounts, err)
	legs, _ := book.Ride(from, to)
	for _, leg := range legs {
		line, _ := book.Line(leg.Line)
		fmt.Println(line.Name, book.Name(leg.From), book.Name(leg.To), leg.Metres)
	}
	// Output:
	// 4.00 1.60 {800 500 1000} <nil>
	// 1号线 传媒大学 国贸 8149
}

// seven is 07:00:00 at UTC+8 of noon's day.
const seven = noon - 5*3600

// Discounts: the notice of 2014 (monthly sum), of December 2015 (early bird, on top
// of the monthly discount, not for the airport lines).
func TestDiscountsOfBeijing(t *testing.T) {
	b := book(t)
	entry, city := station(t, "土桥"), station(t, "国贸") // an early-bird station; 5 yuan
	t3, tram := station(t, "3号航站楼"), station(t, "茶棚")
	early := func(trip *fare.Trip) { trip.Workday, trip.EnterAt, trip.ExitAt = true, seven-1, seven+3000 }
	card := func(paid money.Fen, also ...func(*fare.Trip)) func(*fare.Trip) {
		return func(trip *fare.Trip) {
			trip.Medium, trip.MonthPaid = fare.MunicipalCard, paid
			for _, f := range also {
				f(trip)
			}
		}
	}
	for _, c := range []struct {
		name               string
		from, to           fare.StationID
		set                func(*fare.Trip)
		full, pay, counted money.Fen
		discounts          fare.Discounts
	}{
		{"nothing spent", entry, city, card(0), 500, 500, 500, fare.Discounts{1000, 1000, 1000}},
		{"a fen below 100 pays the old rate", entry, city, card(9999), 500, 500, 500, fare.Discounts{1000, 1000, 1000}},
		{"from 100 at 80 %", entry, city, card(10000), 500, 400, 400, fare.Discounts{800, 1000, 1000}},
		{"a fen below 150", entry, city, card(14999), 500, 400, 400, fare.Discounts{800, 1000, 1000}},
		{"from 150 at 50 %", entry, city, card(15000), 500, 250, 250, fare.Discounts{500, 1000, 1000}},
		{"a fen below 400", entry, city, card(39999), 500, 250, 250, fare.Discounts{500, 1000, 1000}},
		{"from 400 in full again", entry, city, card(40000), 500, 500, 500, fare.Discounts{1000, 1000, 1000}},
		{"bank card has no month", entry, city, func(x *fare.Trip) { x.MonthPaid = 20000 }, 500, 500, 0, fare.Discounts{1000, 1000, 1000}},
		{"early bird", entry, city, card(0, early), 500, 250, 250, fare.Discounts{1000, 500, 1000}},
		{"early bird on top of 80 %", entry, city, card(12000, early), 500, 200, 200, fare.Discounts{800, 500, 1000}},
		{"early bird on top of 50 %", entry, city, card(20000, early), 500, 125, 125, fare.Discounts{500, 500, 1000}},
		{"at seven sharp it is over", entry, city, card(0, early, func(x *fare.Trip) { x.EnterAt = seven }), 500, 500, 500, fare.Discounts{1000, 1000, 1000}},
		{"not on a day off", entry, city, card(0, early, func(x *fare.Trip) { x.Workday = false }), 500, 500, 500, fare.Discounts{1000, 1000, 1000}},
		{"not from other stations", city, entry, card(0, early), 500, 500, 500, fare.Discounts{1000, 1000, 1000}},
		{"not by bank card", entry, city, early, 500, 500, 0, fare.Discounts{1000, 1000, 1000}},
		{"airport line is never discounted", t3, station(t, "三元桥"), card(20000), 2500, 2500, 0, fare.Discounts{1000, 1000, 1000}},
		{"only the metro part of an airport trip", t3, station(t, "东四十条"), card(20000), 2800, 2650, 150, fare.Discounts{500, 1000, 1000}},
		{"the tram is rail", tram, station(t, "香山"), card(10000), 300, 240, 240, fare.Discounts{800, 1000, 1000}},
		{"in and out at one station", city, city, card(0), 300, 300, 300, fare.Discounts{1000, 1000, 1000}},
		{"in and out at the airport", t3, t3, card(0), 2500, 2500, 0, fare.Discounts{1000, 1000, 1000}},
		{"from hall to hall of one station", station(t, "木樨地(1号线)"), station(t, "木樨地(16号线)"), card(0), 300, 300, 300, fare.Discounts{1000, 1000, 1000}},
	} {
		trip := plain(c.from, c.to)
		c.set(&trip)
		q, err := b.Price(trip)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if q.Full != c.full || q.Pay != c.pay || q.Counted != c.counted || q.Discounts != c.discounts || q.Rule != 1 {
			t.Errorf("%s: %+v, want %s full, %s paid, %s counted, %v", c.name, q, c.full, c.pay, c.counted, c.discounts)
		}
	}
}

func TestFourHoursAreEnough(t *testing.T) {
	b := book(t)
	a, c, t2, t3 := station(t, "土桥"), station(t, "国贸"), station(t, "2号航站楼"), station(t, "3号航站楼")
	for _, x := range []struct {
		from, to       fare.StationID
		stay           int64
		full, pay, ext money.Fen
	}{
		{a, c, 4 * 3600, 500, 250, 0},
		{a, c, 4*3600 + 1, 800, 550, 300},
		{a, c, 40 * 3600, 800, 550, 300},
		{t2, t3, 5 * 3600, 2500, 2500, 0},
		{t2, c, 5 * 3600, 3100, 2950, 300},
	} {
		trip := plain(x.from, x.to)
		trip.ExitAt, trip.Medium, trip.MonthPaid = trip.EnterAt+x.stay, fare.MunicipalCard, 200_00
		q, err := b.Price(trip)
		if err != nil {
			t.Fatal(err)
		}
		if q.Full != x.full || q.Pay != x.pay || q.Overtime != x.ext {
			t.Errorf("%s to %s, %d s: %+v, want %s full, %s paid, %s extra", b.Name(x.from), b.Name(x.to), x.stay, q, x.full, x.pay, x.ext)
		}
	}
}

// A part is rounded half up to the fen by itself: 4 yuan at 0.333 and 0.55, the
// tram's 2 yuan at 0.333.
func TestOddRatesRoundHalfUpPartByPart(t *testing.T) {
	b := toyBook(t)
	trip := plain(named(t, b, "B"), named(t, b, "T"))
	trip.EnterAt = noon - 12*3600 // midnight
	trip.ExitAt, trip.Medium, trip.MonthPaid, trip.Workday = trip.EnterAt+60, fare.MunicipalCard, 1000, true
	q, err := b.Price(trip)
	if err != nil {
		t.Fatal(err)
	}
	want := fare.Quote{Full: 500, Pay: 55 + 67, Counted: 55 + 67, Rule: 7, Discounts: fare.Discounts{333, 550, 1000},
		Parts: []fare.Part{{Network: 1, Metres: 2000, Fen: 300}, {Network: 2, Metres: 4000, Fen: 200}}}
	if d := cmp.Diff(want, q); d != "" {
		t.Error(d)
	}
}

func TestCheapestThenShortestWayIn(t *testing.T) {
	b := toyBook(t)
	for _, c := range []struct {
		from, to string
		fen      money.Fen
		metres   int
		parts    int
	}{
		{"T", "A", 200, 4000, 1},      // the tram alone
		{"T", "C", 500, 5000, 1},      // dearer than by A (2 + 3)? equally dear, so the shorter
		{"A", "C", 300, 4000, 1},      // by the ring, not by the tram
		{"T", "B", 500, 6000, 2},      // in at A: 2 + 3, not 5 + 3
		{"T", "Hill", 1700, 12500, 3}, // tram 2, ring and cross 8000 m 4, rope 11
		{"D", "E", 300, 5000, 1},
		{"C", "E", 400, 6000, 1},
		{"B", "E", 400, 8000, 1},
		{"A", "G", 900, 53000, 1},
	} {
		from, to := named(t, b, c.from), named(t, b, c.to)
		q, err := b.Price(plain(from, to))
		if err != nil {
			t.Fatal(err)
		}
		if q.Full != c.fen || b.Distance(from, to) != c.metres || len(q.Parts) != c.parts {
			t.Errorf("%s to %s: %s yuan, %d m, parts %v; want %s, %d, %d parts", c.from, c.to, q.Full, b.Distance(from, to), q.Parts, c.fen, c.metres, c.parts)
		}
	}
}

func TestToleranceAtABandsEdge(t *testing.T) {
	for _, c := range []struct {
		metres string
		want   money.Fen
	}{{"5000", 300}, {"5050", 300}, {"5051", 400}} {
		files := spoilt(t, fare.SegmentsFile, "E,F,5000", "E,F,"+c.metres)
		files[fare.LinesFile] = []byte(replaceLength(string(files[fare.LinesFile]), c.metres))
		b, err := fare.Parse(files)
		if err != nil {
			t.Fatal(err)
		}
		q, err := b.Price(plain(named(t, b, "E"), named(t, b, "F")))
		if err != nil || q.Full != c.want {
			t.Errorf("%s m: %s yuan (%v), want %s", c.metres, q.Full, err, c.want)
		}
	}
}

func TestTripsThatCannotBePriced(t *testing.T) {
	b := book(t)
	last := fare.StationID(len(b.Stations()))
	for name, c := range map[string]struct {
		spoil func(*fare.Trip)
		want  error
	}{
		"no entry":          {func(x *fare.Trip) { x.Entry = 0 }, fare.ErrStation},
		"unknown exit":      {func(x *fare.Trip) { x.Exit = last + 1 }, fare.ErrStation},
		"exit before entry": {func(x *fare.Trip) { x.ExitAt = x.EnterAt - 1 }, fare.ErrTrip},
		"no entry time":     {func(x *fare.Trip) { x.EnterAt = 0 }, fare.ErrTrip},
		"no medium":         {func(x *fare.Trip) { x.Medium = 0 }, fare.ErrTrip},
		"unknown medium":    {func(x *fare.Trip) { x.Medium = 5 }, fare.ErrTrip},
		"negative month":    {func(x *fare.Trip) { x.MonthPaid = -1 }, fare.ErrTrip},
	} {
		trip := plain(1, last)
		c.spoil(&trip)
		if q, err := b.Price(trip); !errors.Is(err, c.want) || q.Full != 0 {
			t.Errorf("%s: %+v, error %v", name, q, err)
		}
	}
	if b.Distance(0, 1) != -1 || b.Minutes(1, last+1) != -1 || b.HighestFrom(0) != 0 || b.HoldFrom(last+1) != 0 || b.Name(0) != "" || b.Lines(last+1) != nil {
		t.Error("an unknown station got an answer")
	}
	if _, err := b.Ride(0, 1); !errors.Is(err, fare.ErrStation) {
		t.Errorf("Ride: %v", err)
	}
	if _, err := b.SplitByOperator(1, 0, 100); !errors.Is(err, fare.ErrStation) {
		t.Errorf("SplitByOperator: %v", err)
	}
}

// No discount of this rule book ever needs rounding: fares are whole yuan and the
// product of the rates has at most two decimals.
func TestBeijingPricesNeverNeedRounding(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		n := len(b.Stations())
		trip := fare.Trip{
			Entry:   fare.StationID(rapid.IntRange(1, n).Draw(t, "entry")),
			Exit:    fare.StationID(rapid.IntRange(1, n).Draw(t, "exit")),
			EnterAt: rapid.Int64Range(noon-43200, noon+43199).Draw(t, "enter"),
			Medium:  fare.Medium(rapid.IntRange(1, 4).Draw(t, "medium")), Workday: rapid.Bool().Draw(t, "workday"),
			MonthPaid: money.Fen(rapid.Int64Range(0, 500_00).Draw(t, "month")),
		}
		trip.ExitAt = trip.EnterAt + rapid.Int64Range(0, 20000).Draw(t, "stay")
		q, err := b.Price(trip)
		if err != nil {
			t.Fatal(err)
		}
		var full, exact int64
		for _, p := range q.Parts {
			full += int64(p.Fen)
			rate := int64(1000 * 1000)
			if p.Network == fare.HubNetwork || b.NetworkName(p.Network)[:4] == "tram" {
				rate = int64(q.Discounts.Monthly) * int64(q.Discounts.Early)
			}
			if int64(p.Fen)*rate%1_000_000 != 0 {
				t.Fatalf("%+v: part %+v at %d per million is no whole fen", trip, p, rate)
			}
			exact += int64(p.Fen) * rate / 1_000_000
		}
		if int64(q.Full-q.Overtime) != full || int64(q.Pay-q.Overtime) != exact || q.Counted > q.Pay || q.Pay > q.Full {
			t.Fatalf("%+v: quote %+v, parts add to %d, %d discounted", trip, q, full, exact)
		}
	})
}

func TestMediaHaveTheNamesOfTheTariff(t *testing.T) {
	for m, want := range map[fare.Medium]string{0: "invalid", fare.MunicipalCard: "municipal_card", fare.BankCard: "bank_card", fare.Code: "code", fare.Ticket: "ticket", 5: "invalid"} {
		if m.String() != want || m.Valid() != (want != "invalid") {
			t.Errorf("medium %d is %q, valid %v", byte(m), m, m.Valid())
		}
	}
}

func TestBus(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		metres    int
		full, pay money.Fen
	}{{0, 200, 100}, {10_000, 200, 100}, {10_001, 300, 150}, {15_000, 300, 150}, {15_001, 400, 200}, {1_000_000, 20000, 10000}} {
		cash, err1 := b.BusPrice(c.metres, false)
		card, err2 := b.BusPrice(c.metres, true)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if cash.Full != c.full || cash.Pay != c.full || card.Full != c.full || card.Pay != c.pay || card.Discounts.Card != 500 || cash.Discounts.Card != 1000 {
			t.Errorf("%d m: cash %+v, card %+v, want %s and %s", c.metres, cash, card, c.full, c.pay)
		}
	}
	for _, m := range []int{-1, 1_000_001} {
		if _, err := b.BusPrice(m, true); !errors.Is(err, fare.ErrTrip) {
			t.Errorf("%d m: error %v", m, err)
		}
	}
}

// HighestFrom is the dearest trip that ends at a gate, whatever networks it leads
// through; HoldFrom covers staying too long as well.
func TestHighestFaresAndHolds(t *testing.T) {
	b := book(t)
	for _, s := range b.Stations() {
		var highest, most money.Fen
		for _, from := range b.Stations() {
			trip := plain(from.ID, s.ID)
			q, err := b.Price(trip)
			if err != nil {
				t.Fatal(err)
			}
			highest = max(highest, q.Full)
			trip.ExitAt = trip.EnterAt + 5*3600
			if q, err = b.Price(trip); err != nil {
				t.Fatal(err)
			}
			most = max(most, q.Full)
		}
		if got := b.HighestFrom(s.ID); got != highest {
			t.Errorf("%s: highest %s, the dearest trip costs %s", s.Name, got, highest)
		}
		// A few stations have their dearest trip in a network without a surcharge:
		// there the hold covers more than is ever due.
		if got := b.HoldFrom(s.ID); got < most || got != highest+300 {
			t.Errorf("%s: hold %s, the dearest trip costs %s", s.Name, got, most)
		}
	}
}

// The airports are the dearest origins: a gate in the hub must know them.
func TestHighestFareKnowsTheOtherNetworks(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		from, to string
		full     money.Fen
	}{{"3号航站楼", "北京南站", 2900}, {"大兴机场", "北京南站", 3800}} {
		from, to := station(t, c.from), station(t, c.to)
		q, err := b.Price(plain(from, to))
		if err != nil || q.Full != c.full {
			t.Fatalf("%s to %s: %s, want %s, %v", c.from, c.to, q.Full, c.full, err)
		}
		if got := b.HighestFrom(to); got < q.Full {
			t.Errorf("highest fare at %s is %s, from %s it is %s", c.to, got, c.from, q.Full)
		}
	}
}

func TestAQuoteCostsOneAllocation(t *testing.T) {
	b := book(t)
	trip := plain(station(t, "香山"), station(t, "大兴机场"))
	if n := testing.AllocsPerRun(100, func() { _, _ = b.Price(trip) }); n > 1 {
		t.Errorf("Price allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		_ = b.Distance(trip.Entry, trip.Exit) + b.Minutes(trip.Entry, trip.Exit) + int(b.HighestFrom(trip.Entry))
	}); n > 0 {
		t.Errorf("Distance, Minutes and HighestFrom allocate %v times", n)
	}
}

func BenchmarkPrice(bm *testing.B) {
	b := book(bm)
	trip := plain(station(bm, "土桥"), station(bm, "昌平西山口"))
	bm.ReportAllocs()
	for bm.Loop() {
		if _, err := b.Price(trip); err != nil {
			bm.Fatal(err)
		}
	}
}

func BenchmarkPriceOverThreeNetworks(bm *testing.B) {
	b := book(bm)
	trip := plain(station(bm, "香山"), station(bm, "3号航站楼"))
	bm.ReportAllocs()
	for bm.Loop() {
		if _, err := b.Price(trip); err != nil {
			bm.Fatal(err)
		}
	}
}
