package reconimport_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/reconimport"
	"github.com/citycard/citycard/sim/sample"
)

// importFiles imports files without keys, or with the development keys.
func importFiles(t testing.TB, list []sample.File, keys bool) *foreign.Result {
	t.Helper()
	o := foreign.Options{Params: timeline.DefaultParams()}
	if keys {
		var err error
		if o.Checkers, err = reconimport.Development(); err != nil {
			t.Fatal(err)
		}
	}
	im := foreign.New(foreign.DefaultMapping(), o)
	tree := fstest.MapFS{}
	for _, f := range list {
		tree[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	if err := reconimport.Tree(tree, im); err != nil {
		t.Fatal(err)
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

// What is decidable is found, on its day, and nothing else.
func TestTruth(t *testing.T) { compareSeeds(t, 20, 40) }

// TestLongTruth is TestTruth over many seeds and sizes.
func TestLongTruth(t *testing.T) { compareSeeds(t, 200, 100) }

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
			if diff := cmp.Diff(truth, view(importFiles(t, files, true))); diff != "" {
				t.Errorf("with keys (-truth +import):\n%s", diff)
			}
			found += min(len(truth.FlashCards), len(truth.FlashLoads), len(truth.Duplicates))
		})
	}
	if found < int(seeds) {
		t.Errorf("%d seeds with %d flash loads at most: the samples show nothing", seeds, found)
	}
}
