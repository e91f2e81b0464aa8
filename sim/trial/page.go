package trial

import (
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/recon/pages"
	"github.com/citycard/citycard/recon/twoloads"
	"github.com/citycard/citycard/sim/oracle"
)

// maxCases is how many losses of one outcome are kept for the page.
const maxCases = 4

// keep keeps a loss of which the two methods differ, for the page.
func (f *file) keep(x *fact, answers []twoloads.Answer, out *Outcome) {
	if len(out.cases) >= maxCases {
		return
	}
	c := pages.Case{Card: f.key, ATC: x.atc, What: twoloads.Known{Kind: twoloads.FlashCard, Amount: x.amount}, At: x.at}
	sort := oracle.FlashCard
	if x.load {
		c.What.Kind, sort = twoloads.FlashLoad, oracle.FlashLoad
	}
	var steps []twoloads.Step
	if at, ok := f.found[thing{sort, x.atc, x.atc, x.amount}]; ok {
		steps = append(steps, twoloads.Step{At: at, Known: c.What})
	}
	for t, at := range f.found {
		if t.sort == oracle.Short && t.p <= x.atc && x.atc < t.q {
			steps = append(steps, twoloads.Step{At: at, Known: twoloads.Known{Kind: twoloads.Missing, Amount: t.amount}})
		}
	}
	slices.SortFunc(steps, func(a, b twoloads.Step) int { return int(a.At - b.At) })
	var said []twoloads.Step
	if a, ok := twoloads.About(answers, x.atc); ok {
		said = []twoloads.Step{{At: a.DecidedAt, Known: twoloads.Known{Kind: a.Kind, Amount: a.Amount}}}
	}
	if len(steps)+len(said) == 0 || len(steps) == len(said) && steps[0] == said[0] {
		return
	}
	c.Knew = twoloads.Days(steps, said)
	out.cases = append(out.cases, c)
}

// Page makes the report of a trial.
func Page(outcomes []*Outcome, seed uint64) *pages.Trial {
	d := &pages.Trial{
		Title: pages.Text{EN: "Truth test of reconciliation", ZH: "对账真值检验"}, Seeds: fmt.Sprint(seed), Days: Days,
		Solver: pages.Text{
			EN: "an independent solver that plays every history between two counters seen, each night, and the simulator's truth",
			ZH: "独立求解器每晚穷举相邻两个计数器之间的全部可能，并与模拟器真值比较",
		},
	}
	total := Outcome{Name: "all"}
	for _, o := range outcomes {
		d.Rates = append(d.Rates, o.page())
		d.Cards += int64(o.Cards)
		total.add(o)
		if len(d.Cases) < pages.CaseSize {
			d.Cases = append(d.Cases, o.cases...)
		}
	}
	d.Total = total.page()
	d.Checks = total.holds()
	return d
}

func (o *Outcome) page() pages.Rate {
	var rates []string
	for f := range faultCount {
		if n := o.Rates[f.String()]; n > 0 && len(o.Rates) <= 4 {
			rates = append(rates, fmt.Sprintf("%s %d/10000", f, n))
		}
	}
	text := strings.Join(rates, ", ")
	sum := o.counts()
	return pages.Rate{
		Name: pages.Text{EN: o.Name, ZH: o.Name}, Rate: pages.Text{EN: text, ZH: text}, Cards: int64(o.Cards), Rows: int64(o.Rows),
		Injected: int64(sum.Caused), Decidable: int64(sum.Decidable), Found: int64(sum.OnTheDay), Invented: int64(sum.Invented),
		Undecided: int64(o.Timeline.Undecided + o.Timeline.None), Verdicts: int64(o.Verdicts), Equal: int64(o.Agree),
		Eligible: int64(o.Eligible), Soon: int64(o.Soon), Refunds: int64(o.Refunds), WrongRefunds: int64(o.WrongCards), PolicyLoss: o.PolicyLoss,
		Timeline: o.Timeline.page(), Papers: o.Papers.page(),
	}
}

