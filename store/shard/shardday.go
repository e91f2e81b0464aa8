package shard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
)

// shardResult is what the day of one shard gave.
type shardResult struct {
	report               *recon.Report
	cards, touched       int64
	open                 int64
	provisional          money.Fen
	restored             int64
	headBytes, pastBytes int64
	err                  error
}

// runShard does the day of one shard.
func (s *Store) runShard(ctx context.Context, in *recon.Input, c *city, m *manifest, events *spill, r *shardResult) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	day := &shardDay{Store: s, in: in, city: c, was: m, result: r}
	if err := day.load(ctx, events); err != nil {
		return day.overtaken(ctx, err)
	}
	if err := day.judge(ctx); err != nil {
		return err
	}
	if err := s.fault("judged"); err != nil {
		return err
	}
	if err := day.write(); err != nil {
		return err
	}
	if err := s.fault("written"); err != nil {
		return err
	}
	day.next.Events, day.next.EventSum = events.parts[m.Shard].count, events.parts[m.Shard].sum
	if err := day.commit(ctx); err != nil {
		return err
	}
	if err := s.fault("committed"); err != nil {
		return err
	}
	return day.tidy()
}

// overtaken explains an error of load: a run that began later removes files.
func (d *shardDay) overtaken(ctx context.Context, cause error) error {
	return d.db.Read(ctx, func(r *sqlite.Reader) error {
		c, err := d.readCity(r)
		switch {
		case err != nil:
			return errors.Join(cause, err)
		case c != *d.city:
			return ErrOvertaken
		}
		return cause
	})
}

// shardDay is the day of one shard in the making.
type shardDay struct {
	*Store
	in     *recon.Input
	city   *city
	was    *manifest
	next   manifest
	table  table
	rows   []above
	state  state
	change change
	result *shardResult
}

// load reads the head, what stands above it, and the events.
func (d *shardDay) load(ctx context.Context, events *spill) error {
	i := d.was.Shard
	if d.was.Head {
		f, r, err := openFile(d.headPath(i, d.was.Generation))
		if err != nil {
			return err
		}
		if err := errors.Join(d.table.read(r), f.Close()); err != nil {
			return fmt.Errorf("%s: %w", d.headPath(i, d.was.Generation), err)
		}
	} else {
		d.table.places = []uint32{0}
	}
	err := d.db.Read(ctx, func(r *sqlite.Reader) (err error) {
		d.rows, err = d.readAbove(r)
		return err
	})
	if err != nil {
		return err
	}
	sorted, err := events.events(i)
	if err != nil {
		return err
	}
	if d.state.cards, err = merge(&d.table, d.rows, sorted, d.vault); err != nil {
		return err
	}
	d.state.index()
	d.result.touched = int64(len(d.state.cards))
	return d.restore()
}

// restore gives cards their past that want it for today's events.
func (d *shardDay) restore() (err error) {
	past := d.past(d.was)
	defer func() { err = errors.Join(err, past.close()) }()
	var c timeline.Card
	for i := range d.state.cards {
		k := &d.state.cards[i]
		first, compacted := timeline.FirstOf(k.blob)
		if !compacted {
			continue
		}
		k.first = first
		wants, depth := false, uint16(1<<16-1)
		for b := range slices.Chunk(k.events, eventSize) {
			o := getEvent(b)
			if back, ok := wanted(&o, first, &d.in.Params); ok {
				wants, depth = true, min(depth, back)
			}
		}
		if !wants || c.Decode(k.blob) != nil { // which recon.Day finds damaged
			continue
		}
		d.result.restored++
		switch err := past.restore(&k.token, &c, depth); {
		case errors.Is(err, ErrDamaged):
			k.spoiled = true
			continue
		case err != nil:
			return err
		}
		k.blob, k.old = c.Append(nil), unknownRows // of what it had shed, too
		if k.first, compacted = c.First(); !compacted {
			k.first = 0
		}
	}
	return nil
}

// judge runs the stage's day over the cards.
func (d *shardDay) judge(ctx context.Context) (err error) {
	in := *d.in
	in.Params.ProvisionalBudget = d.city.part(d.was.Shard)
	if in.Forget == 0 {
		in.Forget = d.opt.Keep
	}
	in.Events = d.state.feed
	d.result.report, err = recon.Day(ctx, &d.state, in)
	if err != nil && !errors.Is(err, recon.ErrDamaged) { // of which the report tells
		return err
	}
	d.change = d.state.change()
	return nil
}

// tidy removes the files that the new manifest does not name.
func (d *shardDay) tidy() error {
	var old []string
	if d.was.Head {
		old = append(old, d.headPath(d.was.Shard, d.was.Generation))
	}
	for _, p := range d.was.Past {
		if !slices.Contains(d.next.Past, p) {
			old = append(old, d.pastPath(d.was.Shard, p.Generation))
		}
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a later run sweeps, too
			return fmt.Errorf("remove an old file: %w", err)
		}
	}
	return nil
}
