package journey

import (
	"errors"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	wire "github.com/citycard/citycard/wire/journey"
)

// Mode is what a tap at a terminal means. The first three have the numbers of the
// gate's modes.
type Mode uint8

// The modes.
const (
	Entry  Mode = 1 // metro gate in
	Exit   Mode = 2 // metro gate out
	Bus    Mode = 3 // bus, one tap a ride
	Board  Mode = 4 // bus, first of two taps
	Alight Mode = 5 // bus, second of two taps
)

var modeNames = [...]string{Entry: "entry", Exit: "exit", Bus: "bus", Board: "board", Alight: "alight"}

// Valid reports whether m is one of the modes above.
func (m Mode) Valid() bool { return m >= Entry && m <= Alight }

// OnBus reports whether m is a mode of buses.
func (m Mode) OnBus() bool { return m >= Bus && m <= Alight }

// String is the mode in a word.
func (m Mode) String() string {
	if !m.Valid() {
		return "invalid"
	}
	return modeNames[m]
}

// Pricer is the rule book that prices; *fare.Book is one.
type Pricer interface {
	Price(fare.Trip) (fare.Quote, error)
	HighestFrom(fare.StationID) money.Fen
	HoldFrom(fare.StationID) money.Fen
	BusPrice(metres int, card bool) (fare.Quote, error)
	Version() uint16
}

// Tap is the terminal's side of a tap.
type Tap struct {
	Mode    Mode
	Station fare.StationID // Entry and Exit
	Line    uint16         // Entry and Exit: fare.LineID of the line that the gate leads to; 0 all of the station
	Route   uint16         // of a bus
	Stop    byte           // of a bus
	// Direction of a bus: 0 or wire.DirectionAB, 1 or wire.DirectionBA.
	Direction byte
	// Metres: Bus: how far a rider who boards here pays for. Board and Alight: where
	// the bus is, from the beginning of its route in the direction AB.
	Metres   int
	Terminal txn.TerminalID
	Now      int64 // unix seconds
	Medium   fare.Medium
	// Workday tells whether the day of a unix time is one, for the early-bird
	// discount: that of the entry counts. nil: never.
	Workday func(unix int64) bool
	// What the records say about the terminal beside its number; may be zero.
	City        [2]byte
	Institution [8]byte
	Operator    uint16
	Vehicle     [8]byte
}

// Card is the card's side of a tap.
type Card struct {
	Record wire.Record  // of the mode's trade
	Other  *wire.Record // metro record at a bus, nil if it was not read
	// Support is DF61 of a bank card: 1 section fare, 2 pre-authorisation too.
	Support byte
	Quota   bool // a quota card: it never holds
	Purse   bool // a purse: no DF60, and it never holds
	// Balance before the tap, -1 if unknown.
	Balance money.Fen
}

// Refusal is why a tap is turned down before anything is paid. Numbers are for ever.
type Refusal uint8

// The refusals.
const (
	NoRefusal      Refusal = 0
	Locked         Refusal = 1 // the record says that the card is blocked
	NotValid       Refusal = 2 // the record was never enabled
	MissingExit    Refusal = 3 // the last journey has no end
	MissingEntry   Refusal = 4 // exit without an entry
	OverTime       Refusal = 5 // inside for too long
	MissingAlight  Refusal = 6 // the last bus ride has no end
	MissingBoard   Refusal = 7 // alighting without boarding
	WrongDirection Refusal = 8 // against the bus's way
	BalanceLow     Refusal = 9 // the amount to be held is more than the card has
	refusalBounds          = 10
)

var refusalNames = [refusalBounds]string{
	NoRefusal: "none", Locked: "locked", NotValid: "not valid", MissingExit: "missing exit", MissingEntry: "missing entry",
	OverTime: "over time", MissingAlight: "missing alight", MissingBoard: "missing board", WrongDirection: "wrong direction",
	BalanceLow: "balance low",
}

// String is the refusal in words.
func (r Refusal) String() string {
	if r >= refusalBounds {
		return "invalid"
	}
	return refusalNames[r]
}

// DF60 of the GPO: what the transaction is to the card (JR/T 0025.14, annex E).
const (
	dfSection    byte = 1
	dfHold       byte = 2
	dfCompletion byte = 3
)

// Decision is what a tap comes to.
type Decision struct {
	// Refused, if not 0: nothing is asked of the card; the rest is zero.
	Refused Refusal
	// Kind of the row: Entry, Exit, Single, Hold or Completion.
	Kind txn.Kind
	DF60 byte // what the card is told: 1, 2 or 3; 0 for a purse
	// Amount is what is asked of the card: to be paid, or to be held (Hold).
	Amount money.Fen
	Full   money.Fen // fare before discounts
	// Held is what is held after this tap (Hold), or was until now (Completion).
	Held    money.Fen
	Counted money.Fen // what the month's sum grows by
	// MonthSum is the month's sum before this trip, Month the month (YYMM, BCD) of both.
	MonthSum   money.Fen
	Month      [2]byte
	Rule       uint16 // rule book that priced
	Flags      txn.Flags
	Concession byte
	// The beginning of the journey that is paid, from the card's record; zero at a
	// beginning itself and where it is not known. EntryTerminal is 0 if its number is
	// not of this register.
	EntryTerminal txn.TerminalID
	EntryTime     int64
	EntryATC      uint16
	Next          wire.Record // to be written in place of Card.Record
	Trip          wire.Trip   // to be written to the log

	begins bool // Next is the beginning of a journey, whose counter Finish knows
}

// ErrTap says that a tap cannot be decided because the terminal's side is unusable:
// a setting of the terminal, not a fault of the card.
var ErrTap = errors.New("unusable setting of the terminal")
