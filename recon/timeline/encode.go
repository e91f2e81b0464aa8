package timeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Sizes and flags of the encoded form, see Append.
const (
	encodePlain   = 1
	encodeTransit = 2
	headerSize    = 28
	entrySize     = 33
	transitSize   = 44
	regionSize    = 42
	markSize      = 14
	loggedSize    = 34
	reachSize     = 4

	flagFrozen    = 1 << 0
	flagCompacted = 1 << 1
	flagLogs      = 1 << 2

	maxRegion = money.Fen(1 << 44) // leaves room to add up within 48 bits

	regionFinal    = 1 << 0
	regionCredited = 1 << 1
	regionGranted  = 1 << 2
	regionWaits    = 1 << 3
	regionFlags    = regionFinal | regionCredited | regionGranted | regionWaits
)

// ErrEncoding says that bytes are not the encoded form of a card.
var ErrEncoding = errors.New("not an encoded card timeline")

// Append adds the encoded form of the card without its key. All integers are
// big-endian, times are unix seconds in 4 bytes, money of regions is 6 bytes:
//
//	off len header                     off len entry (33)          off len region (42)
//	  0   1 version 01                   0   2 ATC                   0   2 P, 2 Q
//	  1   1 flags: 01 frozen,            2   1 class of cryptogram   4   2 actions so far
//	        02 compacted                 3   1 what sources say      6   1 state
//	  2   2 freezes and releases         4   5 balance before        7   1 flags: 01 final,
//	  4   8 carried amount, signed       9   4 debit or load               02 credited
//	 12   2 month of credits            13   8 cryptogram                04 granted,
//	 14   6 credited in it              21   4 time                      08 waits for it,
//	 20   4 number of entries           25   4 terminal              8   4 since
//	 24   2 of regions                  29   4 sequence             12   6 standing
//	 26   2 of marks                                                18   6 provisional
//	 28     entries, regions, marks
//	                                                                24   6 reversed as late
//	                                                                30   6 left to refused rows
//	                                                                36   6 refused before
//
// Version 02 is that of cards with an entry of the transit extension, of a quota or of
// a purse. Its entries (44) go on with
//
//	33 4 amount held · 37 4 DF63 · 41 2 counter of the hold · 43 1 flags: 01 hold,
//	02 completes one, 04 DF63 was read, 08 the counter before a push was read
//
// A mark (14) is ATC 2, actions so far 2, decision 1, purpose of the money that
// stands 1, amount 4, date 4.
//
// If flag 04 is set, what the card's own logs say follows: number of records 2 and of
// runs 2, then each record (34) as ATC 2, amount 4, time 4, terminal 4, place 20, and
// each run of counters that a log does not list as first 2, last 2.
func (c *Card) Append(dst []byte) []byte {
	be := binary.BigEndian
	version, size := byte(encodePlain), entrySize
	if c.transit() {
		version, size = encodeTransit, transitSize
	}
	dst = slices.Grow(dst, headerSize+len(c.entries)*size+len(c.regions)*regionSize+len(c.marks)*markSize)
	dst = append(dst, version, flag(c.frozen, flagFrozen)|flag(c.compacted, flagCompacted)|flag(c.told(), flagLogs))
	dst = be.AppendUint16(dst, c.freezes)
	dst = be.AppendUint64(dst, uint64(c.carried))
	dst = be.AppendUint16(dst, c.month)
	dst = append48(dst, c.monthSum)
	dst = be.AppendUint32(dst, uint32(len(c.entries)))
	dst = be.AppendUint16(dst, uint16(len(c.regions)))
	dst = be.AppendUint16(dst, uint16(len(c.marks)))
	for i := range c.entries {
		e := &c.entries[i]
		dst = be.AppendUint16(dst, e.atc)
		dst = append(dst, byte(e.class), e.bits, byte(e.b>>32))
		dst = be.AppendUint32(dst, uint32(e.b))
		dst = be.AppendUint32(dst, uint32(e.debit))
		dst = be.AppendUint64(dst, e.content)
		dst = be.AppendUint32(dst, uint32(e.time))
		dst = be.AppendUint32(dst, uint32(e.terminal))
		dst = be.AppendUint32(dst, e.sequence)
		if version == encodeTransit {
			dst = be.AppendUint32(dst, e.held)
			dst = be.AppendUint32(dst, e.used)
			dst = append(be.AppendUint16(dst, e.hold), e.more)
		}
	}
	for i := range c.regions {
		r := &c.regions[i]
		dst = be.AppendUint16(dst, r.p)
		dst = be.AppendUint16(dst, r.q)
		dst = be.AppendUint16(dst, r.number)
		dst = append(dst, byte(r.state), r.flags())
		dst = be.AppendUint32(dst, uint32(r.since))
		for _, amount := range [...]money.Fen{r.standing, r.provisional, r.late, r.lateRefused, r.refusedBase} {
			dst = append48(dst, amount)
		}
	}
	for i := range c.marks {
		m := &c.marks[i]
		dst = be.AppendUint16(dst, m.atc)
		dst = be.AppendUint16(dst, m.number)
		dst = append(dst, byte(m.kind), byte(m.moved))
		dst = be.AppendUint32(dst, uint32(m.amount))
		dst = be.AppendUint32(dst, uint32(m.at))
	}
	return c.appendLogs(dst)
}

