package foreign

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// source is a line: number of the file in the order of reading, and of the line in it.
type source struct{ file, line uint32 }

func (s source) before(o source) bool {
	return s.file < o.file || s.file == o.file && s.line < o.line
}

// record is one line of any kind.
type record struct {
	at       source
	kind     Kind
	refused  bool // Clearing: presented and not cleared
	booked   bool // Loads: the account paid
	told     bool // Loads: the result came back, and the script ran
	service  bool // Doubts: the gate opened
	verified bool // cryptogram and balance MAC have been checked with keys
	word     timeline.Certainty
	psn      int16
	arrived  int32 // day on which the line was known
	pan      txn.PAN
	terminal txn.TerminalID
	sequence uint32
	time     int64
	amount   money.Fen
	chip     *chipData
	link     *link // Clearing without chip data, and Chip
}

// link says which clearing line and which chip data belong together.
type link struct {
	key   string // acquirer, sender, trace number, time, amount
	trace string // further digits that both may carry, "" if not
}

// settle checks a record against its chip data and completes the value before the
// transaction. It is called once both are there.
func (r *record) settle() *refusal {
	c := r.chip
	switch {
	case !r.namesCard():
		r.psn = max(r.psn, c.psn)
	case c.psn != unknownPSN && c.psn != r.psn:
		return &refusal{Contradicted, "card sequence number and 5F34"}
	}
	if c.amount >= 0 && c.amount != r.amount && r.kind != Field55 && !(r.kind == Doubts && r.amount < 0) {
		return &refusal{Contradicted, "amount and 9F02"}
	}
	if r.amount < 0 {
		r.amount = max(0, c.amount)
	}
	wants := cryptogram.TC
	switch r.kind {
	case Loads:
		wants = cryptogram.ARQC
	case Field55:
		wants = c.result
	}
	if c.result != wants {
		return &refusal{WrongType, c.result.String() + ", want " + wants.String()}
	}
	return nil
}

// namesCard reports whether the line itself says which card of the number it is: many
// files write 0 where they do not know.
func (r *record) namesCard() bool { return r.psn > 0 }

// debit is what the card offered.
func (r *record) debit() money.Fen {
	switch {
	case r.chip.result != cryptogram.TC:
		return 0
	case r.amount < 0:
		return max(0, r.chip.amount)
	}
	return r.amount
}

// observation makes what the record says about its card. The value before a payment is
// what 9F10 states and the debit (JR/T 0025.12); presenting a row is the word of its
// acquirer that the card answered the last record, since no other may be presented.
func (r *record) observation() (timeline.Observation, *refusal) {
	c := r.chip
	o := timeline.Observation{ATC: c.atc, B: c.before, Content: content(c.ac), Time: r.time, Terminal: r.terminal, Sequence: r.sequence}
	if !c.stated {
		o.B += r.debit()
	}
	switch {
	case c.result == cryptogram.AAC:
		o.Kind = timeline.Declined
	case c.result == cryptogram.ARQC && r.kind == Loads && r.booked && r.amount > 0:
		o.Kind, o.Debit = timeline.Load, r.amount
	case c.result == cryptogram.ARQC:
		o.Kind = timeline.Online
	case r.debit() == 0:
		o.Kind = timeline.Zero
	case r.kind == Clearing:
		o.Kind, o.Debit, o.Commit, o.Refused = timeline.Paid, r.amount, timeline.Yes, r.refused
	default:
		o.Kind, o.Debit, o.Commit, o.Service = timeline.Doubt, r.amount, r.word, r.service
	}
	if err := o.Validate(); err != nil {
		return o, &refusal{BadField, err.Error()}
	}
	return o, nil
}

func content(ac [8]byte) uint64 {
	n := uint64(0)
	for _, b := range ac {
		n = n<<8 | uint64(b)
	}
	return n
}
