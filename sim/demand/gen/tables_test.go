package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/sim/demand"
)

// tables are the source tables of a city of two stations, by path.
func tables() map[string]string {
	return map[string]string{
		"afc-real/beijing-2016-stations.csv":        "station_no,name_inferred\n0,A\n1,B\n",
		"afc-real/beijing-2016-flow-15min-day3.csv": "day_no,slot_start,station_no,in,out\n3,05:00,0,44,0\n3,22:45,1,2,9\n",
		"beijing-subway/lines.csv":                  "line,fare_network\nL1,main\nX,airport\n",
		"beijing-subway/segments.csv":               "line,seq,from,to,metres\nL1,1,A,B,1000\nX,1,B,C,9\n",
		"afc-real/shenzhen-2018-09-01-taps.csv.gz":  "deal_type,station_or_route\nbus,r\nbus,q\nmetro_exit,r\nbus,q\n",
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for path, text := range files {
		b := []byte(text)
		if strings.HasSuffix(path, ".gz") {
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			w.Write(b)
			w.Close()
			b = z.Bytes()
		}
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, tables())
	keep := filepath.Join(dir, "inputs.bin")
	in, err := load(dir, keep)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(in.Observed, []string{"A", "B"}) || !slices.Equal(in.Bus, []uint32{2, 1}) {
		t.Errorf("stations %q, bus %v", in.Observed, in.Bus)
	}
	if !slices.Equal(in.Segments, []demand.Segment{{Line: "L1", From: "A", To: "B", Metres: 1000}}) {
		t.Errorf("segments %v", in.Segments)
	}
	if last := 2*demand.Slots - 1; in.Entries[0] != 44 || in.Entries[last] != 2 || in.Exits[last] != 9 {
		t.Errorf("entries %v, exits %v", in.Entries, in.Exits)
	}
	b, err := os.ReadFile(keep)
	if err != nil {
		t.Fatal(err)
	}
	again, err := demand.DecodeInputs(b)
	if err != nil || !slices.Equal(again.Entries, in.Entries) || !slices.Equal(again.Segments, in.Segments) {
		t.Errorf("the file kept holds %+v, %v", again, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := map[string]struct{ path, old, with, want string }{
		"column":  {"afc-real/beijing-2016-stations.csv", "name_inferred", "name", `no column "name_inferred"`},
		"order":   {"afc-real/beijing-2016-stations.csv", "0,A", "7,A", "out of order"},
		"time":    {"afc-real/beijing-2016-flow-15min-day3.csv", "22:45", "23:00", "outside the day"},
		"station": {"afc-real/beijing-2016-flow-15min-day3.csv", "22:45,1", "22:45,2", "line 3"},
		"count":   {"afc-real/beijing-2016-flow-15min-day3.csv", "44", "-4", `"-4"`},
		"metres":  {"beijing-subway/segments.csv", "1000", "far", `"far"`},
	}
	for name, test := range tests {
		dir := t.TempDir()
		files := tables()
		files[test.path] = strings.Replace(files[test.path], test.old, test.with, 1)
		write(t, dir, files)
		_, err := load(dir, filepath.Join(dir, "inputs.bin"))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), filepath.Base(test.path)) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}
