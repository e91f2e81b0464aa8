package reconimport_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/sim/sample"
)

// Payments of a day whose files are not there are not called missing: the gap in the
// series shows, and what it may present waits.
func TestAbsentFilesAreNotMissingPayments(t *testing.T) {
	list, truth, err := sample.Make(sample.Options{Seed: 2, Cards: 100})
	if err != nil {
		t.Fatal(err)
	}
	if r := importFiles(t, list, true); len(r.Gaps) != 0 || strings.Contains(r.Certainty, "no file of") {
		t.Fatalf("whole: gaps %+v, %s", r.Gaps, r.Certainty)
	}
	for _, c := range []struct {
		absent []string // beginnings of names
		want   string   // gaps
	}{
		{[]string{"IND26091001I"}, "INDyymmdd01ICOM 2026-09-10 IND26090901ICOM IND26091101ICOM, INDyymmdd01IIC 2026-09-10 IND26090901IIC IND26091101IIC"},
		{[]string{"clearing-20260912", "clearing-20260913"}, "clearing-yyyymmdd.csv 2026-09-12 clearing-20260911.csv clearing-20260914.csv, " +
			"clearing-yyyymmdd.csv 2026-09-13 clearing-20260911.csv clearing-20260914.csv"},
	} {
		part := slices.DeleteFunc(slices.Clone(list), func(f sample.File) bool {
			return slices.ContainsFunc(c.absent, func(a string) bool { return strings.HasPrefix(f.Name, a) })
		})
		r := importFiles(t, part, true)
		var got []string
		for _, g := range r.Gaps {
			if g.MayBeEmpty {
				t.Errorf("%+v may be empty", g)
			}
			got = append(got, strings.Join([]string{g.Pattern, g.Date, g.Before, g.After}, " "))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("gaps %s, want %s", s, c.want)
		}
		warned := 0
		for i, f := range view(r).FlashCards {
			if strings.Contains(r.FlashCards[i].Sentence, "is not there and may present it") {
				warned++
				if f.Certainty != foreign.Soft || r.FlashCards[i].How != "doubt" {
					t.Errorf("%v: %+v", c.absent, r.FlashCards[i])
				}
				continue
			}
			if !slices.ContainsFunc(truth.FlashCards, func(o sample.Flash) bool { return o.Card == f.Card && o.ATC == f.ATC && o.Amount == f.Amount }) {
				t.Errorf("%v: %+v is no flash card", c.absent, f)
			}
		}
		if warned == 0 || warned == len(r.FlashCards) {
			t.Errorf("%v: %d of %d taps are soft for it", c.absent, warned, len(r.FlashCards))
		}
		held := slices.DeleteFunc(slices.Clone(r.Undecided), func(u foreign.Undecided) bool { return u.What != "absent" })
		if len(held) == 0 || held[0].Certainty != foreign.Soft || !strings.Contains(held[0].Sentence, r.Gaps[0].Date) {
			t.Errorf("%v: %d findings wait: %+v", c.absent, len(held), held)
		}
		if !strings.Contains(r.Certainty, "no file of "+r.Gaps[0].Date) {
			t.Errorf("%v: %s", c.absent, r.Certainty)
		}
	}
}

// Days without a file that mean nothing: weekends on which a series never has one, a second
// delivery in place of the first, samples so small that days are empty.
func TestDaysWithoutFiles(t *testing.T) {
	list, _, err := sample.Make(sample.Options{Seed: 2, Cards: 60})
	if err != nil {
		t.Fatal(err)
	}
	workdays := slices.DeleteFunc(slices.Clone(list), func(f sample.File) bool {
		day, there := strings.CutPrefix(f.Name, "clearing-202609")
		return there && slices.Contains([]string{"05", "06", "12", "13", "19", "20", "26", "27"}, day[:2]) ||
			strings.HasPrefix(f.Name, "clearing-202610")
	})
	if r := importFiles(t, workdays, false); len(r.Gaps) != 0 {
		t.Errorf("work days: %+v", r.Gaps)
	}
	again := slices.Clone(list)
	i := slices.IndexFunc(again, func(f sample.File) bool { return f.Name == "clearing-20260910.csv" })
	again[i].Name = "clearing-20260910-again.csv"
	if r := importFiles(t, again, false); len(r.Gaps) != 0 {
		t.Errorf("a second delivery: %+v", r.Gaps)
	}
	few, _, err := sample.Make(sample.Options{Seed: 0, Cards: 5, Days: 20})
	if err != nil {
		t.Fatal(err)
	}
	r := importFiles(t, few, false)
	if len(r.Gaps) == 0 || slices.ContainsFunc(r.Gaps, func(g foreign.Gap) bool { return !g.MayBeEmpty }) || strings.Contains(r.Certainty, "no file of") {
		t.Errorf("small: %+v, %s", r.Gaps, r.Certainty)
	}
}
