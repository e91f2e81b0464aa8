package shard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// card is a card that the day looks at: it has events, or waits for something.
type card struct {
	headLine
	token   sqlite.Token
	key     txn.CardKey
	blob    []byte // nil: not known before today
	spoiled bool   // its past is wanted and damaged
	judged  bool
	old     uint64 // mark of the rows in the database; 1 if nobody knows it
	first   uint16 // first counter at the judgement
	breaks  []recon.Break
	events  []byte // of today
}

// unknownRows stands for rows in the database that no mark was kept of.
const unknownRows = 1

// state is recon.Store over one shard, in memory: what Save takes becomes durable
// with the shard's manifest.
type state struct {
	cards []card // by token
	byKey map[txn.CardKey]int32
	out   recon.Batch // flash findings and postings
}

var _ recon.Store = (*state)(nil)

// index makes the map of keys once all cards are there.
func (s *state) index() {
	s.byKey = make(map[txn.CardKey]int32, len(s.cards))
	for i := range s.cards {
		s.byKey[s.cards[i].key] = int32(i)
	}
}

// Load implements recon.Store. A card whose past is damaged has an empty timeline,
// which is none.
func (s *state) Load(_ context.Context, keys []txn.CardKey, into func(int, []byte) error) error {
	for i, k := range keys {
		at, ok := s.byKey[k]
		if !ok || s.cards[at].blob == nil && !s.cards[at].spoiled {
			continue
		}
		blob := s.cards[at].blob
		if s.cards[at].spoiled {
			blob = nil
		}
		if err := into(i, blob); err != nil {
			return err
		}
	}
	return nil
}

// Save implements recon.Store.
func (s *state) Save(_ context.Context, b *recon.Batch) error {
	for i := range b.Cards {
		u := &b.Cards[i]
		c, err := s.card(u.Card)
		if err != nil {
			return err
		}
		if u.Blob != nil {
			c.blob = u.Blob
		}
		c.open, c.due, c.provisional = u.Open, u.Due, u.Provisional
		if u.Judged {
			c.judged, c.breaks = true, nil
		}
	}
	for i := range b.Breaks {
		c, err := s.card(b.Breaks[i].Card)
		if err != nil {
			return err
		}
		c.breaks = append(c.breaks, b.Breaks[i])
	}
	s.out.Flash = append(s.out.Flash, b.Flash...)
	s.out.Postings = append(s.out.Postings, b.Postings...)
	return nil
}

func (s *state) card(key txn.CardKey) (*card, error) {
	at, ok := s.byKey[key]
	if !ok {
		return nil, fmt.Errorf("card %s was saved and is not of this shard's day", key)
	}
	return &s.cards[at], nil
}

// Open implements recon.Store in the order of tokens.
func (s *state) Open(_ context.Context, after txn.CardKey, n int) ([]txn.CardKey, error) {
	from := 0
	if after != (txn.CardKey{}) {
		at, ok := s.byKey[after]
		if !ok {
			return nil, fmt.Errorf("card %s is not of this shard's day", after)
		}
		from = int(at) + 1
	}
	var keys []txn.CardKey
	for i := from; i < len(s.cards) && len(keys) < n; i++ {
		if s.cards[i].open {
			keys = append(keys, s.cards[i].key)
		}
	}
	return keys, nil
}

// Provisional implements recon.Store: what stands has been taken off the shard's part
// of the allowance already.
func (s *state) Provisional(context.Context) (money.Fen, error) { return 0, nil }

// mark names the rows that a card's breaks are in the database.
func mark(breaks []recon.Break) uint64 {
	if len(breaks) == 0 {
		return 0
	}
	h := sha256.New()
	for i := range breaks {
		fmt.Fprintf(h, "%+v\n", breaks[i].Break)
	}
	return max(binary.BigEndian.Uint64(h.Sum(nil)), unknownRows+1)
}

// change is what a shard's day changes in the database.
type change struct {
	gone  []goneRows
	batch recon.Batch
}

// goneRows are the rows of one card from a counter on.
type goneRows struct {
	token sqlite.Token
	from  uint16
}

