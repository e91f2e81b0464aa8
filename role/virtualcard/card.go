package virtualcard

import (
	"errors"
	"fmt"
	"io"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
)

// Config says what a card is made of.
type Config struct {
	// Image of the card.
	Image *card.Image
	// Memory is a snapshot of the chip's memory; nil for a new card.
	Memory []byte
	// Interface over which readers reach the card.
	Interface card.Interface
	// Store keeps a snapshot of the memory; nil: nothing is kept. It must not
	// return before the snapshot is safe, and must not keep the slice.
	Store func(memory []byte) error
	// Faults that happen to the card's answers; nil for none.
	Faults *fault.Script
	// Rand is the chip's random source.
	Rand io.Reader
	// Note, if not nil, is told in words what faults did.
	Note func(text string)
}

// Card is a chip with what it needs to be used. It is for one goroutine.
type Card struct {
	chip   *card.Chip
	door   *fault.Door
	config Config
	stored int // writes of the memory that are stored
	nvm    []byte
	dead   error
}

// errSilent says that no answer comes, on a fault's order.
var errSilent = errors.New("the card is silent")

// New makes a card, without power. It fails if the memory is no state of the
// image, or the first state of a new card cannot be stored.
func New(c Config) (*Card, error) {
	v := &Card{chip: card.New(), config: c}
	v.chip.UseInterface(c.Interface)
	if err := v.chip.Insert(c.Image, c.Memory); err != nil {
		return nil, fmt.Errorf("virtual card: %w", err)
	}
	if c.Faults != nil {
		v.door = fault.NewDoor(c.Faults, v.chip, v.chip.Memory())
	}
	if c.Memory == nil {
		v.stored = -1 // a new card is stored before anybody sees it
	}
	if err := v.store(); err != nil {
		return nil, err
	}
	return v, nil
}

// ATR is the answer to reset.
func (v *Card) ATR() []byte { return v.chip.ATR() }

// Snapshot is the content of the memory.
func (v *Card) Snapshot() []byte { return v.chip.Snapshot(nil) }

// PowerOff takes the power away.
func (v *Card) PowerOff() { v.chip.PowerOff() }

// PowerOn resets the card, whether it had power or not.
func (v *Card) PowerOn() error {
	if v.dead != nil {
		return v.dead
	}
	if err := v.chip.PowerOn(v.config.Rand); err != nil {
		return fmt.Errorf("virtual card: power on: %w", err)
	}
	if v.door != nil {
		v.door.PowerOn()
	}
	return v.store()
}

// Transmit gives the card a command APDU and appends the answer to dst. What the
// command changed is stored when it returns; Outcome says how the answer is to be
// given. The error is card.ErrNotPowered, or that of Store, and then there is no
// answer.
func (v *Card) Transmit(dst, cmd []byte) ([]byte, fault.Outcome, error) {
	if v.dead != nil {
		return dst, fault.Outcome{}, v.dead
	}
	out, outcome := dst, fault.Outcome{}
	var err error
	if v.door != nil {
		out, outcome, err = v.door.Transmit(dst, cmd)
	} else {
		out, err = v.chip.Transmit(dst, cmd)
	}
	if v.config.Note != nil {
		for _, n := range outcome.Notes {
			v.config.Note(n)
		}
	}
	if kept := v.store(); kept != nil {
		return dst, fault.Outcome{}, kept
	}
	return out, outcome, err
}

// store keeps the memory if it was written since the last time.
func (v *Card) store() error {
	writes := v.chip.Memory().Writes()
	if v.config.Store == nil || writes == v.stored {
		return nil
	}
	v.nvm = v.chip.Snapshot(v.nvm[:0])
	if err := v.config.Store(v.nvm); err != nil {
		v.dead = fmt.Errorf("virtual card: its memory cannot be kept, so it stops: %w", err)
		v.chip.PowerOff()
		return v.dead
	}
	v.stored = writes
	return nil
}
