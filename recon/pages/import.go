package pages

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/twoloads"
	"github.com/citycard/citycard/txn"
)

// Import is what came out of a bank's own files. The zero value is an import of
// nothing.
type Import struct {
	Source   string // folder or file that was read, as the user named it
	At       int64  // the moment of the judgement
	From, To int64  // first and last transaction
	// Keys says that cryptograms and balance MACs were checked. Without it every
	// finding is soft, and the page says what that means.
	Keys bool

	Cards        int64 // cards with at least one accepted line
	Observations int64 // counters with a balance
	Loads        int64 // loads among them
	Window       int64 // seconds within which merchants must present, for the words on the page

	Files    []File    // in the order of the page
	Refusals []Refusal // refused lines by reason
	Gaps     []Gap     // days without a file in a series of daily files

	// The lists of the result. Each may be long: the page shows the first ListSize of
	// it, draws all of it, and adds up all of it.
	FlashCards, FlashLoads, Clones, Duplicates, Undecided []Finding
	// Replays are transactions of which a further line differs in terminal, time or trace
	// number; the page has no list of them while there are none.
	Replays []Finding

	// Open are the other breaks: what waits for rows or for the window, value that missing
	// counters took, payments that the card never made. The page draws how old they are at
	// At.
	Open []Finding

	// Cases are findings of which the page shows what both methods knew on each day.
	Cases []Case
	// Compared adds up all cases; nil if the methods were not compared.
	Compared *Compared
}

// File is one file of an import.
type File struct {
	Name              string
	Content           Text   // what kind of file it is
	Encoding          string // "UTF-8", "GBK"
	Accepted, Refused int64  // lines
}

// Refusal is the lines that were refused for one reason.
type Refusal struct {
	Reason  Text
	Lines   int64
	Example string // file and line of the first of them
}

// Gap is a day on which a series of daily files has none.
type Gap struct {
	Pattern, Day  string
	Before, After string // its neighbours
	MayBeEmpty    bool   // the day may have had no line
}

// Finding is one thing that was found about a card.
type Finding struct {
	Card      txn.CardKey
	ATC, Next uint16    // counter, or the pair; Next is 0 if it is about one counter or nothing came after
	Amount    money.Fen // what is certain
	Open      money.Fen // what more may be missing
	Hard      bool      // under the card's MACs; else it rests on what the files say
	At        int64     // time of the tap or the load
	Latest    int64     // where At is unknown: the moment before which it happened
	DecidedOn int64     // 0 while undecided
	Final     int64     // of an open one: the moment when it is decided at the latest, 0 if only a row can
	State     string    // as timeline.State.String; may be empty
	Sentence  Text      // the verdict in one sentence; may be empty
	Where     []string  // the lines that it rests on, "file:line"; the page shows the first PlaceSize
}

// Case is one flash card or flash load, and what was known of it when.
type Case struct {
	Card   txn.CardKey
	ATC    uint16
	What   twoloads.Known // the truth where it is known (a trial), else how it ended by the timeline
	At     int64          // time of the tap or the load
	Knew   []twoloads.Knowledge
	Remark Text // why the methods differ; may be empty
}

// Compared sums up two methods over the same cases.
type Compared struct {
	Timeline, TwoLoads Method
}

// Method is how one method did.
type Method struct {
	Cases     int64 // cases put to it
	Right     int64 // answered with the right name and amount
	RightSum  int64 // right amount under a wrong or open name
	Wrong     int64 // answered wrongly
	Undecided int64 // answered that it cannot tell
	None      int64 // not answered by the end of the data
	// Days counts the answers by full days from the tap or load to the answer: Days[0] within 24
	// hours, Days[1] within 48. Wrong answers are among them.
	Days []int64
}

// ListSize is how many findings of one list a page shows at most, CaseSize how many
// cases, PlaceSize how many lines a finding rests on.
const (
	ListSize  = 50
	CaseSize  = 12
	PlaceSize = 4
)
