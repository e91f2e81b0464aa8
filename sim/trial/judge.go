package trial

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// file is all that the judge keeps about one card.
type file struct {
	rider *rider
	key   txn.CardKey
	about oracle.Case
	known oracle.Known // of the last night
	// since when the solver, and reconciliation, know of each thing
	proven, found map[thing]int64
	given         money.Fen       // to the customer, credits included
	credited      money.Fen       // of it, what stands as provisional credit
	corrected     money.Fen       // by which all postings changed the float
	tooLate       map[uint16]bool // rows that were refused for coming too late
	wrong         money.Fen       // the most that was given too much
	refunds       []recon.Posting
	first         map[uint16]int64 // arrival of the first genuine observation of a counter
}

// thing is what can be found about a card.
type thing struct {
	sort   oracle.Sort
	p, q   uint16
	amount money.Fen
}

func newFile(r *rider) *file {
	return &file{rider: r, key: r.chip.card, proven: map[thing]int64{}, found: map[thing]int64{}, first: map[uint16]int64{}, tooLate: map[uint16]bool{},
		about: oracle.Case{Limit: Limit, Window: Window, Drift: Drift, Opened: true, Opening: r.opening}}
}

// arrive adds a genuine delivery to what the solver may know.
func (f *file) arrive(d *delivery, word *seen) {
	s := oracle.Seen{Refused: word.refused, Arrived: d.arrived}
	atc := uint16(0)
	if d.host != nil {
		before, _ := d.host.iad.Balance()
		s.Load = &oracle.Load{ATC: d.host.atc, ARQC: d.host.arqc, Before: before, Amount: d.host.load, Time: d.host.time}
		atc = d.host.atc
	} else {
		s.Row = *d.row
		atc = d.row.ATC
		f.tooLate[atc] = f.tooLate[atc] || word.late
	}
	f.about.Seen = append(f.about.Seen, s)
	if d.host != nil && d.host.log != nil {
		f.believe(d)
	}
	if at, ok := f.first[atc]; !ok || d.arrived < at {
		f.first[atc] = d.arrived
	}
}

// believe tells the solver what a load log proves of the loads so far: those in it ran,
// those that would have to be in it did not.
func (f *file) believe(d *delivery) {
	for _, s := range f.about.Seen {
		l := s.Load
		if l == nil || l.Amount == 0 || l.Ran || l.Failed {
			continue
		}
		word := *l
		full := len(d.host.logged) == loadLogSize
		for _, e := range d.host.logged {
			word.Ran = word.Ran || e.atc == l.ATC && e.before == l.Before && e.after == l.Before+l.Amount
			full = full && e.atc > l.ATC // no entry is older
		}
		word.Failed = !word.Ran && !full && l.ATC < d.host.logATC && !slices.ContainsFunc(d.host.logged, func(e loaded) bool { return e.atc == l.ATC })
		if word.Ran || word.Failed {
			f.about.Seen = append(f.about.Seen, oracle.Seen{Load: &word, Arrived: d.arrived})
		}
	}
}

// night is one night of one card: what the solver knows beside what reconciliation says.
type night struct {
	now    int64
	file   *file
	out    *Outcome
	card   *timeline.Card
	state  recon.CardState
	breaks []recon.Break
	params *timeline.Params
	torn   map[uint16]bool // counters about which the solver says nothing
}

func (n *night) disagree(format string, args ...any) {
	if len(n.out.Disagreed) < maxDisagreed {
		day := (n.now - Epoch) / daySeconds
		n.out.Disagreed = append(n.out.Disagreed, fmt.Sprintf("card %s, night %d: ", n.file.key, day)+fmt.Sprintf(format, args...))
	}
}

const maxDisagreed = 10

// compare does one night.
func (n *night) compare() {
	n.torn = map[uint16]bool{}
	for _, p := range n.file.known.Pairs {
		if p.Torn {
			n.torn[p.P] = true
		}
	}
	n.verdicts()
	n.findings()
	n.money()
}

