package pcsc

import "fmt"

// Size of the table of readers in bytes.
const (
	maxATR        = 33
	readerSize    = NameSize + 12 + 36 + 8
	MaxReaders    = 16
	ReadersSize   = MaxReaders * readerSize
	offsetEvents  = NameSize
	offsetState   = NameSize + 4
	offsetSharing = NameSize + 8
	offsetATR     = NameSize + 12
	offsetATRSize = offsetATR + 36 // 33 bytes and 3 that the C compiler adds
	offsetActive  = offsetATRSize + 4
)

// State is the state of a reader and the card in it, bit by bit.
type State uint32

// Bits of a state (pcsclite.h, SCARD_UNKNOWN to SCARD_SPECIFIC).
const (
	StateUnknown    State = 0x01
	StateAbsent     State = 0x02
	StatePresent    State = 0x04
	StateSwallowed  State = 0x08 // present and without power
	StatePowered    State = 0x10
	StateNegotiable State = 0x20
	StateSpecific   State = 0x40 // the protocol is chosen
)

// Reader is one row of the table of readers:
//
//	0 name (128), 128 events, 132 state, 136 sharing, 140 ATR (33 and 3 of
//	filling), 176 bytes of the ATR, 180 protocol in use
type Reader struct {
	Name   string
	Events uint32 // cards that came and went since the daemon's start
	State  State
	// Sharing is 0 while nobody uses the card, the number of those who share it,
	// or -1 while one program has it alone.
	Sharing int32
	ATR     []byte // empty without a card
	Active  Protocol
}

// Present says whether a card is in the reader.
func (r Reader) Present() bool { return r.State&StatePresent != 0 }

// ParseReaders reads the table of readers, [ReadersSize] bytes. Empty rows are
// left out. It fails if a row holds an ATR longer than 33 bytes.
func ParseReaders(b []byte) ([]Reader, error) {
	if len(b) != ReadersSize {
		return nil, fmt.Errorf("pcsc: table of readers: %d bytes; it has %d", len(b), ReadersSize)
	}
	var list []Reader
	for i := range MaxReaders {
		row := b[i*readerSize : (i+1)*readerSize]
		if row[0] == 0 {
			continue
		}
		n := word(row[offsetATRSize:], 0)
		if n > maxATR {
			return nil, fmt.Errorf("pcsc: row %d of the table of readers: an ATR of %d bytes; it has at most %d", i, n, maxATR)
		}
		list = append(list, Reader{
			Name:    name(row[:NameSize]),
			Events:  word(row[offsetEvents:], 0),
			State:   State(word(row[offsetState:], 0)),
			Sharing: int32(word(row[offsetSharing:], 0)),
			ATR:     append([]byte(nil), row[offsetATR:offsetATR+n]...),
			Active:  Protocol(word(row[offsetActive:], 0)),
		})
	}
	return list, nil
}

// AppendReaders appends the table that holds the readers. It fails, and returns
// dst as it was, if there are more than [MaxReaders] or an ATR has more than 33
// bytes.
func AppendReaders(dst []byte, list []Reader) ([]byte, error) {
	if len(list) > MaxReaders {
		return dst, fmt.Errorf("pcsc: %d readers; the table has %d rows", len(list), MaxReaders)
	}
	for i, r := range list {
		if len(r.ATR) > maxATR {
			return dst, fmt.Errorf("pcsc: reader %d: an ATR of %d bytes; it has at most %d", i, len(r.ATR), maxATR)
		}
	}
	start := len(dst)
	for _, r := range list {
		var atr [36]byte
		copy(atr[:], r.ATR)
		dst = appendWords(appendName(dst, r.Name), r.Events, uint32(r.State), uint32(r.Sharing))
		dst = appendWords(append(dst, atr[:]...), uint32(len(r.ATR)), uint32(r.Active))
	}
	return append(dst, make([]byte, ReadersSize-(len(dst)-start))...), nil
}
