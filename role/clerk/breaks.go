package clerk

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Filter chooses breaks. The zero value chooses all of them.
type Filter struct {
	States    []timeline.State // any of these
	Parts     []timeline.Part  // any of these
	OlderThan int64            // at least so many seconds since the break arose
	Terminal  txn.TerminalID
	Min       money.Fen // amount and contested together
	Card      string    // as Look takes it
	Work      bool      // only what asks for somebody: pending, unbacked, impossible, and not closed by hand
	After     string    // token of the last card of the page before
	Limit     int       // end the page behind the card with which there are so many; 0 for no pages
}

func (q *Filter) match(b *Break, now int64) bool {
	switch {
	case len(q.States) > 0 && !has(q.States, b.State):
	case len(q.Parts) > 0 && !has(q.Parts, b.Part):
	case q.OlderThan > 0 && now-b.Arose < q.OlderThan:
	case q.Terminal != 0 && b.Terminal != q.Terminal:
	case b.Amount+b.Contested < q.Min:
	case q.Work && (b.Closed || !work(&b.Break)):
	default:
		return true
	}
	return false
}

func has[T comparable](list []T, x T) bool {
	for _, v := range list {
		if v == x {
			return true
		}
	}
	return false
}

// work reports whether somebody has to do something about a break, or to wait for it.
func work(b *timeline.Break) bool {
	return b.Pending() || b.State == timeline.Suspected || b.State == timeline.Unbacked || b.State == timeline.Impossible
}

// Tally counts breaks and adds up their amounts.
type Tally struct {
	Count  int64     `json:"count"`
	Amount money.Fen `json:"amount_fen"`
}

func (t *Tally) add(b *Break) { t.Count, t.Amount = t.Count+1, t.Amount+b.Amount+b.Contested }

// Totals is what a list adds up to.
type Totals struct {
	Tally
	Ages   map[string]Tally `json:"ages"`           // by timeline.Age
	States map[string]Tally `json:"states"`         // by timeline.State
	Next   string           `json:"next,omitempty"` // token to give as Filter.After for the next page; empty at the end
}

func (t *Totals) add(b *Break, now int64) {
	t.Tally.add(b)
	age, state := b.Age(now).String(), b.State.String()
	a, s := t.Ages[age], t.States[state]
	a.add(b)
	s.add(b)
	t.Ages[age], t.States[state] = a, s
}

// ErrPage says that Filter.After is no token.
var ErrPage = errors.New("the page begins behind no token (32 hexadecimal digits)")

// Breaks calls each with the breaks that a filter chooses, as reconciliation last left
// them, by card token and counters. It holds one of them at a time.
func (f *Office) Breaks(ctx context.Context, q Filter, each func(*Break, sqlite.Token) error) (Totals, error) {
	t := Totals{Ages: map[string]Tally{}, States: map[string]Tally{}}
	err := f.db.Read(ctx, func(r *sqlite.Reader) error {
		closed, err := r.Closed()
		if err != nil {
			return err
		}
		p := pager{office: f, filter: &q, closed: closed, totals: &t, each: each}
		if q.Card != "" {
			card, token, err := f.find(r, q.Card)
			if err != nil {
				return err
			}
			return r.BreaksOf(token, card, p.take)
		}
		var after sqlite.Token
		if q.After != "" {
			if n, err := hex.Decode(after[:], []byte(fitted(q.After))); err != nil || n != len(after) {
				return ErrPage
			}
		}
		if err := r.BreaksAfter(f.vault, after, p.take); err != nil && !errors.Is(err, errPageFull) {
			return err
		}
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("list breaks: %w", err)
	}
	return t, nil
}

// fitted is a text that does not overrun a token.
func fitted(s string) string {
	if len(s) != 2*len(sqlite.Token{}) {
		return "?"
	}
	return s
}

var errPageFull = errors.New("page is full")

// pager takes breaks as they come; a page ends behind a card.
type pager struct {
	office *Office
	filter *Filter
	closed map[sqlite.BreakKey]desk.Subject
	totals *Totals
	each   func(*Break, sqlite.Token) error
	card   txn.CardKey
	token  sqlite.Token
}

func (p *pager) take(b *recon.Break) error {
	if b.Card != p.card {
		if p.filter.Limit > 0 && p.totals.Count >= int64(p.filter.Limit) {
			p.totals.Next = fmt.Sprintf("%x", p.token[:])
			return errPageFull
		}
		p.card, p.token = b.Card, p.office.vault.Token(b.Card)
	}
	v := settled(p.closed, p.token, b)
	if !p.filter.match(&v, p.office.now) {
		return nil
	}
	p.totals.add(&v, p.office.now)
	return p.each(&v, p.token)
}
