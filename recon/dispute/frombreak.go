package dispute

import (
	"fmt"

	"github.com/citycard/citycard/recon/timeline"
)

// FromBreak fills a subject from a break that reconciliation found about the row: amount,
// and whether it is claimed. The reason is the code for a chargeback. The error wraps
// ErrSubject for a break that is no matter between issuer and acquirer: what the customer
// lacks is refunded, not disputed.
func FromBreak(s Subject, b *timeline.Break) (subject Subject, reason string, err error) {
	switch {
	case b.State == timeline.Unbacked:
		s.Claimed, reason = true, "C1"
	case b.State == timeline.Late && !b.Stands:
		reason = "C3"
	default:
		return s, "", fmt.Errorf("break %s at counters %d and %d is %s: %w", b.Part, b.P, b.Q, b.State, ErrSubject)
	}
	s.Amount = b.Amount
	s.Why = fmt.Sprintf("break %s at counters %d and %d: %s", b.Part, b.P, b.Q, b.State)
	return s, reason, nil
}
