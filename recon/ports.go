package recon

import (
	"context"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Store is what the stage needs from a database.
type Store interface {
	// Load calls into with the encoded timeline of each card that the store knows, by
	// its index in keys, in any order. A card without one is skipped. The blob is valid
	// during the call only.
	Load(ctx context.Context, keys []txn.CardKey, into func(i int, blob []byte) error) error
	// Save makes the whole batch durable or nothing of it. A posting whose key is
	// already there is the same posting and is skipped; so is a flash finding for a
	// card and counter that has one.
	Save(ctx context.Context, b *Batch) error
	// Open gives the next at most n open cards after a card, in any fixed order of the
	// store's own; the zero key begins. Cards saved as not open are no longer given.
	Open(ctx context.Context, after txn.CardKey, n int) ([]txn.CardKey, error)
	// Provisional is the sum of CardState.Provisional over all cards.
	Provisional(ctx context.Context) (money.Fen, error)
}

// Batch is what one step of the day changes.
type Batch struct {
	Cards    []CardState
	Breaks   []Break          // replace all rows of the cards in Cards that were judged
	Postings []Posting        // for the issuer's ledger, each exactly once
	Flash    []timeline.Flash // decided now
}

// CardState is the state of one card.
type CardState struct {
	Card        txn.CardKey
	Blob        []byte // timeline.Card.Append; nil if it did not change
	Judged      bool   // false after observations were added only: keep the card's breaks
	Open        bool   // to be judged again
	Due         int64  // when time alone changes it, 0 if only a row can
	Frozen      bool
	Provisional money.Fen // credit standing
}

// Break is one row of the table of breaks.
type Break struct {
	Card txn.CardKey
	timeline.Break
}

// Account is an end of a posting in the issuer's books.
type Account uint8

// The accounts. Numbers are for ever.
const (
	Float    Account = 1 // liability for value on cards and under way
	Customer Account = 2 // what is owed to the card's holder
	Operator Account = 3 // what is owed to the operator of Posting.Terminal
	Acquirer Account = 4 // claims on the acquirer of Posting.Terminal
)

var accountNames = [...]string{Float: "float", Customer: "customer", Operator: "operator", Acquirer: "acquirer"}

// String is the account in one English word.
func (a Account) String() string {
	if a < Float || a > Acquirer {
		return "invalid"
	}
	return accountNames[a]
}

// Posting is a movement of money that a judgement asked for. Key is permanent: the
// ledger makes it at most once.
type Posting struct {
	Key      timeline.Key
	From, To Account
	Amount   money.Fen
	Terminal txn.TerminalID
	Time     int64 // of the judgement
}

// ends are the two accounts of each purpose that moves money (section 11: refund,
// float to customer; unbacked row, claim to float).
var ends = map[timeline.Purpose][2]Account{
	timeline.Refund:             {Float, Customer},
	timeline.ProvisionalCredit:  {Float, Customer},
	timeline.ReverseProvisional: {Customer, Float},
	timeline.ReverseRefund:      {Customer, Float},
	timeline.CollectForOperator: {Float, Operator},
	timeline.ReverseCollect:     {Operator, Float},
	timeline.ClaimUnbacked:      {Acquirer, Float},
	timeline.ReverseClaim:       {Float, Acquirer},
}

// posting makes the posting of an action, if it moves money.
func posting(a timeline.Action, now int64) (Posting, bool) {
	if !a.Key.Purpose.MovesMoney() {
		return Posting{}, false
	}
	e := ends[a.Key.Purpose]
	return Posting{Key: a.Key, From: e[0], To: e[1], Amount: a.Amount, Terminal: a.Terminal, Time: now}, true
}
