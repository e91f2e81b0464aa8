package sim

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// World is the city in motion: riders, cards, gates.
type World struct {
	*City
	cards   [][]byte // memory of each rider's card, nil while it is fresh
	inside  []bool   // the rider passed an entry gate and no exit gate
	origin  []uint16 // the place of that entry gate
	taps    []uint16 // times that each card was presented
	dues    []account
	events  []event
	waiting map[int]bool // places at which riders are about to tap again
}

// commit is what truly left a chip.
type commit struct {
	rider  uint32
	atc    uint16
	from   uint16 // place of entry, of a metro journey
	to     uint16 // place of the tap
	amount int32  // fen
}

// flash is a debit whose terminal did not finish.
type flash = commit

// truth is what only the simulation knows, collected by place.
type truth struct {
	commits      []commit
	flashes      []flash
	counts       tapCounts
	deniedRows   int
	clones       []row.Record
	cloneSource  []txn.TerminalID
	samples      []txn.Row // paid rows, for the injector to copy
	sampleSource []txn.TerminalID
	torn         []uint32 // riders whose taps were torn
	blind        []commit // journeys charged without their entry, amount is the right price
}

// tapCounts are the figures of the taps.
type tapCounts struct {
	Taps, Approved, TornAfterCommit, TornBefore, Recovered, Refused int
	kinds                                                           [cardKinds]struct{ taps, approved int }
	Denied, DeniedOpened                                            int // of cards that the quota scheme has put on the deny list
	Records                                                         int // station records written for cards that carry their journeys
	Holds, Completions, Proved                                      int // rows of holds, of their ends, and of torn taps that the card proved
}

func (a *tapCounts) add(b tapCounts) {
	a.Taps += b.Taps
	a.Approved += b.Approved
	a.TornAfterCommit += b.TornAfterCommit
	a.TornBefore += b.TornBefore
	a.Recovered += b.Recovered
	a.Refused += b.Refused
	a.Denied += b.Denied
	a.DeniedOpened += b.DeniedOpened
	a.Records += b.Records
	a.Holds += b.Holds
	a.Completions += b.Completions
	a.Proved += b.Proved
	for k := range a.kinds {
		a.kinds[k].taps += b.kinds[k].taps
		a.kinds[k].approved += b.kinds[k].approved
	}
}

// NewWorld puts the city at 00:00 of D.
func NewWorld(c *City) *World {
	n := c.riders.Len()
	w := &World{City: c, waiting: map[int]bool{}, cards: make([][]byte, n), inside: make([]bool, n), origin: make([]uint16, n), taps: make([]uint16, n)}
	w.dues = make([]account, n)
	for i := range w.dues {
		w.dues[i].gates = int32(c.openingMonth(uint32(i)))
		w.dues[i].chip = int32(c.openingBalance(uint32(i)))
	}
	w.events = c.plan()
	return w
}

// sealWhenRows is how many rows make a gate close a block between the fixed
// times.
const sealWhenRows = 256

// run works the events up to a second of the day, window by window, and calls
// after with the number of planned taps of each. Blocks that grew full are in the
// outboxes.
func (w *World) run(until int32, after func(taps int) error) error {
	for window := w.nextWindow(); window*windowSeconds < until; window = w.nextWindow() {
		end := (window + 1) * windowSeconds
		n, _ := slices.BinarySearchFunc(w.events, window+1, func(e event, target int32) int {
			return int(e.at/windowSeconds - target)
		})
		jobs := w.jobs(w.events[:n], end)
		if err := w.parallel(len(jobs), func(i int, k *worker) error { return k.place(jobs[i].place, jobs[i].events, end) }); err != nil {
			return err
		}
		for _, j := range jobs {
			if len(j.place.pending) > 0 {
				w.waiting[j.place.index] = true
			} else {
				delete(w.waiting, j.place.index)
			}
		}
		w.events = w.events[n:]
		if err := after(n); err != nil {
			return err
		}
	}
	return nil
}

// nextWindow is the next one in which anything is to be done: a planned tap or
// one that follows from an earlier one.
func (w *World) nextWindow() int32 {
	next := int32(1<<31-1) / windowSeconds
	if len(w.events) > 0 {
		next = w.events[0].at / windowSeconds
	}
	for i := range w.waiting {
		next = min(next, w.places[i].pending[0].at/windowSeconds)
	}
	return next
}

// job is what one place does in a window.
type job struct {
	place  *place
	events []event
}

// jobs cuts the events of a window by place, and adds the places at which only a
// follow-up falls due before its end.
func (w *World) jobs(batch []event, end int32) []job {
	var jobs []job
	for len(batch) > 0 {
		k := 1
		for k < len(batch) && batch[k].place == batch[0].place {
			k++
		}
		jobs, batch = append(jobs, job{w.places[batch[0].place], batch[:k]}), batch[k:]
	}
	planned := len(jobs)
	for i := range w.waiting {
		_, busy := slices.BinarySearchFunc(jobs[:planned], i, func(j job, index int) int { return j.place.index - index })
		if p := w.places[i]; !busy && p.pending[0].at < end {
			jobs = append(jobs, job{place: p})
		}
	}
	slices.SortFunc(jobs, func(a, b job) int { return a.place.index - b.place.index })
	return jobs
}

// parallel runs jobs on Options.Workers goroutines, each with a worker of its
// own, and gives the first error in the order of the jobs.
func (w *World) parallel(jobs int, do func(i int, k *worker) error) error {
	errs := make([]error, jobs)
	parallelWith(w.opt.Workers, jobs, func() *worker { return &worker{World: w, chip: card.New()} },
		func(i int, k *worker) { errs[i] = do(i, k) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// parallelWith runs jobs 0 to n-1 on some goroutines, each with its own tool.
func parallelWith[T any](workers, n int, tool func() T, do func(i int, t T)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			t := tool()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i, t)
			}
		})
	}
	wg.Wait()
}

// parallel runs jobs 0 to n-1 on some goroutines.
func parallel(workers, n int, do func(i int)) {
	parallelWith(workers, n, func() struct{} { return struct{}{} }, func(i int, _ struct{}) { do(i) })
}

// worker is one goroutine's hands: a chip body into which cards are put.
type worker struct {
	*World
	chip   *card.Chip
	answer []byte
	memory []byte // of the card that is in, to look into
}

// place works the events of one place, and the follow-ups that fall due among
// them.
func (k *worker) place(p *place, events []event, until int32) error {
	for {
		due := len(p.pending) > 0 && p.pending[0].at < until
		switch {
		case due && (len(events) == 0 || p.pending[0].at <= events[0].at):
			f := p.pending[0]
			p.pending = p.pending[1:]
			if err := k.tap(p, f); err != nil {
				return fmt.Errorf("place %d: %w", p.index, err)
			}
		case len(events) > 0:
			if err := k.tap(p, followUp{event: events[0], array: -1}); err != nil {
				return fmt.Errorf("place %d: %w", p.index, err)
			}
			events = events[1:]
		default:
			return k.haulFull(p, int64(until))
		}
	}
}

// finishPending works what is left of the follow-ups of a place.
func (k *worker) finishPending(p *place) error {
	for len(p.pending) > 0 {
		f := p.pending[0]
		p.pending = p.pending[1:]
		if err := k.tap(p, f); err != nil {
			return err
		}
	}
	return nil
}

func (k *worker) haulFull(p *place, until int64) error {
	for _, a := range p.arrays {
		for _, list := range [2][]*terminal{a.in, a.out} {
			for _, t := range list {
				if t.journal.Rows() >= sealWhenRows {
					if err := k.haul(t, k.midnight+until); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}
