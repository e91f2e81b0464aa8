package rf

import (
	"errors"
	"fmt"
)

// Contact is a card on the contacts of a reader, with the protocol T=0 or T=1
// (ISO/IEC 7816-3).
type Contact struct {
	// Clock is the frequency of the card's clock in hertz: 1 to 5 MHz at the start.
	Clock int64
	// F and D make the elementary time unit: F/D periods of the clock.
	F, D int64
	// BlockProtocol chooses T=1 instead of T=0.
	BlockProtocol bool
	// IFS is the greatest information field of a T=1 block, either way: 1 to 254.
	IFS int
	// Reset is how long the card takes from power to the first byte of its answer to
	// reset; ATR is how many bytes that has.
	Reset Time
	ATR   int
}

// Elementary time units of the contacts (ISO/IEC 7816-3, 7 and 11; EMV Book 1,
// part II). The standards give times from the beginning of a character to the
// beginning of the next.
const (
	charUnits  = 12              // to the next character of the same side, T=0
	blockUnits = 11              // the same, T=1
	turnUnits  = 16 - charUnits  // how much later the other side may begin, T=0
	blockTurn  = 22 - blockUnits // the same, T=1: block guard time
	t0Header   = 5               // CLA INS P1 P2 P3
	t0Status   = 2               // SW1 SW2
	t1Overhead = 4               // NAD PCB LEN EDC
	minIFS     = 1
	maxIFS     = 254
)

// resetDelay is 80,000 periods of a clock of 3.5712 MHz: 40,000 in which the reader
// holds the reset line low, and as many in which the card must begin its answer
// (EMV Book 1, 6.1.3.1; ISO/IEC 7816-3, 6.2.2).
const resetDelay Time = 303_764

// NewContact gives the slot that this package takes as usual: T=0, 9600 bit/s from
// a clock of 3.5712 MHz (F 372, D 1), an answer to reset of 20 bytes.
func NewContact() *Contact {
	return &Contact{Clock: 3_571_200, F: 372, D: 1, IFS: 254, Reset: resetDelay, ATR: 20}
}

var errContact = errors.New("impossible contact")

// Validate names the first field that has an impossible value.
func (c *Contact) Validate() error {
	switch {
	case c.Clock < 1_000_000 || c.Clock > 20_000_000:
		return fmt.Errorf("Clock %d Hz: 1 to 20 MHz (ISO/IEC 7816-3, table 7): %w", c.Clock, errContact)
	case c.F < 372 || c.F > 2048 || c.D < 1 || c.D > 64:
		return fmt.Errorf("F %d, D %d: F is 372 to 2048, D 1 to 64: %w", c.F, c.D, errContact)
	case c.BlockProtocol && (c.IFS < minIFS || c.IFS > maxIFS):
		return fmt.Errorf("IFS %d: blocks have 1 to 254 bytes: %w", c.IFS, errContact)
	case c.Reset < 0 || c.ATR < 2 || c.ATR > 33:
		return fmt.Errorf("reset time %v, ATR %d bytes: an answer to reset has 2 to 33: %w", c.Reset, c.ATR, errContact)
	}
	return nil
}

// Activation implements [Medium]: power, clock, answer to reset.
func (c *Contact) Activation() Time { return c.Reset + c.units(charUnits*int64(c.ATR)) }

// Exchange implements [Medium]. Under T=0 a command with data that also has an
// answer takes two rounds, the second a GET RESPONSE; so does one whose answer is
// first asked for with the wrong length, which this model never does.
func (c *Contact) Exchange(cmd, answer int, processing Time) Time {
	if c.BlockProtocol {
		return processing + c.units(c.block(cmd)+c.block(answer))
	}
	return processing + c.units(c.rounds(cmd, answer))
}

// rounds is the length of a T=0 exchange in elementary time units.
func (c *Contact) rounds(cmd, answer int) int64 {
	const procedure = 1
	body := max(cmd-t0Header, 0)
	data := max(answer-t0Status, 0)
	chars, turns := t0Header, 2
	if body > 0 {
		chars, turns = chars+procedure+body, turns+2
		if data > 0 { // Le is not sent; 61xx, GET RESPONSE
			chars -= min(body-1, 1)
			chars, turns = chars+t0Status+t0Header, turns+2
		}
	}
	if data > 0 {
		chars += procedure + data
	}
	if answer > 0 {
		chars += t0Status
	}
	return int64(chars)*charUnits + int64(turns)*turnUnits
}

// block is the length of a message in T=1 blocks with their acknowledgements.
func (c *Contact) block(n int) int64 {
	if n <= 0 {
		return 0
	}
	count := blocks(n, c.IFS)
	chars := n + count*t1Overhead + (count-1)*t1Overhead
	return int64(chars)*blockUnits + int64(2*count-1)*blockTurn
}

// units turns elementary time units into carrier periods, rounded up.
func (c *Contact) units(n int64) Time {
	num, den := n*c.F*Carrier, c.D*c.Clock
	return Time((num + den - 1) / den)
}
