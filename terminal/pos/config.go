package pos

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
)

// Mode is how a purchase over the air is made. Numbers are for ever.
type Mode uint8

// The modes.
const (
	QPBOC       Mode = 1 // 9F66 byte 1 b6: the card decides at GET PROCESSING OPTIONS
	DebitCredit Mode = 2 // 9F66 byte 1 b7: the whole of debit/credit over the air
	MSD         Mode = 3 // 9F66 byte 1 b8: magnetic stripe data, JR/T 0025.12-2010
)

var modeNames = [...]string{"", "qpboc", "debit-credit", "msd"}

// String is the mode as it is printed.
func (m Mode) String() string {
	if int(m) >= len(modeNames) {
		return ""
	}
	return modeNames[m]
}

// Config is what a till is set to. It must not change while a Till uses it.
type Config struct {
	Terminal txn.TerminalID
	Mode     Mode // of purchases over the air; 0 is QPBOC
	// Kernel is for qPBOC and MSD; New sets the bits of 9F66 byte 1 that Mode stands for.
	Kernel kernel.Config
	// EMV is for debit/credit, electronic cash over the contacts, load and unload. New
	// makes the action codes of each application send a card online, and decline it where
	// that is not possible, if offline data authentication was not done or has failed.
	EMV    emv.Config
	Stripe Swiping
	// RetapWindow is how long a torn sale waits for its card; 0 is DefaultRetapWindow.
	RetapWindow time.Duration
}

// Swiping is what the till may do with magnetic stripes.
type Swiping struct {
	ChipReader bool // it has a chip reader that works: chip cards must use it
	Fallback   bool // the acquirer takes the stripe of a card whose chip is mute
	PINPad     bool // it has a PIN pad
	TestCards  bool // it takes cards with a service code of 9xx
}

// DefaultRetapWindow is how long a torn sale waits for its card: our choice. The
// cardholder is still standing before the till.
const DefaultRetapWindow = 30 * time.Second

var errConfig = errors.New("unusable till configuration")

// modeBits are the bits of 9F66 byte 1 that say what the reader does over the air.
const modeBits = kernel.TTQ1MSD | kernel.TTQ1Debit | kernel.TTQ1QPBOC

// notProven are the bits of TVR byte 1 that say that offline data authentication was
// not done (b8) or has failed (SDA b7, DDA b4, CDA b3). Cards may choose their own
// action codes, and the usual ones of terminals leave b3 out: a card with a worthless
// certificate is not even asked for a combined signature then.
const notProven byte = 0xCC

// prepare fills in what follows from other settings and checks the rest.
func (c *Config) prepare() error {
	if c.Mode == 0 {
		c.Mode = QPBOC
	}
	if c.RetapWindow == 0 {
		c.RetapWindow = DefaultRetapWindow
	}
	switch {
	case c.Mode > MSD:
		return fmt.Errorf("Mode %d: want qpboc, debit-credit or msd: %w", c.Mode, errConfig)
	case c.RetapWindow < 0:
		return fmt.Errorf("RetapWindow %v must not be negative: %w", c.RetapWindow, errConfig)
	}
	c.Kernel.TTQ[0] = c.Kernel.TTQ[0]&^modeBits | kernel.TTQ1QPBOC
	if c.Mode == MSD {
		c.Kernel.TTQ[0] ^= kernel.TTQ1QPBOC | kernel.TTQ1MSD
	}
	c.EMV.TTQ[0] = c.EMV.TTQ[0]&^modeBits | kernel.TTQ1Debit
	c.EMV.Applications = slices.Clone(c.EMV.Applications)
	for i := range c.EMV.Applications {
		a := &c.EMV.Applications[i].Actions
		a.Online[0] |= notProven
		a.Default[0] |= notProven
	}
	return nil
}
