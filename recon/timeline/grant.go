package timeline

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNothingDue says that no refund waits for approval over a stretch of the timeline,
// and that none is expected there: nothing can be granted.
var ErrNothingDue = errors.New("nothing is due or pending there")

// Grant puts down that two people have approved the break between the counters p and
// q: one of the last judgement, or a part of it. The next Judge acts on the approval and
// spends it: a refund that waits for one is asked for, and what is due only at the end
// of the window is given as a provisional credit, whatever the policy's limits say. Such
// a credit is given once for a break, reversed when it is disproved and counted when it
// is proven, like every other. No more moves than Judge finds due or pending. While the
// card is frozen the approval waits with the money, and when a later row splits a break
// over which no money has moved, the approval is void with it.
//
// Grant twice is Grant once, and a credit that stands already is not given again. The
// error wraps ErrNothingDue if no break covers the counters, or if money over it neither
// waits for approval nor for the window.
func (c *Card) Grant(p, q uint16) error {
	i := slices.IndexFunc(c.regions, func(r region) bool { return r.p <= p && p < q && q <= r.q })
	if i < 0 {
		return fmt.Errorf("grant %04X-%04X: no break covers these counters: %w", p, q, ErrNothingDue)
	}
	r := &c.regions[i]
	expected := r.state == Expected || r.state == LostUpload
	switch {
	case r.granted, r.waits, expected && !r.credited:
		r.granted = true
	case r.state != Provisional:
		return fmt.Errorf("grant %04X-%04X (%s): %w", p, q, r.state, ErrNothingDue)
	}
	return nil
}

// approvals spends the approvals that this judgement has acted on, and keeps the card
// in sight while a refund waits for one.
func (j *judging) approvals() {
	for i := range j.c.regions {
		r := &j.c.regions[i]
		r.granted = r.granted && j.frozen
		j.out.Open = j.out.Open || r.waits
	}
}
