package gate

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// Array is the memory that the gates of one array share: torn taps that wait for
// their card, and cards that have just paid. It is small and lost with the power;
// Gate.Pending is what a host keeps to survive that.
type Array struct {
	torn   []*tornTap
	passes []pass // in order of time
}

// NewArray makes an empty one.
func NewArray() *Array { return &Array{} }

// tornTap is a tap whose last record was asked for in vain.
type tornTap struct {
	mode   Mode
	uid    UID
	data   *kernel.Data
	row    txn.Row // as a doubt row LastAnswerLost
	quote  quote
	until  int64
	claims int // taps that may be dealing with it
}

// pass is a card that has paid and may still be standing before the gate.
type pass struct {
	mode   Mode
	uid    UID
	card   txn.CardKey
	until  int64
	passed bool // somebody went through
}

// Waiting is the number of torn taps that wait for their card.
func (a *Array) Waiting() int { return len(a.torn) }

// Expire gives the doubt rows of the torn taps whose window has ended; they take
// the sequence of the terminal that their row names. now is unix seconds.
func (a *Array) Expire(now int64) []Record {
	return a.drop(func(t *tornTap) bool { return t.claims == 0 && now > t.until })
}

// Flush gives the doubt rows of all torn taps, for an orderly end of operation.
// No tap may be running.
func (a *Array) Flush() []Record {
	return a.drop(func(*tornTap) bool { return true })
}

func (a *Array) drop(ended func(*tornTap) bool) []Record {
	var out []Record
	kept := a.torn[:0]
	for _, t := range a.torn {
		if ended(t) {
			out = append(out, t.doubt(txn.LastAnswerLost))
		} else {
			kept = append(kept, t)
		}
	}
	clear(a.torn[len(kept):])
	a.torn = kept
	return out
}

// doubt is the tap as a doubt row. Its signature is no evidence: it cannot be
// checked without the 9F69 of the record that was lost.
func (t *tornTap) doubt(reason txn.DoubtReason) Record {
	r := Record{Row: t.row}
	r.Row.Flags = r.Row.Flags.WithReason(reason)
	return r
}

// attach adds the evidence to a record, if it is complete.
func attach(r *Record, d *kernel.Data) {
	if e, ok := evidenceOf(d); ok {
		r.Evidence = e
		r.Row.Flags |= txn.EvidenceKept
	}
}

// claim appends the torn taps that the card with this UID may have left behind: of
// its own UID, or, since a random UID tells nothing, every one with a random UID.
func (a *Array) claim(dst []*tornTap, mode Mode, uid UID, now int64) []*tornTap {
	for _, t := range a.torn {
		if t.mode != mode || now > t.until {
			continue
		}
		if t.uid == uid || t.uid.Random() && uid.Random() {
			t.claims++
			dst = append(dst, t)
		}
	}
	return dst
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

// passOf finds the latest pass for which match holds.
func (a *Array) passOf(mode Mode, now int64, match func(*pass) bool) *pass {
	for i := len(a.passes) - 1; i >= 0; i-- {
		if p := &a.passes[i]; p.mode == mode && p.until >= now && match(p) {
			return p
		}
	}
	return nil
}
