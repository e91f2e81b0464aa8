package recon

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Input is what one run works on.
type Input struct {
	Now    int64 // unix seconds
	Params timeline.Params
	// Events are the observations of the window. Loads must come with, or before, the
	// rows that follow them, else a card looks impossible for as long as they lack.
	// An error from the source ends the run; what came before stays.
	Events iter.Seq2[Event, error]
	// Marks gives the watermarks of the terminals that may accept a card; nil, or nil
	// for a card, if nothing is known.
	Marks func(txn.CardKey) timeline.Watermarks
	// Forget drops what lies further back than so many seconds and is settled
	// (timeline.Card.Compact) from every card that is judged; 0 drops nothing. It must be
	// more than any row may be late.
	Forget int64
	// Batch is how many events or cards are worked on at a time, 4096 if it is 0.
	Batch int
}

// Tally counts things and adds up their amounts.
type Tally struct {
	Count  int
	Amount money.Fen
}

func (t *Tally) add(amount money.Fen) { t.Count, t.Amount = t.Count+1, t.Amount+amount }

// CardAlarm is an alarm about one card.
type CardAlarm struct {
	Card txn.CardKey
	timeline.Alarm
}

// Report is what a run found. Breaks and Flash hold what waits or is new; what was
// settled on an earlier day stays in the store. A run that resumes another reports
// only its own part: the store's tables are the record.
type Report struct {
	Events   int
	Judged   int
	Open     int // cards that wait for time or for a row
	Breaks   []Break
	Flash    []timeline.Flash
	Alarms   []CardAlarm
	States   [timeline.LostUpload + 1]Tally   // of Breaks, by state
	Actions  [timeline.ReverseClaim + 1]Tally // of this run, by purpose
	Rejected []error                          // events that are no observation
	Damaged  []txn.CardKey                    // cards whose stored form cannot be read
}

// ErrDamaged says that Report.Damaged is not empty. Everything else was done.
var ErrDamaged = errors.New("stored card timelines cannot be read")

const defaultBatch = 4096

// Day adds the window's events to their cards and judges every open card. After an
// error it may be run again with the same input.
func Day(ctx context.Context, s Store, in Input) (*Report, error) {
	if in.Now <= 0 || in.Now > 1<<32-1 {
		return nil, fmt.Errorf("reconcile: time %d is no unix time of this century", in.Now)
	}
	if in.Batch <= 0 {
		in.Batch = defaultBatch
	}
	r := &run{store: s, in: &in, report: &Report{}}
	if err := r.observe(ctx); err != nil {
		return r.report, err
	}
	if err := r.judge(ctx); err != nil {
		return r.report, err
	}
	if n := len(r.report.Damaged); n > 0 {
		return r.report, fmt.Errorf("reconcile: %d cards, first %s: %w", n, r.report.Damaged[0], ErrDamaged)
	}
	return r.report, nil
}

// run is one call of Day.
type run struct {
	store  Store
	in     *Input
	report *Report
	card   timeline.Card
	form   []byte    // scratch for the encoded form of card
	budget money.Fen // provisional credit that may still be given

	granted *Batch // what an approval changes
}