// change collects the rows of breaks that differ from those in the database. Rows of
// counters that the card has shed are settled and stay.
func (s *state) change() change {
	out := change{batch: recon.Batch{Flash: s.out.Flash, Postings: s.out.Postings}}
	for i := range s.cards {
		c := &s.cards[i]
		if !c.judged {
			continue
		}
		if c.rows = mark(c.breaks); c.rows == c.old {
			continue
		}
		if c.old != 0 {
			out.gone = append(out.gone, goneRows{c.token, c.first})
		}
		out.batch.Breaks = append(out.batch.Breaks, c.breaks...)
	}
	return out
}

// table is a head in memory: its records by token.
type table struct {
	tokens []sqlite.Token
	places []uint32 // of each record's payload in data, and the end of data
	data   []byte
}

func (t *table) len() int { return len(t.tokens) }

func (t *table) payload(i int) []byte { return t.data[t.places[i]:t.places[i+1]] }

// read fills the table, and fails if anything about the run is damaged.
func (t *table) read(r *runReader) error {
	if r.end > 1<<32-1 || r.records > uint64(r.end)/recordHead {
		return fmt.Errorf("head of %d records in %d bytes: %w", r.records, r.end, ErrDamaged)
	}
	t.tokens = make([]sqlite.Token, 0, r.records)
	t.places = append(make([]uint32, 0, r.records+1), 0)
	t.data = make([]byte, 0, r.end)
	return r.each(func(token, payload []byte) error {
		t.tokens = append(t.tokens, sqlite.Token(token))
		t.data = append(t.data, payload...)
		t.places = append(t.places, uint32(len(t.data)))
		return nil
	})
}

// find is the index of a token.
func (t *table) find(token *sqlite.Token) (int, bool) {
	i := sort.Search(len(t.tokens), func(i int) bool { return bytes.Compare(t.tokens[i][:], token[:]) >= 0 })
	return i, i < len(t.tokens) && t.tokens[i] == *token
}

// above is a card's state in the database, which counts above the one in the files.
type above struct {
	token sqlite.Token
	headLine
	blob []byte
}

// merge makes the list of cards that the day looks at: those with events, those that
// the database holds, and those that wait.
func merge(t *table, rows []above, events []byte, vault *sqlite.Vault) ([]card, error) {
	var cards []card
	at := 0
	for {
		next, more := lowest(t, &at, rows, events)
		if !more {
			return cards, nil
		}
		c := card{token: next}
		if at < t.len() && t.tokens[at] == next {
			h, blob, err := parseHead(t.payload(at))
			if err != nil {
				return nil, err
			}
			c.headLine, c.blob, c.old = h, blob, h.rows
			at++
		}
		if len(rows) > 0 && rows[0].token == next {
			c.headLine, c.blob, c.old = rows[0].headLine, rows[0].blob, unknownRows
			c.headLine.rows = unknownRows
			rows = rows[1:]
		}
		n := 0
		for n < len(events) && sqlite.Token(events[n:]) == next {
			n += eventSize
		}
		c.events, events = events[:n], events[n:]
		var err error
		if c.key, err = vault.Card(next); err != nil {
			return nil, err
		}
		cards = append(cards, c)
	}
}

// lowest is the next token in the order that is to be looked at. It moves at beyond
// records of cards that are not.
func lowest(t *table, at *int, rows []above, events []byte) (next sqlite.Token, more bool) {
	if len(rows) > 0 {
		next, more = rows[0].token, true
	}
	if len(events) > 0 && (!more || bytes.Compare(events[:tokenSize], next[:]) < 0) {
		next, more = sqlite.Token(events), true
	}
	for ; *at < t.len(); *at++ {
		token := &t.tokens[*at]
		if more && bytes.Compare(token[:], next[:]) >= 0 {
			break
		}
		if p := t.payload(*at); len(p) > 0 && p[0]&headOpen != 0 {
			return *token, true
		}
	}
	return next, more
}

// feed yields the day's events in order.
func (s *state) feed(yield func(recon.Event, error) bool) {
	for i := range s.cards {
		for b := range slices.Chunk(s.cards[i].events, eventSize) {
			if !yield(recon.Event{Card: s.cards[i].key, Obs: getEvent(b)}, nil) {
				return
			}
		}
	}
}
