package sample_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/sim/sample"
)

func build(t testing.TB, o sample.Options) ([]sample.File, *sample.Truth) {
	t.Helper()
	files, truth, err := sample.Make(o)
	if err != nil {
		t.Fatal(err)
	}
	return files, truth
}

// One seed gives the same files and truth, another others.
func TestDeterministic(t *testing.T) {
	a, at := build(t, sample.Options{Seed: 5, Cards: 30, Days: 40})
	b, bt := build(t, sample.Options{Seed: 5, Cards: 30, Days: 40})
	if diff := cmp.Diff(a, b) + cmp.Diff(at, bt); diff != "" {
		t.Error(diff)
	}
	if _, other := build(t, sample.Options{Seed: 6, Cards: 30, Days: 40}); cmp.Equal(at, other) {
		t.Error("two seeds give the same truth")
	}
}

// The encoding changes bytes, not content: the truth is the same.
func TestEncodings(t *testing.T) {
	var truths []*sample.Truth
	for _, encoding := range []string{"mixed", "gbk", "utf-8"} {
		files, truth := build(t, sample.Options{Seed: 5, Cards: 30, Days: 30, Encoding: encoding})
		truths = append(truths, truth)
		chinese, valid := 0, 0
		for _, f := range files {
			if strings.ContainsFunc(string(f.Data), func(r rune) bool { return r >= utf8.RuneSelf }) {
				chinese++
				if utf8.Valid(f.Data) {
					valid++
				}
			}
		}
		got := map[bool]string{true: "all", false: "some"}[valid == chinese]
		if valid == 0 {
			got = "none"
		}
		if want := map[string]string{"mixed": "some", "gbk": "none", "utf-8": "all"}[encoding]; got != want {
			t.Errorf("%s: %d of %d files with Chinese text are UTF-8", encoding, valid, chinese)
		}
	}
	if diff := cmp.Diff(truths[0], truths[1]) + cmp.Diff(truths[0], truths[2]); diff != "" {
		t.Error(diff)
	}
}

// The truth names cards by what can be seen of them: no two look alike. It dates what it
// holds within the sample.
func TestTruthIsUsable(t *testing.T) {
	files, truth := build(t, sample.Options{Seed: 1, Cards: 250, Days: 45})
	numbers := map[string]string{}
	for _, f := range files {
		if !strings.HasPrefix(f.Name, "clearing") {
			continue
		}
		for line := range bytes.Lines(f.Data) {
			number, _, _ := strings.Cut(string(line), ",")
			if len(number) != 19 {
				continue
			}
			mask := number[:6] + number[15:]
			if was, there := numbers[mask]; there && was != number {
				t.Fatalf("two cards look like %s", mask)
			}
			numbers[mask] = number
		}
	}
	if len(numbers) < 200 {
		t.Errorf("%d cards with payments, of 250", len(numbers))
	}
	seen := map[string]bool{}
	for _, f := range append(append([]sample.Flash{}, truth.FlashCards...), truth.FlashLoads...) {
		key := fmt.Sprint(f.Card, f.ATC)
		if seen[key] || f.Amount <= 0 || f.DecidedOn < "2026-09-01" || f.DecidedOn > truth.AsOf {
			t.Errorf("%+v", f)
		}
		seen[key] = true
	}
	if len(truth.FlashCards) < 50 || len(truth.FlashLoads) < 20 || len(truth.Clones) == 0 || len(truth.Duplicates) == 0 || len(truth.Replays) == 0 {
		t.Errorf("%d flash cards, %d flash loads, %d clones, %d duplicates, %d replays", len(truth.FlashCards), len(truth.FlashLoads), len(truth.Clones), len(truth.Duplicates), len(truth.Replays))
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []sample.Options{{Cards: -1}, {Cards: sample.MaxCards + 1}, {Days: -1}, {Days: sample.MaxDays + 1}, {Cards: 10_000, Days: 200}, {Encoding: "latin1"}} {
		if _, _, err := sample.Make(o); !errors.Is(err, sample.ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func ExampleMake() {
	files, truth, err := sample.Make(sample.Options{Seed: 1, Cards: 2, Days: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range files {
		fmt.Println(f.Name)
	}
	fmt.Println(truth.AsOf, truth.Lines, "lines")
	// Output:
	// clearing-20260901.csv
	// clearing-20260901-again.csv
	// IND26090201ICOM
	// IND26090201IIC
	// clearing-20260902.csv
	// 2026-09-02 9 lines
}
