package reader

import "context"

// Card is a card in a reader, powered and ready. It is for one goroutine at a
// time.
//
// An exchange that breaks off, because its context ended or the card left, ends
// the session: nobody can say what the card has done with the last command. All
// later calls then fail with the same error; close the card and open the reader
// again.
type Card interface {
	// ATR is the answer to the last reset (ISO/IEC 7816-3, 8), at most 33 bytes. It
	// is the caller's to read and not to change.
	ATR() []byte
	// Transmit sends one command APDU and appends the response APDU, status word
	// included, to dst. A status word of any value is an answer, not an error. On an
	// error dst is returned as it was. Errors are of type [*Error] or the context's.
	Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error)
	// Reset resets the card and gives the new answer to reset. All that the card
	// held in its working memory is gone, keys and verified PINs included.
	Reset(ctx context.Context, kind ResetKind) (atr []byte, err error)
	// Close ends the session and takes the power from the card. It may be called
	// twice.
	Close() error
}

// ResetKind says how a card is reset (ISO/IEC 7816-3, 6.2).
type ResetKind byte

// Kinds of reset.
const (
	// Warm keeps the power on; the card may answer with another ATR than to a cold
	// reset.
	Warm ResetKind = iota
	// Cold takes the power off and puts it on again.
	Cold
)

// String gives "warm" or "cold".
func (k ResetKind) String() string {
	if k == Cold {
		return "cold"
	}
	return "warm"
}

// Limits of what a reader carries, in bytes.
const (
	minCommand  = 4     // CLA INS P1 P2
	maxCommand  = 65535 // what the length of a virtual reader's message can say
	minResponse = 2     // SW1 SW2
	maxResponse = 65535
)
