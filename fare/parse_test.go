package fare_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
)

func TestWhatABookKnows(t *testing.T) {
	b := toyBook(t)
	if b.Version() != 7 || b.ValidFrom().String() != "2020-01-01" || b.NetworkAsOf().String() != "2020-02-02" || b.City() != "Toytown" {
		t.Errorf("head: %d, %s, %s, %s", b.Version(), b.ValidFrom(), b.NetworkAsOf(), b.City())
	}
	wantLines := []fare.Line{
		{ID: 1, Name: "Tram", NameEN: "Tram", Number: 9, Network: 2, Operator: 2, Confidence: "unsure", Metres: 9000, Color: "#00AA00"},
		{ID: 2, Name: "Ring", NameEN: "Ring", Number: 1, Network: 1, Operator: 1, Confidence: "sure", Loop: true, Metres: 8000, Color: "#AA0000"},
		{ID: 3, Name: "Cross", NameEN: "Cross", Number: 2, Network: 1, Operator: 2, Confidence: "probable", Metres: 50000, Color: "#0000AA"},
		{ID: 4, Name: "Rope", NameEN: "Rope", Number: 8, Network: 3, Operator: 3, Confidence: "sure", Metres: 500, Color: "#123456"},
	}
	if d := cmp.Diff(wantLines, b.AllLines()); d != "" {
		t.Error(d)
	}
	wantStations := []fare.Station{
		{1, "A", "Ay", []fare.LineID{1, 2}}, {2, "T", "", []fare.LineID{1}}, {3, "C", "", []fare.LineID{1, 2}}, {4, "B", "", []fare.LineID{2}},
		{5, "D", "", []fare.LineID{2, 3}}, {6, "E", "", []fare.LineID{3, 4}}, {7, "F", "", []fare.LineID{3}}, {8, "G", "", []fare.LineID{3}}, {9, "Hill", "", []fare.LineID{4}},
	}
	if d := cmp.Diff(wantStations, b.Stations()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]fare.Operator{{1, "North"}, {2, "South"}, {3, "Alps"}}, b.Operators()); d != "" {
		t.Error(d)
	}
	for id, want := range map[fare.NetworkID]string{0: "bus", 1: "main", 2: "tram", 3: "rope", 4: ""} {
		if got := b.NetworkName(id); got != want {
			t.Errorf("network %d is %q, want %q", id, got, want)
		}
	}
	if line, ok := b.Line(2); !ok || line.Name != "Ring" {
		t.Errorf("line 2: %+v, %v", line, ok)
	}
	if _, ok := b.Line(5); ok || b.Operator(0) != "" || b.Operator(4) != "" || b.Name(5) != "D" || b.Operator(3) != "Alps" {
		t.Error("an unknown number got an answer, or a known one none")
	}
	if named(t, b, "D(Ring)") != named(t, b, "D(Cross)") || len(b.Lines(5)) != 2 {
		t.Error("the halls of D are not one station")
	}
}

