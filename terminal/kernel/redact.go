package kernel

import (
	"fmt"
	"log/slog"
)

// String names the card by its masked number and the counter.
func (d Data) String() string { return fmt.Sprintf("card %v ATC %04X", d.Card, d.ATC) }

// Format writes String for every verb: the objects of the card, track 2 among them,
// hold the account number.
func (d Data) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.String())) }

// MarshalText gives String, so that JSON never holds a card's data.
func (d Data) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// LogValue gives String to slog.
func (d Data) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Format says nothing of the card but Data.String: the machine holds its answers.
func (m *Machine) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "kernel(%s, %v)", stateNames[m.state], m.data)
}

// Format keeps a card's answer, which may hold the account number, out of logs.
func (e Event) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "event %d of %d bytes", e.Kind, len(e.Data))
}

// MarshalText gives what Format gives, so that JSON never holds a card's answer.
func (e Event) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%v", e), nil }
