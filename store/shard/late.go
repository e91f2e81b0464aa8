package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Late adds a few events between two days and judges their cards, and no others. It
// is durable, with its postings, when it returns. An event that Validate refuses, or a
// card whose timeline is damaged, ends the call with nothing changed.
//
// What may be given as provisional credit is what the allowance leaves, with credits
// counted twice that a card had before today and has still: a late row may find the
// allowance used up too early, never too late.
func (s *Store) Late(ctx context.Context, now int64, p timeline.Params, marks func(txn.CardKey) timeline.Watermarks, events ...recon.Event) (report *recon.Report, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		if err := events[i].Obs.Validate(); err != nil {
			return nil, fmt.Errorf("late row of card %s: %w", events[i].Card, err)
		}
	}
	err = s.db.Write(ctx, func(tx *sqlite.Tx) error {
		c, manifests, err := s.readManifests(&tx.Reader)
		if err != nil {
			return err
		}
		if now < c.At {
			return fmt.Errorf("the store has seen %d already", c.At)
		}
		l := &late{ReconStore: tx.Recon(s.vault, func(p []recon.Posting) error { return s.opt.Post(tx, p) }), tx: tx, vault: s.vault, first: map[txn.CardKey]uint16{}}
		for i := range manifests {
			l.standing += manifests[i].Provisional
		}
		if err := s.lift(ctx, l, &p, events); err != nil {
			return err
		}
		report, err = recon.Day(ctx, l, recon.Input{Now: now, Params: p, Marks: marks, Events: func(yield func(recon.Event, error) bool) {
			for i := range events {
				if !yield(events[i], nil) {
					return
				}
			}
		}})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("late rows at %d: %w", now, err)
	}
	return report, nil
}

// Lift copies the whole timeline of a card into the database, where what works on the
// database alone finds it: a clerk's look at the card, an approval, a log that was read.
// The next day takes it into the files again. It reports whether the store knows the
// card.
func (s *Store) Lift(ctx context.Context, key txn.CardKey) (found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.db.Write(ctx, func(tx *sqlite.Tx) error {
		c, m, known, err := s.recent(&tx.Reader, key)
		if found = known; err != nil || !known {
			return err
		}
		t, past := s.vault.Token(key), s.past(&m)
		if err := errors.Join(past.restore(&t, c, everything), past.close()); err != nil {
			return err
		}
		return tx.Recon(s.vault, nil).Save(ctx, lifted(c))
	})
	if err != nil {
		return false, fmt.Errorf("lift card %s: %w", key, err)
	}
	return found, nil
}

// lifted is a card on its way into the database. It stays open: the next day judges it.
func lifted(c *timeline.Card) *recon.Batch {
	return &recon.Batch{Cards: []recon.CardState{{Card: c.Key, Blob: c.Append(nil), Open: true, Frozen: c.Frozen(), Provisional: c.Provisional()}}}
}

// lift copies the events' cards from the files into the database, with their past if
// an event wants it.
func (s *Store) lift(ctx context.Context, l *late, p *timeline.Params, events []recon.Event) error {
	for i := range events {
		key := events[i].Card
		if _, done := l.first[key]; done {
			continue
		}
		c, m, found, err := s.recent(&l.tx.Reader, key)
		if err != nil {
			return fmt.Errorf("card %s: %w", key, err)
		}
		l.first[key] = 0
		if !found {
			continue
		}
		if err := s.deepen(c, &m, p, events[i:]); err != nil {
			return fmt.Errorf("card %s: %w", key, err)
		}
		if first, compacted := c.First(); compacted {
			l.first[key] = first
		}
		if err := l.ReconStore.Save(ctx, lifted(c)); err != nil {
			return err
		}
	}
	return nil
}

// deepen gives a card as much of its past back as its events want.
func (s *Store) deepen(c *timeline.Card, m *manifest, p *timeline.Params, events []recon.Event) error {
	first, compacted := c.First()
	wants, depth := false, uint16(1<<16-1)
	for i := range events {
		if events[i].Card != c.Key || !compacted {
			continue
		}
		if back, ok := wanted(&events[i].Obs, first, p); ok {
			wants, depth = true, min(depth, back)
		}
	}
	if !wants {
		return nil
	}
	t, past := s.vault.Token(c.Key), s.past(m)
	return errors.Join(past.restore(&t, c, depth), past.close())
}

// late is the database's store for the cards of a few events.
type late struct {
	*sqlite.ReconStore
	tx       *sqlite.Tx
	vault    *sqlite.Vault
	standing money.Fen
	first    map[txn.CardKey]uint16 // first counter of each card; rows of breaks before it are settled
	order    []txn.CardKey
}

// Save implements recon.Store.
func (l *late) Save(ctx context.Context, b *recon.Batch) error {
	own := *b
	own.Cards = slices.Clone(b.Cards)
	for i := range own.Cards {
		c := &own.Cards[i]
		if !c.Judged && !slices.Contains(l.order, c.Card) {
			l.order = append(l.order, c.Card)
		}
		if !c.Judged {
			continue
		}
		c.Judged = false // so that rows of shed counters stay
		t := l.vault.Token(c.Card)
		if _, err := l.tx.Exec(`DELETE FROM recon_break WHERE token = ? AND p >= ?`, t[:], l.first[c.Card]); err != nil {
			return err
		}
	}
	return l.ReconStore.Save(ctx, &own)
}

// Open implements recon.Store for the cards of the events.
func (l *late) Open(_ context.Context, after txn.CardKey, n int) ([]txn.CardKey, error) {
	from := slices.Index(l.order, after) + 1
	return l.order[from:min(from+n, len(l.order))], nil
}

// Provisional implements recon.Store.
func (l *late) Provisional(ctx context.Context) (money.Fen, error) {
	sum, err := l.ReconStore.Provisional(ctx)
	return sum + l.standing, err
}
