package tap

import (
	"context"

	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
)

// Person is who stands before the terminal. When ctx ends, every method comes back
// with the answer of somebody who gave up.
type Person interface {
	// Choose gives Chosen or Cancelled.
	Choose(ctx context.Context, c *emv.Choice) emv.Event
	// PIN gives PINEntered, PINBypassed, PINPadFailed or Cancelled.
	PIN(ctx context.Context, r *emv.PINRequest) emv.Event
	// Again says whether the card is held to the reader again.
	Again(ctx context.Context, torn *pos.TornSale) bool
}
