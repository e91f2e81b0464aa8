package topup

import (
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Word is what rider and clerk are told. Numbers are for ever.
type Word uint8

// The words.
const (
	Done     Word = 1 // the load is on the card; the unload is in the account
	Back     Word = 2 // it did not come about and nothing is missing
	Checking Word = 3 // nobody can know yet
)

// Ran is whether the card carried out the script.
type Ran uint8

// The answers.
const (
	Unknown Ran = 0
	Yes     Ran = 1
	No      Ran = 2
)

// Proof is what the card's timeline says about the counter of a load or unload. The zero
// value is a card that was not seen since.
type Proof struct {
	Later bool // the card was seen at a later counter
	Ran   Ran  // by balances under MAC
	// Settled says that the money that follows from it has moved: of a load that did not
	// run the refund, of an unload that ran the credit.
	Settled bool
	Frozen  bool // the card is stopped, and nothing is paid
	Waits   bool // a second person must approve
	// Final is when the window ends after which the total is settled although the name
	// stays open, 0 if that is not needed; Total is what was given back then.
	Final int64
	Total money.Fen
}

// Case is all that is known of one load or unload.
type Case struct {
	Decision *authorise.Decision
	Proof    Proof
	// Advanced says that the account got the money on the terminal's word.
	Advanced bool
	Now      int64 // unix seconds
	Window   int64 // seconds within which terminals must present their rows
}

// Why is the reason of a word. Numbers are for ever.
type Why uint8

// The reasons.
const (
	CardShowed     Why = 1  // the card's balance under MAC proves it
	TerminalTold   Why = 2  // the terminal reports the script as carried out; the card has not spoken yet
	TerminalUndid  Why = 3  // the terminal reports that the script cannot have run; the card has not spoken yet
	NeverCame      Why = 4  // it was taken back before it was approved
	WindowOver     Why = 5  // no row can come any more: what the card lacks in total was given back
	AwaitsCard     Why = 6  // the next use of the card decides
	AwaitsRows     Why = 7  // rows of taps in between may still come, until the window is over
	AwaitsPerson   Why = 8  // decided; a second person must approve the refund
	AwaitsRelease  Why = 9  // the card is stopped, and nothing is paid until that is explained
	AwaitsTransfer Why = 10 // decided; the refund is made with the next run of reconciliation
)

// Answer is the word with what belongs to it.
type Answer struct {
	Kind   txn.OnlineKind // load or unload
	Word   Word
	Why    Why
	Amount money.Fen // of the load or unload; of WindowOver what was given back
	// Until is when it is decided at the latest, unix seconds; 0 if it is decided. While
	// the card was not seen since (AwaitsCard) it holds for a card that is used now.
	Until int64
}

// Tell gives the word; false for what was refused or is neither load nor unload.
func Tell(c *Case) (Answer, bool) {
	d := c.Decision
	if !d.ChangesCash() || d.State == authorise.Refused {
		return Answer{}, false
	}
	a := Answer{Kind: d.Kind, Amount: d.After - d.Before}
	if d.Kind == txn.OnlineUnload {
		a.Amount = -a.Amount
	}
	if d.State == authorise.Undone && a.Amount == 0 {
		a.Word, a.Why = Back, NeverCame
		return a, true
	}
	switch ran := c.ran(); {
	case ran != Unknown:
		c.proven(&a, ran)
	case c.Proof.Final != 0 && c.Now >= c.Proof.Final && c.Proof.Settled:
		a.Word, a.Why, a.Amount = Back, WindowOver, c.Proof.Total
		if d.Kind == txn.OnlineUnload || a.Amount == 0 {
			a.Word = Done
		}
	case d.State == authorise.Undone && c.Advanced:
		a.Word, a.Why = Back, TerminalUndid
	case d.Told && (c.Advanced || d.Kind == txn.OnlineLoad && !c.Proof.Later):
		a.Word, a.Why = Done, TerminalTold
	case c.Proof.Final != 0 && c.Now >= c.Proof.Final, c.Proof.Final == 0 && c.Proof.Frozen:
		a.Word, a.Why = Checking, c.withheld()
	case c.Proof.Later:
		a.Word, a.Why, a.Until = Checking, AwaitsRows, c.Proof.Final
	default:
		a.Word, a.Why, a.Until = Checking, AwaitsCard, max(c.Now, d.Time)+c.Window
	}
	return a, true
}

// ran is what balances prove: the timeline's word, or that of the card's next request,
// which the host has heard itself.
func (c *Case) ran() Ran {
	switch {
	case c.Proof.Ran != Unknown:
		return c.Proof.Ran
	case c.Decision.Shown && c.Decision.State == authorise.Confirmed:
		return Yes
	case c.Decision.Shown && c.Decision.State == authorise.Undone:
		return No
	}
	return Unknown
}

// proven completes the answer where it is proved what the card did.
func (c *Case) proven(a *Answer, ran Ran) {
	a.Word, a.Why = Done, CardShowed
	if ran == No {
		a.Word = Back
	}
	owes := (a.Kind == txn.OnlineLoad) == (ran == No) // money has to move to the account
	if owes && !c.Proof.Settled {
		a.Word, a.Why = Checking, c.withheld()
	}
}

// withheld is why money that is due has not moved yet.
func (c *Case) withheld() Why {
	switch {
	case c.Proof.Frozen:
		return AwaitsRelease
	case c.Proof.Waits:
		return AwaitsPerson
	}
	return AwaitsTransfer
}
