package shard

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sort"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Of tells over how many shards the timelines of a database are dealt out, and the time
// of the last day that was begun over them; 0 shards if all of them lie in the database
// itself.
func Of(r *sqlite.Reader) (shards int, at int64, err error) {
	b, err := r.RunState(cityName)
	if err != nil || b == nil {
		return 0, 0, err
	}
	c, err := decodeCity(b)
	return c.Shards, c.At, err
}

// TimelineIn is Timeline within a look at the database. The error wraps fs.ErrNotExist,
// too, if a day that ended since the look began has removed a file: look again.
func (s *Store) TimelineIn(r *sqlite.Reader, key txn.CardKey) (*timeline.Card, bool, error) {
	return s.whole(r, key)
}

// Has reports whether the store knows the card of a token. The error is as TimelineIn's.
func (s *Store) Has(r *sqlite.Reader, t sqlite.Token) (bool, error) {
	if _, found, err := r.Timeline(t); found || err != nil {
		return found, err
	}
	m, err := readManifest(r, s.shardOf(&t))
	if err != nil {
		return false, err
	}
	blob, err := s.findHead(&m, &t)
	return blob != nil, err
}

// TokensFrom lists the tokens of the store's cards from one token to another, in order, at
// most n of them. The error is as TimelineIn's.
func (s *Store) TokensFrom(r *sqlite.Reader, from, to sqlite.Token, n int) ([]sqlite.Token, error) {
	tokens, err := r.TokensFrom(from, to, n)
	if err != nil {
		return nil, err
	}
	for i := s.shardOf(&from); i <= s.shardOf(&to); i++ {
		m, err := readManifest(r, i)
		if err != nil {
			return nil, err
		}
		if !m.Head {
			continue
		}
		f, run, err := openFile(s.headPath(i, m.Generation))
		if err != nil {
			return nil, err
		}
		more, err := run.tokens(&from, &to, n)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		tokens = append(tokens, more...)
	}
	slices.SortFunc(tokens, func(a, b sqlite.Token) int { return bytes.Compare(a[:], b[:]) })
	tokens = slices.Compact(tokens)
	return tokens[:min(n, len(tokens))], nil
}

// tokens lists the tokens of a run from one to another, at most n of them.
func (r *runReader) tokens(from, to *sqlite.Token, n int) (out []sqlite.Token, err error) {
	i := sort.Search(r.blocks(), func(i int) bool { return bytes.Compare(r.entry(i)[:tokenSize], from[:]) > 0 }) - 1
	for i = max(i, 0); i < r.blocks() && bytes.Compare(r.entry(i)[:tokenSize], to[:]) <= 0; i++ {
		b, err := r.readBlock(i)
		if err != nil {
			return nil, err
		}
		for len(b) > 0 {
			var token []byte
			if token, _, b, err = record(b); err != nil {
				return nil, err
			}
			if bytes.Compare(token, from[:]) < 0 {
				continue
			}
			if len(out) == n || bytes.Compare(token, to[:]) > 0 {
				return out, nil
			}
			out = append(out, sqlite.Token(token))
		}
	}
	return out, nil
}

// StandingIn is the provisional credit standing on all cards. What stands on a card that
// the database holds is counted as the files have it, too: the sum may be too great until
// the next day, never too small.
func (s *Store) StandingIn(r *sqlite.Reader) (money.Fen, error) {
	sum, err := r.ProvisionalSum()
	if err != nil {
		return 0, err
	}
	_, ms, err := s.readManifests(r)
	for i := range ms {
		sum += ms[i].Provisional
	}
	return sum, err
}

// Recon gives the store's cards within a transaction, to work on a few of them: one that
// is saved stands in the database from then on (see Lift), and its rows of breaks are
// replaced as far as its timeline goes back. Nothing is given by Open. post is called
// within Save.
func (s *Store) Recon(tx *sqlite.Tx, post func([]recon.Posting) error) recon.Store {
	return &desk{late{ReconStore: tx.Recon(s.vault, post), tx: tx, vault: s.vault, first: map[txn.CardKey]uint16{}}, s}
}

// desk is recon.Store over single cards in a transaction.
type desk struct {
	late
	s *Store
}

// Load implements recon.Store with whole timelines.
func (d *desk) Load(ctx context.Context, keys []txn.CardKey, into func(i int, blob []byte) error) error {
	for i, k := range keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, found, err := d.s.whole(&d.tx.Reader, k)
		if err == nil && found {
			err = into(i, c.Append(nil))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Save implements recon.Store.
func (d *desk) Save(ctx context.Context, b *recon.Batch) error {
	for i := range b.Cards {
		c, found, err := d.s.whole(&d.tx.Reader, b.Cards[i].Card)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if first, compacted := c.First(); compacted {
			d.first[c.Key] = first
		}
		if err := d.ReconStore.Save(ctx, lifted(c)); err != nil {
			return err
		}
	}
	return d.late.Save(ctx, b)
}

// Open implements recon.Store: who works on single cards asks for no others.
func (d *desk) Open(context.Context, txn.CardKey, int) ([]txn.CardKey, error) { return nil, nil }

// Provisional implements recon.Store.
func (d *desk) Provisional(context.Context) (money.Fen, error) { return d.s.StandingIn(&d.tx.Reader) }
