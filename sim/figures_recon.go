package sim

import (
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
)

// breakData counts the breaks by state and picks a sample in which every state
// has its turn.
func (r *Run) breakData(d *report.Data, rd *sqlite.Reader) error {
	if err := rd.BreakStates(func(s timeline.State, n int64, amount money.Fen) error {
		d.States = append(d.States, report.StateCount{Key: s.String(), Breaks: n, Amount: amount})
		return nil
	}); err != nil {
		return err
	}
	samples := make([][]report.Break, timeline.LostUpload+1)
	if err := rd.Breaks(r.road.vault, func(b *recon.Break) error {
		if of := &samples[b.State]; len(*of) < report.SampleSize {
			*of = append(*of, report.Break{Card: b.Card, P: b.P, Q: b.Q, State: b.State.String(), Amount: b.Amount, Terminal: b.Terminal,
				Verdict: report.Text{EN: b.Sentence(recon.EN), ZH: b.Sentence(recon.ZH)}})
		}
		return nil
	}); err != nil {
		return err
	}
	d.Breaks = mixed(samples, report.SampleSize)
	return nil
}

// mixed takes n elements, one of each group after the other, and gives them by
// group.
func mixed(groups [][]report.Break, n int) []report.Break {
	taken := make([]int, len(groups))
	for more := true; more; {
		more = false
		for i := range groups {
			if n > 0 && taken[i] < len(groups[i]) {
				taken[i]++
				n--
				more = true
			}
		}
	}
	var out []report.Break
	for i, g := range groups {
		out = append(out, g[:taken[i]]...)
	}
	return out
}

// dayData fills in D to the last day: open breaks as they were put down at each
// close, refunds and provisional credits from the ledger, rows that were held up
// from the network between terminals and acquirer.
func (r *Run) dayData(d *report.Data, rd *sqlite.Reader) error {
	d.Days = make([]report.Day, LastDay+1)
	for i := range d.Days {
		open, late := r.road.open[i], r.carrier.delayed[i]
		d.Days[i] = report.Day{Offset: i, Open: open.n, OpenAmount: open.amount, Late: late.rows, LateAmount: late.amount}
	}
	return rd.PostedIn(issuer.CodeRefund, issuer.CodeProvisional, func(window int32, transfers int64, amount money.Fen) error {
		offset := window - r.world.day
		if offset > LastDay { // approved by clerks since
			return nil
		}
		day := &d.Days[offset]
		day.Refunds, day.RefundAmount = transfers, amount
		return nil
	})
}
