package dispute

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
)

// Reconcile brings a case into line with what reconciliation has booked about its row:
// claimed says whether its amount stands as a claim on the acquirer. Both look at the same
// row and neither waits for the other, so that without this the money would move twice.
//
// A claim that came after the case: what the customer has got by the case goes on to the
// claim, since its card never paid the row, and a case that ended with less than the
// amount is open again. A claim that was taken back: the card has paid after all; what the
// acquirer gave goes back to it, what was written off is taken up, and the case is
// withdrawn.
//
// changed is false if the case is in line. The error wraps ErrStep.
func (c *Case) Reconcile(r *Rules, claimed bool, at int64) (moves []Move, changed bool, err error) {
	if c.Claimed == claimed {
		return nil, false, nil
	}
	if len(c.Events) >= maxEvents {
		return nil, false, fmt.Errorf("case %d: more than %d events: %w", c.ID, maxEvents, ErrStep)
	}
	was := *c
	was.Events, was.Moves = slices.Clone(c.Events), slices.Clone(c.Moves)
	e := Event{Step: Claimed, At: max(at, c.last().At), Amount: c.Got}
	first := len(c.Moves)
	if claimed {
		c.Claimed = true
		if c.Got > 0 {
			c.move(ToClaim, c.Got, e.At)
		}
		if c.State.Closed() && c.Got < c.Subject.Amount {
			c.State = Opened
		}
	} else {
		e.Step = Unclaimed
		if written := c.written(); written > 0 {
			c.move(TakeUp, written, e.At)
		}
		if c.Got > 0 {
			c.move(Return, c.Got, e.At)
		}
		c.Claimed, c.State = false, Withdrawn
	}
	c.Events = append(slices.Clip(c.Events), e)
	if err := c.settle(r); err != nil {
		*c = was
		return nil, false, fmt.Errorf("case %d, %s: %w", c.ID, e.Step, err)
	}
	return slices.Clone(c.Moves[first:]), true, nil
}

// written is what stands written off.
func (c *Case) written() (sum money.Fen) {
	for _, m := range c.Moves {
		switch m.Kind {
		case WriteOff:
			sum += m.Amount
		case TakeUp:
			sum -= m.Amount
		}
	}
	return sum
}