// transit reports whether an entry needs the longer form.
func (c *Card) transit() bool {
	return c.mode&^modeZero != 0 && slices.ContainsFunc(c.entries, func(e entry) bool { return e.extended() })
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

func (r *region) flags() byte {
	return flag(r.final, regionFinal) | flag(r.credited, regionCredited) | flag(r.granted, regionGranted) | flag(r.waits, regionWaits)
}

func append48(dst []byte, amount money.Fen) []byte {
	if amount < 0 || amount >= 1<<48 {
		panic("timeline: amount " + amount.String() + " of a break is outside 48 bits")
	}
	return binary.BigEndian.AppendUint32(append(dst, byte(amount>>40), byte(amount>>32)), uint32(amount))
}

// Decode replaces the card's timeline by the encoded one and keeps its key and its
// memory. It takes exactly what Append makes: anything else is ErrEncoding, and the
// card is then empty.
func (c *Card) Decode(b []byte) error {
	c.Reset(c.Key)
	if err := c.decode(b); err != nil {
		c.Reset(c.Key)
		return fmt.Errorf("decode card timeline: %w: %w", err, ErrEncoding)
	}
	return nil
}

func (c *Card) decode(b []byte) error {
	be := binary.BigEndian
	if len(b) < headerSize {
		return fmt.Errorf("%d bytes, want at least %d", len(b), headerSize)
	}
	size := entrySize
	switch b[0] {
	case encodePlain:
	case encodeTransit:
		size = transitSize
	default:
		return fmt.Errorf("version %d, want %d or %d", b[0], encodePlain, encodeTransit)
	}
	if b[1]&^(flagFrozen|flagCompacted|flagLogs) != 0 {
		return fmt.Errorf("flags %02X are not defined", b[1])
	}
	c.frozen, c.compacted = b[1]&flagFrozen != 0, b[1]&flagCompacted != 0
	c.freezes, c.carried = be.Uint16(b[2:]), money.Fen(be.Uint64(b[4:]))
	c.month, c.monthSum = be.Uint16(b[12:]), get48(b[14:])
	entries, regions, marks := int(be.Uint32(b[20:])), int(be.Uint16(b[24:])), int(be.Uint16(b[26:]))
	logs := b[1]&flagLogs != 0
	if want := headerSize + entries*size + regions*regionSize + marks*markSize; len(b) < want || !logs && len(b) != want {
		return fmt.Errorf("%d bytes, want %d for %d entries, %d regions and %d marks", len(b), want, entries, regions, marks)
	}
	if c.carried < -1<<56 || c.carried > 1<<56 {
		return fmt.Errorf("carried amount %d is out of range", int64(c.carried))
	}
	if c.monthSum > maxRegion {
		return fmt.Errorf("credited %s in a month: beyond what a card can hold in its life", c.monthSum)
	}
	if c.compacted && entries == 0 {
		return errors.New("compacted without entries")
	}
	b = b[headerSize:]
	c.entries = slices.Grow(c.entries, entries)[:entries]
	for i := range entries {
		if err := c.decodeEntry(i, b[i*size:][:size]); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	if size == transitSize && !c.transit() {
		return errors.New("version 2 without an entry that needs it")
	}
	b = b[entries*size:]
	for i := range regions {
		if err := c.decodeRegion(b[i*regionSize:]); err != nil {
			return fmt.Errorf("region %d: %w", i, err)
		}
	}
	b = b[regions*regionSize:]
	for i := range marks {
		if err := c.decodeMark(b[i*markSize:]); err != nil {
			return fmt.Errorf("mark %d: %w", i, err)
		}
	}
	if logs {
		return c.decodeLogs(b[marks*markSize:])
	}
	return nil
}

func get48(b []byte) money.Fen {
	return money.Fen(b[0])<<40 | money.Fen(b[1])<<32 | money.Fen(binary.BigEndian.Uint32(b[2:]))
}

func (c *Card) decodeEntry(i int, b []byte) error {
	be := binary.BigEndian
	e := &c.entries[i]
	*e = entry{
		atc: be.Uint16(b), class: class(b[2]), bits: b[3],
		b: money.Fen(b[4])<<32 | money.Fen(be.Uint32(b[5:])), debit: money.Fen(be.Uint32(b[9:])),
		content: be.Uint64(b[13:]), time: int64(be.Uint32(b[21:])),
		terminal: txn.TerminalID(be.Uint32(b[25:])), sequence: be.Uint32(b[29:]),
	}
	if len(b) == transitSize {
		e.held, e.used, e.hold, e.more = be.Uint32(b[33:]), be.Uint32(b[37:]), be.Uint16(b[41:]), b[43]
		if err := e.validMore(); err != nil {
			return err
		}
		c.mode |= e.mode()
	} else if e.class > classTC {
		return fmt.Errorf("class %d in version 1", e.class)
	} else if e.b == e.debit || e.b == 0 {
		c.mode |= modeZero
	}
	if i > 0 && compareIdentity(&c.entries[i-1], e) >= 0 {
		return fmt.Errorf("ATC %04X is out of order or repeated", e.atc)
	}
	return e.valid()
}

func (c *Card) decodeRegion(b []byte) error {
	be := binary.BigEndian
	r := region{
		p: be.Uint16(b), q: be.Uint16(b[2:]), number: be.Uint16(b[4:]), state: State(b[6]),
		final: b[7]&regionFinal != 0, credited: b[7]&regionCredited != 0, granted: b[7]&regionGranted != 0,
		waits: b[7]&regionWaits != 0, since: int64(be.Uint32(b[8:])),
		standing: get48(b[12:]), provisional: get48(b[18:]), late: get48(b[24:]), lateRefused: get48(b[30:]), refusedBase: get48(b[36:]),
	}
	switch {
	case r.p >= r.q || !c.observed(r.p) || !c.observed(r.q):
		return fmt.Errorf("%04X-%04X is no stretch between two observations", r.p, r.q)
	case len(c.regions) > 0 && c.regions[len(c.regions)-1].q > r.p:
		return fmt.Errorf("%04X-%04X overlaps the one before", r.p, r.q)
	case !r.state.Valid():
		return fmt.Errorf("state %d is not defined", r.state)
	case b[7]&^regionFlags != 0:
		return fmt.Errorf("flags %02X are not defined", b[7])
	case max(r.standing, r.provisional, r.late, r.refusedBase) > maxRegion:
		return errors.New("an amount is beyond what a card can hold in its life")
	case r.lateRefused > r.standing:
		return fmt.Errorf("%s left to refused rows of %s standing", r.lateRefused, r.standing)
	case r.number == 0 && (r.credited || r.standing+r.provisional+r.late > 0):
		return errors.New("money without an action")
	}
	c.regions = append(c.regions, r)
	return nil
}

func (c *Card) decodeMark(b []byte) error {
	be := binary.BigEndian
	m := mark{
		atc: be.Uint16(b), number: be.Uint16(b[2:]), kind: markKind(b[4]), moved: Purpose(b[5]),
		amount: money.Fen(be.Uint32(b[6:])), at: int64(be.Uint32(b[10:])),
	}
	switch {
	case !c.observed(m.atc):
		return fmt.Errorf("ATC %04X is not observed", m.atc)
	case len(c.marks) > 0 && c.marks[len(c.marks)-1].atc >= m.atc:
		return fmt.Errorf("ATC %04X is out of order or repeated", m.atc)
	case m.kind > markLogged:
		return fmt.Errorf("decision %d is not defined", m.kind)
	case m.moved != 0 && m.moved != CollectForOperator && m.moved != ClaimUnbacked:
		return fmt.Errorf("purpose %d is not one of a counter", m.moved)
	case (m.moved == 0) != (m.amount == 0) || m.number == 0 && (m.moved != 0 || m.kind == markNone):
		return errors.New("money without an action, or a mark without a decision")
	}
	c.marks = append(c.marks, m)
	return nil
}

// observed reports whether a counter is in the timeline.
func (c *Card) observed(atc uint16) bool {
	i, _ := slices.BinarySearchFunc(c.entries, atc, func(e entry, atc uint16) int { return int(e.atc) - int(atc) })
	return i < len(c.entries) && c.entries[i].atc == atc
}
