package recording

import (
	"fmt"
	"log/slog"
)

// Session is one conversation with a card.
type Session struct {
	Name   string
	Source string
	// Masked says that the account numbers are not in it; see the package.
	Masked    bool
	Exchanges []Exchange
}

// Exchange is a command with its answer, or a reset of the card.
type Exchange struct {
	Seq int
	// Command is the command APDU; nil for a reset.
	Command []byte
	// ATR is the answer to a reset; nil for a command.
	ATR []byte
	// Response is the response APDU with its status word, nil if none came.
	Response []byte
	// Torn is what came of an answer that did not come whole; then Response is nil.
	Torn   []byte
	Micros int64 // microseconds, 0 if not known
	Note   string
}

// Reset says that this is a reset of the card and no command.
func (x *Exchange) Reset() bool { return x.Command == nil }

// Lost says that the card left before its answer was whole.
func (x *Exchange) Lost() bool { return x.Command != nil && x.Response == nil }

// ATR is the answer to the first reset; nil if the recording has none.
func (s *Session) ATR() []byte {
	for i := range s.Exchanges {
		if s.Exchanges[i].Reset() {
			return s.Exchanges[i].ATR
		}
	}
	return nil
}

// String gives the name and the number of exchanges.
func (s Session) String() string {
	return fmt.Sprintf("session %q, %d exchanges", s.Name, len(s.Exchanges))
}

// Format writes String for every verb: the conversation holds an account number.
func (s Session) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText gives String to encoding/json and others; Append writes recordings.
func (s Session) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue gives String to slog.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Format writes the lengths only, for every verb.
func (x Exchange) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "exchange %d: %d bytes, answer %d", x.Seq, len(x.Command), len(x.Response))
}
