package emv

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

// Format says nothing of the card but Data.String: the machine holds its answers and
// for a moment the PIN.
func (m Machine) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "emv(%s, %v)", stateNames[m.state], m.data)
}

// Format keeps a card's or an issuer's answer and the PIN out of logs.
func (e Event) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "event %d of %d bytes", e.Kind, len(e.Data))
}

// MarshalText gives the same to JSON.
func (e Event) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(e)), nil }

// LogValue gives the same to slog.
func (e Event) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

// Format says how much is asked of the issuer, not what: track 2, PIN and field 55
// are secret.
func (o Online) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "online request with %d bytes of card data", len(o.ICC))
}

// MarshalText gives the same to JSON.
func (o Online) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(o)), nil }

// LogValue gives the same to slog.
func (o Online) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// Format says of which kind a Ready is: commands may carry a PIN.
func (r Ready) Format(f fmt.State, _ rune) {
	switch {
	case r.Send != nil:
		_, _ = fmt.Fprintf(f, "send %d bytes", len(r.Send))
	case r.Choose != nil:
		_, _ = fmt.Fprintf(f, "choose from %d", len(r.Choose.Names))
	case r.PIN != nil:
		_, _ = f.Write([]byte("ask for the PIN"))
	case r.Online != nil:
		_, _ = f.Write([]byte("ask the issuer"))
	case r.RemoveCard:
		_, _ = f.Write([]byte("remove the card"))
	case r.Outcome != nil:
		_, _ = fmt.Fprintf(f, "outcome %v", r.Outcome.Result)
	}
}

// MarshalText gives the same to JSON.
func (r Ready) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(r)), nil }

// LogValue gives the same to slog.
func (r Ready) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }
