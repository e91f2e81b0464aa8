package fare_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
)

// toyJourneys switches every rule on in the toy town.
const toyJourneys = `{
  "note": "n",
  "missing_exit": "lowest",
  "missing_entry": "refuse",
  "over_time": {"after_minutes": 600, "charge": "highest"},
  "same_station": {"within_minutes": 10, "charge": "nothing"},
  "re_entry_minutes": 5,
  "hold_at_entry": {"lines": ["Rope", "Cross"], "missing_exit": "lowest"},
  "bus": {"hold_at_boarding": true, "longest_m": 21000, "missing_alight": "lowest", "missing_board": "refuse", "wrong_direction": "highest"},
  "transfer_discounts": {"metro_to_bus": {"within_minutes": 60, "off_fen": 100}, "bus_to_bus": {"within_minutes": 30, "off_fen": 50}},
  "concessions": [
    {"code": 1, "name": "Student", "metro_rate": 1, "bus_rate": 0.25},
    {"code": 9, "name": "Senior", "metro_rate": 0.125, "bus_rate": 0}
  ],
  "ride_tickets": {"metro": true, "bus": true, "covers_fen": 200}
}
`

func withJourneys(t testing.TB, text string) (*fare.Book, error) {
	t.Helper()
	files := maps.Clone(toy())
	files[fare.JourneysFile] = []byte(text)
	return fare.Parse(files)
}

func TestJourneyRulesOfAFile(t *testing.T) {
	b, err := withJourneys(t, toyJourneys)
	if err != nil {
		t.Fatal(err)
	}
	var want fare.JourneyRules
	want.MissingExit, want.MissingEntry = fare.ChargeLowest, fare.ChargeRefuse
	want.OverTime.After, want.OverTime.Charge = 36000, fare.ChargeHighest
	want.SameStation.Within, want.SameStation.Charge = 600, fare.ChargeNothing
	want.ReEntry = 300
	want.Hold.MissingExit = fare.ChargeLowest
	want.Hold.Stations, want.Hold.Lines = map[fare.StationID]bool{}, map[fare.LineID]bool{3: true, 4: true}
	for _, name := range []string{"E", "F", "G", "Hill"} { // at D stops the ring too
		want.Hold.Stations[named(t, b, name)] = true
	}
	want.Bus = fare.BusRules{HoldAtBoarding: true, LongestM: 21000, MissingAlight: fare.ChargeLowest, MissingBoard: fare.ChargeRefuse, WrongDirection: fare.ChargeHighest}
	want.MetroToBus, want.BusToBus = fare.Transfer{Within: 3600, Off: 100}, fare.Transfer{Within: 1800, Off: 50}
	want.Concessions = map[byte]fare.Concession{1: {1, "Student", 1000, 250}, 9: {9, "Senior", 125, 0}}
	want.RideTickets = fare.RideTickets{Metro: true, Bus: true, Covers: 200}
	if d := cmp.Diff(&want, b.Journeys()); d != "" {
		t.Error(d)
	}
	r := b.Journeys()
	if !r.Hold.At(named(t, b, "Hill"), 0) || r.Hold.At(named(t, b, "B"), 0) || r.Hold.At(named(t, b, "D"), 2) || !r.Hold.At(named(t, b, "D"), 3) {
		t.Error("hold at the wrong stations")
	}
	if senior := r.Concessions[9]; senior.Rate(true) != 0 || senior.Rate(false) != 125 {
		t.Errorf("rates of %+v", senior)
	}
	all, err := withJourneys(t, `{"hold_at_entry": {"all_stations": true}}`)
	if err != nil || !all.Journeys().Hold.At(named(t, all, "B"), 0) {
		t.Errorf("hold at all stations: %v", err)
	}
}