// Each case spoils one place of the toy town; the error must point to it.
func TestFaultsAreNamedWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{"lines.csv", "line_no", "number", "lines.csv:1: number: unknown column"},
		{"lines.csv", ",color\n", "\n", "lines.csv:1: color: column missing"},
		{"lines.csv", "loop,", "loop,loop,", "lines.csv:1: loop: column named twice"},
		{"lines.csv", "line,", "\uFEFFline,", "byte order mark"},
		{"lines.csv", "#00AA00", "#00AA00,x", "lines.csv:2"},
		{"lines.csv", "Ring,1,Ring", "Tram,1,Ring", "lines.csv:3:1: line: Tram is listed twice"},
		{"lines.csv", "Ring,1,Ring", `"Ring,1,Ring`, "lines.csv:"},
		{"lines.csv", "main,true,4", "main,yes,4", `lines.csv:3:18: loop: "yes" is neither true nor false`},
		{"lines.csv", "main,true,4,8000", "main,true,4,8001", "Ring: length_m is 8001, its segments add up to 8000"},
		{"lines.csv", "main,true,4", "main,true,5", "stations.csv: Ring: 4 stations, lines.csv says 5"},
		{"lines.csv", "main,true,4", "main,true,2", "lines.csv:3:23: stations"},
		{"lines.csv", "main,true,4", "main,false,4", "segments.csv:7:6: seq: one segment too many"},
		{"lines.csv", "main,false,4", "main,true,4", "segments.csv: Cross: 3 segments for 4 stations; give 4: a loop"},
		{"lines.csv", "#AA0000", "AA0000", "color"},
		{"lines.csv", "#AA0000", "", "color"},
		{"lines.csv", "#AA0000", "#+A0000", "color"},
		{"lines.csv", "Rope,rope,", "Rope,bus,", "too many networks, or one called bus"},
		{"lines.csv", "Cross,2,Cross", "Cross,-2,Cross", `"-2" is out of range`},
		{"stations.csv", "Ring,2,B,B", "Rang,2,B,B", `stations.csv:6:1: line: unknown line "Rang"; name a line of lines.csv`},
		{"stations.csv", "Ring,2,B,B", "Ring,3,B,B", `stations.csv:6:6: seq: "3" is out of order; the next station of Ring is number 2`},
		{"stations.csv", "Ring,2,B,B", "Ring,2,B,A", "A is on Ring twice"},
		{"stations.csv", "Ring,2,B,B", "Ring,2,B,", "stations.csv:6:10: station: empty"},
		{"stations.csv", "Ring,2,B,B", "Ring,2, B,B", "spaces at its ends"},
		{"stations.csv", "Ring,2,B,B", "Ring,2,\x01,B", "does not print"},
		{"stations.csv", "Ring,2,B,B", "Ring,2,\xFF,B", "not UTF-8"},
		{"stations.csv", "Ring,2,B,B", "Ring,2,B," + strings.Repeat("B", 81), "too long"},
		{"stations.csv", "Ring,2,B,B,", "Ring,2,B,B,\x02", "name_en"},
		{"stations.csv", "Ring,2,B,B", "Ring,2,A,B", "A is already A; give the hall a name of its own"},
		{"stations.csv", "Cross,4,G,G", "Cross,4,G,D(Ring)", "is the name of a hall of D"},
		{"stations.csv", "Rope,2,Hill,Hill", "Rope,2,T,T", "T: joins two separate networks away from main"},
		{"segments.csv", "Ring,2,B,C,2000", "Ring,2,B,D,2000", `segments.csv:5:10: to: "D" does not follow the order of stations.csv`},
		{"segments.csv", "Ring,2,B,C,2000", "Ring,3,B,C,2000", "the next segment of Ring is number 2"},
		{"segments.csv", "Ring,2,B,C,2000", "Ring,2,B,C,-5", `segments.csv:5:12: metres: "-5" is out of range; give a whole number from 1 to 100000`},
		{"segments.csv", "Ring,2,B,C,2000", "Ring,2,B,C,0", "metres"},
		{"segments.csv", "Ring,2,B,C,2000", "Ring,2,B,C,2e3", "metres"},
		{"segments.csv", "Ring,2,B,C,2000", "Ring,2,B,C,9999999999", "metres"},
		{"segments.csv", "Ring,2,B,C,2000\n", "", "the next segment of Ring is number 2"},
		{"segments.csv", "Rope,1,E,Hill,500\n", "", "Rope: 0 segments for 2 stations"},
		{"operators.csv", "Ring,North,sure\n", "", "operators.csv: Ring: line has no operator"},
		{"operators.csv", "Ring,North,sure", "Tram,North,sure", "Tram is listed twice"},
		{"operators.csv", "North,sure", "North,certain", "not a degree of confidence"},
		{"operators.csv", "North,sure", ",sure", "operator: empty"},
		{"transfers.csv", "A,Ring,,Tram,,2.5", "E,Ring,,Tram,,2.5", `"E" is not a station of both lines`},
		{"transfers.csv", "A,Ring,,Tram,,2.5", "A,Ring,,Tram,,2.55", "not a walking time"},
		{"transfers.csv", "A,Ring,,Tram,,2.5", "A,Ring,,Tram,,.5", "not a walking time"},
		{"transfers.csv", "A,Ring,,Tram,,2.5", "A,Ring,,Tram,,61", "not a walking time"},
		{"transfers.csv", "A,Ring,,Tram,,2.5,100", "A,Ring,,Tram,,2.5,far", "walk_m"},
		{"transfers.csv", "20,yes", "20,no", "neither yes nor empty"},
		{"virtual-transfers.csv", "B,F,Ring,Cross,12", "F,B,Ring,Cross,12", `"F" is not a station of Ring`},
		{"virtual-transfers.csv", "B,F,Ring,Cross,12", "B,F,Ring,Crass,12", "unknown line"},
		{"tariff.json", `"version": 7`, `"version": 0`, "tariff.json: version: missing or out of range: 0"},
		{"tariff.json", `"version": 7`, `"version": 65536`, "version"},
		{"tariff.json", `"version": 7`, `"version": "7"`, "tariff.json:2:"},
		{"tariff.json", `"version": 7`, `"versoin": 7`, "unknown field"},
		{"tariff.json", `"version": 7`, `"version": 7, "Version": 8`, `key "Version" stands twice`},
		{"tariff.json", `"version": 7,`, `"version": 7`, "tariff.json:2:"},
		{"tariff.json", "card_rate\": 0.5, \"text_zh\": \"x\"}\n}", "card_rate\": 0.5", "ends too early"},
		{"tariff.json", "\"text_zh\": \"x\"}\n}", "\"text_zh\": \"x\"}\n} {}", "more text after the object"},
		{"tariff.json", "2020-01-01", "2020-02-30", "since"},
		{"tariff.json", "2020-02-02", "2 Feb 2020", "network_as_of"},
		{"tariff.json", "CNY", "USD", "currency"},
		{"tariff.json", `"up_to_m": 9000`, `"up_to_m": 5000`, "metro_main_network.bands[1].up_to_m"},
		{"tariff.json", `"up_to_m": 9000, "fare_yuan": 4`, `"up_to_m": 9000, "fare_yuan": 2`, "metro_main_network.bands[1].fare_yuan"},
		{"tariff.json", `"each_started_m": 10000`, `"each_started_m": 0`, "metro_main_network.beyond_last_band.each_started_m"},
		{"tariff.json", `"band_tolerance_m": 50`, `"band_tolerance_m": -1`, "band_tolerance_m"},
		{"tariff.json", `{"over_m": 4500, "fare_yuan": 5}`, `{"over_m": 4600, "fare_yuan": 5}`, "separate_networks.tram.bands[1]"},
		{"tariff.json", `, {"over_m": 4500, "fare_yuan": 5}`, ``, "no price past the last band"},
		{"tariff.json", `"flat_yuan": 11`, `"flat_yuan": -11`, "separate_networks.rope.flat_yuan"},
		{"tariff.json", `"flat_yuan": 11`, `"flat_yuan": 11, "bands": [{"up_to_m": 1, "fare_yuan": 1}]`, "both flat_yuan and bands"},
		{"tariff.json", `"flat_yuan": 11, `, ``, "separate_networks.rope.bands: empty"},
		{"tariff.json", `"joins_main_at": ["A", "C"]`, `"joins_main_at": ["A"]`, "C is on both networks but not named"},
		{"tariff.json", `"joins_main_at": ["A", "C"]`, `"joins_main_at": ["A", "C", "B"]`, "B is not a station of both networks"},
		{"tariff.json", `"joins_main_at": ["A", "C"]`, `"joins_main_at": ["A", "A", "C"]`, "named twice"},
		{"tariff.json", `"joins_main_at": ["E"]`, `"joins_main_at": ["A","B","C","D","E","F","G","T","Hill"]`, "joins_main_at: too many stations"},
		{"tariff.json", `"bands": [{"up_to_m": 5000, "fare_yuan": 3}, {"up_to_m": 9000, "fare_yuan": 4}],`, `"bands": [],`, "metro_main_network.bands: empty"},
		{"tariff.json", `{"up_to_m": 9000, "fare_yuan": 4}]`, `{"over_m": 5000, "fare_yuan": 4}]`, "metro_main_network.beyond_last_band"},
		{"tariff.json", `"adds_yuan": 1}, "band`, `"adds_yuan": -1}, "band`, "metro_main_network.beyond_last_band.adds_yuan"},
		{"tariff.json", `"surcharge_yuan": 3`, `"surcharge_yuan": -3`, "time_limit.surcharge_yuan"},
		{"tariff.json", `"Toytown"`, strings.Repeat("[", 99), "nested too deeply"},
		{"tariff.json", `"lines": ["Tram"]`, `"lines": ["Rope"]`, "separate_networks.tram.lines: differs"},
		{"tariff.json", `"rope": {`, `"main": {`, "separate_networks.main"},
		{"tariff.json", `"rope": {"lines": ["Rope"], "flat_yuan": 11, "joins_main_at": ["E"]}`, `"tram2": {}`, "separate_networks.tram2"},
		{"tariff.json", `"hours": 2`, `"hours": 25`, "time_limit.hours"},
		{"tariff.json", `"networks": ["main", "tram"], "note"`, `"networks": ["metro"], "note"`, `unknown network "metro"`},
		{"tariff.json", `"networks": ["main", "tram"], "note"`, `"networks": [], "note"`, "time_limit.networks: empty"},
		{"tariff.json", `["municipal_card", "code"]`, `["cash"]`, `unknown medium "cash"`},
		{"tariff.json", `["municipal_card", "code"]`, `[]`, "monthly_accumulated_discount.media: empty"},
		{"tariff.json", `yuan_from": 10`, `yuan_from": 0`, "tiers[1].spent_before_trip_yuan_from"},
		{"tariff.json", `yuan_from": 0`, `yuan_from": 1`, "does not start at 0"},
		{"tariff.json", `0.333`, `0.3333`, "tiers[1].rate"},
		{"tariff.json", `0.333`, `1.001`, "tiers[1].rate"},
		{"tariff.json", `0.333`, `-0.3`, "tiers[1].rate"},
		{"tariff.json", `0.333`, `3e-1`, "tiers[1].rate"},
		{"tariff.json", `, "rate": 0.333`, ``, "tiers[1].rate"},
		{"tariff.json", `"06:30"`, `"25:00"`, "early_bird.before"},
		{"tariff.json", `["B", "T"]`, `["B", "X"]`, "early_bird.entry_stations[1]"},
		{"tariff.json", `["B", "T"]`, `["B", "B"]`, "early_bird.entry_stations[1]"},
		{"tariff.json", `"first_yuan": 2`, `"first_yuan": 0`, "city_bus.bands[0].fare_yuan"},
		{"tariff.json", `, "card_rate": 0.5`, ``, "city_bus.card_rate"},
	} {
		_, err := fare.Parse(spoilt(t, c.file, c.old, c.new))
		bad, ok := errors.AsType[*fare.Error](err)
		if !ok || bad.Problem == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %q for %q: error %v, want %q in it", c.file, c.new, c.old, err, c.want)
		}
	}
}

