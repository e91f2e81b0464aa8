package host

import (
	"context"
	"fmt"

	"github.com/citycard/citycard/txn"
)

// None is the host of a terminal without a line: nothing ever answers.
type None struct{}

// Authorise fails with ErrUnreachable.
func (None) Authorise(context.Context, txn.OnlineRequest) (txn.OnlineAnswer, error) {
	return txn.OnlineAnswer{}, fmt.Errorf("no host is set up: %w", ErrUnreachable)
}

// Reverse fails with ErrUnreachable.
func (None) Reverse(context.Context, txn.OnlineRequest, Reason, []byte) error {
	return fmt.Errorf("no host is set up: %w", ErrUnreachable)
}

// Name is "none".
func (None) Name() string { return "none" }
