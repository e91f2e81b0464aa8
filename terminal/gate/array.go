package gate

import (
	"slices"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// Array is the memory that the gates of one array share: torn taps that wait for
// their card, and cards that have just paid. It is lost with the power; Export and
// Restore carry it over.
type Array struct {
	torn   []*tornTap
	passes []pass // in order of time
	since  int64  // time of its first tap: it knows of nothing before, but what was restored
	used   bool   // since is set
}

// NewArray makes an empty one.
func NewArray() *Array { return &Array{} }

// tornTap is a tap whose last record was asked for and after which the gate stayed shut,
// so that only the card can say how it ended.
type tornTap struct {
	row.Torn
	mode   Mode
	uid    UID
	quote  quote
	claims int // taps that may be dealing with it

	// why the gate stayed shut although an answer came; NoDoubt if it was lost. Torn.Row
	// says LastAnswerLost all the same.
	why      txn.DoubtReason
	answered *answered // of a bank card with a why, which has no Torn.Data; else nil

	trip   *tornTrip   // of a bank card that carries its own journeys; else nil
	bought *purse.Data // of a purse, which has no Torn.Data; else nil
	ends   end         // what its record has proved since
}

// tornTrip is the card's journey record before a torn tap, and after it if the card has
// paid.
type tornTrip struct {
	prev, next [journey.Size]byte
}

// end is what is proved of a torn tap.
type end uint8

const (
	stillOpen end = iota
	hasPaid
	cannotPay // it has not paid, and cannot any more
)

// pass is a card that has paid and may still be standing before the gate.
type pass struct {
	mode   Mode
	uid    UID
	card   txn.CardKey
	until  int64
	seen   kernel.Seen // to know the card again without a payment
	opened bool        // the gate has opened a second time for it
	passed bool        // somebody went through
	serial journey.Serial
}

// Waiting is the number of torn taps that wait for their card.
func (a *Array) Waiting() int { return len(a.torn) }

// Doubts appends the torn taps that wait, as the doubt rows that they will be if
// nobody comes back.
func (a *Array) Doubts(dst []row.Record) []row.Record {
	for _, t := range a.torn {
		dst = append(dst, t.doubt())
	}
	return dst
}

// Oldest is the time of the oldest row of a terminal that waits for its card.
func (a *Array) Oldest(terminal txn.TerminalID) (unix int64, ok bool) {
	for _, t := range a.torn {
		if t.Row.Terminal == terminal && (!ok || t.Row.Time < unix) {
			unix, ok = t.Row.Time, true
		}
	}
	return unix, ok
}

// Expire gives the doubt rows of the torn taps whose window has ended; they take
// the sequence of the terminal that their row names. now is unix seconds.
func (a *Array) Expire(now int64) []row.Record {
	return a.drop(func(t *tornTap) bool { return t.claims == 0 && now > t.Until })
}

// Flush gives the doubt rows of all torn taps, for an orderly end of operation.
// No tap may be running.
func (a *Array) Flush() []row.Record {
	return a.drop(func(*tornTap) bool { return true })
}

func (a *Array) drop(ended func(*tornTap) bool) []row.Record {
	var out []row.Record
	kept := a.torn[:0]
	for _, t := range a.torn {
		if ended(t) {
			out = append(out, t.final())
		} else {
			kept = append(kept, t)
		}
	}
	clear(a.torn[len(kept):])
	a.torn = kept
	return out
}

// claim appends the torn taps that the card with this UID may have left behind: of
// its own UID, or, since a random UID tells nothing, every one with a random UID.
func (a *Array) claim(dst []*tornTap, mode Mode, uid UID, now int64) []*tornTap {
	for _, t := range a.torn {
		if t.mode != mode || now > t.Until || t.bought != nil || t.why != txn.NoDoubt {
			continue
		}
		if t.uid == uid || t.uid.Random() && uid.Random() {
			t.claims++
			dst = append(dst, t)
		}
	}
	return dst
}

// proved is the record of a torn tap that the card's own record has proved to be paid.
func (t *tornTap) proved() row.Record {
	r := row.Record{Row: t.Row}
	r.Row.Kind = modeKinds[t.mode]
	if t.quote.carried() {
		r.Row.Kind = t.quote.kind
	}
	r.Row.Flags = r.Row.Flags.WithReason(txn.NoDoubt) | txn.ClosedByProve
	if t.why == txn.GateFault {
		t.answered.keep(&r)
	}
	return r
}

// learn keeps what a purse has answered about its torn purchase: the issuer can judge
// the codes by the row.
func (t *tornTap) learn(d *purse.Data) {
	*t.bought = *d
	copy(t.Row.AC[:], d.TAC[:])
	copy(t.Row.AC[4:], d.MAC2[:])
}

// settled takes out the torn taps whose end is proved, and appends their records.
func (a *Array) settled(dst []row.Record) []row.Record {
	kept := a.torn[:0]
	for _, t := range a.torn {
		if t.ends == stillOpen {
			kept = append(kept, t)
		} else {
			dst = append(dst, t.final())
		}
	}
	clear(a.torn[len(kept):])
	a.torn = kept
	return dst
}

// final is the record of a tap that waits no longer, by what is proved of it.
func (t *tornTap) final() row.Record {
	switch t.ends {
	case hasPaid:
		return t.proved()
	case cannotPay:
		r := t.Doubt()
		r.Row.Flags = r.Row.Flags.WithReason(txn.LeftBeforeLast)
		return r
	}
	return t.doubt()
}

// remove takes a tap out; false if another gate was quicker.
func (a *Array) remove(t *tornTap) bool {
	for i, o := range a.torn {
		if o == t {
			last := len(a.torn) - 1
			copy(a.torn[i:], a.torn[i+1:])
			a.torn[last] = nil
			a.torn = a.torn[:last]
			return true
		}
	}
	return false
}

// notePass remembers a card that has paid.
func (a *Array) notePass(p pass, now int64) {
	old := 0
	for old < len(a.passes) && a.passes[old].until < now {
		old++
	}
	a.passes = append(a.passes[:0], a.passes[old:]...)
	a.passes = append(a.passes, p)
}

// dropPasses forgets the passes of a card in another mode than the one in which it
// has just been let through: who left the station again pays for the next entry.
func (a *Array) dropPasses(mode Mode, uid UID, card txn.CardKey) {
	a.passes = slices.DeleteFunc(a.passes, func(p pass) bool {
		return p.mode != mode && (p.card == card || uid.fixed() && p.uid == uid)
	})
}

// passOf finds the latest pass for which match holds.
func (a *Array) passOf(mode Mode, now int64, match func(*pass) bool) *pass {
	for i := len(a.passes) - 1; i >= 0; i-- {
		if p := &a.passes[i]; p.mode == mode && p.until >= now && match(p) {
			return p
		}
	}
	return nil
}