func TestFilesThatAreMissingStrangeOrHuge(t *testing.T) {
	for _, name := range []string{fare.LinesFile, fare.StationsFile, fare.SegmentsFile, fare.OperatorsFile, fare.TariffFile} {
		files := toy()
		delete(files, name)
		if _, err := fare.Parse(files); err == nil || !strings.Contains(err.Error(), name+": missing") {
			t.Errorf("without %s: %v", name, err)
		}
		for what, bytes := range map[string][]byte{"empty": nil, "huge": make([]byte, 1<<20+1), "zeros": make([]byte, 100)} {
			files[name] = bytes
			if _, err := fare.Parse(files); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s %s: %v", what, name, err)
			}
		}
	}
	files := toy()
	files["fares.csv"] = nil
	if _, err := fare.Parse(files); err == nil || !strings.Contains(err.Error(), "fares.csv: not a file of a rule book") {
		t.Errorf("with a strange file: %v", err)
	}
	delete(files, "fares.csv")
	delete(files, fare.TransfersFile)
	delete(files, fare.VirtualTransfersFile)
	if _, err := fare.Parse(files); err != nil {
		t.Errorf("without the transfer tables: %v", err)
	}
	files[fare.OperatorsFile] = []byte("line,operator,confidence\n" + strings.Repeat("Ring,X,sure\n", 2))
	if _, err := fare.Parse(files); err == nil || !strings.Contains(err.Error(), "operators.csv:3:1") {
		t.Errorf("line of a repeated row: %v", err)
	}
}

