package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

func ExampleParseRates() {
	rates, err := ParseRates("default,flash_doubt,left=50")
	for _, r := range rates {
		fmt.Println(r.Name, r.Rates[FlashDoubt], r.Rates[Left])
	}
	fmt.Println(err)
	// Output:
	// default 17 33
	// flash_doubt 1000 0
	// custom 0 50
	// <nil>
}

func TestParseRates(t *testing.T) {
	if all, err := ParseRates("all"); err != nil || len(all) != len(Named()) {
		t.Errorf("all: %d, %v", len(all), err)
	}
	for _, r := range Named() {
		if got, err := ParseRates(r.Name); err != nil || len(got) != 1 || got[0] != r {
			t.Errorf("%s: %v, %v", r.Name, got, err)
		}
	}
	for _, bad := range []string{"", "flash", "flash_doubt=", "flash_doubt=-1", "flash_doubt=10001", "coins=3", "default,", "all=3"} {
		if _, err := ParseRates(bad); !errors.Is(err, ErrRates) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestRatesStayBelowCertain: whatever the factor, taps, rows and loads go well now and
// then, and a rate that is not 0 stays above 0 where it can.
func TestRatesStayBelowCertain(t *testing.T) {
	for _, n := range []int{1, 10, 100, 10_000} {
		r := DefaultRates().Times(n)
		for _, group := range [][2]Fault{{FlashDoubt, Unbacked}, {LostUpload, Replay}, {FlashLoad, ResultLost}} {
			sum := 0
			for f := group[0]; f <= group[1]; f++ {
				sum += r[f]
			}
			if sum > 9000 || n == 100 && sum < 4000 {
				t.Errorf("x%d: %s to %s add up to %d", n, group[0], group[1], sum)
			}
		}
	}
	if f := faultCount.String(); f != "invalid" {
		t.Errorf("no fault is named %q", f)
	}
}

// TestTheSeedIsEverything: the same options give the same outcome, others another one.
func TestTheSeedIsEverything(t *testing.T) {
	text := func(seed uint64) string {
		o, err := Run(t.Context(), Options{Cards: 20, Seed: seed, Rate: Rate{"x100", DefaultRates().Times(100)}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if a, b, c := text(1), text(1), text(2); a != b || a == c {
		t.Errorf("seed 1: %s\nagain: %s\nseed 2: %s", a, b, c)
	}
}