// verdicts compares every pair.
func (n *night) verdicts() {
	got, want := n.card.Verdicts(n.params), n.file.known.Pairs
	for i := range want {
		if want[i].Torn {
			continue
		}
		n.out.Verdicts++
		switch {
		case i >= len(got):
			n.disagree("no verdict on %04X-%04X", want[i].P, want[i].Q)
		case !same(&got[i], &want[i]):
			n.disagree("reconciliation %+v, the solver %+v", got[i], want[i])
		default:
			n.out.Agree++
		}
	}
	if len(got) > len(want) {
		n.disagree("%d verdicts, the solver has %d", len(got), len(want))
	}
}

// same compares a verdict with what the histories have in common.
func same(v *timeline.Verdict, p *oracle.Pair) bool {
	if v.P != p.P || v.Q != p.Q || v.Missing != p.Missing || v.Offered != p.Offered {
		return false
	}
	outcome, committed, missed := timeline.Decided, timeline.Open, money.Fen(-1)
	switch {
	case p.Unbacked:
		outcome, committed, missed = timeline.OutcomeUnbacked, timeline.No, p.MissedLeft
	case p.Paid && p.Left:
		outcome = timeline.Undecided
	case p.Paid:
		committed, missed = timeline.Yes, p.MissedPaid
	case p.Left && p.Offered > 0:
		committed, missed = timeline.No, p.MissedLeft
	case p.Left:
		missed = p.MissedLeft
	default:
		outcome = timeline.OutcomeImpossible
	}
	total, some := p.Total()
	return v.Outcome == outcome && v.Committed == committed && v.Missed == missed && v.Basis == timeline.Hard && (!some || v.Total == total)
}

// findings compares flash cards, flash loads, clones and shortages, and keeps since when
// each side knows of them.
func (n *night) findings() {
	proven, found := map[thing]bool{}, map[thing]bool{}
	k := &n.file.known
	for _, f := range k.FlashCards {
		proven[thing{oracle.FlashCard, f.ATC, f.ATC, f.Amount}] = true
	}
	for _, f := range k.FlashLoads {
		proven[thing{oracle.FlashLoad, f.ATC, f.ATC, f.Amount}] = true
	}
	for _, m := range k.Missing {
		proven[thing{oracle.Short, m.P, m.Q, m.Amount}] = true
	}
	for _, atc := range k.Clones {
		proven[thing{oracle.Clone, atc, atc, 0}] = true
	}
	for i := range n.breaks {
		b := &n.breaks[i]
		if t, ok := n.named(b); ok {
			found[t] = true
		}
	}
	for _, a := range n.alarms() {
		if a.Kind == timeline.CloneAlarm {
			found[thing{oracle.Clone, a.P, a.P, 0}] = true
		}
	}
	update(n.file.proven, proven, n.now)
	update(n.file.found, found, n.now)
	for t := range proven {
		if !found[t] {
			n.disagree("only the solver finds %+v", t)
		}
	}
	for t := range found {
		if !proven[t] {
			n.disagree("only reconciliation finds %+v", t)
		}
	}
}

// alarms are those that the judgement raises, asked for on a copy of the card.
func (n *night) alarms() []timeline.Alarm {
	if len(n.file.known.Clones) == 0 && !n.state.Frozen {
		return nil
	}
	var c timeline.Card
	if c.Decode(n.card.Append(nil)) != nil {
		return nil
	}
	c.Key = n.file.key
	return c.Judge(n.now, *n.params, nil).Alarms
}

