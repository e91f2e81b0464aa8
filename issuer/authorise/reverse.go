package authorise

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// ErrRefused says that a reversal does not undo anything, and why.
var ErrRefused = errors.New("the issuer refuses the reversal")

// Reason says why a terminal takes an online transaction back. Numbers are for ever;
// they are those of terminal/kernel/emv.Reversal.
type Reason uint8

// The reasons.
const (
	CardRefusedLate Reason = 1 // the issuer approved and the card declined
	CardGone        Reason = 2 // the issuer approved and the card left before its second cryptogram
	AnswerLost      Reason = 3 // the issuer was asked and no answer came
	BadCompletion   Reason = 4 // the issuer approved and the card's second answer cannot be worked with
	ScriptUnknown   Reason = 5 // a load or unload that the card may or may not have carried out
)

var reasonNames = [...]string{"no reversal", "the card declined after the issuer's approval", "the card left before its second cryptogram",
	"no answer of the issuer came", "the card's second answer is unusable", "nobody knows whether the card carried out the script"}

// String is the reason in words.
func (r Reason) String() string {
	if int(r) >= len(reasonNames) {
		return "unknown reason"
	}
	return reasonNames[r]
}

// Valid says whether the reason is one of those above.
func (r Reason) Valid() bool { return r >= CardRefusedLate && r <= ScriptUnknown }

// Reverse takes back what was decided about a request. icc is field 55 of the reversal,
// of which the script results count; it may be empty.
//
// A purchase is undone. A load or unload is undone only if its script cannot have been
// carried out: the script result says so, or the card left before it was sent. With a
// result that says that it was carried out the reversal is refused. Otherwise the
// decision becomes Doubtful, and the card's next request settles it; until then the
// money of a load stays out of the account, and that of an unload stays where it is.
//
// The PIN block of q does not count: a terminal need not keep it.
//
// Reversing again, or what was refused, or what cannot come any more, changes nothing
// and succeeds. A genuine request that comes after its reversal is refused. Errors are
// ErrRefused, and those of a port.
func (a *Authoriser) Reverse(q *txn.OnlineRequest, why Reason, icc []byte) error {
	if !why.Valid() {
		return fmt.Errorf("reason %d is not known: %w", why, ErrRefused)
	}
	results, err := ParseResults(icc)
	if err != nil {
		return fmt.Errorf("reversal: %w: %w", err, ErrRefused)
	}
	r := ask(q)
	bad, err := a.open(r)
	switch {
	case err != nil:
		return err
	case bad != nil:
		return nil // such a request was refused, or will be
	}
	d, found, err := a.cards.Decision(r.key, r.number)
	switch {
	case err != nil:
		return fmt.Errorf("look up the decision about %v: %w", r.number, err)
	case !found:
		return a.forestall(r)
	case d.WithoutPIN != r.withoutPIN:
		return fmt.Errorf("the decision about %v is about another request: %w", r.number, ErrRefused)
	case d.State == Confirmed:
		return fmt.Errorf("the card has shown %v yuan since, so it carried out the %v: %w", d.After, d.Kind, ErrRefused)
	case d.State != Agreed && d.State != Doubtful:
		return nil
	}
	next, err := undone(&d, why, results)
	if err != nil {
		if told := a.told(r.key, d); told != nil {
			return told
		}
		return err
	}
	return a.change(r.key, d, next, nil)
}

// Advise takes a terminal's notice of how the script of an approved load or unload went
// (script result notice): icc is field 55 with DF31. A script that was carried out is
// noted in Decision.Told, and an unload is credited then; the card's next balance is
// believed above that. A notice of anything else changes nothing: a terminal that has
// something to take back reverses.
//
// Errors are ErrRefused, for a notice that cannot be read or is of another request, and
// those of a port.
func (a *Authoriser) Advise(q *txn.OnlineRequest, icc []byte) error {
	results, err := ParseResults(icc)
	if err != nil {
		return fmt.Errorf("script result notice: %w: %w", err, ErrRefused)
	}
	r := ask(q)
	bad, err := a.open(r)
	switch {
	case err != nil:
		return err
	case bad != nil:
		return fmt.Errorf("script result notice: %s: %w", bad.note, ErrRefused)
	}
	d, found, err := a.cards.Decision(r.key, r.number)
	switch {
	case err != nil:
		return fmt.Errorf("look up the decision about %v: %w", r.number, err)
	case !found || d.WithoutPIN != r.withoutPIN:
		return fmt.Errorf("script result notice: no such request was decided: %w", ErrRefused)
	case !d.ChangesCash() || carriedOut(d.Number.ATC, results) != performed:
		return nil
	}
	return a.told(r.key, d)
}

