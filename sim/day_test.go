package sim

import (
	"encoding/json"
	"testing"

	"github.com/citycard/citycard/fare"
)

func runDay(t testing.TB, opt Options, dir string, ports func(*Ports)) *Result {
	t.Helper()
	if opt.Date == (fare.Date{}) {
		opt.Date = fare.Date{Year: 2026, Month: 11, Day: 18}
	}
	if opt.Profile == "" {
		opt.Profile = "sm"
	}
	opt.Workers = max(opt.Workers, 2)
	city, err := NewCity(opt)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&Run{Dir: dir, Ports: ports}).Do(t.Context(), city)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestSmallCityClosesWithNothingUnexplained(t *testing.T) {
	res := runDay(t, Options{Riders: 800, Seed: 1}, t.TempDir(), nil)
	text, err := json.MarshalIndent(res, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	if !res.Closed() {
		t.Error("the day does not close")
	}
}
