package oracle

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Seen is a row that arrived and whose cryptogram and balance MAC are right, or a
// message of the card to the issuer's host.
type Seen struct {
	Row txn.Row
	// Refused says that the row was valid and not cleared: the card was denied, or the
	// row came too late. What the card did is the same, so Decide gives it no meaning.
	Refused bool
	// Load, if it is not nil, is what this is about; Row says nothing then.
	Load *Load
	// Arrived is when the issuer got it, unix seconds. Only Case looks at it.
	Arrived int64
}

// Load is an ARQC in the log of the issuer's host. The answer carried a script that adds
// Amount to the card; whether it ran is what the histories differ in. Amount 0 is a
// question without a load.
type Load struct {
	ATC    uint16
	ARQC   [8]byte   // 9F26, zeros if it was not kept
	Before money.Fen // balance that the ARQC states under its MAC
	Amount money.Fen
	Time   int64 // unix seconds, by the clock of the host
	// Ran and Failed are a proof from elsewhere: the card's load log under its MAC. Both
	// are false as long as nobody knows.
	Ran, Failed bool
}

// read makes the claim of what was seen, and gives its counter.
func (s *Seen) read() (claim, uint16, bool) {
	if s.Load == nil {
		c, ok := read(&s.Row)
		return c, s.Row.ATC, ok
	}
	l := s.Load
	c := claim{load: true, result: cryptogram.ARQC, before: l.Before, debit: -l.Amount, mayLeave: true}
	copy(c.content[:], l.ARQC[:])
	binary.BigEndian.PutUint64(c.content[8:], uint64(l.Before)+1<<56) // 9F10 of a row begins with 07
	if l.Amount > 0 {
		c.mayPay, c.mayLeave = !l.Failed, !l.Ran
	}
	return c, l.ATC, true
}

// claim is what one row says about its counter: the value before it (section 1,
// fact 2), the debit that the card offered, and which ends of the tap the row leaves
// possible. With both false the counter can be of no history at all.
type claim struct {
	kind     txn.Kind
	load     bool // its debit is below 0, and mayPay says that the script may have run
	result   cryptogram.Result
	content  [40]byte
	before   money.Fen
	debit    money.Fen
	mayPay   bool
	mayLeave bool
}

// counter is one counter and all that was said about it. Two claims mean that two
// cryptograms exist for it: only one of them can be of this chip (section 5).
type counter struct {
	atc    uint16
	claims []claim
}

// certain reports whether the counter ends in one way only.
func (c *counter) certain() bool {
	return len(c.claims) == 1 && c.claims[0].mayPay != c.claims[0].mayLeave
}

// read makes the claim of a row. It is false for a row that states no balance under
// discretionary data 01, for holds and for completions: for such a counter nobody
// speaks.
func read(r *txn.Row) (claim, bool) {
	if !r.Kind.Valid() || r.Kind == txn.Hold || r.Kind == txn.Completion {
		return claim{}, false
	}
	iad, err := cryptogram.ParseIAD(unpad(&r.IAD))
	if err != nil || iad.IDD != cryptogram.IDDBalance {
		return claim{}, false
	}
	stated, ok := iad.Balance()
	if !ok {
		return claim{}, false
	}
	c := claim{kind: r.Kind, result: iad.Result(), content: r.ContentKey(), before: stated, mayLeave: true}
	if iad.Result() != cryptogram.TC || r.Amount == 0 {
		return c, true
	}
	// A TC states the balance as it will be after the debit.
	c.before, c.debit = stated+r.Amount, r.Amount
	c.mayPay, c.mayLeave = ends(r)
	return c, true
}

// ends is section 1: which ends of the tap the terminal's word leaves possible. A TC
// alone proves nothing, since it is made before the card pays.
func ends(r *txn.Row) (mayPay, mayLeave bool) {
	switch f := r.Flags; {
	case f.Has(txn.LastRecordRead), // the card answered with the record that costs money
		f.Has(txn.Tag9F69Checked | txn.ODAVerified), // 9F69 is found only in that record
		f.Has(txn.ClosedByProve), f.Has(txn.ClosedByRetap):
		return true, false
	case f.Reason() == txn.LeftBeforeLast: // nobody asked for that record
		return false, true
	}
	return true, true
}

// join adds what a second row with the same cryptogram says. A proof that the card
// paid outweighs a terminal that did not see it pay, and a row that asks for money
// outweighs the doubt row before it.
func (c *claim) join(o *claim) {
	switch proved := c.mayPay && !c.mayLeave || o.mayPay && !o.mayLeave; {
	case c.debit == 0:
	case c.load:
		c.mayPay, c.mayLeave = c.mayPay && o.mayPay, c.mayLeave && o.mayLeave
	case proved:
		c.mayPay, c.mayLeave = true, false
	default:
		c.mayPay = c.mayPay && o.mayPay
	}
	if c.kind.Paid() == o.kind.Paid() {
		c.kind = min(c.kind, o.kind)
	} else if o.kind.Paid() {
		c.kind = o.kind
	}
}

// gather sorts the rows of a card by counter. Equal cryptograms are one claim, in
// whatever order and however often they came.
func gather(rows []Seen) []counter {
	var out []counter
	for i := range rows {
		c, atc, ok := rows[i].read()
		if !ok {
			continue
		}
		at, found := slices.BinarySearchFunc(out, atc, func(x counter, atc uint16) int { return cmp.Compare(x.atc, atc) })
		if !found {
			out = slices.Insert(out, at, counter{atc: atc})
		}
		x := &out[at]
		same := slices.IndexFunc(x.claims, func(o claim) bool { return o.content == c.content })
		if same < 0 {
			x.claims = append(x.claims, c)
		} else {
			x.claims[same].join(&c)
		}
	}
	for i := range out {
		slices.SortFunc(out[i].claims, func(a, b claim) int {
			return cmp.Or(cmp.Compare(a.debit, b.debit), bytes.Compare(a.content[:], b.content[:]))
		})
	}
	return out
}

// unpad cuts the zeros behind 9F10: it is 8 bytes long, or as long as its byte 8 says.
func unpad(b *[24]byte) []byte {
	if b[8] == 0 {
		return b[:8]
	}
	return b[:min(9+int(b[8]), len(b))]
}
