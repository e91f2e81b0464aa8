package journey_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/journey"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

// twin remembers a rider's whole life instead of a record of 128 bytes, and answers
// each tap from that.
type twin struct {
	book    *fare.Book
	rules   *fare.JourneyRules
	code    byte
	rides   int
	canHold bool
	purse   bool

	paidIn  map[[2]byte]money.Fen // what counted in each month
	inMetro *ride
	onBus   *ride
	outAt   int64 // last metro exit while nobody is inside
	offAt   int64 // last bus left
	offLine uint16
}

type ride struct {
	station fare.StationID
	at      int64
	owes    money.Fen
	held    money.Fen
	route   uint16
	place   int // of the bus, in tens of metres
	way     byte
	off     money.Fen
}

type answer struct {
	refused      journey.Refusal
	kind         txn.Kind
	df60         byte
	amount       money.Fen
	counted, sum money.Fen
}

// share is the part of a price that this rider pays.
func (w *twin) share(price money.Fen, bus bool) money.Fen {
	c, ok := w.rules.Concessions[w.code]
	if !ok {
		return price
	}
	rate := money.Fen(c.Metro)
	if bus {
		rate = money.Fen(c.Bus)
	}
	return (price*rate + 500) / 1000
}

// withRide uses a ride ticket, if that helps.
func (w *twin) withRide(price money.Fen, bus bool) money.Fen {
	usable := bus && w.rules.RideTickets.Bus || !bus && w.rules.RideTickets.Metro
	if price == 0 || w.rides == 0 || !usable {
		return price
	}
	w.rides--
	if covers := w.rules.RideTickets.Covers; covers != 0 {
		return max(price-covers, 0)
	}
	return 0
}

func (w *twin) fixedPrice(c fare.Charge, at fare.StationID) money.Fen {
	switch c {
	case fare.ChargeLowest:
		q, _ := w.book.Price(fare.Trip{Entry: at, Exit: at, EnterAt: 1, ExitAt: 1, Medium: fare.BankCard})
		return q.Full
	case fare.ChargeHighest:
		return w.book.HighestFrom(at)
	}
	return 0
}

func (w *twin) busFixed(c fare.Charge) money.Fen {
	metres := map[fare.Charge]int{fare.ChargeLowest: 0, fare.ChargeHighest: w.rules.Bus.LongestM}
	m, ok := metres[c]
	if !ok {
		return 0
	}
	return w.busPrice(m)
}

func (w *twin) busPrice(metres int) money.Fen {
	q, err := w.book.BusPrice(metres, true)
	if err != nil {
		panic(err)
	}
	return q.Pay
}

func (w *twin) tap(t *journey.Tap) answer {
	saved := *w
	a := map[journey.Mode]func(*journey.Tap) answer{
		journey.Entry: w.enter, journey.Exit: w.leave, journey.Bus: w.oneTap, journey.Board: w.getOn, journey.Alight: w.getOff,
	}[t.Mode](t)
	if a.refused != 0 {
		*w = saved
		return answer{refused: a.refused}
	}
	a.sum = w.paidIn[txn.MonthBCD(t.Now)]
	w.paidIn[txn.MonthBCD(t.Now)] += a.counted
	if w.purse {
		a.df60 = 0
	}
	return a
}

// close is the row of a tap that settles an open ride: a completion, if it held money.
func (w *twin) close(open *ride, a answer) answer {
	a.df60 = 1
	if open != nil && open.held > 0 && !w.purse {
		a.kind, a.df60 = txn.Completion, 3
	}
	return a
}

// start opens a ride, with a hold if one is wanted and nothing else is being paid.
func (w *twin) start(old *ride, next *ride, refuses bool, refusal journey.Refusal, hold, owesHeld money.Fen) answer {
	a := answer{kind: txn.Entry}
	if old != nil {
		if refuses && old.held == 0 {
			return answer{refused: refusal}
		}
		if a.amount = old.owes; a.amount > 0 {
			a.kind = txn.Single
		}
	}
	a = w.close(old, a)
	if hold == 0 || !w.canHold {
		return a
	}
	if next.owes = max(next.owes, owesHeld); a.kind == txn.Entry {
		next.held, next.owes = hold, owesHeld
		a.kind, a.df60, a.amount = txn.Hold, 2, hold
	}
	return a
}

