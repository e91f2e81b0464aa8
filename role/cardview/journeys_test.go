package cardview_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/role/cardview"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/journey"
)

// written is a card in whose files some terminal has written: it answers the commands
// that begin as a key does with the value, and leaves all others to the card behind.
type written struct {
	reader.Card
	answers map[string][]byte
}

func (w *written) Transmit(ctx context.Context, dst, command []byte) ([]byte, error) {
	for head, answer := range w.answers {
		if strings.HasPrefix(string(command), head) {
			return append(dst, answer...), nil
		}
	}
	return w.Card.Transmit(ctx, dst, command)
}

func encode(t *testing.T, v interface {
	Append([]byte) ([]byte, error)
}) []byte {
	t.Helper()
	b, err := v.Append(nil)
	check(t, err)
	return append(b, 0x90, 0x00)
}

// TestFreshJourneys: a new card of the extension carries records that were never used;
// looking at them changes nothing.
func TestFreshJourneys(t *testing.T) {
	for _, profile := range []string{"dev-transit-sm", "dev-transit-3des", "dev-quota"} {
		v, in := newCard(t, profile, "")
		before := v.Snapshot()
		opt := options(t)
		opt.Passive = true
		a := look(t, in, opt).Applications[0]
		if !bytes.Equal(v.Snapshot(), before) {
			t.Errorf("%s: the card was changed", profile)
		}
		want := []cardview.Journey{
			{File: "15", ID: "0110", Trade: "metro", State: "fresh", Valid: true}, {File: "1A", ID: "2701", Trade: "bus", State: "fresh", Valid: true},
		}
		if d := cmp.Diff(want, a.Journeys); d != "" || len(a.Trips) != 0 {
			t.Errorf("%s: %d trips, %s", profile, len(a.Trips), d)
		}
	}
	_, in := newCard(t, "dev-sm", "")
	if a := look(t, in, options(t)).Applications[0]; a.Journeys == nil || len(a.Journeys) != 0 {
		t.Errorf("a card without the extension has %+v", a.Journeys)
	}
}

// TestJourneysInWords: what terminals have written is shown, with the names of stations.
func TestJourneysInWords(t *testing.T) {
	_, in := newCard(t, "dev-transit-sm", "")
	metro := journey.Record{
		ID: journey.Metro, Valid: true, Mode: journey.PreAuth, State: journey.In,
		Entry: journey.Place{Time: noon.Unix(), Station: 17, Line: 3, Terminal: 201}, Overdue: 6500, Held: 6800, Month: [2]byte{0x26, 0x11}, MonthSum: 12345,
		Concession: 1, ConcessionUntil: journey.DayOf(noon.Unix()), Rides: 4, Rule: 2,
	}
	trip := journey.Trip{Type: journey.CashEntry, Trade: journey.TradeMetro, Terminal: 201, Line: 3, Station: 17, Amount: 6800, Balance: 93200, Time: noon.Unix(), ATC: 9, Rule: 2}
	bus := journey.Trip{Type: journey.CashSingle, Trade: journey.TradeBus, Terminal: 7, Line: 300, Station: 12, Amount: 100, Balance: journey.UnknownBalance, Time: noon.Unix() - 60}
	card := &written{in, map[string][]byte{
		"\x80\xB4\x00\xA8": encode(t, &metro), "\x80\xB4\x00\xD0": {0x6A, 0x83},
		"\x00\xB2\x01\xF4": encode(t, &trip), "\x00\xB2\x02\xF4": encode(t, &bus),
		"\x00\xB2\x03\xF4": append(bytes.Repeat([]byte{0xFF}, journey.TripSize), 0x90, 0x00),
		"\x00\xB2\x04\xF4": append(make([]byte, journey.TripSize), 0x90, 0x00),
	}}
	opt := options(t)
	opt.LogsOnly = true
	opt.Station = func(rule, number uint16) string {
		if rule == 2 && number == 17 {
			return "国贸"
		}
		return "?"
	}
	v := look(t, card, opt)
	a := v.Applications[0]
	left := int64(93200)
	wantJourneys := []cardview.Journey{{
		File: "15", ID: "0110", Trade: "metro", State: "in", Valid: true, Entry: &cardview.Place{Time: "2026-11-22 12:00:00", Station: 17, Name: "国贸", Line: 3, Terminal: "201"},
		Held: 6800, Overdue: 6500, Month: "2026-11", MonthSum: 12345, Code: 1, CodeUntil: "2026-11-22", Rides: 4,
	}}
	wantTrips := []cardview.Trip{
		{Time: "2026-11-22 12:00:00", Type: "01", Trade: "metro", Line: 3, Station: 17, Name: "国贸", Amount: 6800, Balance: &left, ATC: 9, Terminal: "201"},
		{Time: "2026-11-22 11:59:00", Type: "05", Trade: "bus", Line: 300, Station: 12, Amount: 100, Terminal: "7"},
	}
	if d := cmp.Diff(wantJourneys, a.Journeys) + cmp.Diff(wantTrips, a.Trips); d != "" {
		t.Error(d)
	}
	if len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "file 1E, record 3: decode trip: time FFFFFFFFFFFFFF") {
		t.Errorf("notes %q", v.Notes)
	}
}
