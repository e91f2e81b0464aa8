package clearing

import (
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Verifier is the issuers' port: only they can check a cryptogram or a balance
// MAC. It gives Cleared for a row that verifies, or BadCryptogram,
// BadBalanceMAC or BadCardData. One Verifier serves one goroutine.
type Verifier interface {
	Verify(rows []txn.Presented, out []txn.Verdict) error
}

// Terminal is what clearing needs to know about a terminal.
type Terminal struct {
	Acquirer Participant
	Station  fare.StationID // 0 on a bus
	Operator fare.OperatorID
	Bus      bool
}

// Register finds a terminal. It must be safe for concurrent use.
type Register interface {
	Terminal(id txn.TerminalID) (Terminal, bool)
}

// Issuers finds the issuer of a card by its number. It must be safe for
// concurrent use.
type Issuers interface {
	Issuer(card txn.CardKey) (Participant, bool)
}

// Fares is the part of the fare book that clearing needs.
type Fares interface {
	Price(fare.Trip) (fare.Quote, error)
	SplitByOperator(entry, exit fare.StationID, amount money.Fen) ([]fare.Share, error)
}

// Workdays answers for a unix time whether its day is a workday.
type Workdays interface {
	Workday(at int64) bool
}

// States loads the stored counter states of cards and takes the new ones.
type States interface {
	Load(cards []txn.CardKey) (map[txn.CardKey][]byte, error)
}