func (w *twin) enter(t *journey.Tap) answer {
	if r := w.inMetro; r != nil && r.station == t.Station && t.Now-r.at <= w.rules.ReEntry && w.rules.ReEntry > 0 {
		return answer{kind: txn.Entry, df60: 1}
	}
	next := &ride{station: t.Station, at: t.Now, owes: w.share(w.fixedPrice(w.rules.MissingExit, t.Station), false)}
	hold, owes := money.Fen(0), money.Fen(0)
	if w.rules.Hold.All || w.rules.Hold.Stations[t.Station] {
		hold, owes = w.share(w.book.HoldFrom(t.Station), false), w.share(w.fixedPrice(w.rules.Hold.MissingExit, t.Station), false)
	}
	a := w.start(w.inMetro, next, w.rules.MissingExit == fare.ChargeRefuse, journey.MissingExit, hold, owes)
	w.inMetro, w.outAt = next, 0
	return a
}

func (w *twin) leave(t *journey.Tap) answer {
	r := w.inMetro
	a := answer{kind: txn.Exit}
	switch {
	case r == nil && w.rules.MissingEntry == fare.ChargeRefuse:
		return answer{refused: journey.MissingEntry}
	case r == nil:
		a.amount = w.share(w.fixedPrice(w.rules.MissingEntry, t.Station), false)
	default:
		stay := t.Now - r.at
		late := w.rules.OverTime.After > 0 && stay > w.rules.OverTime.After
		quick := r.station == t.Station && w.rules.SameStation.Within > 0 && stay <= w.rules.SameStation.Within
		switch {
		case late && w.rules.OverTime.Charge == fare.ChargeRefuse:
			return answer{refused: journey.OverTime}
		case late && w.rules.OverTime.Charge == fare.ChargeHighest:
			a.amount = w.share(max(w.book.HighestFrom(t.Station), w.metroPrice(r, t).Pay), false)
		case quick && w.rules.SameStation.Charge != fare.ChargeFare:
			a.amount = w.share(w.fixedPrice(w.rules.SameStation.Charge, t.Station), false)
		default:
			q := w.metroPrice(r, t)
			a.amount = w.withRide(w.share(q.Pay, false), false)
			a.counted = min(a.amount, w.share(q.Counted, false))
		}
	}
	a = w.close(r, a)
	w.inMetro, w.outAt = nil, t.Now
	if a.amount == 0 && (r == nil || r.station == t.Station) {
		w.outAt = 0 // no ride that a bus could be a transfer from
	}
	return a
}

func (w *twin) metroPrice(r *ride, t *journey.Tap) fare.Quote {
	q, err := w.book.Price(fare.Trip{
		Entry: r.station, Exit: t.Station, EnterAt: r.at, ExitAt: t.Now, Medium: t.Medium, MonthPaid: w.paidIn[txn.MonthBCD(t.Now)], Workday: t.Workday(r.at),
	})
	if err != nil {
		panic(err)
	}
	return q
}

// earned is the discount for the ride before.
func (w *twin) earned(t *journey.Tap) money.Fen {
	soon := func(last int64, r fare.Transfer) money.Fen {
		if last > 0 && r.Within > 0 && t.Now-last <= r.Within {
			return r.Off
		}
		return 0
	}
	if w.outAt > w.offAt {
		return soon(w.outAt, w.rules.MetroToBus)
	}
	if w.offLine == t.Route {
		return 0
	}
	return soon(w.offAt, w.rules.BusToBus)
}

func (w *twin) left(t *journey.Tap) { w.onBus, w.offAt, w.offLine = nil, t.Now, t.Route }

func (w *twin) oneTap(t *journey.Tap) answer {
	price := w.withRide(max(0, w.share(w.busPrice(t.Metres), true)-w.earned(t)), true)
	if w.onBus != nil {
		if w.rules.Bus.MissingAlight == fare.ChargeRefuse && w.onBus.held == 0 {
			return answer{refused: journey.MissingAlight}
		}
		price += w.onBus.owes
	}
	a := w.close(w.onBus, answer{kind: txn.Single, amount: price})
	w.left(t)
	return a
}

func (w *twin) getOn(t *journey.Tap) answer {
	owes := w.share(w.busFixed(w.rules.Bus.MissingAlight), true)
	next := &ride{at: t.Now, owes: owes, route: t.Route, place: t.Metres / 10, way: t.Direction, off: w.earned(t)}
	hold := money.Fen(0)
	if w.rules.Bus.HoldAtBoarding {
		hold = w.share(w.busPrice(w.rules.Bus.LongestM), true)
	}
	a := w.start(w.onBus, next, w.rules.Bus.MissingAlight == fare.ChargeRefuse, journey.MissingAlight, hold, owes)
	w.onBus, w.offAt, w.offLine = next, 0, 0
	return a
}

