package purse

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

// Data is what is known of one purchase: enough for its row, and to find out later
// whether a torn one was paid. It is a plain value; a copy is kept of a torn one.
type Data struct {
	Card   Card
	Type   epurse.Type // PurchaseEP or Compound; PurchaseEP before Trade
	Amount money.Fen
	Time   int64 // unix seconds, which the card signs as date and time

	// What the card answered to INITIALIZE; Begun says that it did.
	Begun          bool
	Balance, Limit uint32 // before the purchase; the balance without its top bit
	Sequence       uint16 // offline number before the purchase
	Version        byte   // of the purchase key
	Alg            epurse.Alg
	Random         [4]byte

	// What the module answered to INIT_SAM_FOR_PURCHASE; zero before.
	Terminal epurse.Terminal
	Number   uint32
	MAC1     epurse.MAC

	// What the card answered to DEBIT or to GET TRANSACTION PROVE; Answered says that
	// it did, not that it is genuine.
	Answered  bool
	TAC, MAC2 epurse.MAC
}

// Format answers every verb with card and amount alone.
func (d Data) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[purchase %d of %v, card %v]", d.Sequence, d.Amount, d.Card.Key)
}

// After is the balance that the card has if it has paid, in fen.
func (d *Data) After() money.Fen { return money.Fen(d.Balance) - d.Amount }

// LoggedNumber is the offline number under which the card logs the purchase.
func (d *Data) LoggedNumber() uint16 { return d.Sequence + 1 }

func (d *Data) trade() epurse.Trade {
	return epurse.Trade{Type: d.Type, Amount: uint32(d.Amount), Terminal: d.Terminal, Stamp: txn.StampBCD(d.Time), TerminalSeq: d.Number}
}

// Row is the row of a purchase, of format 02. Its time is the one that the TAC covers.
// Sequence, price and journey are left to the caller.
func (d *Data) Row(kind txn.Kind, flags txn.Flags, terminal txn.TerminalID) txn.Row {
	r := txn.Row{Kind: kind, Flags: flags, Card: d.Card.Key, Amount: d.Amount, Time: d.Time, Type: byte(d.Type),
		Expiry: d.Card.Expiry(), Terminal: terminal}
	p := txn.PurseData{TAC: d.TAC, MAC2: d.MAC2, Algorithm: byte(d.Alg), KeyVersion: d.Version, Random: d.Random,
		Before: money.Fen(d.Balance), Overdraft: money.Fen(d.Limit), MAC1: d.MAC1, Terminal: d.Terminal, TerminalSequence: d.Number}
	if d.Begun {
		p.Sequence = d.LoggedNumber()
	}
	if err := p.Put(&r); err != nil {
		panic("purse: four bytes of balance and three of limit do not fit a row: " + err.Error())
	}
	return r
}

// ErrData says that bytes are not what Data.Append writes.
var ErrData = errors.New("not the data of a torn purchase")

// dataSize: version, network, file 15, type, amount, time, flags, balance, limit,
// sequence, key version, algorithm, random, terminal, number, MAC1, TAC, MAC2.
const (
	dataVersion = 0x01
	dataSize    = 1 + 1 + InfoSize + 1 + 4 + 8 + 1 + 4 + 4 + 2 + 1 + 1 + 4 + 6 + 4 + 4 + 4 + 4

	flagBegun    = 1
	flagAnswered = 2
)

// Append writes the data in a form for storage: all fields in their order, integers
// big-endian, a version byte 01 before them.
func (d *Data) Append(dst []byte) []byte {
	be := binary.BigEndian
	var flags byte
	if d.Begun {
		flags |= flagBegun
	}
	if d.Answered {
		flags |= flagAnswered
	}
	dst = append(dst, dataVersion, byte(d.Card.Network))
	dst = append(dst, d.Card.Info[:]...)
	dst = append(dst, byte(d.Type))
	dst = be.AppendUint32(dst, uint32(d.Amount))
	dst = be.AppendUint64(dst, uint64(d.Time))
	dst = append(dst, flags)
	dst = be.AppendUint32(be.AppendUint32(dst, d.Balance), d.Limit)
	dst = be.AppendUint16(dst, d.Sequence)
	dst = append(dst, d.Version, byte(d.Alg))
	dst = append(dst, d.Random[:]...)
	dst = append(dst, d.Terminal[:]...)
	dst = be.AppendUint32(dst, d.Number)
	dst = append(dst, d.MAC1[:]...)
	dst = append(dst, d.TAC[:]...)
	return append(dst, d.MAC2[:]...)
}

// DecodeData is the inverse of Append. It fails with ErrData for another length or
// version, and for values that no purchase has.
func DecodeData(b []byte) (Data, error) {
	var d Data
	if len(b) != dataSize || b[0] != dataVersion {
		return d, fmt.Errorf("%d bytes, want %d and version %02X: %w", len(b), dataSize, dataVersion, ErrData)
	}
	be := binary.BigEndian
	if !d.Card.read(sam.Network(b[1]), b[2:2+InfoSize]) {
		return d, fmt.Errorf("file 15 of network %d: %w", b[1], ErrData)
	}
	b = b[2+InfoSize:]
	d.Type, d.Amount, d.Time = epurse.Type(b[0]), money.Fen(be.Uint32(b[1:])), int64(be.Uint64(b[5:]))
	flags := b[13]
	d.Begun, d.Answered = flags&flagBegun != 0, flags&flagAnswered != 0
	b = b[14:]
	d.Balance, d.Limit, d.Sequence, d.Version = be.Uint32(b), be.Uint32(b[4:]), be.Uint16(b[8:]), b[10]
	alg, known := epurse.AlgOf(b[11])
	d.Alg, d.Random, d.Terminal = alg, [4]byte(b[12:]), epurse.Terminal(b[16:])
	d.Number, d.MAC1, d.TAC, d.MAC2 = be.Uint32(b[22:]), epurse.MAC(b[26:]), epurse.MAC(b[30:]), epurse.MAC(b[34:])
	switch {
	case d.Type != epurse.PurchaseEP && d.Type != epurse.Compound:
		return Data{}, fmt.Errorf("type %02X: %w", byte(d.Type), ErrData)
	case d.Time < 0 || d.Time > 1<<32-1:
		return Data{}, fmt.Errorf("time %d: %w", d.Time, ErrData)
	case flags&^(flagBegun|flagAnswered) != 0 || !known || d.Limit > maxLimit || d.Balance > maxBalance || d.Sequence == maxSequence:
		return Data{}, fmt.Errorf("flags %02X, algorithm %02X, limit %d, balance %d or number %d: %w", flags, byte(alg), d.Limit, d.Balance, d.Sequence, ErrData)
	}
	return d, nil
}

const (
	maxLimit    = 1<<24 - 1
	maxBalance  = 1<<31 - 1 // the top bit of a balance is not money
	maxSequence = 0xFFFF
)
