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
	classTC      class = 3 // a hold counts as one, although its 9F26 stays on the card
	classPurse   class = 4 // TAC and MAC2 of a purse
	classTry     class = 5 // a purse was asked and gave no TAC: it may not have used the counter
	classPush    class = 6
	classCredit  class = 7 // load of a purse: it has a counter of its own
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

// Bits of entry.more, for what cards with the transit extension do.
const (
	moreHold      = 1 << 0
	moreCompletes = 1 << 1
	moreUsed      = 1 << 2 // DF63 was read
	morePlaced    = 1 << 3 // the counter before a push was read from the card
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
	more     uint8
	hold     uint16 // counter of the hold that is completed, 0 if unknown
	held     uint32
	used     uint32 // DF63
}

// mode says which of the rules beyond those of a plain card an entry needs.
type mode uint8

const (
	modeHold  mode = 1 << 0
	modePush  mode = 1 << 1
	modePurse mode = 1 << 2
	modeUsed  mode = 1 << 3 // deposit used
	modeZero  mode = 1 << 4 // balance 0: a card with a deposit may have used it
	modeRead  mode = 1 << 5 // DF63 was read
)

// extended reports whether a plain card never has such an entry.
func (e *entry) extended() bool { return e.class > classTC || e.more != 0 }

func (e *entry) mode() mode {
	var m mode
	if e.b == e.debit || e.class == classARQC && e.b == 0 {
		m = modeZero
	}
	if !e.extended() {
		return m
	}
	switch {
	case e.class == classPush:
		m |= modePush
	case e.class > classTC:
		m |= modePurse
	case e.more&(moreHold|moreCompletes) != 0:
		m |= modeHold
	}
	if e.more&moreUsed != 0 {
		m |= modeRead
	}
	if e.used > 0 {
		m |= modeUsed
	}
	return m
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
	case Hold:
		e.class, e.more, e.held = classTC, moreHold, uint32(o.Held)
	case Push:
		e.class = classPush
		if o.Placed {
			e.more = morePlaced
		}
	case Doubt:
		e.class, e.bits = classTC, bitDoubt
	case Paid:
		e.class, e.bits = classTC, bitPaid
		if o.Refused {
			e.bits = bitRefused
		}
	}
	e.beside(o)
	if e.offers() {
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

// beside fills what only rows of a purse and of the transit extension have.
func (e *entry) beside(o *Observation) {
	if o.Purse {
		e.class = classPurse
		switch o.Kind {
		case Doubt, Declined:
			e.class = classTry
		case Load, Online:
			e.class = classCredit
		}
	}
	if o.Completes {
		e.more |= moreCompletes
		e.held, e.hold = uint32(o.Held), o.HoldATC
	}
	if o.UsedRead {
		e.more |= moreUsed
		e.used = uint32(o.Used)
	}
}

// offers reports whether a source can know how the transaction ended: something
// was offered, or a counter may not have been used.
func (e *entry) offers() bool {
	return e.debit > 0 || e.more&(moreHold|moreCompletes) != 0 || e.class >= classTry
}

// aside reports whether the entry uses no counter of the timeline: it lies behind the
// one that it names.
func (e *entry) aside() bool { return e.class >= classPush }

// moves reports whether the transaction can have moved value.
func (e *entry) moves() bool { return e.debit > 0 || e.more&(moreHold|moreCompletes) != 0 }

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
	case classPush:
		return Push
	case classCredit:
		if e.debit > 0 {
			return Load
		}
		return Online
	case classTry:
		if e.debit == 0 {
			return Declined
		}
	}
	switch {
	case e.more&moreHold != 0:
		return Hold
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
	if x, y := a.more&(moreHold|moreCompletes), b.more&(moreHold|moreCompletes); x != y {
		return cmp.Compare(x, y)
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
	replayed = (e.class == classTC || e.class == classPurse) && (e.terminal != o.terminal || presented && compareSource(e, o) != 0)
	if b > a || b == a && compareSource(o, e) < 0 {
		e.time, e.terminal, e.sequence = o.time, o.terminal, o.sequence
	}
	e.debit = max(e.debit, o.debit)
	e.held, e.used, e.hold = max(e.held, o.held), max(e.used, o.used), max(e.hold, o.hold)
	e.bits |= o.bits
	e.more |= o.more
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
	o.Held, o.HoldATC, o.Used = money.Fen(e.held), e.hold, money.Fen(e.used)
	o.Completes, o.UsedRead, o.Placed = e.more&moreCompletes != 0, e.more&moreUsed != 0, e.more&morePlaced != 0
	o.Purse = e.class == classPurse || e.class == classTry || e.class == classCredit
	return o
}
