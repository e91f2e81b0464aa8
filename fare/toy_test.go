package fare_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/citycard/citycard/fare"
)

// toy is a small town: a ring A-B-C-D, a line through it, a tram with two ways in,
// a funicular. Two ways round the ring from A to C are equally long.
func toy() map[string][]byte {
	files := map[string]string{
		"lines.csv": "line,line_no,name_en,fare_network,loop,stations,length_m,color\n" +
			"Tram,9,Tram,tram,false,3,9000,#00AA00\n" +
			"Ring,1,Ring,main,true,4,8000,#AA0000\n" +
			"Cross,2,Cross,main,false,4,50000,#0000AA\n" +
			"Rope,8,Rope,rope,false,2,500,#123456\n",
		"stations.csv": "line,seq,station_on_line,station,name_en\n" +
			"Tram,1,A,A,Ay\nTram,2,T,T,\nTram,3,C,C,\n" +
			"Ring,1,A,A,\nRing,2,B,B,\nRing,3,C,C,\nRing,4,D(Ring),D,\n" +
			"Cross,1,D(Cross),D,\nCross,2,E,E,\nCross,3,F,F,\nCross,4,G,G,\n" +
			"Rope,1,E,E,\nRope,2,Hill,Hill,\n",
		"segments.csv": "line,seq,from,to,metres\n" +
			"Tram,1,A,T,4000\nTram,2,T,C,5000\n" +
			"Ring,1,A,B,2000\nRing,2,B,C,2000\nRing,3,C,D(Ring),1000\nRing,4,D(Ring),A,3000\n" +
			"Cross,1,D(Cross),E,5000\nCross,2,E,F,5000\nCross,3,F,G,40000\n" +
			"Rope,1,E,Hill,500\n",
		"operators.csv": "line,operator,confidence\nRing,North,sure\nCross,South,probable\nTram,South,unsure\nRope,Alps,sure\n",
		"transfers.csv": "station,from_line,from_direction,to_line,to_direction,minutes,walk_m,stairs,only_at_some_hours\n" +
			"A,Ring,,Tram,,2.5,100,,\nA,Ring,east,Tram,,3,100,20,\nA,Ring,,Tram,,9.5,100,20,yes\n",
		"virtual-transfers.csv": "from_station,to_station,from_line,to_line,minutes\nD(Ring),D(Cross),Ring,Cross,7.5\nB,F,Ring,Cross,12\n",
		"tariff.json": `{
  "city": "Toytown", "currency": "CNY", "version": 7, "since": "2020-01-01", "network_as_of": "2020-02-02",
  "metro_main_network": {"basis": "track", "bands": [{"up_to_m": 5000, "fare_yuan": 3}, {"up_to_m": 9000, "fare_yuan": 4}],
    "beyond_last_band": {"each_started_m": 10000, "adds_yuan": 1}, "band_tolerance_m": 50, "band_tolerance_note": "n"},
  "separate_networks": {
    "tram": {"lines": ["Tram"], "bands": [{"up_to_m": 4500, "fare_yuan": 2}, {"over_m": 4500, "fare_yuan": 5}], "joins_main_at": ["A", "C"]},
    "rope": {"lines": ["Rope"], "flat_yuan": 11, "joins_main_at": ["E"]}},
  "separate_networks_rule": "sum",
  "time_limit": {"hours": 2, "surcharge_yuan": 3, "networks": ["main", "tram"], "note": "n"},
  "monthly_accumulated_discount": {"applies_to": "all", "media": ["municipal_card", "code"], "networks": ["main", "tram"],
    "tiers": [{"spent_before_trip_yuan_from": 0, "rate": 1}, {"spent_before_trip_yuan_from": 10, "rate": 0.333}], "text_zh": "x"},
  "early_bird": {"rate": 0.55, "when": "early", "before": "06:30", "media": ["municipal_card"], "networks": ["main"], "entry_stations": ["B", "T"]},
  "city_bus": {"bands": "b", "first_m": 10000, "first_yuan": 2, "beyond": {"each_started_m": 5000, "adds_yuan": 1}, "card_rate": 0.5, "text_zh": "x"}
}`,
	}
	out := map[string][]byte{}
	for name, text := range files {
		out[name] = []byte(text)
	}
	return out
}

func toyBook(t testing.TB) *fare.Book {
	t.Helper()
	b, err := fare.Parse(toy())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func named(t testing.TB, b *fare.Book, name string) fare.StationID {
	t.Helper()
	id, ok := b.StationByName(name)
	if !ok {
		t.Fatalf("no station %q", name)
	}
	return id
}

// spoilt is the toy town with old replaced by new in one file; old must be there.
func spoilt(t testing.TB, file, old, new string) map[string][]byte {
	t.Helper()
	files := maps.Clone(toy())
	text := string(files[file])
	if !strings.Contains(text, old) {
		t.Fatalf("%s of the toy town does not hold %q", file, old)
	}
	files[file] = []byte(strings.Replace(text, old, new, 1))
	return files
}
