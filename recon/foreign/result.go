package foreign

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Certainty of a finding: hard if every line that it rests on was checked with keys and the
// balances decide it.
const (
	Hard = "hard"
	Soft = "soft"
)

// Result is what an import found. All lists are there, empty ones too, and sorted by
// card and counter; amounts are fen, days are "2026-11-05" at UTC+8.
type Result struct {
	AsOf      string `json:"as_of"`     // day of the judgement
	Keys      string `json:"keys"`      // "none", or what Options.Checkers was made of
	Certainty string `json:"certainty"` // what soft and hard mean here, in a sentence

	FlashCards []Flash     `json:"flash_cards"`
	FlashLoads []Flash     `json:"flash_loads"`
	Clones     []Clone     `json:"clones"`
	Duplicates []Duplicate `json:"duplicates"`
	Replays    []Duplicate `json:"replays"`
	Undecided  []Undecided `json:"undecided"`
	Breaks     []Break     `json:"breaks"`
	Gaps       []Gap       `json:"gaps"` // by pattern and day

	Lines Lines        `json:"lines"`
	Cards int64        `json:"cards"` // with at least one accepted line
	Files []FileReport `json:"files"`

	Observations int64   `json:"observations"` // transactions with counter and balance
	Loads        int64   `json:"loads"`
	Methods      Methods `json:"methods"`
	Nameless     int64   `json:"-"` // refused lines that may be payments and of which not even the card is known
	CutOff       int64   `json:"-"` // files that their trailers do not confirm
	Cases        []Case  `json:"-"` // of FlashCards and FlashLoads
	From, To     int64   `json:"-"` // first and last transaction, unix seconds
	Window       int64   `json:"-"` // seconds within which merchants must present
	AsOfTime     int64   `json:"-"` // the moment of the judgement
}

// Lines counts the data lines: header, trailer and blank lines are neither accepted nor
// refused.
type Lines struct {
	Accepted   int64 `json:"accepted"`
	Refused    int64 `json:"refused"`
	Duplicates int64 `json:"duplicates"` // among the accepted
	Other      int64 `json:"other"`      // header, trailer and blank lines
}

// Flash is a flash card (the card paid, nobody presented it, no service was given) or a
// flash load (the account paid, the script did not run).
type Flash struct {
	Card      string    `json:"card"`
	ATC       uint16    `json:"atc"`
	Amount    money.Fen `json:"amount_fen"`
	Certainty string    `json:"certainty"`
	DecidedOn string    `json:"decided_on"`
	How       string    `json:"how"` // "doubt": an unfinished tap; "missing": the only counter nobody presented; "load"
	P         uint16    `json:"p"`   // the pair of counters that proves it
	Q         uint16    `json:"q"`
	Evidence  []string  `json:"evidence"` // file:line
	Sentence  string    `json:"sentence"`

	Key      txn.CardKey `json:"-"`
	At       int64       `json:"-"` // of the tap or load, 0 if unknown
	Latest   int64       `json:"-"` // of a missing counter: the time of the counter behind it, before which it was used
	Decided  int64       `json:"-"`
	word     bool        // it needs the word of the list of unfinished taps for the last record
	sentence words
}

// Clone is a counter for which two different cryptograms of one type exist.
type Clone struct {
	Card      string      `json:"card"`
	ATC       uint16      `json:"atc"`
	Amounts   []money.Fen `json:"amounts_fen"`
	Certainty string      `json:"certainty"`
	DecidedOn string      `json:"decided_on"`
	Evidence  []string    `json:"evidence"`
	Sentence  string      `json:"sentence"`

	Key      txn.CardKey `json:"-"`
	At       int64       `json:"-"`
	Decided  int64       `json:"-"`
	sentence words
}

// Duplicate is a transaction that lines of one kind say more than once. Among Replays
// the further lines differ in terminal, time or trace number.
type Duplicate struct {
	Card     string    `json:"card"`
	ATC      uint16    `json:"atc"`
	Amount   money.Fen `json:"amount_fen"`
	Kind     string    `json:"kind"`
	Copies   int64     `json:"copies"` // lines beyond the first
	Evidence []string  `json:"evidence"`

	Key txn.CardKey `json:"-"`
	At  int64       `json:"-"`
}

// Undecided is an unfinished tap or a load of which the balances leave both ends open, or a
// flash card that a refused line, or a file that is not there, may present.
type Undecided struct {
	Card      string    `json:"card"`
	ATC       uint16    `json:"atc"`
	Next      uint16    `json:"q"` // 0: no later observation yet
	Amount    money.Fen `json:"amount_fen"`
	What      string    `json:"what"`      // "doubt", "load", "clone", "refused" or "absent"
	Total     money.Fen `json:"total_fen"` // what the customer lacks in any case
	Certainty string    `json:"certainty"`
	Since     string    `json:"since"`
	Final     string    `json:"final,omitempty"` // day after which no line can come any more
	Evidence  []string  `json:"evidence"`
	Sentence  string    `json:"sentence"`

	Key      txn.CardKey `json:"-"`
	At       int64       `json:"-"`
	final    int64
	absent   []int32
	sentence words
}

// FinalAt is the moment of Final, 0 if there is none.
func (u *Undecided) FinalAt() int64 { return u.final }

// Break is anything else about a card that is not clean: value that missing counters
// took, presented payments that the card never made, value from nowhere.
type Break struct {
	Card      string    `json:"card"`
	P         uint16    `json:"p"`
	Q         uint16    `json:"q"`
	Part      string    `json:"part"`
	State     string    `json:"state"`
	Amount    money.Fen `json:"amount_fen"`
	Contested money.Fen `json:"contested_fen"`
	Missing   int       `json:"missing"`
	Certainty string    `json:"certainty"`
	Since     string    `json:"since"`
	AgeDays   int64     `json:"age_days"` // from the later observation to the day of the judgement
	Final     string    `json:"final,omitempty"`
	Evidence  []string  `json:"evidence"`
	Sentence  string    `json:"sentence"`

	Key      txn.CardKey    `json:"-"`
	At       int64          `json:"-"`
	FinalAt  int64          `json:"-"`
	TheState timeline.State `json:"-"`
	absent   []int32
	sentence words
}
