package trial

import (
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/timeline"
)

// TestEveryRate runs a few cards at every named rate: what must hold, holds.
func TestEveryRate(t *testing.T) {
	for i, r := range Named() {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			holds(t, Options{Cards: 10, Seed: uint64(i + 1), Rate: r, Late: timeline.LatePolicy(i % 2)})
		})
	}
}

// TestLongEveryRate runs thousands of cards, under both policies for late rows.
func TestLongEveryRate(t *testing.T) {
	if _, limited := t.Deadline(); limited {
		t.Skip("takes many minutes: make test-long, or go test -timeout 0")
	}
	for _, r := range Named() {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%s/%d", r.Name, seed+2), func(t *testing.T) {
				t.Parallel()
				holds(t, Options{Cards: 100, Seed: seed + 2, Rate: r, Late: timeline.LatePolicy(seed % 2)})
			})
		}
	}
}

func holds(t *testing.T, opt Options) *Outcome {
	t.Helper()
	o, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Failed) > 0 {
		t.Errorf("%s: %q\n%s", o.Name, o.Failed, strings.Join(o.Disagreed, "\n"))
	}
	return o
}
