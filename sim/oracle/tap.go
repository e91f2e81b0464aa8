package oracle

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// sort is what a tap does to the value.
type sort int

const (
	ordinary sort = iota
	keeping       // a hold
	completion
)

// tap is what a row says of its counter, for Chip.Decide.
type tap struct {
	sort     sort
	kind     txn.Kind
	atc      uint16
	content  [40]byte
	before   value // 9F79 less DF63 as the counter found it
	debit    money.Fen
	held     money.Fen
	hold     uint16 // counter of the hold that is completed
	purse    bool
	proven   bool // purse: TAC and MAC2 are there
	mayPay   bool
	mayLeave bool
	zero     bool // the balance after it is 0: some of the deposit may be used
	used     money.Fen
	read     bool // used was read
	time     int64
	terminal txn.TerminalID
	sequence uint32
}

// lend takes the deposit into account: the value of a chip with balance 0 is what of the
// deposit is used.
func (t *tap) lend(deposit money.Fen) {
	switch {
	case !t.zero || t.purse:
	case t.read:
		t.before = value{t.before.least - t.used, t.before.most - t.used}
	default:
		t.before.least -= deposit
	}
}

// commit is the chip after it has paid; false if the tap does not fit its holds.
func (t *tap) commit(s state) (state, bool) {
	switch t.sort {
	case keeping:
		s.value = value{s.value.least - t.held, s.value.most - t.held}
		s.open = append(slices.Clone(s.open), pledge{t.atc, t.held})
		return s, true
	case completion:
		s.value = value{s.value.least + t.held, s.value.most + t.held}
		k := slices.IndexFunc(s.open, func(p pledge) bool { return p.atc == t.hold })
		switch {
		case k >= 0:
			s.open = slices.Delete(slices.Clone(s.open), k, k+1)
		case t.hold != 0:
			return s, false
		case s.vague < t.held:
			if k = slices.IndexFunc(s.open, func(p pledge) bool { return p.amount == t.held }); k < 0 {
				return s, false
			}
			s.open = slices.Delete(slices.Clone(s.open), k, k+1)
		default:
			s.vague -= t.held
		}
	}
	s.value = value{s.value.least - t.debit, s.value.most - t.debit}
	return s, true
}

// collect sorts rows by counter, each transaction once.
func collect(rows []Seen) [][]tap {
	var out [][]tap
	for i := range rows {
		t, ok := look(&rows[i].Row)
		if !ok {
			continue
		}
		at, found := slices.BinarySearchFunc(out, t.atc, func(x []tap, atc uint16) int { return cmp.Compare(x[0].atc, atc) })
		if !found {
			out = slices.Insert(out, at, []tap{t})
			continue
		}
		if same := slices.IndexFunc(out[at], func(o tap) bool { return o.content == t.content && o.sort == t.sort }); same >= 0 {
			out[at][same].join(&t)
		} else {
			out[at] = append(out[at], t)
		}
	}
	for i := range out {
		slices.SortFunc(out[i], func(a, b tap) int {
			return cmp.Or(cmp.Compare(a.debit, b.debit), bytes.Compare(a.content[:], b.content[:]))
		})
	}
	return out
}

// join adds what a second row of the same transaction says, as claim.join does.
func (t *tap) join(o *tap) {
	if t.debit > 0 || t.sort != ordinary || t.purse {
		switch {
		case t.mayPay && !t.mayLeave || o.mayPay && !o.mayLeave:
			t.mayPay, t.mayLeave = true, false
		default:
			t.mayPay = t.mayPay && o.mayPay
		}
	}
	if t.kind.Paid() == o.kind.Paid() {
		t.kind = min(t.kind, o.kind)
	} else if o.kind.Paid() {
		t.kind = o.kind
	}
	t.proven = t.proven || o.proven
}

// look reads a row of any kind; false for one that says nothing of the value.
func look(r *txn.Row) (tap, bool) {
	if !r.Kind.Valid() {
		return tap{}, false
	}
	t := tap{kind: r.Kind, atc: r.ATC, content: r.ContentKey(), mayLeave: true, time: r.Time, terminal: r.Terminal, sequence: r.Sequence}
	if trade, ok := r.Purse(); ok {
		return t.ofPurse(r, &trade)
	}
	iad, err := cryptogram.ParseIAD(unpad(&r.IAD))
	if err != nil || iad.IDD != cryptogram.IDDBalance {
		return tap{}, false
	}
	stated, ok := iad.Balance()
	if !ok {
		return tap{}, false
	}
	t.zero = stated == 0
	if r.DF63 != txn.DF63Unread {
		t.used, t.read = money.Fen(r.DF63), true
	}
	unfinished := r.Kind == txn.Doubt || r.Kind == txn.Declined
	offered := iad.Result() == cryptogram.TC
	switch {
	case !offered:
	case r.Kind == txn.Hold || unfinished && r.DF60 == 2:
		t.sort, t.held, t.zero = keeping, r.Amount, false
		t.content = [40]byte{} // a hold has no cryptogram: its balance MAC names it
		copy(t.content[:], r.IAD[8:])
	case r.Kind == txn.Completion || unfinished && r.DF60 == 3:
		t.sort, t.debit, t.held, t.hold = completion, r.Amount, r.Held, r.EntryATC
	default:
		t.debit = r.Amount
	}
	if t.debit > 0 || t.sort != ordinary {
		t.mayPay, t.mayLeave = ends(r)
	}
	after := stated
	t.before = value{after, after}
	switch t.sort {
	case keeping:
		t.before = value{after + t.held, after + t.held}
	case completion:
		t.before = value{after + t.debit - t.held, after + t.debit - t.held}
	default:
		t.before = value{after + t.debit, after + t.debit}
	}
	return t, true
}

// ofPurse reads a purse row: the balance before the trade is the terminal's word.
func (t tap) ofPurse(r *txn.Row, trade *txn.PurseData) (tap, bool) {
	if trade.Sequence == 0 {
		return tap{}, false
	}
	t.purse, t.debit, t.before = true, r.Amount, value{trade.Before, trade.Before}
	t.content = [40]byte{}
	copy(t.content[:], r.UN[:])
	copy(t.content[4:], trade.Terminal[:])
	t.proven = trade.TAC != [4]byte{} || trade.MAC2 != [4]byte{}
	switch {
	case t.proven:
		t.mayPay, t.mayLeave = true, false
	case r.Kind == txn.Declined:
		t.debit, t.mayPay = 0, false
	default:
		t.mayPay, t.mayLeave = ends(r)
	}
	return t, true
}