// told notes that a terminal calls the script of a load or unload carried out.
func (a *Authoriser) told(card txn.CardKey, d Decision) error {
	if d.Told || d.State != Agreed && d.State != Doubtful {
		return nil
	}
	before := d.Moved
	d.Told, d.State, d.Moved = true, Agreed, d.Before-d.After
	return a.store(card, &Change{Decision: d, Move: d.Moved - before})
}

// undone is what an approved decision becomes.
func undone(d *Decision, why Reason, results []ScriptResult) (State, error) {
	if !d.ChangesCash() {
		return Undone, nil
	}
	stopped := false
	switch carriedOut(d.Number.ATC, results) {
	case performed:
		return 0, fmt.Errorf("the script was carried out, so the %v stands: %w", d.Kind, ErrRefused)
	case notSent:
		stopped = true
	case failed:
		stopped = why != ScriptUnknown // a command whose answer was lost counts as failed too
	}
	if stopped || why == CardGone || why == AnswerLost {
		return Undone, nil
	}
	return Doubtful, nil
}

// Outcomes of a script in DF31 (EMV Book 4, annex A5).
const (
	notSent   = 0
	failed    = 1
	performed = 2
	notTold   = -1
)

// carriedOut is what the results of a terminal say about the script of the load or unload
// at a counter: performed if any of them does.
func carriedOut(atc uint16, results []ScriptResult) int {
	out, own := notTold, cashScriptID(atc)
	for _, r := range results {
		if r.ID == own && out != performed {
			out = int(r.Outcome)
		}
	}
	return out
}

// forestall makes sure that a request whose reversal came first is not approved after.
func (a *Authoriser) forestall(r *asked) error {
	if a.prove(r) != nil {
		return nil // it could not be approved anyway
	}
	if err := a.settle(r); err != nil {
		return err
	}
	d := Decision{Number: r.number, Digest: r.digest, WithoutPIN: r.withoutPIN, Kind: r.Kind, State: Undone, Note: "reversed before it came", Time: r.Time}
	high := uint16(0)
	if r.number.Counter {
		high = r.number.ATC
	}
	return a.store(r.key, &Change{Decision: d, High: high, Done: r.done(), Seen: r.seen()})
}

// settle looks at what a request of the card says about its last load or unload. Only
// a cryptogram that covers the currency tells which balance the card states.
func (a *Authoriser) settle(r *asked) error {
	d := r.card.LastCash
	if d == nil || r.icc == nil || !r.icc.signsAll() {
		return nil
	}
	stated, ok := r.icc.IAD.Balance()
	if !ok {
		return nil
	}
	next := shown(d, stated, r.number.ATC, r.card.Deposit)
	if next == d.State {
		return nil
	}
	shown := *d
	shown.Shown = true
	if err := a.change(r.key, shown, next, r.seen()); err != nil {
		return err
	}
	card, _, err := a.cards.Card(r.key) // what the account has now is the store's affair
	if err != nil {
		return fmt.Errorf("look up card %v: %w", r.key, err)
	}
	r.card = card
	return nil
}

// shown is the state of a load or unload after the card has stated a balance. With the
// counter right after it no other transaction can have touched the balance, so it shows
// what happened (the consecutive loads of a flash load), whatever a terminal has said.
// A later counter shows only whether money that should be off the card is still there.
// A load that pays what the card owes may leave 0 there, as if nothing had happened.
func shown(d *Decision, stated money.Fen, atc uint16, deposit bool) State {
	next := atc == d.Number.ATC+1
	switch {
	case next && stated == d.After:
		return Confirmed
	case next && stated == d.Before && !(deposit && stated == 0):
		return Undone
	case d.Kind == txn.OnlineUnload && stated > d.After && (d.State == Agreed || d.State == Doubtful):
		return Undone // the newest change of the balance but for purchases, which only lower it
	}
	return d.State
}

// standing is what a decision has added to the account in a state. While nobody knows
// about a load its money stays out of the account, and that of an unload does not come
// in before somebody says that the script ran: the card may hold it.
func standing(d *Decision, s State) money.Fen {
	switch s {
	case Undone:
		return 0
	case Doubtful:
		if d.Kind == txn.OnlineUnload {
			return d.Moved
		}
		return d.Before - d.After
	case Confirmed:
		return d.Before - d.After
	}
	return d.Moved
}

// change moves a decision to its next state, and the account with it.
func (a *Authoriser) change(card txn.CardKey, d Decision, next State, seen *Seen) error {
	now := standing(&d, next)
	move := now - d.Moved
	d.State, d.Moved = next, now
	return a.store(card, &Change{Decision: d, Move: move, Seen: seen})
}

func (a *Authoriser) store(card txn.CardKey, c *Change) error {
	if err := a.cards.Store(card, c); err != nil {
		return fmt.Errorf("store the decision about %v: %w", c.Decision.Number, err)
	}
	return nil
}
