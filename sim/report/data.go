package report

import (
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Text is a text in both languages of the page. If one is empty the other is
// shown to everybody.
type Text struct{ EN, ZH string }

// Date is a calendar day at UTC+8.
type Date struct{ Year, Month, Day int }

// String is "2026-03-04".
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// Data is everything the page shows. The zero value is a day on which nothing
// happened. Write changes nothing in it.
type Data struct {
	City    Text
	Date    Date // business day D
	Seed    uint64
	Riders  int64
	Profile string // card profile: "sm", "3des", "mix"
	Demand  Demand

	Taps        int64     // taps at gates and on buses, refused ones included
	Approved    int64     // offline transactions that terminals stored: rows less doubt and declined ones
	OfflineRows int64     // rows in accepted blocks
	Verified    int64     // rows whose cryptogram and balance MAC verified
	Cleared     money.Fen // paid rows that entered the nets, gross
	Unexplained money.Fen // what no record accounts for; must be 0
	FloatGap    money.Fen // float booked less float by the sum of the chips; must be 0
	Flash       Flash
	Failed      []string // figures of summary.json that must hold and do not

	Quarters [96]Quarter // by time of day at UTC+8, the first from 00:00
	Stations []Station   // in any order; the page shows the busiest
	Lines    []Line      // in the order of the page

	Kinds []Kind // kinds of cards in the order of the page; none in a city with one kind
	// Holds are amounts held on cards at an entry, Completions those ended by a fare at
	// the exit; shown with the kinds.
	Holds, Completions int64
	Quota              *Quota // nil without cards that have a quota

	Blocks   Blocks
	Rows     []Count   // accepted rows by verdict of clearing (txn.Verdict.String)
	Refusals []Refusal // injected and refused, by key
	Tears    Tears

	Participants []Participant // in the order of the matrix
	Nets         []Net
	Operators    []Operator
	Fees         []Fee
	Rebates      []Rebate

	States []StateCount // breaks by state on the last day
	Days   []Day        // D to D+25
	Breaks []Break      // a sample; the page shows the first SampleSize
	Files  []File
}

// SampleSize is how many breaks the page shows at most.
const SampleSize = 30

// Demand says where the journeys of the day come from.
type Demand struct {
	Source        Text  // counts, and the network they were put on
	FitPerMillion int64 // journeys handed out that differ from the counts, per million
	Moves         []Move
}

// Move is a counted station that the network of the day does not have.
type Move struct {
	From, To       string
	Reason         Text
	Entries, Exits int64 // counts carried along
}

// Quarter is the taps of one quarter of an hour.
type Quarter struct{ Entries, Exits, Bus int64 }

// Station is one station's gates.
type Station struct {
	Name           Text
	Entries, Exits int64
}

// Line is one line of the diagram. Stops of several lines with the same name are
// an interchange.
type Line struct {
	Name   Text
	Color  string // #RRGGBB
	Loop   bool   // the last stop is followed by the first
	Metres int64
	Stops  []Stop
}

// Stop is a station on a line.
type Stop struct {
	Name Text
	Next int64 // riders carried from here to the next stop, both directions together
}

// Kind is one kind of card.
type Kind struct {
	Name     Text
	Cards    int64
	Taps     int64 // times that one was presented
	Approved int64
	Cleared  money.Fen
}

// Quota is the scheme of cards whose balance is no money but what may be spent before
// the account is debited.
type Quota struct {
	Services           int64
	Restored           int64     // quotas that a card has said it has
	Below              int64     // times that a closing found a card below the threshold
	SameClosing        int64     // of them, restored before that closing was over
	Repeated           int64     // times that the same push was sent again
	Denied             int64     // cards put on the deny list
	Debited            money.Fen // by the accounts behind the cards when first asked; without Owed
	Owed, Recovered    money.Fen // what accounts did not cover, and what of it was paid later
	Exposure           money.Fen // the most that one card could still cost
	Cap                money.Fen // which that must not be above
	Terms              Text      // quota and threshold in words
	Days               []QuotaDay
	CapHeld, Explained bool // exposure never above the cap; chips, shadows and accounts agree
}

// QuotaDay is one day of the scheme.
type QuotaDay struct {
	Offset  int   // 0 is D
	Debits  int64 // rows debited
	Amount  money.Fen
	Pushes  int64 // sent, repeats included
	Refused int64 // rows that accounts did not cover
}

// Count is a number of things of one kind. Key is the word of the package that
// counts them; the page knows how to say it in both languages.
type Count struct {
	Key string
	N   int64
}

// Blocks counts deliveries at the acquirer.
type Blocks struct {
	Delivered int64   // deliveries, repeats included
	Accepted  int64   // stored at once, receipt given
	Waiting   int64   // kept until their predecessor came
	Refused   []Count // by outcome: acquirer.Outcome.String or a key of Refusal
}

// Refusal compares what was put in with what was turned down for it. The keys
// that the page explains are those of RefusalKeys; others are shown as they are.
type Refusal struct {
	Key      string
	Injected int64
	Refused  int64
}

// Flash counts the taps at which the card paid and the terminal did not know.
type Flash struct {
	Caused    int64     // by the books of truth
	Decidable int64     // of these, what the arrived rows prove
	Found     int64     // found with exact card, counter and amount
	Undecided int64     // listed as open, since the rows prove neither
	Invented  int64     // reported, but never happened; must be 0
	Amount    money.Fen // of those found
	Open      money.Fen // of those undecided
}

// Tears counts cards pulled out of the field.
type Tears struct {
	Before    int64 // before the card committed: nothing paid
	After     int64 // after it committed, before the terminal knew
	Recovered int64 // of After, completed at the gate by a second tap or GET TRANS PROVE
}

// Participant is an institution of the clearing.
type Participant struct {
	Code     string // institution code
	Name     Text
	Role     Text
	Position money.Fen // its settlement account after the close: received less paid
}

// Net is one bilateral position: From owes To. The numbers are indexes of
// Data.Participants. Several for one pair are added.
type Net struct {
	From, To int
	Amount   money.Fen
	Items    int64
}

// Operator is a company that carried riders.
type Operator struct {
	Name    Text
	Amount  money.Fen // its share of the fares
	Metres  int64     // rider-metres carried; 0 if not counted
	Journey int64     // journeys with a share
}

// Fee is one line of the fee table.
type Fee struct {
	Name     Text
	From, To Text
	Items    int64
	Amount   money.Fen
}

// Rebate is what was given back for one reason.
type Rebate struct {
	Reason Text
	Items  int64
	Amount money.Fen
}

// StateCount is the breaks in one state; Key as timeline.State.String.
type StateCount struct {
	Key    string
	Breaks int64
	Amount money.Fen
}

// Day is one day of the reconciliation.
type Day struct {
	Offset       int // 0 is D
	Open         int64
	OpenAmount   money.Fen
	Refunds      int64
	RefundAmount money.Fen
	Late         int64 // rows that arrived on a later day than they were made
	LateAmount   money.Fen
}

// Break is one thing about a card that is not clean.
type Break struct {
	Card     txn.CardKey
	P, Q     uint16 // counters; Q is 0 while there is no later observation
	State    string // timeline.State.String
	Amount   money.Fen
	Terminal txn.TerminalID
	Verdict  Text // one sentence; if empty the page makes one from the state
}

// File is one file that the day left behind.
type File struct {
	Name    string
	Content Text
	Bytes   int64
	Records int64
	Digest  string // SM3, hex
	Later   bool   // of a day after D: folded away on the screen, left out on paper
}
