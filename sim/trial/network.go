package trial

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

const (
	terminals   = 3  // of a network
	cardsPerNet = 10 // that tap at them, and nowhere else
)

// delivery is a row or a host message as it reaches the issuer.
type delivery struct {
	arrived int64
	row     *txn.Row
	host    *hostMessage
	genuine bool // the chip made it: the judge's knowledge, kept from the detector
	rider   int
}

// network is some cards and the terminals that accept them.
type network struct {
	riders     []*rider
	deliveries []delivery // by arrival
	closed     bool       // sequences tell when everything is in
	skewed     bool       // the clock of a terminal is out
	sent       []sending  // every row that a terminal made
}

// sending is one number of a terminal's sequence.
type sending struct {
	terminal txn.TerminalID
	sequence uint32
	time     int64 // by the terminal's clock
	arrives  int64 // 0: never
}

// newNetwork lives the cards from first on, at most n of them.
func newNetwork(seed uint64, index, n int, rates *Rates, keys map[cryptogram.Alg]masters) *network {
	w := &network{}
	r := rand.New(rand.NewPCG(seed, uint64(index)))
	w.closed = r.IntN(certain) < rates[Closed]
	type event struct {
		*tapped
		rider int
	}
	var events []event
	for i := range n {
		c := newChip(index*cardsPerNet+i, money.Fen(50+r.IntN(150))*100, keys)
		d := &rider{r: rand.New(rand.NewPCG(seed^0x9E3779B97F4A7C15, uint64(index*cardsPerNet+i))), rates: rates, chip: &c, opening: c.value}
		d.live()
		w.riders = append(w.riders, d)
		for _, t := range d.taps {
			events = append(events, event{t, i})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	t := newTrays(r, rates, index)
	w.skewed = t.skewed
	for _, e := range events {
		if e.host != nil {
			w.deliveries = append(w.deliveries, delivery{arrived: e.at, host: e.host, genuine: true, rider: e.rider})
			continue
		}
		w.send(t, e.tapped, e.rider)
	}
	slices.SortStableFunc(w.deliveries, func(a, b delivery) int { return cmp.Compare(a.arrived, b.arrived) })
	return w
}

// trays are the terminals of a network.
type trays struct {
	r     *rand.Rand
	rates *Rates
	first txn.TerminalID
	skew  [terminals + 1]int64 // clock errors; the last terminal is the swindler's
	next  [terminals + 1]uint32
	// skewed says that one of them is out by more than Drift.
	skewed bool
}

func newTrays(r *rand.Rand, rates *Rates, index int) *trays {
	t := &trays{r: r, rates: rates, first: txn.TerminalID(index*(terminals+1) + 1)}
	for i := range terminals {
		t.skew[i] = int64(r.IntN(int(2*Drift+1))) - Drift
		if r.IntN(certain) < rates[Clock] {
			t.skew[i], t.skewed = int64(r.IntN(12*3600))-6*3600, true
		}
	}
	return t
}

// stamp gives a row the next number of a terminal and its time.
func (t *trays) stamp(row *txn.Row, terminal int, at int64) {
	t.next[terminal]++
	row.Terminal, row.Sequence, row.Time = t.first+txn.TerminalID(terminal), t.next[terminal], at+t.skew[terminal]
}

// send sends the rows of a tap on their way, and what is made of them.
func (w *network) send(t *trays, e *tapped, rider int) {
	fate, bad := t.fate()
	if e.calm {
		bad = false
	}
	arrives := e.at + 600 + int64(t.r.IntN(12*3600)) // rows of one tap go together
	switch {
	case !bad:
	case fate == LostUpload:
		arrives = 0
	case fate == LateUpload:
		arrives = e.at + daySeconds + int64(t.r.IntN(int(18*daySeconds)))
	case fate == TooLate:
		arrives = e.at + Window + Drift + 1 + int64(t.r.IntN(int(2*daySeconds)))
	}
	for _, row := range e.rows {
		t.stamp(row, e.terminal, e.at)
		w.sent = append(w.sent, sending{row.Terminal, row.Sequence, row.Time, arrives})
		if arrives == 0 {
			continue
		}
		w.deliveries = append(w.deliveries, delivery{arrived: arrives, row: row, genuine: true, rider: rider})
		if e.fact != nil {
			e.fact.arrives = arrives
		}
		if bad && row.Kind.Paid() && row.Amount > 0 {
			w.copies(t, fate, row, arrives, rider)
		}
	}
}

func (t *trays) fate() (Fault, bool) {
	n := t.r.IntN(certain)
	for f := LostUpload; f <= Replay; f++ {
		if n -= t.rates[f]; n < 0 {
			return f, true
		}
	}
	return faultCount, false
}

// copies sends a second row after the first: the same, one of another terminal, or an
// altered one.
func (w *network) copies(t *trays, fate Fault, row *txn.Row, arrives int64, rider int) {
	again := *row
	later := arrives + int64(t.r.IntN(3*int(daySeconds))) - daySeconds/2
	later = max(later, row.Time+60)
	switch fate {
	case Duplicate:
		w.deliveries = append(w.deliveries, delivery{arrived: max(later, arrives), row: &again, genuine: true, rider: rider})
		return
	case Replay:
		t.stamp(&again, terminals, row.Time+600)
		w.deliveries = append(w.deliveries, delivery{arrived: later, row: &again, genuine: true, rider: rider})
		return
	case Forged:
		t.stamp(&again, terminals, row.Time+600)
		switch t.r.IntN(4) {
		case 0:
			again.AC[t.r.IntN(8)] ^= 1 << t.r.IntN(8)
		case 1:
			again.IAD[15+t.r.IntN(4)] ^= 1 << t.r.IntN(8) // balance MAC
		case 2:
			again.Amount += 100
		case 3:
			again.ATC++
		}
		w.deliveries = append(w.deliveries, delivery{arrived: later, row: &again, rider: rider})
	}
}

// marks is what the sequences tell at a moment: how far everything is in, and where
// numbers are missing. A network with a clock that is out tells nothing of the first.
func (w *network) marks(now int64) *timeline.Marks {
	m := &timeline.Marks{}
	through := now
	type gap struct{ from, to int64 }
	last := map[txn.TerminalID]int64{}
	open := map[txn.TerminalID]*gap{}
	for _, s := range w.sent {
		if s.time > now {
			continue
		}
		if s.arrives == 0 || s.arrives > now {
			through = min(through, s.time-Drift-1)
			if open[s.terminal] == nil {
				open[s.terminal] = &gap{from: last[s.terminal]}
			}
			continue
		}
		if g := open[s.terminal]; g != nil {
			m.Gaps = append(m.Gaps, timeline.SequenceGap{Terminal: s.terminal, From: g.from, To: s.time})
			open[s.terminal] = nil
		}
		last[s.terminal] = s.time
	}
	if w.closed && !w.skewed {
		m.Through = max(0, through)
	}
	return m
}
