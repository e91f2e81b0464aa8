package clearing

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

const stateVersion = 2

// CardState is all that clearing keeps about a card between windows.
type CardState struct {
	Counters Counters
	entries  []entryMark // entries seen and not yet used, ascending by counter
	open     []openFare  // journeys that were charged blind and wait for their entry
	month    [2]byte     // month of the last priced journey, YYMM
	sum      money.Fen   // paid in that month up to and including it
	sumATC   uint16      // counter of that journey
}

type entryMark struct {
	atc      uint16
	terminal txn.TerminalID
	time     int64
}

type openFare struct {
	atc      uint16
	terminal txn.TerminalID
	time     int64
	paid     money.Fen
	ref      txn.Ref
	before   money.Fen    // month sum before the journey, as far as known
	month    [2]byte      // of the exit
	entry    entryMark    // terminal 0 while unknown; its counter is not kept
	merchant money.Fen    // fee that the operators were charged
	shares   []fare.Share // what the operators got; metres are not kept
}

const (
	maxEntries = 8
	maxOpen    = 64
	openSize   = 41 // without the shares
	shareSize  = 6
)

// Encode gives the stored form: version, counters, entries, blind fares with the
// shares of their operators, month sum, all big-endian.
func (s *CardState) Encode(dst []byte) []byte {
	be := binary.BigEndian
	dst = append(dst, stateVersion)
	dst = s.Counters.append(dst)
	dst = append(dst, byte(len(s.entries)), byte(len(s.open)))
	for _, e := range s.entries {
		dst = be.AppendUint16(dst, e.atc)
		dst = be.AppendUint32(dst, uint32(e.terminal))
		dst = be.AppendUint32(dst, uint32(e.time))
	}
	for _, o := range s.open {
		dst = be.AppendUint16(dst, o.atc)
		for _, v := range [...]uint32{uint32(o.terminal), uint32(o.time), uint32(o.paid), o.ref.Block, uint32(o.ref.Index), uint32(o.before),
			uint32(o.entry.terminal), uint32(o.entry.time), uint32(o.merchant)} {
			dst = be.AppendUint32(dst, v)
		}
		dst = append(dst, o.month[0], o.month[1], byte(len(o.shares)))
		for _, s := range o.shares {
			dst = be.AppendUint32(be.AppendUint16(dst, uint16(s.Operator)), uint32(s.Fen))
		}
	}
	dst = append(dst, s.month[:]...)
	dst = be.AppendUint32(dst, uint32(s.sum))
	return be.AppendUint16(dst, s.sumATC)
}

var (
	errState   = errors.New("stored card state is damaged")
	errVersion = errors.New("stored card state is of another program")
)

// DecodeCardState reads the stored form; no bytes are the state of a new card.
func DecodeCardState(b []byte) (*CardState, error) {
	s := &CardState{}
	if len(b) == 0 {
		return s, nil
	}
	if b[0] != stateVersion {
		return nil, fmt.Errorf("%w: version %d, this one reads %d", errVersion, b[0], stateVersion)
	}
	b, err := s.Counters.parse(b[1:])
	if err != nil {
		return nil, err
	}
	be := binary.BigEndian
	if len(b) < 2 || len(b) < 2+10*int(b[0])+openSize*int(b[1])+8 || b[0] > maxEntries || b[1] > maxOpen {
		return nil, fmt.Errorf("%w: %d bytes behind the counters", errState, len(b))
	}
	entries, open := int(b[0]), int(b[1])
	b = b[2:]
	for range entries {
		s.entries = append(s.entries, entryMark{be.Uint16(b), txn.TerminalID(be.Uint32(b[2:])), int64(be.Uint32(b[6:]))})
		b = b[10:]
	}
	for range open {
		var o openFare
		if o, b, err = parseOpen(b); err != nil {
			return nil, err
		}
		s.open = append(s.open, o)
	}
	if len(b) != 8 {
		return nil, fmt.Errorf("%w: %d bytes for the month's sum", errState, len(b))
	}
	s.month, s.sum, s.sumATC = [2]byte(b), money.Fen(be.Uint32(b[2:])), be.Uint16(b[6:])
	return s, nil
}

// parseOpen reads one blind fare and gives what is behind it.
func parseOpen(b []byte) (o openFare, rest []byte, err error) {
	if len(b) < openSize || len(b) < openSize+shareSize*int(b[openSize-1]) {
		return o, nil, fmt.Errorf("%w: blind fare cut off", errState)
	}
	be := binary.BigEndian
	u := func(i int) uint32 { return be.Uint32(b[2+4*i:]) }
	if u(4) > 0xFFFF {
		return o, nil, fmt.Errorf("%w: blind fare of counter %d", errState, be.Uint16(b))
	}
	o = openFare{atc: be.Uint16(b), terminal: txn.TerminalID(u(0)), time: int64(u(1)), paid: money.Fen(u(2)),
		ref: txn.Ref{Block: u(3), Index: uint16(u(4))}, before: money.Fen(u(5)),
		entry: entryMark{terminal: txn.TerminalID(u(6)), time: int64(u(7))}, merchant: money.Fen(u(8)), month: [2]byte(b[38:])}
	shares := int(b[openSize-1])
	b = b[openSize:]
	for range shares {
		o.shares = append(o.shares, fare.Share{Operator: fare.OperatorID(be.Uint16(b)), Fen: money.Fen(be.Uint32(b[2:]))})
		b = b[shareSize:]
	}
	return o, b, nil
}