func TestNetworksMustHangTogether(t *testing.T) {
	files := spoilt(t, fare.StationsFile, "D(Cross),D,", "D(Cross),Dee,")
	delete(files, fare.VirtualTransfersFile)
	if _, err := fare.Parse(files); err == nil || !strings.Contains(err.Error(), "no way from A to Dee inside network main") {
		t.Errorf("error %v", err)
	}
	files = spoilt(t, fare.StationsFile, "Rope,1,E,E", "Rope,1,Foot,Foot")
	files[fare.SegmentsFile] = []byte(strings.Replace(string(files[fare.SegmentsFile]), "Rope,1,E,", "Rope,1,Foot,", 1))
	files[fare.TariffFile] = []byte(strings.Replace(string(files[fare.TariffFile]), `"joins_main_at": ["E"]`, `"joins_main_at": []`, 1))
	if _, err := fare.Parse(files); err == nil || !strings.Contains(err.Error(), "separate_networks.rope.joins_main_at: empty") {
		t.Errorf("error %v", err)
	}
}

func TestBooksAreFoundByDateAndVersion(t *testing.T) {
	old := toyBook(t)
	parse := func(since, version string) *fare.Book {
		files := spoilt(t, fare.TariffFile, `"since": "2020-01-01"`, `"since": "`+since+`"`)
		files[fare.TariffFile] = []byte(strings.Replace(string(files[fare.TariffFile]), `"version": 7`, `"version": `+version, 1))
		b, err := fare.Parse(files)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	later := parse("2024-05-01", "3")
	books, err := fare.NewBooks(later, old)
	if err != nil {
		t.Fatal(err)
	}
	for date, want := range map[string]*fare.Book{"2020-01-01": old, "2024-04-30": old, "2024-05-01": later, "2031-01-01": later} {
		d, err := fare.ParseDate(date)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := books.At(d); got != want {
			t.Errorf("%s: another book (%v)", date, err)
		}
	}
	if b, err := books.At(fare.Date{Year: 2019, Month: 12, Day: 31}); b != nil || !errors.Is(err, fare.ErrNotCovered) {
		t.Errorf("before the first: %v", err)
	}
	if b, ok := books.Version(3); !ok || b != later {
		t.Error("version 3 not found")
	}
	if _, ok := books.Version(4); ok {
		t.Error("version 4 found")
	}
	for name, list := range map[string][]*fare.Book{"none": nil, "same date": {old, parse("2020-01-01", "8")}, "same version": {old, later, parse("2026-01-01", "7")}} {
		if _, err := fare.NewBooks(list...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPublishedTableIsNotPartOfTheBook(t *testing.T) {
	want := []string{"journeys.json", "lines.csv", "operators.csv", "segments.csv", "stations.csv", "tariff.json", "transfers.csv", "virtual-transfers.csv"}
	if got := slices.Sorted(maps.Keys(beijing.Files())); !slices.Equal(got, want) {
		t.Errorf("files %v", got)
	}
}

// fuzzFiles are the files a fuzz input may replace.
var fuzzFiles = []string{
	fare.LinesFile, fare.StationsFile, fare.SegmentsFile, fare.OperatorsFile, fare.TariffFile, fare.TransfersFile, fare.VirtualTransfersFile, fare.JourneysFile,
}

func FuzzParse(f *testing.F) {
	for i, name := range fuzzFiles {
		f.Add(byte(i), toy()[name])
	}
	tariff, err := os.ReadFile("beijing/data/tariff.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(4), tariff)
	f.Add(byte(7), []byte(toyJourneys))
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		files := toy()
		name := fuzzFiles[int(which)%len(fuzzFiles)]
		files[name] = data
		b, err := fare.Parse(files)
		if err != nil {
			if bad, ok := errors.AsType[*fare.Error](err); !ok || bad.File == "" || bad.Problem == "" {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		for _, from := range b.Stations() {
			for _, to := range b.Stations() {
				q, err := b.Price(plain(from.ID, to.ID))
				if err != nil || q.Full <= 0 || q.Pay > q.Full || q.Full > b.HoldFrom(from.ID) {
					t.Fatalf("%s to %s: %+v, %v", from.Name, to.Name, q, err)
				}
				if _, err := b.SplitByOperator(from.ID, to.ID, q.Pay); err != nil || b.Minutes(from.ID, to.ID) < 0 {
					t.Fatalf("%s to %s: %v", from.Name, to.Name, err)
				}
			}
		}
	})
}

func BenchmarkParse(bm *testing.B) {
	files := beijing.Files()
	bm.ReportAllocs()
	for bm.Loop() {
		if _, err := fare.Parse(files); err != nil {
			bm.Fatal(err)
		}
	}
}
