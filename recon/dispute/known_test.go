package dispute_test

import (
	"testing"

	"github.com/citycard/citycard/recon/dispute"
)

func TestKnownSteps(t *testing.T) {
	for step, known := range map[dispute.Step]bool{dispute.Query: true, dispute.RuleAcquirer: true, dispute.Withdraw: true,
		dispute.Open: false, dispute.Lapsed: false, dispute.Claimed: false, "dance": false, "": false} {
		if step.Known() != known {
			t.Errorf("a party can take step %q: %t, want %t", step, !known, known)
		}
	}
}
