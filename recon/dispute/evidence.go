package dispute

import (
	"errors"
	"fmt"
	"slices"
)

// Finding is what is proved about the row of a case. The words stand in the rules, where a
// reason names the findings that contradict it.
type Finding string

// The findings. The first three come from the card's timeline and the terminal's blocks,
// the last one from the events of the case.
const (
	CardPaid   Finding = "card_paid"   // the balances around the row say that the card paid it
	ExactFall  Finding = "exact_fall"  // the balance fell by just the amount of the row
	InTime     Finding = "in_time"     // the row came within the time for rows
	NotOverdue Finding = "not_overdue" // no query of the case was left without an answer
)

var findingTexts = map[Finding][2]string{
	CardPaid: {"the balances of the card say that it paid this row", "卡片余额证明该笔已扣款"}, ExactFall: {"the balance of the card fell by just this amount", "卡片余额恰减少该金额"},
	InTime: {"the row came in time", "该笔在期限内提交"}, NotOverdue: {"no query of this case was left without an answer in time", "本案没有逾期未答复的查询"},
}

// Text is the finding in "en" or "zh".
func (f Finding) Text(lang string) string { return pick(findingTexts[f], lang) }

// ErrEvidence says that the reason of a step contradicts what is proved.
var ErrEvidence = errors.New("the evidence contradicts the reason")

// Weigh compares the reason of a step with what is proved about the row; the events of the
// case count too. The error wraps ErrEvidence and names the finding. Take does not ask: a
// case that was decided on the evidence of its day stays as it was.
func (c *Case) Weigh(r *Rules, e Event, proved []Finding) error {
	if !c.overdue() {
		proved = append(slices.Clone(proved), NotOverdue)
	}
	reason := r.reasons[e.Reason]
	for _, f := range reason.Against {
		if slices.Contains(proved, f) {
			return fmt.Errorf("case %d, %s: %s, so not %s (%s): %w", c.ID, e.Step, f.Text("en"), reason.Code, reason.EN, ErrEvidence)
		}
	}
	return nil
}

// overdue reports whether the term of a query passed without an answer.
func (c *Case) overdue() bool {
	waits := false
	for i := range c.Events {
		switch c.Events[i].Step {
		case Query:
			waits = true
		case Answer:
			waits = false
		case Lapsed:
			if waits {
				return true
			}
		}
	}
	return false
}
