package gate

import (
	"fmt"
)

// Format gives the size of the memory: it holds the data of cards.
func (a *Array) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "array(%d taps waiting, %d passes)", len(a.torn), len(a.passes))
}

// Format names the terminal: the gate holds the data of a card.
func (g *Gate) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gate(%v, terminal %d)", g.cfg.Mode, g.cfg.Terminal)
}

// Format masks the account number for every verb, those that do not suit too.
func (e EntryRecord) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "entry of %v ATC %04X at station %d, terminal %d, time %d", e.Card, e.ATC, e.Station, e.Terminal, e.Time)
}

// Format masks the account number for every verb, those that do not suit too.
func (c Closing) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "exit of %v ATC %04X at station %d, terminal %d, time %d, paid %v, flags %04X; %v",
		c.Card, c.ATC, c.Station, c.Terminal, c.Time, c.Paid, uint16(c.Flags), c.Entry)
}
