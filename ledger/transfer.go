package ledger

import (
	"bytes"
	"encoding/hex"

	"github.com/citycard/citycard/money"
)

// TransferID is the business key of a transfer and its idempotency key, kept
// for ever: for a card row a hash of (issuer, card, counter kind, counter,
// posting kind), for a file item file hash and line, for an online message its
// match key. The zero value is not valid.
type TransferID [16]byte

// String gives the id in hexadecimal.
func (id TransferID) String() string { return hex.EncodeToString(id[:]) }

// MaxRef is the longest Transfer.Ref in bytes.
const MaxRef = 1 << 20

// MaxBatch is the largest number of transfers in one batch.
const MaxBatch = 1 << 16

// Transfer moves Amount from Debit to Credit. Every field belongs to its
// identity: a repeat must be equal in all of them, so At is the time in the
// record that causes the posting, not the time of sending.
type Transfer struct {
	ID            TransferID
	Debit, Credit AccountID
	Amount        money.Fen // fen, above zero
	Code          uint16    // business reason, numbered by the caller
	At            int64     // value time, Unix seconds
	Window        int32     // clearing window, 0 if none
	Ref           []byte    // what a grouped posting stands for, e.g. packed fares; may be empty
}

// Check judges a transfer by itself, without the store. Created means that
// nothing is wrong with it.
func Check(t *Transfer) Outcome {
	switch {
	case t.ID == TransferID{}:
		return TransferIDZero
	case t.Debit == t.Credit:
		return SameAccount
	case t.Amount <= 0:
		return AmountNotPositive
	case len(t.Ref) > MaxRef:
		return RefTooLong
	}
	return Created
}

// Compare says how a transfer asked for relates to the stored one of the same
// id: ExistsSame or the first field that differs. Nil and empty Ref are equal.
func Compare(stored, asked *Transfer) Outcome {
	switch {
	case stored.Debit != asked.Debit:
		return ExistsDifferentDebit
	case stored.Credit != asked.Credit:
		return ExistsDifferentCredit
	case stored.Amount != asked.Amount:
		return ExistsDifferentAmount
	case stored.Code != asked.Code:
		return ExistsDifferentCode
	case stored.At != asked.At:
		return ExistsDifferentAt
	case stored.Window != asked.Window:
		return ExistsDifferentWindow
	case !bytes.Equal(stored.Ref, asked.Ref):
		return ExistsDifferentRef
	}
	return ExistsSame
}
