package timeline

// ForcePlan makes the card take the way of cards with the transit extension.
func (c *Card) ForcePlan() { c.mode |= modeUsed }
