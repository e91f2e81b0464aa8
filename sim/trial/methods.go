package trial

import (
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/twoloads"
	"github.com/citycard/citycard/sim/oracle"
)

// tally counts what was caused, decidable and found about a card.
func (f *file) tally(out *Outcome) {
	count := func(s oracle.Sort) *Count {
		switch {
		case s == oracle.Clone:
			return &out.Clones
		case f.rider.copied:
			return &out.Copied
		}
		return map[oracle.Sort]*Count{oracle.FlashCard: &out.FlashCards, oracle.FlashLoad: &out.FlashLoads, oracle.Short: &out.Missing}[s]
	}
	for t, at := range f.proven {
		c := count(t.sort)
		c.Decidable++
		first, found := f.found[t]
		if found {
			c.Found++
		}
		if found && first == at {
			c.OnTheDay++
		}
		if !f.rider.copied && !f.rider.did(t) {
			c.Invented++
		}
	}
	for t := range f.found {
		if _, known := f.proven[t]; !known {
			count(t.sort).Invented++
		}
	}
	if f.rider.copied {
		out.Clones.Caused++
		return
	}
	for _, x := range f.rider.facts {
		switch {
		case x.load && !x.ran:
			out.FlashLoads.Caused++
		case x.paid && x.flash():
			out.FlashCards.Caused++
			if x.served {
				break
			}
			eligible, soon, credited := f.soon(x)
			out.Eligible += one(eligible)
			out.Soon += one(soon)
			out.SoonCredited += one(credited)
		case x.paid && x.arrives == 0:
			out.Missing.Caused++
		}
		if x.paid && x.fault != FlashSilent && x.arrives > x.at+Window {
			out.TooLate += x.amount
		}
	}
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// flash reports whether a doubt row is all that was made of the tap.
func (x *fact) flash() bool { return x.fault == FlashDoubt || x.fault == FlashServed }

// did reports whether a finding is true of an honest card.
func (d *rider) did(t thing) bool {
	sum := money.Fen(0)
	for _, x := range d.facts {
		switch {
		case t.sort == oracle.FlashCard && x.atc == t.p:
			return x.paid && x.doubted && x.amount == t.amount
		case t.sort == oracle.FlashLoad && x.atc == t.p:
			return x.load && !x.ran && x.amount == t.amount
		case t.sort == oracle.Short && t.p <= x.atc && x.atc < t.q && (x.paid && !x.load || x.load && !x.ran):
			sum += x.amount
		}
	}
	return t.sort == oracle.Short && sum >= t.amount
}

// methods asks both methods about every true loss of an honest card for which no row
// can come any more.
func (f *file) methods(out *Outcome) {
	answers := f.papers()
	for _, x := range f.rider.facts {
		lost := x.paid && (x.flash() || x.arrives == 0)
		if !lost && (!x.load || x.ran) {
			continue
		}
		out.Timeline.Cases++
		out.Papers.Cases++
		f.byTimeline(x, &out.Timeline)
		f.byPapers(x, answers, &out.Papers)
		f.keep(x, answers, out)
	}
}

// byTimeline is what reconciliation said of a loss.
func (f *file) byTimeline(x *fact, m *Method) {
	sort := oracle.FlashCard
	if x.load {
		sort = oracle.FlashLoad
	}
	if at, ok := f.found[thing{sort, x.atc, x.atc, x.amount}]; ok {
		m.Right++
		m.answered((at - x.at) / daySeconds)
		return
	}
	for t, at := range f.found {
		if t.sort == oracle.Short && t.p <= x.atc && x.atc < t.q {
			m.RightSum++
			m.answered((at - x.at) / daySeconds)
			return
		}
	}
	if x.atc >= f.known.Tail {
		m.None++
		return
	}
	m.Undecided++
}

// papers is the method of the papers with all that had arrived by the end. It is given
// the time it needs: answers may come up to 20 days after that.
func (f *file) papers() []twoloads.Answer {
	var loads []twoloads.Load
	var spends []twoloads.Spend
	told := map[uint16]bool{}
	for _, t := range f.rider.taps {
		if t.host != nil {
			told[t.host.atc] = t.host.told
		}
	}
	for i := range f.about.Seen {
		s := &f.about.Seen[i]
		switch {
		case s.Load != nil && s.Load.Amount > 0:
			loads = append(loads, twoloads.Load{ATC: s.Load.ATC, Before: s.Load.Before, Amount: s.Load.Amount, Time: s.Load.Time, Told: told[s.Load.ATC]})
		case s.Load == nil && s.Row.Kind.Paid() && !s.Refused:
			spends = append(spends, twoloads.Spend{ATC: s.Row.ATC, Amount: s.Row.Amount, Time: s.Row.Time, Arrived: s.Arrived})
		}
	}
	return twoloads.Compare(loads, spends, Epoch+Days*daySeconds+Window, Window)
}

// byPapers is what the papers' method said of a loss: right if it names this loss and no
// other lies between the two loads, right in the sum if it gives what all of them lost.
func (f *file) byPapers(x *fact, answers []twoloads.Answer, m *Method) {
	a, ok := twoloads.About(answers, x.atc)
	if !ok || a.Kind == twoloads.Waiting {
		m.None++
		return
	}
	if a.Kind == twoloads.Undecided {
		m.Undecided++
		return
	}
	sum, n := money.Fen(0), 0
	for _, y := range f.rider.facts {
		if y.atc < a.First || y.atc >= a.Second {
			continue
		}
		if y.paid && (y.flash() || y.arrives == 0) || y.load && !y.ran {
			sum, n = sum+y.amount, n+1
		}
	}
	right := twoloads.FlashCard
	if x.load {
		right = twoloads.FlashLoad
	}
	switch {
	case n == 1 && a.Kind == right && a.Amount == x.amount:
		m.Right++
	case a.Amount == sum:
		m.RightSum++
	default:
		m.Wrong++
	}
	m.answered((a.DecidedAt - x.at) / daySeconds)
}
