package inspect

import "fmt"

// Format names the handheld: it holds the data of a card.
func (p *Inspector) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "inspector(bus %v, route %d)", p.cfg.Bus, p.cfg.Route)
}
