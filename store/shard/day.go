package shard

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/store/sqlite"
)

// Report is what a day found, and what it cost.
type Report struct {
	recon.Report          // of all shards, in the order of tokens
	Cards         int64   // in the store after the day
	Touched       int64   // cards that had events or waited
	Restored      int64   // cards that wanted their past back
	HeadBytes     int64   // written
	PastBytes     int64   // written
	Skipped       int     // shards whose day was done by the run that this one resumes
	DamagedShards []Fault // left as they were
}

// Fault is a shard that could not be worked on.
type Fault struct {
	Shard int
	Err   error
}

// ErrEvents says that a day is resumed with other events than it was begun with.
var ErrEvents = errors.New("the day was begun with other events: give it the same")

// Day adds the day's events to their cards and judges every card that has some or waits
// for something (recon.Day). in.Marks is called from several goroutines at once. After
// an error, or a kill, it is run again with the same input: shards that are done are
// left out, of whose findings the database is the record. The next day can begin when
// every shard has done this one. An error that wraps ErrDamaged comes with a report:
// everything else was done.
func (s *Store) Day(ctx context.Context, in recon.Input) (*Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(err error) error { return fmt.Errorf("reconcile the shards' day at %d: %w", in.Now, err) }
	if in.Now <= 0 || in.Now > 1<<32-1 {
		return nil, fail(errors.New("no unix time of this century"))
	}
	c, manifests, err := s.begin(ctx, &in)
	if err != nil {
		return nil, fail(err)
	}
	report := &Report{}
	events := newSpill(s.dir, len(manifests), s.opt.Memory)
	err = s.collect(ctx, &in, events, &report.Rejected)
	for i := range manifests {
		m, p := &manifests[i], &events.parts[i]
		if err == nil && m.At == in.Now && (m.Events != p.count || m.EventSum != p.sum) {
			err = fmt.Errorf("shard %02x: %w", i, ErrEvents)
		}
	}
	if err == nil {
		err = s.runShards(ctx, &in, &c, manifests, events, report)
	}
	if e := errors.Join(err, events.close()); e != nil {
		return report, fail(e)
	}
	if n := len(report.DamagedShards); n > 0 {
		return report, fail(fmt.Errorf("%d shards were left out, the first is %02x: %w", n, report.DamagedShards[0].Shard, report.DamagedShards[0].Err))
	}
	if n := len(report.Damaged); n > 0 {
		return report, fail(fmt.Errorf("%d cards, first %s: %w", n, report.Damaged[0], recon.ErrDamaged))
	}
	return report, nil
}

// begin opens a day, or goes on with one: the allowance for credits is that of its
// first beginning, what stands on a card that the database holds being counted as the
// files have it, too.
func (s *Store) begin(ctx context.Context, in *recon.Input) (c city, ms []manifest, err error) {
	err = s.db.Write(ctx, func(tx *sqlite.Tx) error {
		if c, ms, err = s.readManifests(&tx.Reader); err != nil {
			return err
		}
		if c.At != in.Now {
			if err := s.beginNew(ctx, tx, &c, ms, in); err != nil {
				return err
			}
		}
		c.Run++
		return tx.PutRunState(cityName, encode(c))
	})
	if err != nil {
		return c, nil, err
	}
	return c, ms, s.sweep(ms)
}

func (s *Store) beginNew(ctx context.Context, tx *sqlite.Tx, c *city, ms []manifest, in *recon.Input) error {
	if in.Now < c.At {
		return fmt.Errorf("the store has seen %d already", c.At)
	}
	standing, err := tx.Recon(s.vault, nil).Provisional(ctx)
	if err != nil {
		return err
	}
	for i := range ms {
		if ms[i].At != c.At {
			return fmt.Errorf("shard %02x has not done the day at %d: restore its files if they are damaged, and run that day again", i, c.At)
		}
		standing += ms[i].Provisional
	}
	c.At, c.Free = in.Now, max(0, in.Params.ProvisionalBudget-standing)
	return nil
}