// observe adds the events, batch by batch.
func (r *run) observe(ctx context.Context) error {
	if r.in.Events == nil {
		return nil
	}
	batch := make([]Event, 0, r.in.Batch)
	for e, err := range r.in.Events {
		if err != nil {
			return fmt.Errorf("reconcile: read event %d: %w", r.report.Events+len(batch), err)
		}
		if err := e.Obs.Validate(); err != nil {
			r.report.Rejected = append(r.report.Rejected, fmt.Errorf("card %s: %w", e.Card, err))
			continue
		}
		if batch = append(batch, e); len(batch) == cap(batch) {
			if err := r.addBatch(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return r.addBatch(ctx, batch)
}

func compareCards(a, b *txn.CardKey) int {
	return cmp.Or(bytes.Compare(a.PAN[:], b.PAN[:]), cmp.Compare(a.PSN, b.PSN))
}

// stretch is events of one card behind each other.
type stretch struct{ from, to int }

// stretches gives the events by card, in their order. Events are large and often stand
// together already, so they are not moved.
func stretches(events []Event) []stretch {
	var list []stretch
	for i := range events {
		if n := len(list); n > 0 && events[i].Card == events[i-1].Card {
			list[n-1].to++
			continue
		}
		list = append(list, stretch{i, i + 1})
	}
	slices.SortFunc(list, func(a, b stretch) int {
		return cmp.Or(compareCards(&events[a.from].Card, &events[b.from].Card), cmp.Compare(a.from, b.from))
	})
	return list
}

// addBatch adds some events to their cards and leaves those open, to be judged.
func (r *run) addBatch(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	var keys []txn.CardKey
	var first []int // index of the first stretch of each key
	list := stretches(events)
	for i, s := range list {
		if card := events[s.from].Card; i == 0 || card != keys[len(keys)-1] {
			keys, first = append(keys, card), append(first, i)
		}
	}
	first = append(first, len(list))
	out, known := &Batch{}, make([]bool, len(keys))
	add := func(i int) {
		for _, s := range list[first[i]:first[i+1]] {
			r.addEvents(events[s.from:s.to])
		}
		out.Cards = append(out.Cards, CardState{Card: keys[i], Blob: r.card.Append(nil), Open: true, Frozen: r.card.Frozen(), Provisional: r.card.Provisional()})
	}
	if err := r.load(ctx, keys, known, func(i int, _ []byte) { add(i) }); err != nil {
		return err
	}
	for i, k := range keys {
		if !known[i] {
			r.card.Reset(k)
			add(i)
		}
	}
	if err := r.store.Save(ctx, out); err != nil {
		return fmt.Errorf("reconcile: save %d cards with new observations: %w", len(out.Cards), err)
	}
	r.report.Events += len(events)
	return nil
}

// addEvents adds events to r.card.
func (r *run) addEvents(events []Event) {
	for i := range events {
		for _, a := range r.card.Add(events[i].Obs) {
			if a.Kind != timeline.CloneAlarm { // which the judgement raises for as long as it stands
				r.report.Alarms = append(r.report.Alarms, CardAlarm{Card: events[i].Card, Alarm: a})
			}
		}
	}
}

// load decodes cards one after the other into r.card. A damaged one is reported and
// skipped; known tells which ones the store has.
func (r *run) load(ctx context.Context, keys []txn.CardKey, known []bool, each func(i int, blob []byte)) error {
	err := r.store.Load(ctx, keys, func(i int, blob []byte) error {
		known[i] = true
		r.card.Key = keys[i]
		if r.card.Decode(blob) != nil {
			if !slices.Contains(r.report.Damaged, keys[i]) {
				r.report.Damaged = append(r.report.Damaged, keys[i])
			}
			return nil
		}
		each(i, blob)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reconcile: load %d cards: %w", len(keys), err)
	}
	return nil
}

// judge judges every open card.
func (r *run) judge(ctx context.Context) error {
	standing, err := r.store.Provisional(ctx)
	if err != nil {
		return fmt.Errorf("reconcile: sum of provisional credits: %w", err)
	}
	r.budget = max(0, r.in.Params.ProvisionalBudget-standing)
	var after txn.CardKey
	for {
		keys, err := r.store.Open(ctx, after, r.in.Batch)
		if err != nil {
			return fmt.Errorf("reconcile: list open cards after %s: %w", after, err)
		}
		if len(keys) == 0 {
			return nil
		}
		out := &Batch{}
		judge := func(i int, blob []byte) { r.judgeCard(keys[i], blob, out) }
		if err := r.load(ctx, keys, make([]bool, len(keys)), judge); err != nil {
			return err
		}
		if err := r.store.Save(ctx, out); err != nil {
			return fmt.Errorf("reconcile: save %d judged cards: %w", len(out.Cards), err)
		}
		after = keys[len(keys)-1]
	}
}

// judgeCard judges r.card and puts the outcome into the batch and the report.
func (r *run) judgeCard(key txn.CardKey, blob []byte, out *Batch) {
	p, now := r.in.Params, r.in.Now
	p.ProvisionalBudget = r.budget
	var marks timeline.Watermarks
	if r.in.Marks != nil {
		marks = r.in.Marks(key)
	}
	before := r.card.Provisional()
	j := r.card.Judge(now, p, marks)
	r.budget = max(0, r.budget-(j.Provisional-before))
	r.report.Judged++
	if r.in.Forget > 0 {
		r.card.Compact(now-r.in.Forget, &p)
	}
	state := CardState{Card: key, Judged: true, Open: j.Open, Due: j.Due, Frozen: j.Frozen, Provisional: j.Provisional}
	if r.form = r.card.Append(r.form[:0]); !bytes.Equal(r.form, blob) {
		state.Blob = bytes.Clone(r.form)
	}
	out.Cards = append(out.Cards, state)
	r.collect(key, &j, out)
}

// collect copies a judgement's parts to where they belong.
func (r *run) collect(key txn.CardKey, j *timeline.Judgement, out *Batch) {
	rep, now := r.report, r.in.Now
	if j.Open {
		rep.Open++
	}
	for _, b := range j.Breaks {
		row := Break{Card: key, Break: b}
		out.Breaks = append(out.Breaks, row)
		if b.State.Waiting() || b.Since == now || b.Held {
			rep.Breaks = append(rep.Breaks, row)
			rep.States[b.State].add(b.Amount)
		}
	}
	for _, a := range j.Actions {
		rep.Actions[a.Key.Purpose].add(a.Amount)
		if p, moves := posting(a, now); moves {
			out.Postings = append(out.Postings, p)
		}
	}
	for _, f := range j.Flash {
		if f.DecidedAt == now {
			out.Flash = append(out.Flash, f)
			rep.Flash = append(rep.Flash, f)
		}
	}
	for _, a := range j.Alarms {
		rep.Alarms = append(rep.Alarms, CardAlarm{Card: key, Alarm: a})
	}
}
