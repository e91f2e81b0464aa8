package reconimport_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/sim/sample"
)

// Payments whose lines are refused are not called missing: chip data that were not sent, a
// column that is gone, bytes torn out of field 55.
func TestRefusedPaymentsAreNotMissing(t *testing.T) {
	list, truth, err := sample.Make(sample.Options{Seed: 6, Cards: 80})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(sample.File) (sample.File, bool)
	}{
		{"no chip data of a day", func(f sample.File) (sample.File, bool) { return f, !strings.HasPrefix(f.Name, "IND26090501IIC") }},
		{"no field 55", func(f sample.File) (sample.File, bool) {
			if strings.HasPrefix(f.Name, "clearing-2026090") {
				f.Data = bytes.Replace(f.Data, []byte("55域"), []byte("?"), 1)
			}
			return f, true
		}},
		{"torn field 55", func(f sample.File) (sample.File, bool) {
			if strings.HasPrefix(f.Name, "clearing-2026090") {
				f.Data = bytes.ReplaceAll(f.Data, []byte("9F3602"), []byte("9F3603"))
			}
			return f, true
		}},
		{"other amounts", func(f sample.File) (sample.File, bool) {
			if strings.HasPrefix(f.Name, "clearing-20260905") {
				f.Data = bytes.ReplaceAll(f.Data, []byte(",2026-09-05,"), []byte(",2026-09-05,1"))
			}
			return f, true
		}},
	} {
		var spoilt []sample.File
		for _, f := range list {
			if f, keep := c.spoil(f); keep {
				spoilt = append(spoilt, f)
			}
		}
		r := importFiles(t, spoilt, false)
		if r.Lines.Refused == 0 {
			t.Fatalf("%s: nothing is refused", c.name)
		}
		held := 0
		for _, u := range r.Undecided {
			if u.What == "refused" {
				held++
			}
		}
		if held == 0 {
			t.Errorf("%s: no finding waits for a refused line", c.name)
		}
		for _, f := range view(r).FlashCards {
			if !slices.ContainsFunc(truth.FlashCards, func(o sample.Flash) bool { return o.Card == f.Card && o.ATC == f.ATC && o.Amount == f.Amount }) {
				t.Errorf("%s: %+v is no flash card", c.name, f)
			}
		}
	}
}
