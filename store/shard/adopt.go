package shard

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/store/sqlite"
)

// ErrAdopted says that there is nothing left to adopt: the cards lie in the files.
var ErrAdopted = errors.New("the cards lie in shards already")

// Adopt takes all cards of the database into the files, as they are: nothing is judged,
// shed or forgotten, and no day is run. It gives the number of cards. After an error or a
// kill it is called again and goes on; what is there in between is a valid store, in which
// some cards still lie in the database. progress may be nil.
func (s *Store) Adopt(ctx context.Context, progress func(done, total int)) (cards int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(err error) (int64, error) { return 0, fmt.Errorf("move the cards into shards: %w", err) }
	c, ms, err := s.beginAdopting(ctx)
	if err != nil {
		return fail(err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	done := 0
	adopted := func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		cards += n
		if done++; progress != nil {
			progress(done, len(ms))
		}
	}
	next := make(chan int)
	var wait sync.WaitGroup
	for range s.opt.Workers {
		wait.Go(func() {
			for i := range next {
				n, err := s.adoptShard(ctx, &c, &ms[i])
				if err != nil {
					stop(fmt.Errorf("shard %02x: %w", i, err))
					continue
				}
				adopted(n)
			}
		})
	}
	for i := range ms {
		if ms[i].Head {
			adopted(ms[i].Cards)
		} else {
			next <- i
		}
	}
	close(next)
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return fail(err)
	}
	return cards, nil
}

func (s *Store) beginAdopting(ctx context.Context) (c city, ms []manifest, err error) {
	err = s.db.Write(ctx, func(tx *sqlite.Tx) error {
		if c, ms, err = s.readManifests(&tx.Reader); err != nil {
			return err
		}
		whole := true
		for i := range ms {
			whole = whole && ms[i].Head
		}
		if whole || c.At != 0 {
			return ErrAdopted
		}
		c.Run++
		return tx.PutRunState(cityName, encode(c))
	})
	if err != nil {
		return c, nil, err
	}
	return c, ms, s.sweep(ms)
}

// adoptShard writes the first head of one shard.
func (s *Store) adoptShard(ctx context.Context, c *city, m *manifest) (cards int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r := &shardResult{}
	day := &shardDay{Store: s, in: &recon.Input{}, city: c, was: m, result: r}
	if err := day.load(ctx, newSpill(s.dir, s.opt.Shards, 0)); err != nil {
		return 0, day.overtaken(ctx, err)
	}
	if err := day.known(ctx); err != nil {
		return 0, err
	}
	if err := day.write(); err != nil {
		return 0, err
	}
	if err := s.fault("written"); err != nil {
		return 0, err
	}
	if err := day.commit(ctx); err != nil {
		return 0, err
	}
	return r.cards, s.fault("committed")
}

// known takes the mark off cards of which the table of breaks has no row.
func (d *shardDay) known(ctx context.Context) error {
	from, to := d.rangeOf(d.was.Shard)
	broken := map[sqlite.Token]bool{}
	err := d.db.Read(ctx, func(r *sqlite.Reader) error {
		return r.Query(`SELECT DISTINCT token FROM recon_break WHERE token BETWEEN ? AND ?`, func(row *sqlite.Row) error {
			var t sqlite.Token
			err := row.Fill(0, t[:])
			broken[t] = true
			return err
		}, from[:], to[:])
	})
	for i := range d.state.cards {
		if c := &d.state.cards[i]; !broken[c.token] {
			c.rows = 0
		}
	}
	return err
}