func (w *twin) getOff(t *journey.Tap) answer {
	r := w.onBus
	a := answer{kind: txn.Exit}
	if r == nil || r.route != t.Route {
		if w.rules.Bus.MissingBoard == fare.ChargeRefuse {
			return answer{refused: journey.MissingBoard}
		}
		a.amount = w.share(w.busFixed(w.rules.Bus.MissingBoard), true)
		if r != nil {
			if w.rules.Bus.MissingAlight == fare.ChargeRefuse && r.held == 0 {
				return answer{refused: journey.MissingAlight}
			}
			a.amount += r.owes
		}
	} else {
		way := t.Metres/10 - r.place
		if t.Direction == 1 {
			way = -way
		}
		switch wrong := way < 0 || r.way != t.Direction; {
		case wrong && w.rules.Bus.WrongDirection == fare.ChargeRefuse:
			return answer{refused: journey.WrongDirection}
		case wrong && w.rules.Bus.WrongDirection == fare.ChargeHighest:
			a.amount = w.share(w.busPrice(w.rules.Bus.LongestM), true)
		default:
			a.amount = w.withRide(max(0, w.share(w.busPrice(max(way, -way)*10), true)-r.off), true)
		}
	}
	a = w.close(r, a)
	w.left(t)
	return a
}

func drawRules(t *rapid.T, b *fare.Book) *fare.JourneyRules {
	charge := func(name string, of ...fare.Charge) fare.Charge { return rapid.SampledFrom(of).Draw(t, name) }
	const no, low, high, refuse, ordinary = fare.ChargeNothing, fare.ChargeLowest, fare.ChargeHighest, fare.ChargeRefuse, fare.ChargeFare
	r := *b.Journeys()
	r.MissingExit, r.MissingEntry = charge("missing exit", no, low, high, refuse), charge("missing entry", low, high, refuse)
	r.OverTime.After, r.OverTime.Charge = rapid.SampledFrom([]int64{0, 3600, 7200}).Draw(t, "over time"), charge("over time charge", ordinary, high, refuse)
	r.SameStation.Within, r.SameStation.Charge = rapid.SampledFrom([]int64{0, 600}).Draw(t, "same"), charge("same charge", ordinary, no, low)
	r.ReEntry = rapid.SampledFrom([]int64{0, 900}).Draw(t, "re-entry")
	r.Hold.All, r.Hold.MissingExit = rapid.Bool().Draw(t, "hold all"), charge("hold missing exit", no, low, high)
	r.Bus = fare.BusRules{
		HoldAtBoarding: rapid.Bool().Draw(t, "hold at boarding"), LongestM: rapid.SampledFrom([]int{20000, 40000}).Draw(t, "longest"),
		MissingAlight: charge("missing alight", no, low, high, refuse), MissingBoard: charge("missing board", low, high, refuse),
		WrongDirection: charge("wrong direction", ordinary, high, refuse),
	}
	r.MetroToBus = fare.Transfer{Within: rapid.SampledFrom([]int64{0, 1800}).Draw(t, "metro to bus"), Off: rapid.SampledFrom([]money.Fen{0, 70, 150}).Draw(t, "off")}
	r.BusToBus = fare.Transfer{Within: rapid.SampledFrom([]int64{0, 1800}).Draw(t, "bus to bus"), Off: rapid.SampledFrom([]money.Fen{0, 30, 500}).Draw(t, "off by bus")}
	r.RideTickets = fare.RideTickets{Metro: rapid.Bool().Draw(t, "rides metro"), Bus: rapid.Bool().Draw(t, "rides bus"), Covers: rapid.SampledFrom([]money.Fen{0, 100, 300}).Draw(t, "covers")}
	return &r
}

func drawTap(t *rapid.T, now int64, stations []fare.StationID) *journey.Tap {
	tap := &journey.Tap{
		Mode: journey.Mode(rapid.ByteRange(1, 5).Draw(t, "mode")), Now: now, Medium: fare.MunicipalCard, Terminal: 7,
		Workday: func(unix int64) bool { return fare.DateOf(unix).Weekday() != time.Sunday },
	}
	if tap.Mode.OnBus() {
		tap.Route, tap.Direction = rapid.Uint16Range(1, 2).Draw(t, "route"), rapid.ByteRange(0, 1).Draw(t, "direction")
		tap.Metres = rapid.SampledFrom([]int{0, 5, 3000, 9999, 17001, 26000}).Draw(t, "metres")
	} else {
		tap.Station = rapid.SampledFrom(stations).Draw(t, "station")
	}
	return tap
}

