package virtualcard

import (
	"context"
	"fmt"

	"github.com/citycard/citycard/terminal/reader"
)

// inProcess is a card in a reader of this process.
type inProcess struct {
	card   *Card
	broken error
}

// Reader puts a card into a reader in this process and powers it: the card behind
// "sim:PROFILE". After a silent answer the card is gone, as package reader wants
// it; make a new Reader over the same Card to put it back.
func Reader(v *Card) (reader.Card, error) {
	if err := v.PowerOn(); err != nil {
		return nil, err
	}
	return &inProcess{card: v}, nil
}

// ATR implements [reader.Card].
func (p *inProcess) ATR() []byte { return p.card.ATR() }

// Transmit implements [reader.Card].
func (p *inProcess) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	if err := p.usable(ctx); err != nil {
		return dst, err
	}
	if len(cmd) < 4 {
		return dst, &reader.Error{
			Doing: "sending a command", Kind: reader.ErrCommand, Cause: fmt.Errorf("%d bytes", len(cmd)),
			Hint: "a command has 4 bytes, CLA INS P1 P2, at least",
		}
	}
	out, outcome, err := p.card.Transmit(dst, cmd)
	if err == nil && outcome.Silent {
		err = &reader.Error{
			Doing: "reading the answer", Kind: reader.ErrCardGone, Cause: errSilent,
			Hint: "a fault script ordered it; open the reader again",
		}
	}
	if err == nil && outcome.Delay > 0 {
		sleep(ctx, outcome.Delay)
		err = context.Cause(ctx)
	}
	if err != nil {
		p.broken = err
		p.card.PowerOff()
		return dst, err
	}
	return out, nil
}

// Reset implements [reader.Card].
func (p *inProcess) Reset(ctx context.Context, _ reader.ResetKind) ([]byte, error) {
	if err := p.usable(ctx); err != nil {
		return nil, err
	}
	if err := p.card.PowerOn(); err != nil {
		p.broken = err
		return nil, err
	}
	return p.card.ATR(), nil
}

// Close implements [reader.Card].
func (p *inProcess) Close() error {
	if p.broken == nil {
		p.card.PowerOff()
		p.broken = &reader.Error{Doing: "using a closed card", Kind: reader.ErrCardGone, Hint: "open the reader again"}
	}
	return nil
}

func (p *inProcess) usable(ctx context.Context) error {
	if p.broken != nil {
		return p.broken
	}
	return context.Cause(ctx)
}
