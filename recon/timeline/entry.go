package timeline

import (
	"cmp"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// class is the type of cryptogram: "same counter, other content" is judged within
// one class, because a first and a second GENERATE AC share a counter.
type class uint8

const (
	classOpening class = 0
	classARQC    class = 1
	classAAC     class = 2
	classTC      class = 3
)

// Bits of entry. They only ever grow, so that merging does not depend on order.
const (
	bitYes     = 1 << 0 // a source says that the card committed
	bitNo      = 1 << 1 // a source says that it did not; with bitYes the two cancel out
	bitService = 1 << 2
	bitPaid    = 1 << 3 // cleared
	bitRefused = 1 << 4 // presented and not cleared
	bitDoubt   = 1 << 5
	bitLoad    = 1 << 6
	bitReplay  = 1 << 7 // presented twice
)

// entry is one transaction of the card with all that its sources said about it.
type entry struct {
	content  uint64
	b        money.Fen
	debit    money.Fen
	time     int64
	terminal txn.TerminalID
	sequence uint32
	atc      uint16
	class    class
	bits     uint8
}

// fromObservation is the entry with that one source.
func fromObservation(o *Observation) entry {
	e := entry{content: o.Content, b: o.B, debit: o.Debit, time: o.Time, terminal: o.Terminal, sequence: o.Sequence, atc: o.ATC}
	switch o.Kind {
	case Opening:
		return e
	case Declined:
		e.class = classAAC
	case Online:
		e.class = classARQC
	case Load:
		e.class, e.bits = classARQC, bitLoad
	case Zero:
		e.class = classTC
	case Doubt:
		e.class, e.bits = classTC, bitDoubt
	case Paid:
		e.class, e.bits = classTC, bitPaid
		if o.Refused {
			e.bits = bitRefused
		}
	}
	if e.debit > 0 {
		switch o.Commit {
		case Yes:
			e.bits |= bitYes
		case No:
			e.bits |= bitNo
		}
	}
	if o.Kind == Doubt && o.Service {
		e.bits |= bitService
	}
	return e
}

// kind is what all sources together make of the transaction: a presented row
// outweighs a doubt row, a load outweighs the bare ARQC.
func (e *entry) kind() ObsKind {
	switch e.class {
	case classOpening:
		return Opening
	case classAAC:
		return Declined
	case classARQC:
		if e.bits&bitLoad != 0 {
			return Load
		}
		return Online
	}
	switch {
	case e.bits&(bitPaid|bitRefused) != 0:
		return Paid
	case e.bits&bitDoubt != 0:
		return Doubt
	}
	return Zero
}

// cleared reports whether the issuer has paid for it.
func (e *entry) cleared() bool { return e.bits&bitPaid != 0 }

// commit is the sources' word; two that contradict each other leave it open.
func (e *entry) commit() Certainty {
	switch e.bits & (bitYes | bitNo) {
	case bitYes:
		return Yes
	case bitNo:
		return No
	}
	return Open
}

// rank orders the sources of one transaction: the attribution of the highest stands.
func (e *entry) rank() int {
	switch {
	case e.bits&bitPaid != 0:
		return 3
	case e.bits&(bitRefused|bitLoad) != 0:
		return 2
	case e.bits&bitDoubt != 0:
		return 1
	}
	return 0
}

// compareIdentity orders entries by the transaction that they are.
func compareIdentity(a, b *entry) int {
	if a.atc != b.atc {
		return cmp.Compare(a.atc, b.atc)
	}
	if a.class != b.class {
		return cmp.Compare(a.class, b.class)
	}
	if a.content != b.content {
		return cmp.Compare(a.content, b.content)
	}
	if a.b != b.b {
		return cmp.Compare(a.b, b.b)
	}
	if a.class == classARQC && a.debit*b.debit == 0 {
		return 0 // the bare ARQC and the load that answered it
	}
	return cmp.Compare(a.debit, b.debit)
}

// compareSource orders sources by clock, then terminal, then sequence.
func compareSource(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.terminal, b.terminal), cmp.Compare(a.sequence, b.sequence))
}

// merge adds another source of the same transaction and reports whether the two
// cannot both be true (replay or re-attribution, section 5).
func (e *entry) merge(o *entry) (replayed bool) {
	a, b := e.rank(), o.rank()
	presented := a >= 2 && b >= 2
	replayed = e.class == classTC && (e.terminal != o.terminal || presented && compareSource(e, o) != 0)
	if b > a || b == a && compareSource(o, e) < 0 {
		e.time, e.terminal, e.sequence = o.time, o.terminal, o.sequence
	}
	e.debit = max(e.debit, o.debit)
	e.bits |= o.bits
	if replayed {
		e.bits |= bitReplay
	}
	return replayed
}

// observation gives the entry back in the form in which it was added.
func (e *entry) observation() Observation {
	o := Observation{ATC: e.atc, Kind: e.kind(), Debit: e.debit, B: e.b, Content: e.content, Time: e.time, Terminal: e.terminal, Sequence: e.sequence}
	o.Commit = e.commit()
	o.Service = o.Kind == Doubt && e.bits&bitService != 0
	o.Refused = o.Kind == Paid && !e.cleared()
	return o
}