// A book without the file, and one with an empty file, do what gates with station
// records do.
func TestJourneyRulesByDefault(t *testing.T) {
	var want fare.JourneyRules
	want.MissingExit, want.MissingEntry = fare.ChargeNothing, fare.ChargeHighest
	want.Hold.MissingExit = fare.ChargeHighest
	want.Bus = fare.BusRules{LongestM: 40000, MissingAlight: fare.ChargeHighest, MissingBoard: fare.ChargeHighest}
	empty, err := withJourneys(t, "{}")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*fare.Book{"no file": toyBook(t), "empty file": empty} {
		if d := cmp.Diff(&want, b.Journeys()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	// Beijing's file changes nothing that a price of today depends on.
	r := *book(t).Journeys()
	if got := len(r.Hold.Stations); got != 30 || len(r.Hold.Lines) != 4 {
		t.Errorf("hold at %d stations, the two airport lines, 昌平线 and 房山线 have 30 of their own", got)
	}
	if r.Concessions[1].Bus != 500 || len(r.Concessions) != 3 {
		t.Errorf("concessions %+v", r.Concessions)
	}
	r.Hold.Stations, r.Hold.Lines, r.Concessions, r.RideTickets = nil, nil, nil, fare.RideTickets{}
	if d := cmp.Diff(&want, &r); d != "" {
		t.Error(d)
	}
}

func TestRideTicketsCover(t *testing.T) {
	for _, c := range []struct{ covers, pay, want money.Fen }{{0, 5000, 0}, {200, 150, 0}, {200, 500, 300}} {
		if got := (fare.RideTickets{Bus: true, Covers: c.covers}).Remainder(c.pay); got != c.want {
			t.Errorf("a ride of %v leaves %v of %v, want %v", c.covers, got, c.pay, c.want)
		}
	}
	if only := (fare.RideTickets{Bus: true}); only.Takes(false) || !only.Takes(true) {
		t.Error("a ride is taken in the wrong place")
	}
}

// Each case spoils one place of the rules; the error must point to line and column.
func TestFaultsOfJourneyRulesHaveTheirPlace(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"lowest",`, `"forgiven",`, `journeys.json:3:28: missing_exit: "forgiven"; give one of nothing, lowest, highest, refuse`},
		{`"missing_entry": "refuse"`, `"missing_entry": "nothing"`, `journeys.json:4:28: missing_entry: "nothing"; give one of lowest, highest, refuse`},
		{`"after_minutes": 600`, `"after_minutes": 99999`, "journeys.json:5:38: over_time.after_minutes: missing or out of range: 99999"},
		{`"charge": "highest"}`, `"charge": "lowest"}`, `journeys.json:5:56: over_time.charge: "lowest"`},
		{`"charge": "nothing"`, `"charge": "refuse"`, "journeys.json:6:59: same_station.charge"},
		{`"re_entry_minutes": 5`, `"re_entry_minutes": -5`, "journeys.json:7:24: re_entry_minutes"},
		{`"Cross"]`, `"Rope"]`, `journeys.json:8:44: hold_at_entry.lines[1]: "Rope" is unknown or named twice`},
		{`["Rope", "Cross"]`, `["Rope", "Crossing"]`, "journeys.json:8:48: hold_at_entry.lines[1]"},
		{`{"lines"`, `{"all_stations": true, "lines"`, "hold_at_entry.lines: given beside all_stations"},
		{`"missing_exit": "lowest"}`, `"missing_exit": "refuse"}`, `journeys.json:8:72: hold_at_entry.missing_exit: "refuse"`},
		{`21000`, `0`, "journeys.json:9:50: bus.longest_m"},
		{`"wrong_direction": "highest"`, `"wrong_direction": "nothing"`, "bus.wrong_direction"},
		{`"missing_alight": "lowest"`, `"missing_alight": "fare"`, "bus.missing_alight"},
		{`"off_fen": 100`, `"off_fen": 70000`, "transfer_discounts.metro_to_bus.off_fen"},
		{`30, "off_fen": 50`, `14401, "off_fen": 50`, "transfer_discounts.bus_to_bus.within_minutes"},
		{`"code": 9`, `"code": 1`, "journeys.json:13:14: concessions[1].code: 1 stands twice"},
		{`"code": 9`, `"code": 255`, "concessions[1].code: missing or out of range: 255"},
		{`"code": 9, `, ``, "journeys.json:13:5: concessions[1].code: missing or out of range: 0"},
		{`"Senior"`, `" Senior"`, "concessions[1].name"},
		{`0.125`, `0.1255`, `journeys.json:13:54: concessions[1].metro_rate: "0.1255" is not a rate`},
		{`"bus_rate": 0.25`, `"bus_rate": 2`, "concessions[0].bus_rate"},
		{`"covers_fen": 200`, `"covers_fen": -1`, "ride_tickets.covers_fen"},
		{`"note": "n"`, `"note": null`, "journeys.json:2:14: null says nothing"},
		{`"note": "n"`, `"Missing_Exit": "lowest"`, "journeys.json:3:16: key \"missing_exit\" stands twice in one object"},
		{`"note"`, `"notes"`, `unknown field "notes"`},
		{`"metro": true`, `"metro": 1`, "ride_tickets.metro: cannot hold a number; give a bool"},
		{"}\n}\n", "}\n", "ends too early"},
		{"}\n}\n", "}\n}\n1", "more text after the object"},
	} {
		if !strings.Contains(toyJourneys, c.old) {
			t.Errorf("the rules of the toy town do not hold %q", c.old)
			continue
		}
		_, err := withJourneys(t, strings.Replace(toyJourneys, c.old, c.new, 1))
		bad, ok := errors.AsType[*fare.Error](err)
		if !ok || !strings.Contains(bad.Error(), c.want) || bad.File != fare.JourneysFile || bad.Line == 0 || bad.Column == 0 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s instead of %s: %v, want %q", c.new, c.old, err, c.want)
		}
	}
}
