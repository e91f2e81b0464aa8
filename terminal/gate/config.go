package gate

import (
	"errors"
	"fmt"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// Mode is what a tap at this terminal means.
type Mode uint8

// The modes.
const (
	Entry Mode = 1 // metro gate in: amount 0
	Exit  Mode = 2 // metro gate out: the fare
	Bus   Mode = 3 // bus validator: one tap, one price
	// The two readers of a bus whose fare depends on the way. Only cards that carry
	// their own journeys can use them (Config.Transit).
	Board  Mode = 4 // front door
	Alight Mode = 5 // rear door
)

var modeKinds = [...]txn.Kind{Entry: txn.Entry, Exit: txn.Exit, Bus: txn.Purchase, Board: txn.Single, Alight: txn.Single}
var modeNames = [...]string{Entry: "entry", Exit: "exit", Bus: "bus", Board: "board", Alight: "alight"}

func (m Mode) valid() bool { return m >= Entry && m <= Alight }

// metro and onBus tell a gate from a reader in a bus.
func (m Mode) metro() bool { return m == Entry || m == Exit }
func (m Mode) onBus() bool { return m >= Bus && m <= Alight }

// String is the mode in a word.
func (m Mode) String() string {
	if !m.valid() {
		return "invalid"
	}
	return modeNames[m]
}

// Config is what one terminal is set to.
type Config struct {
	Terminal txn.TerminalID
	Mode     Mode
	Station  fare.StationID // Entry and Exit
	Route    uint16         // Bus
	Kernel   kernel.Config
	Medium   fare.Medium // what the tariff takes these cards for
	// RetapWindow is how long a torn tap waits for its card; PassWindow how long a
	// card that has paid may tap again without paying.
	RetapWindow time.Duration
	PassWindow  time.Duration
	// LookUpByCard: if the UID led to no entry record (phones change theirs), ask
	// the records again by account number, and if there is one, stop and run again
	// with its price instead of deducting the highest fare. It costs a counter of
	// the card and the time of a second run.
	LookUpByCard bool
	// MinEntryBalance is what a card must hold to enter, as far as it says; 0
	// lets every card in.
	MinEntryBalance money.Fen
	// Workday says whether the day of a time is a working day, for the early-bird
	// discount. nil: never.
	Workday func(unix int64) bool
	// AllowFDDA00 lets cards pay that are too old for fDDA version 01. Their
	// signature does not prove that they were asked to pay (kernel.Config), so New
	// sets Kernel.RequireFDDA01 unless this is true.
	AllowFDDA00 bool
	// Transit, where set, takes cards that carry their own journeys, and purses: the
	// terminal has a security module. Station records are then for the other cards only.
	Transit *Transit
}

// Default windows: our choice. A bus has no leaves that a rider may miss, and one
// card may pay for two persons, so every tap there pays.
const (
	DefaultRetapWindow   = 10 * time.Minute
	DefaultPassWindow    = 2 * time.Minute
	DefaultBusPassWindow = 0
)

var errConfig = errors.New("unusable gate configuration")

func (c *Config) validate(p Pricer) error {
	switch {
	case !c.Mode.valid():
		return fmt.Errorf("Mode %d: want entry, exit, bus, board or alight: %w", c.Mode, errConfig)
	case c.Mode > Bus && c.Transit == nil:
		return fmt.Errorf("Mode %v is for cards that carry their journeys: Transit must be set: %w", c.Mode, errConfig)
	case c.RetapWindow < 0 || c.PassWindow < 0 || c.MinEntryBalance < 0:
		return fmt.Errorf("windows and MinEntryBalance must not be negative: %w", errConfig)
	case c.Mode.metro() && p.HighestFrom(c.Station) <= 0:
		return fmt.Errorf("Station %d is not in the fare book: %w", c.Station, errConfig)
	case c.Mode == Entry && c.Kernel.ZeroAmountCheck:
		return fmt.Errorf("Kernel.ZeroAmountCheck must be off at an entry gate: it taps for amount 0: %w", errConfig)
	case c.Mode != Entry && !c.Medium.Valid():
		return fmt.Errorf("Medium %d is none of the tariff's: %w", c.Medium, errConfig)
	case c.Transit != nil:
		return c.Transit.validate(p)
	}
	return nil
}

// Field is what the reader's anti-collision found.
type Field struct {
	Cards int
	UID   UID // of the one card
}
