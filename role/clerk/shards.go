package clerk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/shard"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// ShardsFolder lies beside city.db when timelines are dealt out to shards.
const ShardsFolder = "shards"

// Errors of folders whose timelines lie in shards, or might.
var (
	ErrNoShards   = errors.New("the timelines of this city lie in the folder " + ShardsFolder + ", which is not there")
	ErrNotSharded = errors.New("the timelines lie in city.db")
	ErrHost       = errors.New("the folder belongs to a host, which has its timelines in city.db")
	ErrUnfinished = errors.New("the simulated day has not come to its end")
)

// openShards opens the shards if there are any.
func (f *Office) openShards(ctx context.Context, dir string) error {
	shards, err := f.Shards(ctx)
	if err != nil || shards == 0 {
		return err
	}
	dir = filepath.Join(dir, ShardsFolder)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return ErrNoShards
	}
	f.shards, err = f.shardStore(dir, shards)
	return err
}

func (f *Office) shardStore(dir string, shards int) (*shard.Store, error) {
	return shard.Open(dir, f.db, f.vault, shard.Options{Shards: shards, Post: func(tx *sqlite.Tx, postings []recon.Posting) error {
		return f.posterIn(tx).Correct(tx, window(f.now), postings)
	}})
}

// posterIn books in a transaction.
func (f *Office) posterIn(tx *sqlite.Tx) *books.Poster {
	p := *f.poster
	p.Ends = registered(tx)
	return &p
}

// Shards is over how many shards the timelines are dealt out, 0 if they lie in city.db.
func (f *Office) Shards(ctx context.Context) (n int, err error) {
	err = f.db.Read(ctx, func(r *sqlite.Reader) (err error) {
		n, _, err = shard.Of(r)
		return err
	})
	return n, err
}

// Shard moves all timelines out of city.db into a number of shards, a power of two up to
// 256, and gives the number of cards. Nothing is judged. What was begun and not ended goes
// on, with the number of shards that it was begun with. The error wraps shard.ErrAdopted,
// ErrHost or ErrUnfinished. progress may be nil.
func (f *Office) Shard(ctx context.Context, shards int, progress func(done, total int)) (cards int64, err error) {
	if f.shards == nil {
		if err := f.db.Read(ctx, f.mayShard); err != nil {
			return 0, err
		}
		if f.shards, err = f.shardStore(filepath.Join(filepath.Dir(f.db.Path()), ShardsFolder), shards); err != nil {
			return 0, err
		}
	}
	return f.shards.Adopt(ctx, progress)
}

// mayShard refuses folders in which another program needs the timelines in city.db.
func (f *Office) mayShard(r *sqlite.Reader) error {
	host, err := r.RunState("host")
	if err != nil {
		return err
	}
	if host != nil {
		return ErrHost
	}
	simulated, err := r.RunState(runOptions)
	if err != nil || simulated == nil {
		return err
	}
	ended, err := r.RunState("figures")
	if err == nil && ended == nil {
		err = ErrUnfinished
	}
	return err
}

// Run judges every card in the shards that waits, at Now, as a day without rows: what is
// due is posted. It may be repeated; repeated at the same time it does what is not done.
// The error wraps ErrNotSharded, ErrAhead, ErrOver or one of package shard; with shard.ErrDamaged
// or recon.ErrDamaged comes a report, and everything else was done.
func (f *Office) Run(ctx context.Context) (*shard.Report, error) {
	switch {
	case f.shards == nil:
		return nil, ErrNotSharded
	case f.refuses != nil:
		return nil, f.refuses
	}
	in := recon.Input{Now: f.now, Params: f.rules}
	if err := f.db.Read(ctx, func(r *sqlite.Reader) error {
		marks, err := f.marks(r)
		in.Marks = func(txn.CardKey) timeline.Watermarks { return marks }
		return err
	}); err != nil {
		return nil, err
	}
	return f.shards.Day(ctx, in)
}

// read is a look at the folder. It begins anew if a day that ends meanwhile has replaced
// the files of a shard.
func (f *Office) read(ctx context.Context, look func(r *sqlite.Reader) error) (err error) {
	const tries = 3
	for range tries {
		if err = f.db.Read(ctx, look); f.shards == nil || !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return err
}

// has reports whether there is a timeline of a card.
func (f *Office) has(r *sqlite.Reader, token sqlite.Token) (bool, error) {
	if f.shards != nil {
		return f.shards.Has(r, token)
	}
	_, found, err := r.Timeline(token)
	return found, err
}

func (f *Office) tokensFrom(r *sqlite.Reader, from, to sqlite.Token, n int) ([]sqlite.Token, error) {
	if f.shards != nil {
		return f.shards.TokensFrom(r, from, to, n)
	}
	return r.TokensFrom(from, to, n)
}

// stored is the timeline of a card as it is kept. The error is ErrNoCard, or says what
// is damaged.
func (f *Office) stored(r *sqlite.Reader, key txn.CardKey, token sqlite.Token) (*timeline.Card, error) {
	c, found, err := f.timeline(r, key, token)
	switch {
	case err != nil:
		return nil, fmt.Errorf("stored timeline of card %s: %w", key, err)
	case !found:
		return nil, ErrNoCard
	}
	return c, nil
}

func (f *Office) timeline(r *sqlite.Reader, key txn.CardKey, token sqlite.Token) (*timeline.Card, bool, error) {
	if f.shards != nil {
		return f.shards.TimelineIn(r, key)
	}
	blob, found, err := r.Timeline(token)
	if err != nil || !found {
		return nil, false, err
	}
	c := &timeline.Card{Key: key}
	return c, true, c.Decode(blob)
}

// standing is the provisional credit standing on all cards.
func (f *Office) standing(r *sqlite.Reader) (money.Fen, error) {
	if f.shards != nil {
		return f.shards.StandingIn(r)
	}
	return r.ProvisionalSum()
}

// cards is reconciliation's store of single cards within a transaction.
func (f *Office) cards(tx *sqlite.Tx, post func([]recon.Posting) error) recon.Store {
	if f.shards != nil {
		return f.shards.Recon(tx, post)
	}
	return tx.Recon(f.vault, post)
}
