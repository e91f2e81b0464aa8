package purse

import "fmt"

// MarshalText gives what Format writes: neither JSON nor a log holds a card number, nor
// what has a Card in it, as Data and Request.
func (c Card) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// MarshalText gives what Format writes, so that JSON never holds a PIN.
func (l LoadInput) MarshalText() ([]byte, error) { return fmt.Append(nil, l), nil }

// Format answers every verb with state and purchase: the machine holds file 15.
func (m *Machine) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[purse machine at %s, %v]", stateNames[m.state], m.data)
}

// Format answers every verb with the state alone: the loader holds a PIN.
func (l *Loader) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[purse loader at %d]", l.state) }

// Format answers every verb with the card's masked number.
func (q *Inquiry) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[purse inquiry of %v]", q.out.Card)
}
