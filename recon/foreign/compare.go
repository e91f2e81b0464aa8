package foreign

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/recon/twoloads"
	"github.com/citycard/citycard/txn"
)

// Case is one flash card or flash load with what the timeline and the comparison of two
// loads (recon/twoloads) said of it, and on which day.
type Case struct {
	Key    txn.CardKey
	ATC    uint16
	What   twoloads.Known // by the timeline
	At     int64          // of the tap or load, 0 if it is unknown
	Latest int64          // where At is unknown: the moment before which it happened
	Since  int64          // when the timeline could tell
	Knew   []twoloads.Knowledge
	Answer twoloads.Known // of the comparison, Nothing or Waiting if there is none yet
	Told   int64          // when it was given
}

// compare asks the other method about the card's findings.
func (run *cardRun) compare() {
	var findings []*Flash
	for _, list := range [][]Flash{run.res.FlashCards, run.res.FlashLoads} {
		for i := len(list) - 1; i >= 0 && list[i].Key == run.lines.key; i-- {
			findings = append(findings, &list[i])
		}
	}
	if len(findings) == 0 {
		return
	}
	loads, spends := run.papers()
	for _, f := range findings {
		c := Case{Key: f.Key, ATC: f.ATC, What: twoloads.Known{Kind: twoloads.FlashCard, Amount: f.Amount}, At: f.At, Latest: f.Latest, Since: f.Decided}
		if f.How == aboutLoad {
			c.What.Kind = twoloads.FlashLoad
		}
		var said []twoloads.Step
		for _, s := range twoloads.Knew(loads, spends, f.ATC, run.im.o.Params.Window) {
			if s.At <= dayEnd(run.asOf) {
				said = append(said, s)
				c.Answer, c.Told = s.Known, s.At
			}
		}
		c.Knew = twoloads.Days([]twoloads.Step{{At: f.Decided, Known: c.What}}, said)
		run.res.Cases = append(run.res.Cases, c)
	}
}

// papers are the card's loads and presented payments in the form of the other method.
func (run *cardRun) papers() (loads []twoloads.Load, spends []twoloads.Spend) {
	seen := map[identity]bool{}
	for i := range run.lines.items {
		it := &run.lines.items[i]
		n := identityOf(&it.obs)
		if it.arrived > run.asOf || seen[n] {
			continue
		}
		switch it.obs.Kind {
		case timeline.Load:
			loads = append(loads, twoloads.Load{ATC: it.obs.ATC, Before: it.obs.B, Amount: it.obs.Debit, Time: it.time, Told: it.told})
		case timeline.Paid:
			spends = append(spends, twoloads.Spend{ATC: it.obs.ATC, Amount: it.obs.Debit, Time: it.time, Arrived: dayEnd(it.arrived)})
		default:
			continue
		}
		seen[n] = true
	}
	return loads, spends
}

// Method counts how a method did over the cases.
type Method struct {
	Cases     int64   `json:"cases"`
	Right     int64   `json:"right"`     // name and amount
	Amount    int64   `json:"amount"`    // the amount, but not the name
	Wrong     int64   `json:"wrong"`     // neither
	Undecided int64   `json:"undecided"` // it says that it cannot tell
	None      int64   `json:"none"`      // no answer by the day of the judgement
	Days      []int64 `json:"days"`      // answers by full days from the tap or load; of a missing counter, from the counter behind it
}

// Methods are the timeline, whose findings are the cases, and the comparison of two loads.
type Methods struct {
	Timeline Method `json:"timeline"`
	TwoLoads Method `json:"two_loads"`
}

// methods adds up the cases.
func (r *Result) methods() Methods {
	m := Methods{Timeline: Method{Days: []int64{}}, TwoLoads: Method{Days: []int64{}}}
	for i := range r.Cases {
		c := &r.Cases[i]
		m.Timeline.Cases++
		m.Timeline.Right++
		m.Timeline.answered(max(c.At, c.Latest), c.Since)
		t := &m.TwoLoads
		t.Cases++
		switch c.Answer.Kind {
		case twoloads.Nothing, twoloads.Waiting:
			t.None++
			continue
		case twoloads.Undecided:
			t.Undecided++
			continue
		case c.What.Kind:
			t.judge(c.Answer.Amount, c.What.Amount, true)
		default:
			t.judge(c.Answer.Amount, c.What.Amount, false)
		}
		t.answered(max(c.At, c.Latest), c.Told)
	}
	return m
}

func (m *Method) judge(got, want money.Fen, named bool) {
	switch {
	case got != want:
		m.Wrong++
	case named:
		m.Right++
	default:
		m.Amount++
	}
}

// answered counts the days to an answer.
func (m *Method) answered(at, told int64) {
	if at == 0 {
		return
	}
	days := int(max(0, told-at) / 86400)
	for len(m.Days) <= days {
		m.Days = append(m.Days, 0)
	}
	m.Days[days]++
}
