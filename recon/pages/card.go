package pages

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Card is everything a clerk needs about one card.
type Card struct {
	Key    txn.CardKey
	Kind   Text  // kind of card: bank, quota, purse
	At     int64 // the moment of the judgement
	Frozen bool

	// What is on the card: between Least and Most at the last observation (ValueAt);
	// from CertainOn on late rows can no longer change it. 0 for never, or for certain
	// now.
	Least, Most        money.Fen
	ValueAt, CertainOn int64

	// What the customer is owed, paid or not, and the moment from which that is certain;
	// 0 if it is certain now, or if only a tap can tell.
	DueLeast, DueMost money.Fen
	DueOn             int64
	// Paid is what of it is in the books: refunds and credits less what was taken back.
	Paid money.Fen

	Points   []Point    // one for each counter observed, in order
	Breaks   []Break    // in order of counters
	Evidence []Evidence // in order of counters
	Refunds  []Refund   // in order of time
	Steps    []Step     // what happens next, the nearest first
	Alarms   []Text     // what cannot be true about the card
}

// Point is one observation: the value before the tap, and what the tap did to it.
type Point struct {
	ATC         uint16
	Time        int64
	What        Text // purchase, entry, load, doubt row
	Terminal    txn.TerminalID
	Least, Most money.Fen // value before; equal where it is exact
	Change      money.Fen // what it did to the value if it took place: -300, or 10000 for a load
	Happened    Certainty
	Doubt       bool // the terminal could not tell (doubt row), or the host got no result
}

// Certainty is a bit that may be open.
type Certainty uint8

// The values of a bit.
const (
	Yes  Certainty = 0 // it took place
	No   Certainty = 1 // it did not
	Open Certainty = 2 // nobody can tell yet
)

// Break is one thing about a card that is not clean.
type Break struct {
	P, Q     uint16 // the pair; Q is 0 while there is no later observation
	State    string // timeline.State.String
	Amount   money.Fen
	Open     money.Fen // what more may be due, or belongs to one of two
	Missing  int       // counters between P and Q
	Hard     bool
	Since    int64 // when it entered its state
	Final    int64 // when it is final at the latest, 0 if it needs no time
	Terminal txn.TerminalID
	Sentence Text // the verdict in one sentence
}

// Evidence is one record and what was checked again when the page was made.
type Evidence struct {
	ATC    uint16
	What   Text   // offline row, doubt row, load request
	Source string // block file and place in it, host's journal
	Stated money.Fen
	// States says that Stated, a balance, is in it.
	States bool
	Checks []Check
}

// Check is one check of a record.
type Check struct {
	Name   Text // TC, balance MAC, terminal signature, SDAD
	Result Result
	Note   Text // why it was not done, or what is wrong; may be empty
}

// Result is how a check ended.
type Result uint8

// The results.
const (
	Passed  Result = 0
	Failed  Result = 1
	NotDone Result = 2 // no key, no record
)

// Refund is one movement of money for a break, or the wait for it.
type Refund struct {
	P, Q   uint16
	Amount money.Fen
	State  RefundState
	What   Text   // refund, provisional credit, reversal; may be empty
	At     int64  // when it was posted, or asked for
	First  string // who asked
	Second string // who approved
	Note   Text   // may be empty
}

// RefundState is where a refund stands.
type RefundState uint8

// The states of a refund.
const (
	Waits    RefundState = 0 // due, and waits for a first person
	Asked    RefundState = 1 // one person has asked; a second one must approve
	Approved RefundState = 2 // approved, and paid with the next judgement
	Posted   RefundState = 3 // in the books
	Reversed RefundState = 4 // taken back by a later posting
	Withheld RefundState = 5 // due, but the card is frozen
	Dropped  RefundState = 6 // rejected, withdrawn or expired before it was approved
)

// Step is what happens next if nothing else does.
type Step struct {
	On   int64 // 0: only a further tap, row or person can bring it
	What Text
}

// PointSize is how many observations the page of a card lists, the last ones; it draws
// fewer of them. Its other lists are bounded too.
const PointSize = 200
