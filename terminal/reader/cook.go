package reader

import (
	"context"
	"fmt"

	"github.com/citycard/citycard/wire/apdu"
)

// Cook gives a card whose answers are complete: where the card says 61xx the
// rest is fetched with GET RESPONSE, and where it says 6Cxx the command is sent
// again with Le xx (ISO/IEC 7816-4, 5.1.3 and 11.7; EMV Book 1, 9.3.1). Terminals
// need this with cards and readers of T=0; with others it does nothing.
func Cook(card Card) Card {
	return &cooked{Card: card}
}

type cooked struct {
	Card
	cmd []byte
}

// maxRounds is how many GET RESPONSE follow one command at most: enough for the
// longest answer in pieces of 256 bytes.
const maxRounds = 256

// Transmit implements [Card].
func (c *cooked) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	start := len(dst)
	out, err := c.again(ctx, dst, cmd)
	for range maxRounds {
		if err != nil {
			return dst, err
		}
		more, ok := status(out).More()
		if !ok {
			return out, nil
		}
		c.cmd, err = apdu.Command{CLA: responseClass(cmd[0]), INS: 0xC0, Le: more}.Append(c.cmd[:0])
		if err != nil {
			return dst, fmt.Errorf("reader: making GET RESPONSE: %w", err)
		}
		out, err = c.again(ctx, out[:len(out)-2], c.cmd)
	}
	return dst, fault("fetching a long answer", ErrMute, fmt.Errorf("%w: the card has still more after %d bytes", ErrEndless, len(out)-start))
}

// again sends a command, and once more with the right Le if the card asks for it.
func (c *cooked) again(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	out, err := c.Card.Transmit(ctx, dst, cmd)
	if err != nil {
		return dst, err
	}
	le, ok := status(out).CorrectLe()
	if !ok {
		return out, nil
	}
	parsed, err := apdu.ParseCommand(cmd)
	if err != nil {
		return out, nil // the card's answer to a command that is none says enough
	}
	parsed.Le = le
	right, err := parsed.Append(nil)
	if err != nil {
		return dst, fmt.Errorf("reader: sending again with the right Le: %w", err)
	}
	return c.Card.Transmit(ctx, out[:len(dst)], right)
}

// status is the status word at the end of an answer; a Card gives no answer
// without one.
func status(out []byte) apdu.SW {
	n := len(out)
	return apdu.SW(out[n-2])<<8 | apdu.SW(out[n-1])
}

// responseClass is the class of GET RESPONSE after a command of class cla: that
// of the standard, on the same logical channel, without secure messaging
// (ISO/IEC 7816-4, 5.4.1).
func responseClass(cla byte) byte {
	if cla&0xC0 == 0x40 { // channels 4 to 19
		return cla & 0x4F
	}
	return cla & 0x03
}