// counts are flash cards, flash loads and shortages of honest cards together.
func (o *Outcome) counts() Count {
	sum := o.FlashCards
	sum.add(&o.FlashLoads)
	sum.add(&o.Missing)
	return sum
}

func (m *Method) page() pages.Method {
	p := pages.Method{Cases: int64(m.Cases), Right: int64(m.Right), RightSum: int64(m.RightSum), Wrong: int64(m.Wrong), Undecided: int64(m.Undecided), None: int64(m.None)}
	for _, n := range m.Days {
		p.Days = append(p.Days, int64(n))
	}
	return p
}

// add adds another outcome, for the total.
func (o *Outcome) add(x *Outcome) {
	for _, p := range []struct{ to, from *int }{
		{&o.Cards, &x.Cards}, {&o.Rows, &x.Rows}, {&o.Verdicts, &x.Verdicts}, {&o.Agree, &x.Agree}, {&o.Money, &x.Money}, {&o.MoneyOK, &x.MoneyOK},
		{&o.Eligible, &x.Eligible}, {&o.Soon, &x.Soon}, {&o.Refunds, &x.Refunds}, {&o.WrongCards, &x.WrongCards}, {&o.Forged, &x.Forged}, {&o.Refused, &x.Refused},
	} {
		*p.to += *p.from
	}
	o.FlashCards.add(&x.FlashCards)
	o.FlashLoads.add(&x.FlashLoads)
	o.Missing.add(&x.Missing)
	o.Clones.add(&x.Clones)
	o.Copied.add(&x.Copied)
	o.Wrong, o.Short, o.PolicyLoss, o.Unexplained = o.Wrong+x.Wrong, o.Short+x.Short, o.PolicyLoss+x.PolicyLoss, o.Unexplained+x.Unexplained
	o.Timeline.add(&x.Timeline)
	o.Papers.add(&x.Papers)
}

// holds says what must hold, and whether it does.
func (o *Outcome) holds() []pages.Hold {
	ratio := func(a, b int) string { return fmt.Sprintf("%d / %d", a, b) }
	sum := o.counts()
	return []pages.Hold{
		{Name: pages.Text{EN: "verdicts equal to the solver's", ZH: "判定与求解器一致"}, Got: ratio(o.Agree, o.Verdicts), OK: o.Agree == o.Verdicts},
		{Name: pages.Text{EN: "refunds equal to what the solver says is due", ZH: "退款与求解器应付额一致"}, Got: ratio(o.MoneyOK, o.Money), OK: o.MoneyOK == o.Money},
		{Name: pages.Text{EN: "decidable losses found on the day on which they became so", ZH: "可判定损失当日查出"}, Got: ratio(sum.OnTheDay, sum.Decidable), OK: sum.exact()},
		{Name: pages.Text{EN: "the same on cards of which a copy was made", ZH: "被复制卡同上"}, Got: ratio(o.Copied.OnTheDay, o.Copied.Decidable), OK: o.Copied.exact()},
		{Name: pages.Text{EN: "two cards with one counter found on the day", ZH: "同计数器双交易当日查出"}, Got: ratio(o.Clones.OnTheDay, o.Clones.Decidable), OK: o.Clones.exact()},
		{Name: pages.Text{EN: "altered rows refused", ZH: "伪造行拒绝"}, Got: ratio(o.Refused, o.Forged), OK: o.Refused == o.Forged},
		{Name: pages.Text{EN: "refunded to honest cards beyond their true loss", ZH: "多退诚实持卡人"}, Got: o.Wrong.String(), OK: o.Wrong == 0},
		{Name: pages.Text{EN: "due to honest cards and not refunded", ZH: "应退未退"}, Got: o.Short.String(), OK: o.Short == 0},
		{Name: pages.Text{EN: "unexplained between book and timeline", ZH: "账卡不符"}, Got: o.Unexplained.String(), OK: o.Unexplained == 0},
	}
}
