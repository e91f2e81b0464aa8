package timeline

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Card is the timeline of one card: its observations, and what has been done about
// its breaks so far. Key must be set before Judge; it is not part of the encoded
// form, because stores keep it as the key of the row. The zero value is an empty
// timeline. A Card is not safe for use by several goroutines.
type Card struct {
	Key txn.CardKey

	entries []entry     // sorted by compareIdentity
	regions []region    // sorted by p, disjoint
	marks   []mark      // sorted by atc
	logged  []LogRecord // what the card's own logs list, sorted by compareRecords
	reach   []reach     // counters that a log would have listed, sorted and apart

	carried   money.Fen // named but unpaid value of pairs that Compact dropped
	monthSum  money.Fen // provisional credit given in month
	month     uint16
	freezes   uint16 // Freeze and Release actions so far
	mode      mode   // of all entries that have been here
	frozen    bool   // the last of them was a Freeze
	compacted bool   // entries before the first one have been dropped
}

// region is a stretch of the timeline over which a break was found. It stays when
// later rows split it: money that was moved over it is judged against all that the
// pairs inside it now say.
type region struct {
	p, q        uint16
	number      uint16 // actions so far: 0 while no money has moved
	state       State
	final       bool // its missing counters have been judged at their final moment
	credited    bool // a provisional credit was given once
	granted     bool // two people approved what waits, and no judgement has acted on it yet
	waits       bool // a refund is due and waits for them
	since       int64
	standing    money.Fen // refunded and not reversed
	provisional money.Fen // credited and neither reversed nor counted as refunded
	late        money.Fen // reversed because of late rows
	lateRefused money.Fen // refund left standing against refused rows
	refusedBase money.Fen // refused rows inside that were there before money moved
}

// mark is a decision about one counter, with the money that moved for it.
type mark struct {
	atc    uint16
	number uint16
	kind   markKind
	moved  Purpose // CollectForOperator or ClaimUnbacked while amount stands
	amount money.Fen
	at     int64
}

// markKind says what was decided about a counter. Numbers are for ever.
type markKind uint8

const (
	markNone       markKind = 0
	markPaid       markKind = 1 // doubt row, the card paid
	markUnpaid     markKind = 2 // doubt row, the card did not pay
	markLoadFailed markKind = 3 // load whose script did not run
	markUnbacked   markKind = 4
	markImpossible markKind = 5
	markLogged     markKind = 6 // doubt row, the card paid by its own log alone
)

// Len is the number of observations, one for each distinct transaction.
func (c *Card) Len() int { return len(c.entries) }

// Frozen reports whether the last judgement stopped the card.
func (c *Card) Frozen() bool { return c.frozen }

// Provisional is the provisional credit standing on the card.
func (c *Card) Provisional() money.Fen {
	sum := money.Fen(0)
	for i := range c.regions {
		sum += c.regions[i].provisional
	}
	return sum
}

// Observations calls yield for every transaction in counter order.
func (c *Card) Observations(yield func(Observation) bool) {
	for i := range c.entries {
		if !yield(c.entries[i].observation()) {
			return
		}
	}
}

// Reset makes the card an empty timeline with another key and keeps its memory.
func (c *Card) Reset(key txn.CardKey) {
	*c = Card{Key: key, entries: c.entries[:0], regions: c.regions[:0], marks: c.marks[:0], logged: c.logged[:0], reach: c.reach[:0]}
}

// Add takes observations in any order, repeats included, and returns what cannot
// be true about them. An observation that Validate refuses panics: neither FromRow
// nor FromHost makes one.
func (c *Card) Add(obs ...Observation) []Alarm {
	var alarms []Alarm
	for i := range obs {
		if err := obs[i].Validate(); err != nil {
			panic(fmt.Sprintf("timeline: observation made by hand: %v", err))
		}
		e := fromObservation(&obs[i])
		if a, bad := c.insert(&e); bad {
			alarms = append(alarms, a)
		}
	}
	return alarms
}

// insert puts one source in its place.
func (c *Card) insert(e *entry) (Alarm, bool) {
	if c.compacted && c.entries[0].beyond(e) {
		return Alarm{Kind: ArchivedAlarm, P: e.atc, Q: c.entries[0].atc, A: e.terminal}, true
	}
	c.mode |= e.mode()
	n := len(c.entries)
	if n == 0 || compareIdentity(&c.entries[n-1], e) < 0 && c.entries[n-1].atc != e.atc {
		c.entries = append(c.entries, *e)
		return Alarm{}, false
	}
	i, found := slices.BinarySearchFunc(c.entries, e, func(a entry, b *entry) int { return compareIdentity(&a, b) })
	if found {
		was := c.entries[i].terminal
		replayed := c.entries[i].merge(e)
		c.mode |= c.entries[i].mode()
		if replayed {
			return Alarm{Kind: ReplayAlarm, P: e.atc, Q: e.atc, A: was, B: e.terminal}, true
		}
		return Alarm{}, false
	}
	c.entries = slices.Insert(c.entries, i, *e)
	if j := c.conflictAt(i); j >= 0 {
		return Alarm{Kind: CloneAlarm, P: e.atc, Q: e.atc, A: c.entries[j].terminal, B: e.terminal}, true
	}
	return Alarm{}, false
}

// beyond reports whether an entry lies before this one, the first of a timeline that was
// compacted. Behind a push at the same counter that is only another push.
func (e *entry) beyond(o *entry) bool {
	return o.atc < e.atc || e.class == classPush && o.atc == e.atc && o.class != classPush
}

// conflictAt finds a neighbour of entry i with the same counter and class.
func (c *Card) conflictAt(i int) int {
	for _, j := range [...]int{i - 1, i + 1} {
		if j >= 0 && j < len(c.entries) && c.entries[j].atc == c.entries[i].atc && clash(&c.entries[j], &c.entries[i]) {
			return j
		}
	}
	return -1
}

// group is the run of entries [i, end) with one counter, and the one of them that
// speaks for it: what moved value first, then what was cleared, then the earliest.
func (c *Card) group(i int) (speaker, end int) {
	speaker, end = i, i+1
	for ; end < len(c.entries) && c.entries[end].atc == c.entries[i].atc; end++ {
		if speaksBefore(&c.entries[end], &c.entries[speaker]) {
			speaker = end
		}
	}
	return speaker, end
}

func speaksBefore(a, b *entry) bool {
	if a.class != b.class && max(a.class, b.class) == classTry {
		return b.class == classTry // a trade that was made disproves the tries
	}
	if x, y := a.moves(), b.moves(); x != y {
		return x
	}
	if x, y := a.cleared(), b.cleared(); x != y {
		return x
	}
	if a.class == classTry && b.class == classTry {
		return compareSource(a, b) > 0 // the card would not have given the counter again
	}
	return compareSource(a, b) < 0
}

// conflict finds two cryptograms of one class in the run [i, end) and returns the
// index of the second, or 0.
func (c *Card) conflict(i, end int) int {
	for j := i + 1; j < end; j++ {
		if clash(&c.entries[j], &c.entries[j-1]) {
			return j
		}
	}
	return 0
}

// clash reports whether two entries of one counter cannot both be of this chip. A
// purse that was asked and did not pay gives the same counter again.
func clash(a, b *entry) bool { return a.class == b.class && a.class < classTry }
