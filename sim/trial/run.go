package trial

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Options say what a trial is about.
type Options struct {
	Cards int
	Seed  uint64
	Rate  Rate
	Late  timeline.LatePolicy // what is done with rows that come too late
}

// Params are the rules of reconciliation in a trial: 20 days, credits up to 20 yuan for a
// card and month: after 7 days, and at once where a doubt row without service is undecided.
func Params(late timeline.LatePolicy) timeline.Params {
	p := timeline.DefaultParams()
	p.Cap, p.Window, p.Drift, p.LatePolicy = Limit, Window, Drift, late
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 7*daySeconds, 20_00, 20_00, 1_000_000_00
	p.ProvisionalAtDoubt = true
	return p
}

// world is all networks of a trial, with what the judge keeps of each card.
type world struct {
	networks []*network
	next     []int // first delivery of each network that has not been handed over
	files    []*file
	byCard   map[txn.CardKey]*file
}

func newWorld(o *Options) *world {
	keys := map[cryptogram.Alg]masters{cryptogram.SM4: newMasters(cryptogram.SM4), cryptogram.TDES: newMasters(cryptogram.TDES)}
	w := &world{byCard: map[txn.CardKey]*file{}}
	for first := 0; first < o.Cards; first += cardsPerNet {
		n := newNetwork(o.Seed, first/cardsPerNet, min(cardsPerNet, o.Cards-first), &o.Rate.Rates, keys)
		w.networks = append(w.networks, n)
		for _, r := range n.riders {
			f := newFile(r)
			w.files = append(w.files, f)
			w.byCard[f.key] = f
		}
	}
	w.next = make([]int, len(w.networks))
	return w
}

// due hands over what arrived up to a moment, in the order of arrival within a network.
func (w *world) due(now int64) []delivery {
	var out []delivery
	for i, n := range w.networks {
		from := w.next[i]
		for w.next[i] < len(n.deliveries) && n.deliveries[w.next[i]].arrived <= now {
			w.next[i]++
		}
		out = append(out, n.deliveries[from:w.next[i]]...)
	}
	return out
}

// Run is one trial at one rate.
func Run(ctx context.Context, o Options) (*Outcome, error) {
	store := NewMemory()
	d, err := newDetector(store, Params(o.Late))
	if err != nil {
		return nil, err
	}
	w := newWorld(&o)
	out := &Outcome{Name: o.Rate.Name, Rates: map[string]int{}, Cards: len(w.files), Nights: Days, Disagreed: []string{}}
	for f, n := range o.Rate.Rates {
		if n > 0 {
			out.Rates[Fault(f).String()] = n
		}
	}
	var events []recon.Event
	for _, f := range w.files {
		events = append(events, d.open(f.key, f.rider.opening))
	}
	posted := 0
	for day := range int64(Days) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := Epoch + (day+1)*daySeconds + 3*3600
		taken, err := w.hand(d, now, out)
		if err != nil {
			return nil, err
		}
		marks := w.marks(now)
		if _, err := d.night(ctx, now, append(events, taken...), func(k txn.CardKey) timeline.Watermarks { return marks[w.byCard[k]] }); err != nil {
			return nil, fmt.Errorf("trial, night %d: %w", day, err)
		}
		events = nil
		for ; posted < len(store.postings); posted++ {
			p := &store.postings[posted]
			w.byCard[p.Key.Card].take(p, out)
		}
		if err := w.judge(store, d, now, marks, out); err != nil {
			return nil, err
		}
	}
	w.tally(d, out)
	out.Check()
	return out, nil
}

// hand gives the detector what arrived and tells the judge of what is genuine.
func (w *world) hand(d *detector, now int64, out *Outcome) ([]recon.Event, error) {
	arrived := w.due(now)
	out.Rows += len(arrived)
	taken, err := d.take(arrived)
	if err != nil {
		return nil, err
	}
	var events []recon.Event
	for i := range taken {
		if taken[i].ok {
			events = append(append(events, taken[i].event), taken[i].words...)
		}
		if !arrived[i].genuine {
			out.Forged++
			continue
		}
		w.byCard[arrived[i].card()].arrive(&arrived[i], &taken[i])
	}
	return events, nil
}

func (d *delivery) card() txn.CardKey {
	if d.host != nil {
		return d.host.card
	}
	return d.row.Card
}

// marks is what is known of the completeness of the rows of each card's terminals.
func (w *world) marks(now int64) map[*file]*timeline.Marks {
	out := map[*file]*timeline.Marks{}
	for _, n := range w.networks {
		m := n.marks(now)
		for _, r := range n.riders {
			out[w.byCard[r.chip.card]] = m
		}
	}
	return out
}

// judge compares every card.
func (w *world) judge(store *Memory, d *detector, now int64, marks map[*file]*timeline.Marks, out *Outcome) error {
	var c timeline.Card
	for _, f := range w.files {
		state := store.cards[f.key]
		c.Key = f.key
		if err := c.Decode(state.Blob); err != nil {
			return fmt.Errorf("trial: timeline of card %s: %w", f.key, err)
		}
		f.known = f.about.At(now, marks[f].Through)
		f.credited = state.Provisional
		n := night{now: now, file: f, out: out, card: &c, state: state, breaks: store.breaks[f.key], params: &d.params}
		n.compare()
		if f.known.Frozen || f.known.Torn {
			continue
		}
		if gap := c.Explained(d.booked[f.key]+f.corrected, &d.params); gap != 0 {
			out.Unexplained += max(gap, -gap)
			n.disagree("%d fen unexplained", gap)
		}
	}
	return nil
}

// tally adds up the findings of all cards.
func (w *world) tally(d *detector, out *Outcome) {
	out.Refused = d.refused
	for _, f := range w.files {
		f.tally(out)
		if !f.rider.copied {
			out.Honest++
			f.account(out)
			f.methods(out)
			continue
		}
		out.ToCopied += max(0, f.given)
	}
}

// account closes the account of an honest card.
func (f *file) account(out *Outcome) {
	lost := money.Fen(0)
	for _, x := range f.rider.facts {
		if x.atc >= f.known.Tail {
			continue
		}
		switch {
		case x.load && !x.ran, x.paid && (x.fault == FlashDoubt || x.fault == FlashSilent || x.arrives == 0):
			lost += x.amount
		}
	}
	out.Lost += lost
	out.Refunds += len(f.refunds)
	if out.Wrong += f.wrong; f.wrong > 0 {
		out.WrongCards++
	}
	out.Refunded += f.given
	if !f.known.Frozen {
		out.Short += max(0, f.known.Due-(f.given-f.credited))
	}
	out.PolicyLoss += max(0, f.given-lost)
}

// RunAll runs several trials side by side, workers at a time, and gives the outcomes in
// the order of the options. progress, which may be nil, hears of each that is done.
func RunAll(ctx context.Context, all []Options, workers int, progress func(done, total float64)) ([]*Outcome, error) {
	out := make([]*Outcome, len(all))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, workers))
	var mu sync.Mutex
	done := 0
	for i := range all {
		g.Go(func() error {
			o, err := Run(ctx, all[i])
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			out[i] = o
			done++
			if progress != nil {
				progress(float64(done), float64(len(all)))
			}
			return nil
		})
	}
	return out, g.Wait()
}
