package terminaltest

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/certify/terminal"
	"github.com/citycard/citycard/terminal/reader"
)

// slot is a scripted card in a reader of this process. Delays are not waited for: the
// kernels know no time.
type slot struct {
	card   *terminal.Card
	closed bool
	// around, if not nil, stands between terminal and card: tests make terminals with it
	// that do something wrong.
	around func(send func([]byte) terminal.Answer, cmd []byte) terminal.Answer
}

var errLeft = errors.New("the card has left, as its case wants")

func gone(doing string) error {
	return &reader.Error{Doing: doing, Kind: reader.ErrCardGone, Cause: errLeft, Hint: "hold the card to the reader again"}
}

// ATR implements [reader.Card].
func (s *slot) ATR() []byte { return s.card.ATR() }

// Transmit implements [reader.Card].
func (s *slot) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return dst, err
	}
	if s.closed {
		return dst, gone("sending a command")
	}
	if len(cmd) < 4 {
		return dst, &reader.Error{
			Doing: "sending a command", Kind: reader.ErrCommand, Cause: fmt.Errorf("%d bytes", len(cmd)),
			Hint: "a command has 4 bytes, CLA INS P1 P2, at least",
		}
	}
	send := s.card.Transmit
	if s.around != nil {
		send = func(b []byte) terminal.Answer { return s.around(s.card.Transmit, b) }
	}
	a := send(cmd)
	if a.Gone {
		s.closed = true
		return dst, gone("reading the answer")
	}
	return append(dst, a.Data...), nil
}

// Reset implements [reader.Card].
func (s *slot) Reset(ctx context.Context, _ reader.ResetKind) ([]byte, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if s.closed || !s.card.Reset() {
		return nil, gone("resetting the card")
	}
	return s.card.ATR(), nil
}

// Close implements [reader.Card].
func (s *slot) Close() error {
	s.closed = true
	return nil
}
