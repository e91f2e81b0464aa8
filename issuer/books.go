package issuer

import (
	"encoding/binary"
	"fmt"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Codes of the issuer's postings. Numbers are for ever.
const (
	CodeLoad            uint16 = 1 // customer -> float: value put on the card
	CodeFares           uint16 = 2 // float -> settlement: cleared rows of a window
	CodeRefund          uint16 = 3 // float -> customer: money the card lost
	CodeProvisional     uint16 = 4 // float -> customer, before the break is final
	CodeUndoProvisional uint16 = 5 // customer -> float: the rows came after all
	CodeUndoRefund      uint16 = 6 // customer -> float: a row came after the refund
	CodeRebate          uint16 = 7 // operator -> customer: charged blind, priced later
	CodeCollect         uint16 = 8 // float -> operator: service given, row never presented
	CodeUndoCollect     uint16 = 9
	CodeClaim           uint16 = 10 // claim on the acquirer -> float: paid, though the card never paid
	CodeUndoClaim       uint16 = 11
	CodeReshare         uint16 = 12 // operator -> operator: its part of a rebate, or of a way that was not known before
	CodeUnbacked        uint16 = 13 // loss -> float: a debit above what the card has
	CodeRecovered       uint16 = 14 // float -> loss: money for such a debit came back
	CodeAdvance         uint16 = 15 // float -> customer: a load that did not run, or an unload that did, by a terminal's word
	CodeUndoAdvance     uint16 = 16 // customer -> float: the card has shown otherwise
	CodePurchase        uint16 = 17 // customer -> settlement: a purchase that the issuer approved
	CodeUndoPurchase    uint16 = 18 // settlement -> customer: it was reversed
)

// Token names a card in books and stores without showing its number: a keyed
// hash of account and sequence number.
type Token [15]byte

// Tokens makes the token of a card. It must be safe for concurrent use.
type Tokens interface {
	Token(card txn.CardKey) Token
}

// Fare is one cleared row in a grouped posting.
type Fare struct {
	ATC    uint16
	Amount money.Fen
	Ref    txn.Ref
}

const fareSize = 12

// Books makes the issuers' transfers.
type Books struct {
	Tokens Tokens
}

// FloatAccount is the account of the value on a card and under way.
func FloatAccount(t Token) ledger.AccountID { return account(ledger.CardFloat, t) }

// CustomerAccount is the bank account behind a card.
func CustomerAccount(t Token) ledger.AccountID { return account(ledger.CustomerBank, t) }

// LossAccount is what the issuer has lost on one card: debits that its float did
// not cover, less what came back.
func LossAccount(t Token) ledger.AccountID { return account(ledger.Loss, t) }

func account(kind ledger.AccountKind, t Token) ledger.AccountID {
	var id ledger.AccountID
	id[0] = byte(kind)
	copy(id[1:], t[:])
	return id
}

// Open gives the two accounts of a new card and the transfer of its first load;
// no transfer if the card starts empty.
func (b *Books) Open(card txn.CardKey, load money.Fen, at int64) ([]ledger.Account, []ledger.Transfer) {
	t := b.Tokens.Token(card)
	accounts := []ledger.Account{
		{ID: FloatAccount(t), Kind: ledger.CardFloat, Owner: card.String(), Limit: ledger.DebitsWithinCredits},
		{ID: CustomerAccount(t), Kind: ledger.CustomerBank, Owner: card.String(), Limit: ledger.Unlimited},
	}
	if load == 0 {
		return accounts, nil
	}
	return accounts, []ledger.Transfer{{ID: transferID(CodeLoad, t, 0, 0), Debit: CustomerAccount(t), Credit: FloatAccount(t),
		Amount: load, Code: CodeLoad, At: at}}
}

// Fares gives the one grouped transfer of a card and a window: the sum of its
// cleared rows from float to the issuer's settlement account.
func (b *Books) Fares(card txn.CardKey, settlement ledger.AccountID, window int32, at int64, fares []Fare) ledger.Transfer {
	t := b.Tokens.Token(card)
	x := ledger.Transfer{ID: transferID(CodeFares, t, uint32(window), 0), Debit: FloatAccount(t), Credit: settlement,
		Code: CodeFares, At: at, Window: window, Ref: make([]byte, 0, fareSize*len(fares))}
	be := binary.BigEndian
	for _, f := range fares {
		x.Amount += f.Amount
		x.Ref = be.AppendUint16(x.Ref, f.ATC)
		x.Ref = be.AppendUint32(x.Ref, uint32(f.Amount))
		x.Ref = be.AppendUint32(x.Ref, f.Ref.Block)
		x.Ref = be.AppendUint16(x.Ref, f.Ref.Index)
	}
	return x
}

// ParseFares reads the reference of a grouped transfer: counter (2), amount (4),
// block (4) and row index (2) of each fare.
func ParseFares(ref []byte) ([]Fare, error) {
	if len(ref)%fareSize != 0 {
		return nil, fmt.Errorf("fare reference of %d bytes, want a multiple of %d", len(ref), fareSize)
	}
	be := binary.BigEndian
	fares := make([]Fare, 0, len(ref)/fareSize)
	for ; len(ref) > 0; ref = ref[fareSize:] {
		fares = append(fares, Fare{ATC: be.Uint16(ref), Amount: money.Fen(be.Uint32(ref[2:])),
			Ref: txn.Ref{Block: be.Uint32(ref[6:]), Index: be.Uint16(ref[10:])}})
	}
	return fares, nil
}

// Rebate gives the transfer that returns what a blind gate took too much.
func (b *Books) Rebate(card txn.CardKey, operator ledger.AccountID, atc uint16, amount money.Fen, window int32, at int64) ledger.Transfer {
	t := b.Tokens.Token(card)
	return ledger.Transfer{ID: transferID(CodeRebate, t, uint32(atc), 0), Debit: operator, Credit: CustomerAccount(t),
		Amount: amount, Code: CodeRebate, At: at, Window: window}
}

// Reshare gives the transfer between two operators that belongs to the blind fare
// of a counter; number tells the transfers of one fare apart.
func (b *Books) Reshare(card txn.CardKey, from, to ledger.AccountID, atc, number uint16, amount money.Fen, window int32, at int64) ledger.Transfer {
	t := b.Tokens.Token(card)
	return ledger.Transfer{ID: transferID(CodeReshare, t, uint32(atc), number), Debit: from, Credit: to,
		Amount: amount, Code: CodeReshare, At: at, Window: window}
}

// Unbacked gives the card's loss account and the transfer that must stand before
// a transfer out of a float that does not cover it: the issuer owes the other side
// the whole amount, so it lends the float the part that lacks. What the card
// should hold is float less loss, which is what it would be if a float could be
// overdrawn. short must be a transfer of Fares or Correction.
func (b *Books) Unbacked(short *ledger.Transfer, lacks money.Fen) (ledger.Account, ledger.Transfer) {
	t := Token(short.Debit[1:])
	return ledger.Account{ID: LossAccount(t), Kind: ledger.Loss, Limit: ledger.Unlimited},
		ledger.Transfer{ID: following(CodeUnbacked, t, short.ID), Debit: LossAccount(t), Credit: short.Debit,
			Amount: lacks, Code: CodeUnbacked, At: short.At, Window: short.Window}
}

// Recovered gives the transfer that takes back such a loan, or a part of it, out
// of a correction that has put money into the float.
func (b *Books) Recovered(back *ledger.Transfer, amount money.Fen) ledger.Transfer {
	t := Token(back.Credit[1:])
	return ledger.Transfer{ID: following(CodeRecovered, t, back.ID), Debit: back.Credit, Credit: LossAccount(t),
		Amount: amount, Code: CodeRecovered, At: back.At, Window: back.Window}
}

// Correction gives the transfer for a decision of reconciliation. code is one of
// CodeRefund to CodeUndoRefund or CodeCollect to CodeUndoClaim; p, q and number are
// the decision's permanent key. other is the account on the other side of the
// float where it is not the customer's.
func (b *Books) Correction(card txn.CardKey, code, p, q uint16, number uint16, amount money.Fen, other ledger.AccountID, window int32, at int64) (ledger.Transfer, error) {
	t := b.Tokens.Token(card)
	x := ledger.Transfer{ID: transferID(code, t, uint32(p)<<16|uint32(q), number), Debit: FloatAccount(t), Credit: CustomerAccount(t),
		Amount: amount, Code: code, At: at, Window: window, Ref: binary.BigEndian.AppendUint32(nil, uint32(p)<<16|uint32(q))}
	toFloat := false
	switch code {
	case CodeRefund, CodeProvisional:
	case CodeUndoProvisional, CodeUndoRefund:
		toFloat = true
	case CodeCollect, CodeUndoClaim:
		x.Credit = other
	case CodeUndoCollect, CodeClaim:
		x.Credit, toFloat = other, true
	default:
		return x, fmt.Errorf("posting code %d is no correction", code)
	}
	if toFloat {
		x.Debit, x.Credit = x.Credit, x.Debit
	}
	return x, nil
}

// ParseCorrection reads the counters p and q from the reference of a correction or advance.
func ParseCorrection(ref []byte) (p, q uint16, err error) {
	if len(ref) != 4 {
		return 0, 0, fmt.Errorf("correction reference of %d bytes, want 4", len(ref))
	}
	return binary.BigEndian.Uint16(ref), binary.BigEndian.Uint16(ref[2:]), nil
}

// transferID is SM3 over code, token and key, behind the first two bytes of the
// token: transfers of neighbouring tokens stand together in an index, so that a
// batch of them touches few of its pages.
func transferID(code uint16, t Token, key uint32, number uint16) ledger.TransferID {
	var in [27]byte
	copy(in[:4], "issr")
	binary.BigEndian.PutUint16(in[4:], code)
	copy(in[6:], t[:])
	binary.BigEndian.PutUint32(in[21:], key)
	binary.BigEndian.PutUint16(in[25:], number)
	sum := sm3.Sum(in[:])
	id := ledger.TransferID{t[0], t[1]}
	copy(id[2:], sum[:])
	return id
}

// following is the id of a transfer that goes with another one: SM3 over code and
// its id, behind the same two bytes of the token.
func following(code uint16, t Token, other ledger.TransferID) ledger.TransferID {
	var in [22]byte
	copy(in[:4], "issf")
	binary.BigEndian.PutUint16(in[4:], code)
	copy(in[6:], other[:])
	sum := sm3.Sum(in[:])
	id := ledger.TransferID{t[0], t[1]}
	copy(id[2:], sum[:])
	return id
}
