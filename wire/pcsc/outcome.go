package pcsc

import "fmt"

// Outcome is what the daemon answers to a request. Each but [Success] is an
// error that can be compared with errors.Is.
type Outcome uint32

// Outcomes that a daemon gives for the commands of this package (pcsclite.h).
const (
	Success            Outcome = 0
	InternalError      Outcome = 0x80100001
	Cancelled          Outcome = 0x80100002
	InvalidHandle      Outcome = 0x80100003
	InvalidParameter   Outcome = 0x80100004
	NoMemory           Outcome = 0x80100006
	InsufficientBuffer Outcome = 0x80100008
	UnknownReader      Outcome = 0x80100009
	Timeout            Outcome = 0x8010000A
	SharingViolation   Outcome = 0x8010000B
	NoSmartCard        Outcome = 0x8010000C
	ProtocolMismatch   Outcome = 0x8010000F
	NotReady           Outcome = 0x80100010
	InvalidValue       Outcome = 0x80100011
	CommError          Outcome = 0x80100013
	UnknownError       Outcome = 0x80100014
	NotTransacted      Outcome = 0x80100016
	ReaderUnavailable  Outcome = 0x80100017
	NoService          Outcome = 0x8010001D
	ServiceStopped     Outcome = 0x8010001E
	UnsupportedFeature Outcome = 0x8010001F
	NoReaders          Outcome = 0x8010002E
	UnsupportedCard    Outcome = 0x80100065
	UnresponsiveCard   Outcome = 0x80100066
	UnpoweredCard      Outcome = 0x80100067
	CardReset          Outcome = 0x80100068
	CardRemoved        Outcome = 0x80100069
	SecurityViolation  Outcome = 0x8010006A
)

var outcomeTexts = map[Outcome]string{
	Success:            "success",
	InternalError:      "internal error of the daemon",
	Cancelled:          "cancelled",
	InvalidHandle:      "the handle is not valid",
	InvalidParameter:   "a parameter is not valid",
	NoMemory:           "the daemon has no memory left",
	InsufficientBuffer: "the answer is longer than the space for it",
	UnknownReader:      "there is no reader of this name",
	Timeout:            "time ran out",
	SharingViolation:   "another program has the card",
	NoSmartCard:        "no card in the reader",
	ProtocolMismatch:   "the card does not offer the protocol that was asked for",
	NotReady:           "the reader or card is not ready",
	InvalidValue:       "a value is not valid",
	CommError:          "communication with the daemon failed",
	UnknownError:       "unknown error of the daemon",
	NotTransacted:      "the exchange with the card failed",
	ReaderUnavailable:  "the reader was unplugged",
	NoService:          "the daemon does not run",
	ServiceStopped:     "the daemon stopped, or speaks another version",
	UnsupportedFeature: "not supported by the daemon or the reader's driver",
	NoReaders:          "no reader is connected",
	UnsupportedCard:    "the reader cannot talk to this card",
	UnresponsiveCard:   "the card does not answer to reset",
	UnpoweredCard:      "the card has no power",
	CardReset:          "another program reset the card",
	CardRemoved:        "the card was removed",
	SecurityViolation:  "the daemon refuses access to this user",
}

// Error gives the meaning and the number: "no card in the reader (8010000C)".
func (o Outcome) Error() string {
	if text, ok := outcomeTexts[o]; ok {
		return fmt.Sprintf("%s (%08X)", text, uint32(o))
	}
	return fmt.Sprintf("outcome %08X", uint32(o))
}

// Err gives nil for [Success] and the outcome itself otherwise.
func (o Outcome) Err() error {
	if o == Success {
		return nil
	}
	return o
}
