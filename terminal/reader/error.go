package reader

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/wire/vpcd"
)

// Kinds of error, to be compared with errors.Is.
var (
	// ErrName: the name of a reader cannot be read.
	ErrName = errors.New("bad name of a reader")
	// ErrUnavailable: there is no way to readers, for instance because pcscd does
	// not run.
	ErrUnavailable = errors.New("readers are not available")
	// ErrNoReader: no reader of this name.
	ErrNoReader = errors.New("no such reader")
	// ErrNoCard: the reader is there and has no card.
	ErrNoCard = errors.New("no card in the reader")
	// ErrMute: a card is there and does not answer as a card should.
	ErrMute = errors.New("the card does not answer")
	// ErrEndless, besides ErrMute: the card always has more of an answer (61xx).
	ErrEndless = errors.New("the answer has no end")
	// ErrCardGone: the card, or its session, was lost: taken out, reset by another
	// program, or the reader was unplugged.
	ErrCardGone = errors.New("the card is gone")
	// ErrBusy: another program has the card.
	ErrBusy = errors.New("the card is in use by another program")
	// ErrCommand: what was to be sent is not a command APDU.
	ErrCommand = errors.New("not a command APDU")
	// ErrRecording: a recording cannot be read, or has another command here than the
	// one that was sent.
	ErrRecording = errors.New("the recording does not go on like this")
)

// Error is an error of this package.
type Error struct {
	Doing string // what was being done: "connecting to pcscd"
	Kind  error  // one of the kinds above
	Cause error  // what happened, in other words; may be nil
	Hint  string // what to do about it
}

// Error gives "reader: doing: kind: cause; hint".
func (e *Error) Error() string {
	text := fmt.Sprintf("reader: %s: %v", e.Doing, e.Kind)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// advise gives the error another hint.
func (e *Error) advise(hint string) *Error {
	e.Hint = hint
	return e
}

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// hints are what to do where nothing better is known.
var hints = map[error]string{
	ErrUnavailable: "start pcscd (systemctl start pcscd), or use a simulated card (sim:PROFILE)",
	ErrNoReader:    "list the readers and use the beginning of a name or a number from 0",
	ErrNoCard:      "put a card into the reader",
	ErrMute:        "take the card out and put it in again, chip first and facing the contacts",
	ErrCardGone:    "put the card back and open the reader again",
	ErrBusy:        "close the other program, or share the card",
	ErrCommand:     "a command has 4 to 65535 bytes, CLA INS P1 P2 at least",
}

// fault makes an error with the usual hint of its kind.
func fault(doing string, kind, cause error) *Error {
	return &Error{Doing: doing, Kind: kind, Cause: cause, Hint: hints[kind]}
}

// broke explains why a virtual card's answer did not come: it broke the protocol,
// or it left.
func broke(doing string, err error) error {
	for _, bad := range []error{vpcd.ErrEmpty, vpcd.ErrATR, vpcd.ErrResponse, vpcd.ErrTooLong} {
		if errors.Is(err, bad) {
			return fault(doing, ErrMute, err)
		}
	}
	return fault(doing, ErrCardGone, err)
}

// checkCommand refuses what not every reader can carry: one byte, for instance,
// is an order to a virtual card.
func checkCommand(cmd []byte) error {
	if len(cmd) >= minCommand && len(cmd) <= maxCommand {
		return nil
	}
	return fault("sending a command", ErrCommand, fmt.Errorf("%d bytes", len(cmd)))
}

// checkResponse refuses an answer without a status word.
func checkResponse(n int) error {
	if n >= minResponse {
		return nil
	}
	return fault("reading the answer", ErrMute, fmt.Errorf("%d bytes, which is no status word", n))
}
