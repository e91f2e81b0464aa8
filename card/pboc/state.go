package pboc

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/money"
)

// Layout of the application's part of the memory. What every card uses stands
// first and the log last, so that a snapshot without trailing zeros is short.
//
//	0  2 ATC (9F36)           10  6 balance (9F79), n12
//	2  1 flags                16  6 CTTA, n12
//	3  1 PIN tries (9F17)     22  2 ATC of the last committed payment
//	4  2 last online (9F13)   24  8 its 9F69
//	6  1 foreign payments     32    log, records of the product's length
//	7  1 next log slot
//	8  1 log records
//	9  1 zero
//
// Products with a contact side have the extended part behind the log, those with
// the low-value extension one more part behind that.
const (
	atATC        = 0
	atFlags      = 2
	atPINTries   = 3
	atLastOnline = 4
	atForeign    = 6
	atLogNext    = 7
	atLogCount   = 8
	atBalance    = 10
	atCTTA       = 16
	atLastATC    = 22
	at9F69       = 24
	atLog        = 32

	len9F69Value = 8
	len9F69      = 3 + len9F69Value
)

// Bits of the flags byte.
const (
	flagBlocked    = 1 << 0 // the application is blocked for good
	flagLastAnswer = 1 << 1 // the last committed answer can be read again
	flagLast9F69   = 1 << 2 // and it carries 9F69
	flagLastSuite  = 1 << 3 // and was made with the second set of algorithms
	flagsKnown     = flagBlocked | flagLastAnswer | flagLast9F69 | flagLastSuite
)

// MemorySize is how many bytes of memory a card of the product needs.
func (p *Product) MemorySize() int { return p.transit() + p.transitSize() }

// Personalise appends the memory's content of a new card, without trailing zeros
// of the partition.
func (c *Card) Personalise(dst []byte) []byte {
	var b [atLog]byte
	b[atPINTries] = c.Product.PINTries
	binary.BigEndian.PutUint16(b[atLastOnline:], c.Product.LastOnline)
	putN12(b[atBalance:], c.Opening)
	dst = append(dst, b[:]...)
	if c.Product.Contact == nil && c.Product.Extension == nil {
		return dst
	}
	dst = append(dst, make([]byte, c.Product.extended()-atLog)...)
	at := len(dst) - c.Product.extended()
	if c.Product.Contact != nil {
		dst = c.personaliseExtended(dst)
	}
	if c.Product.Extension == nil {
		return dst
	}
	dst = append(dst, make([]byte, at+c.Product.transit()-len(dst))...)
	return c.personaliseTransit(dst)
}

// State is the changing part of a card in words: for tests, for the truth of a
// simulation and for people. It is not what a reader can see.
type State struct {
	ATC           uint16    // 9F36
	LastOnlineATC uint16    // 9F13
	Balance       money.Fen // 9F79
	CTTA          money.Fen // cumulative total transaction amount
	PINTries      byte      // 9F17
	Foreign       byte      // payments in other currencies since last online
	Blocked       bool      // the application is blocked for good
	LastAnswer    bool      // the last committed answer can be read again
	LastATC       uint16    // ATC of the last committed payment, 0 if none
	LogRecords    int       // records in the log

	// The rest is zero without a contact side.

	Invalidated    bool      // the application is blocked until APPLICATION UNBLOCK
	CardBlocked    bool      // CARD BLOCK was carried out
	Memory         Memory    // what is remembered of the last transactions
	Scripts        byte      // script commands of the last online transaction, at most 15
	ForeignCountry byte      // payments in other countries since last online
	CTTADual       money.Fen // CTTA with the converted amounts of the second currency
	Second         money.Fen // DF79, hundredths of the second currency
	LoadRecords    int       // records in the load log

	// The rest is zero without the low-value extension.

	Support  byte                     // DF61
	Deposit  money.Fen                // DF62
	Used     money.Fen                // DF63
	Holds    [capp.MaxHolds]capp.Hold // open pre-authorisations
	PushATC  uint16                   // Last Push ATC
	ProofATC uint16                   // ATC of the last committed payment of the extension
}

// Decode reads the application's part of the memory. It fails with
// cos.ErrMemory if the bytes are not a possible state of the product.
func (p *Product) Decode(b []byte) (State, error) {
	if len(b) != p.MemorySize() {
		return State{}, fmt.Errorf("card state of %d bytes, want %d: %w", len(b), p.MemorySize(), cos.ErrMemory)
	}
	s := State{
		ATC:           binary.BigEndian.Uint16(b[atATC:]),
		LastOnlineATC: binary.BigEndian.Uint16(b[atLastOnline:]),
		PINTries:      b[atPINTries],
		Foreign:       b[atForeign],
		// A counter at its end blocks even if the flag were lost: it cannot rise.
		Blocked:    b[atFlags]&flagBlocked != 0 || binary.BigEndian.Uint16(b[atATC:]) == maxATC,
		LastAnswer: b[atFlags]&flagLastAnswer != 0,
		LastATC:    binary.BigEndian.Uint16(b[atLastATC:]),
		LogRecords: int(b[atLogCount]),
	}
	if b[atFlags]&^flagsKnown != 0 || b[atFlags]&flagLastSuite != 0 && p.Alternative == nil || b[9] != 0 {
		return State{}, fmt.Errorf("card state has unknown flags %02X %02X: %w", b[atFlags], b[9], cos.ErrMemory)
	}
	if b[atLogCount] > p.LogCount || b[atLogNext] > p.LogCount || b[atLogNext] == p.LogCount && p.LogCount != 0 {
		return State{}, fmt.Errorf("card state says %d log records, next %d of %d: %w", b[atLogCount], b[atLogNext], p.LogCount, cos.ErrMemory)
	}
	var err error
	if s.Balance, err = money.FromN12(b[atBalance : atBalance+6]); err != nil {
		return State{}, fmt.Errorf("card state, 9F79: %w: %w", err, cos.ErrMemory)
	}
	if s.CTTA, err = money.FromN12(b[atCTTA : atCTTA+6]); err != nil {
		return State{}, fmt.Errorf("card state, CTTA: %w: %w", err, cos.ErrMemory)
	}
	if p.Contact != nil {
		if err := p.decodeExtended(b[p.extended():p.transit()], &s); err != nil {
			return State{}, err
		}
	}
	if p.Extension != nil {
		if err := p.decodeTransit(b[p.transit():], &s); err != nil {
			return State{}, err
		}
	}
	return s, nil
}

// putN12 writes an amount that is known to be in range.
func putN12(dst []byte, v money.Fen) {
	b, err := v.N12()
	if err != nil {
		panic("pboc: an amount left its range: " + err.Error())
	}
	copy(dst, b[:])
}
