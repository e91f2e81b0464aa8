package trial

import (
	"bytes"
	"context"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Memory is a recon.Store that forgets nothing and keeps nothing.
type Memory struct {
	cards    map[txn.CardKey]recon.CardState
	breaks   map[txn.CardKey][]recon.Break
	postings []recon.Posting
	posted   map[timeline.Key]bool
	flash    map[named]bool
}

// named is a counter of a card.
type named struct {
	card txn.CardKey
	atc  uint16
}

var _ recon.Store = (*Memory)(nil)

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{cards: map[txn.CardKey]recon.CardState{}, breaks: map[txn.CardKey][]recon.Break{}, posted: map[timeline.Key]bool{}, flash: map[named]bool{}}
}

// Load implements recon.Store.
func (m *Memory) Load(_ context.Context, keys []txn.CardKey, into func(i int, blob []byte) error) error {
	for i, k := range keys {
		if c, ok := m.cards[k]; ok {
			if err := into(i, c.Blob); err != nil {
				return err
			}
		}
	}
	return nil
}

// Save implements recon.Store.
func (m *Memory) Save(_ context.Context, b *recon.Batch) error {
	for _, c := range b.Cards {
		if c.Blob == nil {
			c.Blob = m.cards[c.Card].Blob
		}
		if c.Judged {
			delete(m.breaks, c.Card)
		}
		m.cards[c.Card] = c
	}
	for _, x := range b.Breaks {
		m.breaks[x.Card] = append(m.breaks[x.Card], x)
	}
	for _, p := range b.Postings {
		if !m.posted[p.Key] {
			m.posted[p.Key] = true
			m.postings = append(m.postings, p)
		}
	}
	for _, f := range b.Flash {
		m.flash[named{f.Card, f.ATC}] = true
	}
	return nil
}

// Open implements recon.Store.
func (m *Memory) Open(_ context.Context, after txn.CardKey, n int) ([]txn.CardKey, error) {
	var keys []txn.CardKey
	for k, c := range m.cards {
		if c.Open && compareCards(k, after) > 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareCards)
	return keys[:min(n, len(keys))], nil
}

// Provisional implements recon.Store.
func (m *Memory) Provisional(context.Context) (money.Fen, error) {
	var sum money.Fen
	for _, c := range m.cards {
		sum += c.Provisional
	}
	return sum, nil
}

func compareCards(a, b txn.CardKey) int {
	x, y := a.Bytes(), b.Bytes()
	return bytes.Compare(x[:], y[:])
}