// part is a shard's part of the allowance.
func (c *city) part(i int) money.Fen {
	n := money.Fen(c.Shards)
	part := c.Free / n
	if money.Fen(i) < c.Free%n {
		part++
	}
	return part
}

// collect sorts the events by shard. The source is read in this goroutine; tokens are
// made by the workers.
func (s *Store) collect(ctx context.Context, in *recon.Input, out *spill, rejected *[]error) error {
	if in.Events == nil {
		return nil
	}
	const batch = 1024
	work := make(chan []recon.Event, 2*s.opt.Workers)
	errs := make([]error, s.opt.Workers)
	var wait sync.WaitGroup
	for w := range s.opt.Workers {
		wait.Go(func() { errs[w] = s.feed(out, work) })
	}
	err := func() error {
		events := make([]recon.Event, 0, batch)
		for e, err := range in.Events {
			if err != nil {
				return fmt.Errorf("read event: %w", err)
			}
			if err := e.Obs.Validate(); err != nil {
				*rejected = append(*rejected, fmt.Errorf("card %s: %w", e.Card, err))
				continue
			}
			if events = append(events, e); len(events) == batch {
				if err := ctx.Err(); err != nil {
					return err
				}
				work <- events
				events = make([]recon.Event, 0, batch)
			}
		}
		work <- events
		return nil
	}()
	close(work)
	wait.Wait()
	return errors.Join(append(errs, err)...)
}

// feed moves events from the channel to the spill. After an error it only empties the
// channel.
func (s *Store) feed(out *spill, work <-chan []recon.Event) (err error) {
	f := out.feeder()
	var b [eventSize]byte
	for events := range work {
		for i := range events {
			if err != nil {
				break
			}
			t := s.vault.Token(events[i].Card)
			putEvent(&b, &t, &events[i].Obs)
			err = f.add(s.shardOf(&t), &b)
		}
	}
	if err != nil {
		return err
	}
	return f.close()
}

// runShards does the day of every shard that has not done it.
func (s *Store) runShards(ctx context.Context, in *recon.Input, c *city, ms []manifest, events *spill, report *Report) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	results := make([]shardResult, len(ms))
	next := make(chan int)
	var wait sync.WaitGroup
	for range s.opt.Workers {
		wait.Go(func() {
			for i := range next {
				r := &results[i]
				if r.err = s.runShard(ctx, in, c, &ms[i], events, r); r.err != nil && !errors.Is(r.err, ErrDamaged) {
					stop()
				}
			}
		})
	}
	for i := range ms {
		if ms[i].At != in.Now && ctx.Err() == nil {
			next <- i
		}
	}
	close(next)
	wait.Wait()
	return report.add(ctx, in.Now, ms, results)
}

// add puts the shards' reports together. The first error that ended the run is the
// error of the run.
func (r *Report) add(ctx context.Context, now int64, ms []manifest, results []shardResult) error {
	for i := range results {
		if err := results[i].err; err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("shard %02x: %w", i, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range results {
		p := &results[i]
		switch {
		case p.err != nil:
			r.DamagedShards = append(r.DamagedShards, Fault{i, p.err})
			continue
		case p.report == nil && ms[i].At == now:
			r.Skipped++
			r.Cards += ms[i].Cards
			continue
		}
		r.Cards += p.cards
		r.Touched += p.touched
		r.Restored += p.restored
		r.HeadBytes += p.headBytes
		r.PastBytes += p.pastBytes
		r.merge(p.report)
	}
	return nil
}

func (r *Report) merge(o *recon.Report) {
	r.Events += o.Events
	r.Judged += o.Judged
	r.Open += o.Open
	r.Breaks = append(r.Breaks, o.Breaks...)
	r.Flash = append(r.Flash, o.Flash...)
	r.Alarms = append(r.Alarms, o.Alarms...)
	r.Damaged = append(r.Damaged, o.Damaged...)
	for i := range r.States {
		r.States[i].Count += o.States[i].Count
		r.States[i].Amount += o.States[i].Amount
	}
	for i := range r.Actions {
		r.Actions[i].Count += o.Actions[i].Count
		r.Actions[i].Amount += o.Actions[i].Amount
	}
}
