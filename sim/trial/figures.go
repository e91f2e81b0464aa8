package trial

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/pages"
)

// Count is how many things of one sort were caused, could be known, and were found.
type Count struct {
	Caused    int `json:"caused"`
	Decidable int `json:"decidable"`  // that the solver says are proven
	Found     int `json:"found"`      // of them, by reconciliation, with counter and amount
	OnTheDay  int `json:"on_the_day"` // of them, on the day on which it became decidable
	Invented  int `json:"invented"`   // found, and the solver or the truth knows nothing of it
}

func (c *Count) add(o *Count) {
	c.Caused, c.Decidable, c.Found = c.Caused+o.Caused, c.Decidable+o.Decidable, c.Found+o.Found
	c.OnTheDay, c.Invented = c.OnTheDay+o.OnTheDay, c.Invented+o.Invented
}

func (c *Count) exact() bool {
	return c.Found == c.Decidable && c.OnTheDay == c.Found && c.Invented == 0
}

// Method says how a method answered the true losses of honest cards.
type Method struct {
	Cases     int   `json:"cases"`
	Right     int   `json:"right"`     // name and amount
	RightSum  int   `json:"right_sum"` // the amount, under an open or wrong name or with others
	Wrong     int   `json:"wrong"`
	Undecided int   `json:"undecided"`
	None      int   `json:"none"` // no answer by the end
	Days      []int `json:"days"` // answers by whole days from the loss
}

func (m *Method) answered(days int64) {
	for int64(len(m.Days)) <= days {
		m.Days = append(m.Days, 0)
	}
	m.Days[days]++
}

func (m *Method) add(o *Method) {
	m.Cases, m.Right, m.RightSum = m.Cases+o.Cases, m.Right+o.Right, m.RightSum+o.RightSum
	m.Wrong, m.Undecided, m.None = m.Wrong+o.Wrong, m.Undecided+o.Undecided, m.None+o.None
	for d, n := range o.Days {
		for len(m.Days) <= d {
			m.Days = append(m.Days, 0)
		}
		m.Days[d] += n
	}
}

// MeanDays is the mean of Days in hundredths of a day, MaxDays the longest wait.
func (m *Method) MeanDays() (hundredths int) {
	n, sum := 0, 0
	for d, k := range m.Days {
		n, sum = n+k, sum+d*k
	}
	if n == 0 {
		return 0
	}
	return sum * 100 / n
}

// MaxDays is the longest wait for an answer, in whole days.
func (m *Method) MaxDays() int { return max(0, len(m.Days)-1) }

// Outcome is what came of one rate.
type Outcome struct {
	Name   string         `json:"name"`
	Rates  map[string]int `json:"rates"` // in ten-thousandths, those above 0
	Cards  int            `json:"cards"`
	Honest int            `json:"honest"` // of which no copy was made
	Rows   int            `json:"rows"`   // that arrived, host messages included
	Nights int            `json:"nights"`

	Verdicts int `json:"verdicts"` // pairs compared, each night
	Agree    int `json:"agree"`
	Money    int `json:"money"` // cards whose money was compared, each night
	MoneyOK  int `json:"money_equal"`

	FlashCards Count `json:"flash_cards"`
	FlashLoads Count `json:"flash_loads"`
	Clones     Count `json:"clones"`
	Missing    Count `json:"missing"`
	Copied     Count `json:"on_copied_cards"` // all of these on cards of which a copy was made; the others are on honest ones
	Forged     int   `json:"forged"`
	Refused    int   `json:"forged_refused"`

	Eligible     int `json:"refund_eligible"` // flash cards with a doubt row, no service, and a next observation that arrived
	Soon         int `json:"refunded_within_day"`
	SoonCredited int `json:"credited_within_day"`    // of these, provisionally: the total was certain, the name open
	SoonBP       int `json:"refunded_within_day_bp"` // share of Soon in basis points, 10000 if none is eligible
	RecallBP     int `json:"recall_bp"`              // findings of all sorts: found of what was decidable
	PrecisionBP  int `json:"precision_bp"`           // and how much of what was found is decidable and true

	Refunds    int `json:"refunds"`       // postings to honest cards, credits included
	WrongCards int `json:"wrong_refunds"` // honest cards that were ever given more than they had lost

	Lost        money.Fen `json:"lost_fen"`         // by honest cards up to their last observation, and not presented
	Refunded    money.Fen `json:"refunded_fen"`     // to honest cards, what was taken back deducted
	Wrong       money.Fen `json:"wrong_refund_fen"` // the most that was refunded to each of them beyond what it lacked by truth
	Short       money.Fen `json:"owed_fen"`         // decidable and due to honest cards, and not refunded at the end
	ToCopied    money.Fen `json:"copied_refund_fen"`
	Credited    money.Fen `json:"credited_fen"`        // provisionally
	Returned    money.Fen `json:"credit_reversed_fen"` // of it, taken back because it was not lost: at risk
	TooLate     money.Fen `json:"too_late_fen"`        // rows that came when the window was over: paid late, or the operators' loss
	PolicyLoss  money.Fen `json:"policy_loss_fen"`     // refunds and credits that stand at the end beyond what was lost
	Unexplained money.Fen `json:"unexplained_fen"`     // between book and timeline
	Timeline    Method    `json:"timeline"`            // this method
	Papers      Method    `json:"papers"`              // that of the papers
	Disagreed   []string  `json:"disagreements"`       // the first ten, in words
	Failed      []string  `json:"failed,omitempty"`    // keys of the figures that are not what they must be
	cases       []pages.Case
}

// Check fills Failed and the shares.
func (o *Outcome) Check() {
	o.Failed = nil
	sum := o.Sum()
	o.SoonBP, o.RecallBP, o.PrecisionBP = share(o.Soon, o.Eligible), share(sum.Found, sum.Decidable), share(sum.Found, sum.Found+sum.Invented)
	must := func(key string, ok bool) {
		if !ok {
			o.Failed = append(o.Failed, key)
		}
	}
	must("agree", o.Agree == o.Verdicts)
	must("money_equal", o.MoneyOK == o.Money)
	must("flash_cards", o.FlashCards.exact())
	must("flash_loads", o.FlashLoads.exact())
	must("clones", o.Clones.exact())
	must("missing", o.Missing.exact())
	must("on_copied_cards", o.Copied.exact())
	must("forged_refused", o.Refused == o.Forged)
	must("wrong_refund_fen", o.Wrong == 0)
	must("owed_fen", o.Short == 0)
	must("unexplained_fen", o.Unexplained == 0)
	must("disagreements", len(o.Disagreed) == 0)
	if o.Name == "default" {
		must("refunded_within_day", o.SoonBP >= 9500)
	}
}

// Sum is the findings of all sorts on all cards.
func (o *Outcome) Sum() Count {
	sum := o.counts()
	sum.add(&o.Clones)
	sum.add(&o.Copied)
	return sum
}

// share is a part in basis points, 10000 of nothing.
func share(part, of int) int {
	if of == 0 {
		return certain
	}
	return part * certain / of
}