// A card that remembers 128 bytes a trade and a twin that remembers everything come to
// the same, whatever the rules and the taps.
func TestDecideAgreesWithTheTwin(t *testing.T) {
	book, err := beijing.Book()
	if err != nil {
		t.Fatal(err)
	}
	var stations []fare.StationID
	for _, name := range []string{"国贸", "西单", "土桥", "东直门", "3号航站楼", "茶棚"} {
		id, ok := book.StationByName(name)
		if !ok {
			t.Fatalf("no station %s", name)
		}
		stations = append(stations, id)
	}
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t, book)
		code := rapid.SampledFrom([]byte{0, 1, 2, 3, 50}).Draw(t, "concession")
		rides := rapid.IntRange(0, 3).Draw(t, "rides")
		purse := rapid.Bool().Draw(t, "purse")
		support := rapid.ByteRange(1, 2).Draw(t, "support")
		fresh := wire.Record{ID: wire.Metro, Valid: true, Serial: wire.Serial{1, 2}, Concession: code, Rides: byte(rides)}
		cards := [2]wire.Record{fresh, fresh}
		cards[1].ID = wire.Bus
		// Each record has a ride ticket of its own, and only the metro's counts in months.
		w := &twin{book: book, rules: rules, code: code, canHold: support == 2 && !purse, purse: purse, paidIn: map[[2]byte]money.Fen{}}
		left := [2]int{rides, rides}
		sum := map[[2]byte]money.Fen{}
		now := int64(1777550400) // 2026-04-30 20:00
		for range rapid.IntRange(1, 25).Draw(t, "taps") {
			now += rapid.SampledFrom([]int64{1, 599, 600, 601, 900, 1800, 1801, 3601, 9000}).Draw(t, "pause")
			tap := drawTap(t, now, stations)
			trade := 0
			if tap.Mode.OnBus() {
				trade = 1
			}
			w.rides = left[trade]
			w.paidIn = sum
			if trade == 1 {
				w.paidIn = map[[2]byte]money.Fen{} // buses count in no month
			}
			want := w.tap(tap)
			left[trade] = w.rides
			card := journey.Card{Record: cards[trade], Other: &cards[1-trade], Support: support, Purse: purse, Balance: -1}
			before := card
			got, err := journey.Decide(book, rules, &card, tap)
			if err != nil || card != before {
				t.Fatalf("%+v: %v", tap, err)
			}
			if have := (answer{got.Refused, got.Kind, got.DF60, got.Amount, got.Counted, got.MonthSum}); have != want {
				t.Fatalf("%s at %d: %+v, want %+v", tap.Mode, tap.Now, have, want)
			}
			if got.Refused != 0 {
				continue
			}
			got.Finish(uint16(now), -1)
			if cards[trade] = checkNext(t, &got, &cards[trade]); int(cards[trade].Rides) != left[trade] {
				t.Fatalf("%s at %d: %d rides left, want %d", tap.Mode, tap.Now, cards[trade].Rides, left[trade])
			}
		}
	})
}

// checkNext encodes what is to be written and looks at what must always hold.
func checkNext(t *rapid.T, d *journey.Decision, old *wire.Record) wire.Record {
	b, err := d.Next.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	next, err := wire.Decode(b)
	if err != nil || next != d.Next {
		t.Fatalf("%+v, %v", next, err)
	}
	if _, err := d.Trip.Append(nil); err != nil {
		t.Fatal(err)
	}
	if next.ID != old.ID || next.Serial != old.Serial || !next.Valid || next.Locked || next.Concession != old.Concession || next.Rides > old.Rides {
		t.Fatalf("%+v became %+v", old, next)
	}
	if (next.Mode == wire.PreAuth) != (next.Held > 0) || next.Held > 0 && next.State != wire.In || next.State == wire.Out && (next.Overdue != 0 || next.Off != 0) {
		t.Fatalf("inconsistent: %+v", next)
	}
	if d.Kind == txn.Hold && (d.Amount != d.Held || d.Held != next.Held) || d.Kind == txn.Completion && d.Held != old.Held || d.Kind == txn.Entry && d.Amount != 0 {
		t.Fatalf("kind %s: %+v", d.Kind, d)
	}
	return next
}
