package pos

import (
	"fmt"
	"log/slog"
)

// String names kind and amount; what the stripe reader read is left out.
func (s Sale) String() string {
	return fmt.Sprintf("sale(kind %d, interface %d, %v)", s.Kind, s.Interface, s.Amount)
}

// Format writes String for every verb: the sale may hold a track, and random bytes that
// protect a PIN.
func (s Sale) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText gives String, so that JSON holds neither.
func (s Sale) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue gives String to slog.
func (s Sale) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String says what is asked for; commands are left out.
func (a Action) String() string {
	switch {
	case a.Send != nil:
		return fmt.Sprintf("send %d bytes", len(a.Send))
	case a.Choose != nil:
		return fmt.Sprintf("choose among %d", len(a.Choose.Names))
	case a.PIN != nil:
		return "ask for the PIN"
	case a.Online != nil:
		return "ask the issuer: " + a.Online.Request.String()
	case a.Again != nil:
		return fmt.Sprintf("wait for card %v", a.Again.Card)
	case a.Remove:
		return "let the card be taken away"
	case a.Done != nil:
		return "done: " + a.Done.Outcome.String()
	}
	return "nothing"
}

// Format writes String for every verb: a command may hold a PIN.
func (a Action) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// MarshalText gives String, so that JSON never holds a command.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// LogValue gives String to slog.
func (a Action) LogValue() slog.Value { return slog.StringValue(a.String()) }

// String names the request and the reason; field 55 is left out.
func (r Reversal) String() string {
	return fmt.Sprintf("reversal (reason %d) of %v", r.Reason, r.Request)
}

// Format writes String for every verb: field 55 may hold the account number.
func (r Reversal) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// MarshalText gives String, so that JSON never holds field 55.
func (r Reversal) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue gives String to slog.
func (r Reversal) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Format names the terminal and what it does: the till holds the data of a card.
func (t *Till) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "till(terminal %d, %s)", t.cfg.Terminal, phaseNames[t.phase])
}
