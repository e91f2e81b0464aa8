package reconimport_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/reconimport"
	"github.com/citycard/citycard/sim/sample"
)

// importFiles imports files without keys, or with the development keys.
func importFiles(t testing.TB, list []sample.File, keys bool) *foreign.Result {
	t.Helper()
	return importAsOf(t, list, keys, 0)
}

func importAsOf(t testing.TB, list []sample.File, keys bool, asOf int32) *foreign.Result {
	t.Helper()
	o := foreign.Options{Params: timeline.DefaultParams(), AsOf: asOf}
	if keys {
		var err error
		if o.Checkers, err = reconimport.Development(); err != nil {
			t.Fatal(err)
		}
	}
	im := foreign.New(foreign.DefaultMapping(), o)
	for _, f := range list {
		if err := im.Add(f.Name, bytes.NewReader(f.Data)); err != nil {
			t.Fatal(err)
		}
	}
	r := im.Finish()
	r.Localise("en")
	return r
}

// view is a result in the form of the truth.
func view(r *foreign.Result) *sample.Truth {
	t := &sample.Truth{AsOf: r.AsOf, FlashCards: []sample.Flash{}, FlashLoads: []sample.Flash{}, Clones: []sample.Clone{}, Duplicates: []sample.Duplicate{}, Replays: []sample.Duplicate{}}
	for _, f := range r.FlashCards {
		t.FlashCards = append(t.FlashCards, sample.Flash{Card: f.Card, ATC: f.ATC, Amount: f.Amount, Certainty: f.Certainty, DecidedOn: f.DecidedOn})
	}
	for _, f := range r.FlashLoads {
		t.FlashLoads = append(t.FlashLoads, sample.Flash{Card: f.Card, ATC: f.ATC, Amount: f.Amount, Certainty: f.Certainty, DecidedOn: f.DecidedOn})
	}
	for _, c := range r.Clones {
		t.Clones = append(t.Clones, sample.Clone{Card: c.Card, ATC: c.ATC, Certainty: c.Certainty, DecidedOn: c.DecidedOn})
	}
	for _, d := range r.Duplicates {
		t.Duplicates = append(t.Duplicates, sample.Duplicate{Card: d.Card, ATC: d.ATC, Amount: d.Amount, Copies: d.Copies})
	}
	for _, d := range r.Replays {
		t.Replays = append(t.Replays, sample.Duplicate{Card: d.Card, ATC: d.ATC, Amount: d.Amount, Copies: d.Copies})
	}
	t.Lines = r.Lines.Accepted
	return t
}

func harden(t *sample.Truth) {
	for _, list := range [][]sample.Flash{t.FlashCards, t.FlashLoads} {
		for i := range list {
			list[i].Certainty = foreign.Hard
		}
	}
	for i := range t.Clones {
		t.Clones[i].Certainty = foreign.Hard
	}
}

// soften makes soft what rests on the word of a list of unfinished taps even with keys:
// such a finding must name a line of such a list that vouches for the last record, and
// those are few.
func soften(t *testing.T, truth *sample.Truth, r *foreign.Result, files []sample.File) {
	t.Helper()
	text := map[string][]string{}
	for _, f := range files {
		if strings.HasPrefix(f.Name, "doubts-") {
			for i, line := range strings.Split(string(f.Data), "\n") {
				text[fmt.Sprintf("%s:%d", f.Name, i+1)] = strings.Split(line, ",")
			}
		}
	}
	soft := 0
	for i, f := range r.FlashCards {
		vouched := slices.ContainsFunc(f.Evidence, func(place string) bool {
			cells := text[place]
			return len(cells) > 3 && (slices.Contains([]string{"是", "\xCA\xC7", "否", "\xB7\xF1"}, cells[len(cells)-3]))
		})
		if f.Certainty == foreign.Soft && vouched && i < len(truth.FlashCards) {
			truth.FlashCards[i].Certainty = foreign.Soft
			soft++
		}
	}
	if soft*10 > len(truth.FlashCards)+10 {
		t.Errorf("%d of %d findings are soft with keys", soft, len(truth.FlashCards))
	}
}

// What is decidable is found, on its day, and nothing else.
func TestTruth(t *testing.T) { compareSeeds(t, 20, 40) }

// TestLongTruth is TestTruth over many seeds and sizes.
func TestLongTruth(t *testing.T) {
	if _, limited := t.Deadline(); limited {
		t.Skip("takes many minutes: make test-long, or go test -timeout 0")
	}
	compareSeeds(t, 200, 100)
}

func compareSeeds(t *testing.T, seeds uint64, cards int) {
	found := 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			days := []int{45, 45, 45, 60, 25, 3}[seed%6]
			files, truth, err := sample.Make(sample.Options{Seed: seed, Cards: cards, Days: days, Encoding: []string{"mixed", "gbk", "utf-8"}[seed%3]})
			if err != nil {
				t.Fatal(err)
			}
			soft := importFiles(t, files, false)
			if diff := cmp.Diff(truth, view(soft)); diff != "" {
				t.Errorf("without keys (-truth +import):\n%s", diff)
			}
			if soft.Lines.Refused != 0 {
				t.Errorf("%d lines refused", soft.Lines.Refused)
			}
			harden(truth)
			hard := importFiles(t, files, true)
			soften(t, truth, hard, files)
			if diff := cmp.Diff(truth, view(hard)); diff != "" {
				t.Errorf("with keys (-truth +import):\n%s", diff)
			}
			found += min(len(truth.FlashCards), len(truth.FlashLoads), len(truth.Duplicates))
		})
	}
	if found < int(seeds) {
		t.Errorf("%d seeds with %d flash loads at most: the samples show nothing", seeds, found)
	}
}

// Judged as of an earlier day, lines that arrived later are as if they were not there.
func TestAsOf(t *testing.T) {
	files, _, err := sample.Make(sample.Options{Seed: 3, Cards: 80})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		day  int32
	}{{"20260910", 20706}, {"20260925", 20721}, {"20261001", 20727}} {
		early := slices.DeleteFunc(slices.Clone(files), func(f sample.File) bool {
			date := strings.TrimLeft(f.Name, "acdefgilnorstubIND5-")
			if strings.HasPrefix(f.Name, "f55-") {
				date = f.Name[4:]
			}
			if strings.HasPrefix(f.Name, "IND") {
				date = "20" + date
			}
			return date[:8] > c.text
		})
		whole, part := importAsOf(t, files, true, c.day), importAsOf(t, early, true, c.day)
		a, b := view(whole), view(part)
		a.Lines, b.Lines = 0, 0
		if diff := cmp.Diff(b, a); diff != "" {
			t.Errorf("%s (-files of that day, +all files):\n%s", c.text, diff)
		}
		if len(early) == len(files) || len(a.FlashLoads) == 0 {
			t.Errorf("%s: %d of %d files, %d flash loads: nothing is shown", c.text, len(early), len(files), len(a.FlashLoads))
		}
		if len(whole.Undecided) != len(part.Undecided) {
			t.Errorf("%s: %d undecided, %d of the files of that day", c.text, len(whole.Undecided), len(part.Undecided))
		}
	}
}

// A sample without a line has a truth without anything.
func TestEmptySample(t *testing.T) {
	files, truth, err := sample.Make(sample.Options{Seed: 1, Cards: 1, Days: 1})
	if err != nil || len(files) != 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if diff := cmp.Diff(truth, view(importFiles(t, files, false))); diff != "" {
		t.Errorf("(-truth +import):\n%s", diff)
	}
}

func BenchmarkImport(b *testing.B) {
	files, truth, err := sample.Make(sample.Options{Seed: 1, Cards: 100})
	if err != nil {
		b.Fatal(err)
	}
	for _, keys := range []bool{false, true} {
		b.Run(map[bool]string{false: "soft", true: "hard"}[keys], func(b *testing.B) {
			for b.Loop() {
				importFiles(b, files, keys)
			}
			b.ReportMetric(float64(truth.Lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
