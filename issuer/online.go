package issuer

import (
	"encoding/binary"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Numbers in the ids of transfers of a single counter; those of the grouped ones of Open
// and Fares are 0.
const (
	one   = 1
	taken = 2 // of TakeOver
)

// Load gives the transfer of an approved load: customer to float, at most once for a
// counter of the card. Its reference is the counter.
func (b *Books) Load(card txn.CardKey, atc uint16, amount money.Fen, at int64) ledger.Transfer {
	t := b.Tokens.Token(card)
	return ledger.Transfer{ID: transferID(CodeLoad, t, uint32(atc), one), Debit: CustomerAccount(t), Credit: FloatAccount(t),
		Amount: amount, Code: CodeLoad, At: at, Ref: counterRef(atc)}
}

// TakeOver gives the transfer that opens the float of a card which comes from elsewhere
// with value on it, or with more than it had by an earlier record: customer to float, at
// most once for the counter at which the card has proved its balance.
func (b *Books) TakeOver(card txn.CardKey, atc uint16, amount money.Fen, at int64) ledger.Transfer {
	t := b.Load(card, atc, amount, at)
	t.ID = transferID(CodeLoad, b.Tokens.Token(card), uint32(atc), taken)
	return t
}

// Advance gives the transfer for what the account gets on a terminal's word, before the
// card has shown it: float to customer, at most once for the load or unload of a counter.
// Reconciliation's refund of the same counter is paid out of it first. Its reference is
// that of a correction about one counter.
func (b *Books) Advance(card txn.CardKey, atc uint16, amount money.Fen, at int64) ledger.Transfer {
	t := b.Tokens.Token(card)
	return ledger.Transfer{ID: transferID(CodeAdvance, t, uint32(atc), one), Debit: FloatAccount(t), Credit: CustomerAccount(t),
		Amount: amount, Code: CodeAdvance, At: at, Ref: pairRef(atc)}
}

// UndoAdvance gives the transfer that takes back what stands of an advance, at most once
// for a counter.
func (b *Books) UndoAdvance(card txn.CardKey, atc uint16, amount money.Fen, at int64) ledger.Transfer {
	t := b.Tokens.Token(card)
	return ledger.Transfer{ID: transferID(CodeUndoAdvance, t, uint32(atc), one), Debit: CustomerAccount(t), Credit: FloatAccount(t),
		Amount: amount, Code: CodeUndoAdvance, At: at, Ref: pairRef(atc)}
}

// Row gives the transfer of one cleared row that is not grouped with others: float to
// settlement, at most once for a counter of the card. Its reference is that of Fares with
// one fare.
func (b *Books) Row(card txn.CardKey, settlement ledger.AccountID, at int64, f Fare) ledger.Transfer {
	x := b.Fares(card, settlement, 0, at, []Fare{f})
	x.ID = transferID(CodeFares, b.Tokens.Token(card), uint32(f.ATC), one)
	return x
}

// Purchase gives the transfer of a purchase that the issuer has approved online, or,
// undone, the one that takes it back: each at most once for its number.
func (b *Books) Purchase(card txn.CardKey, settlement ledger.AccountID, n OnlineNumber, amount money.Fen, at int64, undo bool) ledger.Transfer {
	t := b.Tokens.Token(card)
	x := ledger.Transfer{Debit: CustomerAccount(t), Credit: settlement, Amount: amount, Code: CodePurchase, At: at, Ref: n[:]}
	if undo {
		x.Debit, x.Credit, x.Code = x.Credit, x.Debit, CodeUndoPurchase
	}
	x.ID = onlineID(x.Code, t, n)
	return x
}

// OnlineNumber names an online request of a card in a posting: 1 and the card's counter,
// or 2, terminal and sequence number, big-endian from the right.
type OnlineNumber [9]byte

// ByCounter names a request by the card's counter.
func ByCounter(atc uint16) (n OnlineNumber) {
	n[0] = 1
	binary.BigEndian.PutUint16(n[7:], atc)
	return n
}

// BySequence names a request by the terminal's sequence number.
func BySequence(terminal txn.TerminalID, sequence uint32) (n OnlineNumber) {
	n[0] = 2
	binary.BigEndian.PutUint32(n[1:], uint32(terminal))
	binary.BigEndian.PutUint32(n[5:], sequence)
	return n
}

// onlineID is SM3 over code, token and number, behind the first two bytes of the token.
func onlineID(code uint16, t Token, n OnlineNumber) ledger.TransferID {
	var in [30]byte
	copy(in[:4], "isso")
	binary.BigEndian.PutUint16(in[4:], code)
	copy(in[6:], t[:])
	copy(in[21:], n[:])
	sum := sm3.Sum(in[:])
	id := ledger.TransferID{t[0], t[1]}
	copy(id[2:], sum[:])
	return id
}

func counterRef(atc uint16) []byte { return binary.BigEndian.AppendUint16(nil, atc) }

// pairRef is the reference of Correction, with one counter for both.
func pairRef(atc uint16) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(atc)<<16|uint32(atc))
}
