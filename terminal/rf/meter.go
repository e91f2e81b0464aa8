package rf

import (
	"errors"
	"fmt"
)

// Used is what a conversation has cost so far.
type Used struct {
	APDUs    int
	Sent     int // bytes of commands
	Received int // bytes of answers, status words included
	Time     Time
}

// Meter adds up one conversation.
type Meter struct {
	medium Medium
	card   *Card
	used   Used
}

// NewMeter starts to count, with the time of the activation. The meter changes
// what the card knows of its conversation, so a card is for one meter at a time.
func NewMeter(m Medium, card *Card) *Meter {
	card.hasLast = false
	return &Meter{medium: m, card: card, used: Used{Time: m.Activation()}}
}

// Exchange counts a command and its answer and says how long they took together.
// An answer that never came is empty.
func (m *Meter) Exchange(cmd, answer []byte) Time {
	t := m.medium.Exchange(len(cmd), len(answer), m.card.Processing(cmd, answer))
	m.used.APDUs++
	m.used.Sent += len(cmd)
	m.used.Received += len(answer)
	m.used.Time += t
	return t
}

// Used is what the conversation has cost so far.
func (m *Meter) Used() Used { return m.used }

// ErrBudget is the kind of the errors of Budget.Check.
var ErrBudget = errors.New("over the budget of the flow")

// Budget is what a flow may cost at most.
type Budget struct {
	APDUs    int
	Sent     int // bytes of commands
	Received int // bytes of answers, status words included
}

// Check names the first figure that is over the budget.
func (b Budget) Check(u Used) error {
	for _, row := range [...]struct {
		what       string
		used, most int
	}{{"APDUs", u.APDUs, b.APDUs}, {"bytes sent", u.Sent, b.Sent}, {"bytes received", u.Received, b.Received}} {
		if row.used > row.most {
			return fmt.Errorf("%d %s, at most %d: %w", row.used, row.what, row.most, ErrBudget)
		}
	}
	return nil
}