// named makes a thing of a break that says something certain.
func (n *night) named(b *recon.Break) (thing, bool) {
	if n.torn[b.P] {
		return thing{}, false
	}
	switch {
	case b.Part == timeline.PartDoubt && (b.State == timeline.Proven || b.State == timeline.Collectable):
		return thing{oracle.FlashCard, b.P, b.P, b.Amount}, true
	case b.Part == timeline.PartLoad && b.State == timeline.Proven:
		return thing{oracle.FlashLoad, b.P, b.P, b.Amount}, true
	case b.State == timeline.Proven && (b.Part == timeline.PartGap || b.Part == timeline.PartPair):
		return thing{oracle.Short, b.P, b.Q, b.Amount}, true
	}
	return thing{}, false
}

func update(since map[thing]int64, today map[thing]bool, now int64) {
	for t := range since {
		if !today[t] {
			delete(since, t)
		}
	}
	for t := range today {
		if _, known := since[t]; !known {
			since[t] = now
		}
	}
}

// money compares what the customer has been given, credits not counted, with what is
// due in every history. A frozen card is given nothing.
func (n *night) money() {
	f := n.file
	if f.known.Torn {
		return
	}
	n.out.Money++
	standing := f.given - f.credited
	switch {
	case n.state.Frozen != f.known.Frozen:
		n.disagree("frozen %t, the solver %t", n.state.Frozen, f.known.Frozen)
	case !f.known.Frozen && standing != f.known.Due && n.params.LatePolicy == timeline.AcceptLate:
		n.disagree("given %d, due %d", standing, f.known.Due)
	case !f.known.Frozen && standing < f.known.Due:
		n.disagree("given %d, due at least %d", standing, f.known.Due)
	default:
		n.out.MoneyOK++
	}
	if f.rider.copied {
		return
	}
	if excess := standing - f.lost(n.now); excess > 0 {
		f.wrong = max(f.wrong, excess)
		n.disagree("given %d, truly lost %d", standing, f.lost(n.now))
	}
}

// lost is what the customer truly lacks at a moment: paid without service and not
// presented in time, loads that did not run. A row that comes too late is lost until it
// comes, and for good if it is refused; so is a doubt row that says that service was given.
func (f *file) lost(now int64) money.Fen {
	sum := money.Fen(0)
	for _, x := range f.rider.facts {
		switch {
		case x.at > now:
		case x.load && !x.ran:
			sum += x.amount
		case x.load || !x.paid:
		case x.fault == FlashDoubt || x.fault == FlashSilent || x.arrives == 0, f.tooLate[x.atc]:
			sum += x.amount
		case x.arrives > x.at+Window && x.arrives > now:
			sum += x.amount
		}
	}
	return sum
}

// take books the postings of a night.
func (f *file) take(p *recon.Posting, out *Outcome) {
	if p.From == recon.Float {
		f.corrected -= p.Amount
	} else {
		f.corrected += p.Amount
	}
	switch p.Key.Purpose {
	case timeline.Refund, timeline.ProvisionalCredit:
		f.given += p.Amount
		f.refunds = append(f.refunds, *p)
	case timeline.ReverseRefund, timeline.ReverseProvisional:
		f.given -= p.Amount
	}
	switch p.Key.Purpose {
	case timeline.ProvisionalCredit:
		out.Credited += p.Amount
	case timeline.ReverseProvisional:
		out.Returned += p.Amount
	}
}

// soon tells whether a doubt row's flash card was refunded within a day of the moment at
// which it and a later observation had arrived; eligible is false while one of them has
// not. credited says that the refund was a credit, because the name was still open.
func (f *file) soon(x *fact) (eligible, soon, credited bool) {
	doubt, ok := f.first[x.atc]
	if !ok {
		return false, false, false
	}
	next := int64(0)
	for atc, at := range f.first {
		if atc > x.atc && (next == 0 || at < next) {
			next = at
		}
	}
	if next == 0 {
		return false, false, false
	}
	from := max(doubt, next)
	for i := range f.refunds {
		p := &f.refunds[i]
		if p.Key.P <= x.atc && x.atc < p.Key.Q && p.Time <= from+daySeconds {
			return true, true, p.Key.Purpose == timeline.ProvisionalCredit
		}
	}
	return true, false, false
}
