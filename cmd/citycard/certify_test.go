package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/terminal/reader"
)

// interrupted is a card at whose command of one INS the user interrupts.
type interrupted struct {
	reader.Card
	ins  byte
	stop context.CancelCauseFunc
	seen bool
}

var errInterrupt = errors.New("interrupted by the test")

func (c *interrupted) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	out, err := c.Card.Transmit(ctx, dst, cmd)
	if len(cmd) > 1 && cmd[1] == c.ins {
		c.seen = true
		c.stop(errInterrupt)
	}
	return out, err
}

// TestInterruptLeavesTheCardInOrder: an interrupt while the application is blocked
// or the PIN is another ends the run, and the card is as it was.
func TestInterruptLeavesTheCardInOrder(t *testing.T) {
	for name, ins := range map[string]byte{"script-block": 0x1E, "script-pin-change": 0x24} {
		env := &environment{stderr: t.Output()}
		c, err := env.simulated(t.Context(), "dev-3des")
		if err != nil {
			t.Fatal(err)
		}
		f := certifyFlags{reader: readerFlags{name: "sim:dev-3des"}, destructive: true, only: []string{name, "script-update-record"}}
		o, err := f.options(env)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancelCause(t.Context())
		at := &interrupted{Card: c, ins: ins, stop: stop}
		result, err := f.test(ctx, at, o)
		if !at.seen || !errors.Is(err, certify.ErrStopped) || !errors.Is(err, errInterrupt) || len(result.Cases) != 1 || result.Failed != 0 {
			t.Fatalf("%s: %v, report %+v", name, err, result)
		}
		again, err := f.test(t.Context(), c, o)
		if err != nil || again.Passed != 2 {
			t.Errorf("%s: the card afterwards: %v, report %+v", name, err, again)
		}
	}
}

// TestOutlive: the context of a case goes on after an interrupt, but not for ever.
func TestOutlive(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	lasting, done := outlive(ctx, time.Hour)
	stop(errInterrupt)
	time.Sleep(10 * time.Millisecond)
	if lasting.Err() != nil {
		t.Error("it ended with the interrupt")
	}
	if done(); lasting.Err() == nil {
		t.Error("it goes on when the run is over")
	}
	lasting, done = outlive(ctx, time.Millisecond)
	defer done()
	select {
	case <-lasting.Done():
		if !errors.Is(context.Cause(lasting), errInterrupt) {
			t.Errorf("it ended because of %v", context.Cause(lasting))
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on for ever")
	}
}
