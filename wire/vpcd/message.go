package vpcd

import (
	"errors"
	"fmt"
)

// MaxBody is the longest body that the two length bytes can announce.
const MaxBody = 65535

// Limits of an ATR: TS and T0 at least, at most 32 bytes after TS (ISO/IEC
// 7816-3, 8.2.1).
const (
	MinATR = 2
	MaxATR = 33
)

// minAPDU is CLA INS P1 P2; minResponse is SW1 SW2.
const (
	minAPDU     = 4
	minResponse = 2
)

// Kind is what the reader asks of the card. The first four are also their byte on
// the wire.
type Kind byte

const (
	PowerOff Kind = 0x00 // the card loses its power; not answered
	PowerOn  Kind = 0x01 // the card gets power; not answered
	Reset    Kind = 0x02 // warm reset; not answered
	GetATR   Kind = 0x04 // answered by the ATR, on every poll
	APDU     Kind = 0xFF // a command, answered by a response; never a byte on the wire
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case PowerOff:
		return "power off"
	case PowerOn:
		return "power on"
	case Reset:
		return "reset"
	case GetATR:
		return "get ATR"
	case APDU:
		return "APDU"
	}
	return fmt.Sprintf("control %02X", byte(k))
}

// Answered tells whether the reader waits for a message from the card.
func (k Kind) Answered() bool { return k == GetATR || k == APDU }

// Request is a message from the reader.
type Request struct {
	Kind    Kind
	Command []byte // the command of an APDU, nil otherwise
}

// What can be wrong with a message.
var (
	// ErrEmpty says that a message announces no body.
	ErrEmpty = errors.New("message without a body")
	// ErrControl says that a body of one byte is none of 00, 01, 02 and 04.
	ErrControl = errors.New("unknown control byte, want 00, 01, 02 or 04")
	// ErrCommand says that a command APDU has fewer than 4 or more than 65535 bytes.
	ErrCommand = errors.New("command APDU must have 4 to 65535 bytes")
	// ErrATR says that an ATR has fewer than 2 or more than 33 bytes.
	ErrATR = errors.New("ATR must have 2 to 33 bytes")
	// ErrResponse says that a response has fewer than 2 or more than 65535 bytes.
	ErrResponse = errors.New("response must have 2 to 65535 bytes, status word included")
)

// ParseRequest reads the body of a message from the reader. Command is a part of
// body. Errors: ErrEmpty, ErrControl, ErrCommand.
func ParseRequest(body []byte) (Request, error) {
	switch {
	case len(body) == 0:
		return Request{}, ErrEmpty
	case len(body) == 1:
		k := Kind(body[0])
		switch k {
		case PowerOff, PowerOn, Reset, GetATR:
			return Request{Kind: k}, nil
		}
		return Request{}, fmt.Errorf("control byte %02X: %w", body[0], ErrControl)
	case len(body) < minAPDU || len(body) > MaxBody:
		return Request{}, fmt.Errorf("%d bytes: %w", len(body), ErrCommand)
	}
	return Request{Kind: APDU, Command: body}, nil
}

// AppendRequest appends a message of the reader, length included. It fails, and
// gives dst back as it was, with ErrControl or ErrCommand. Command is ignored for
// a control.
func AppendRequest(dst []byte, r Request) ([]byte, error) {
	switch r.Kind {
	case PowerOff, PowerOn, Reset, GetATR:
		return append(dst, 0, 1, byte(r.Kind)), nil
	case APDU:
		if len(r.Command) < minAPDU || len(r.Command) > MaxBody {
			return dst, fmt.Errorf("%d bytes: %w", len(r.Command), ErrCommand)
		}
		return appendBody(dst, r.Command), nil
	}
	return dst, fmt.Errorf("%v: %w", r.Kind, ErrControl)
}

// AppendATR appends a card's answer to GetATR, length included. Error: ErrATR.
func AppendATR(dst, atr []byte) ([]byte, error) {
	if err := checkATR(atr); err != nil {
		return dst, err
	}
	return appendBody(dst, atr), nil
}

// AppendResponse appends a card's answer to an APDU, length included: data
// followed by SW1 SW2. Error: ErrResponse.
func AppendResponse(dst, response []byte) ([]byte, error) {
	if err := checkResponse(response); err != nil {
		return dst, err
	}
	return appendBody(dst, response), nil
}

func appendBody(dst, body []byte) []byte {
	dst = append(dst, byte(len(body)>>8), byte(len(body)))
	return append(dst, body...)
}

func checkATR(b []byte) error {
	if len(b) < MinATR || len(b) > MaxATR {
		return fmt.Errorf("%d bytes: %w", len(b), ErrATR)
	}
	return nil
}

func checkResponse(b []byte) error {
	if len(b) < minResponse || len(b) > MaxBody {
		return fmt.Errorf("%d bytes: %w", len(b), ErrResponse)
	}
	return nil
}
