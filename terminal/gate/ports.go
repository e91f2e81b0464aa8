package gate

import (
	"errors"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Errors of Records. Any other error counts as ErrUnreachable.
var (
	ErrUnreachable = errors.New("station records cannot be reached")
	ErrNoRecord    = errors.New("no such station record")
)

// EntryRecord is an open entry: somebody is in the network.
type EntryRecord struct {
	Card     txn.CardKey
	UID      UID // of the entry tap; random for phones
	Station  fare.StationID
	Terminal txn.TerminalID
	Time     int64 // unix seconds
	ATC      uint16
}

// Closing is the end of a journey.
type Closing struct {
	Card     txn.CardKey
	Entry    EntryRecord // zero if Flags has EntryUnread
	Station  fare.StationID
	Terminal txn.TerminalID
	Time     int64
	ATC      uint16
	Month    [2]byte   // YYMM (BCD) of the exit, the month that the sum belongs to
	Paid     money.Fen // deducted from the card
	Counted  money.Fen // what the month's sum grows by; 0 if Flags has EntryUnread
	Flags    txn.Flags // of the row
}

// Records are the operator's station records, the gate's port to the back end.
// Reading fails with ErrNoRecord or ErrUnreachable; the gate then charges by the
// rules of the package comment. Writing repeats what the rows say: if it fails, the
// back end takes it from the rows.
type Records interface {
	OpenEntry(uid UID) (EntryRecord, error)
	OpenEntryOf(card txn.CardKey) (EntryRecord, error)
	PutEntry(EntryRecord) error
	// MonthSum is what counted for a card in a calendar month so far (YYMM, BCD);
	// ErrNoRecord means nothing.
	MonthSum(card txn.CardKey, month [2]byte) (money.Fen, error)
	CloseJourney(Closing) error
}

// Pricer is the rule book in force; *fare.Book is one.
type Pricer interface {
	Price(fare.Trip) (fare.Quote, error)
	HighestFrom(fare.StationID) money.Fen
	BusPrice(metres int, card bool) (fare.Quote, error)
	Version() uint16
}
