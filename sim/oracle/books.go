package oracle

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/citycard/citycard/money"
)

// Errors of Books. They say that the simulation, not a stage, is wrong.
var (
	ErrCard    = errors.New("no such card in these books")
	ErrAmount  = errors.New("amount outside 0 to 42,949,672.95 yuan")
	ErrCounter = errors.New("this counter has paid before")
	ErrRange   = errors.New("the first counter lies behind the last")
	ErrNothing = errors.New("nothing of this counter and amount has been posted")
)

// Books of truth: what left every chip, and what became of it. The zero amount is
// taken everywhere and means nothing.
type Books struct {
	last    []uint32 // by card: number of its latest commit, 0 if it has none
	commits arena
	strays  map[uint32][]posting
	refunds map[uint32]*refunds
	total   Sums
}

// posting is one without a commit.
type posting struct {
	atc    uint16
	amount money.Fen
}

// Sums are the books of one card or of all, in fen. Outstanding is honest; each of
// the others is 0 unless somebody made a mistake.
type Sums struct {
	Outstanding money.Fen // committed, and neither posted nor refunded
	Unbacked    money.Fen // posted without a commit of that counter and amount
	Overpaid    money.Fen // refunded beyond what the card lacks in that range of counters
	Overtaken   money.Fen // taken back beyond what had been refunded
	// Partial is the part of the matched refunds that is no sum of whole commits: the
	// refund is covered by what the card lacks, and yet names no events.
	Partial money.Fen
}

// FloatShould is section 11 without loads: what the issuers must hold for cards that
// have chips in value on them.
func (s Sums) FloatShould(chips money.Fen) money.Fen {
	return chips + s.Outstanding - s.Unbacked - s.Overpaid + s.Overtaken
}

// Clean reports whether nobody made a mistake.
func (s Sums) Clean() bool { return s == Sums{Outstanding: s.Outstanding} }

func (s *Sums) add(o Sums, sign money.Fen) {
	s.Outstanding += sign * o.Outstanding
	s.Unbacked += sign * o.Unbacked
	s.Overpaid += sign * o.Overpaid
	s.Overtaken += sign * o.Overtaken
	s.Partial += sign * o.Partial
}

// NewBooks makes the books of the cards 0 to cards-1.
func NewBooks(cards int) *Books {
	return &Books{last: make([]uint32, cards), strays: map[uint32][]posting{}, refunds: map[uint32]*refunds{}}
}

// Commit notes that a chip answered its last record and lost amount at a counter.
// A chip pays at most once at a counter, else the error is ErrCounter.
func (b *Books) Commit(card int, atc uint16, amount money.Fen) error {
	if err := b.check(card, amount); err != nil {
		return fmt.Errorf("commit at counter %04X: %w", atc, err)
	}
	if amount == 0 {
		return nil
	}
	if b.find(card, atc) != nil {
		return fmt.Errorf("commit of card %d at counter %04X: %w", card, atc, ErrCounter)
	}
	b.last[card] = b.commits.add(commit{before: b.last[card], amount: uint32(amount), atc: atc})
	b.total.Outstanding += amount
	b.rematch(card)
	return nil
}

// Hold notes that a chip answered its last record and keeps an amount for a journey.
// Until the journey is completed it has left the value, as if it had been paid.
func (b *Books) Hold(card int, atc uint16, amount money.Fen) error {
	return b.Commit(card, atc, amount)
}

// Complete notes that a chip ended the hold of a counter and paid the final amount at
// another. The error is ErrNothing if there is no such hold, or somebody posted it.
func (b *Books) Complete(card int, hold, atc uint16, final money.Fen) error {
	if err := b.check(card, final); err != nil {
		return fmt.Errorf("completion at counter %04X: %w", atc, err)
	}
	c := b.find(card, hold)
	if c == nil || c.posted || c.amount == 0 {
		return fmt.Errorf("completion of card %d at counter %04X, hold at %04X: %w", card, atc, hold, ErrNothing)
	}
	b.total.Outstanding -= money.Fen(c.amount)
	c.amount = 0
	b.rematch(card)
	return b.Commit(card, atc, final)
}

// Posted notes that the issuer paid for a counter of a card, to settle a cleared row
// or to let the operator collect. A second posting for a counter, or one of another
// amount, is Unbacked.
func (b *Books) Posted(card int, atc uint16, amount money.Fen) error {
	if err := b.check(card, amount); err != nil {
		return fmt.Errorf("posting for counter %04X: %w", atc, err)
	}
	if amount == 0 {
		return nil
	}
	if c := b.find(card, atc); c != nil && !c.posted && money.Fen(c.amount) == amount {
		c.posted = true
		b.total.Outstanding -= amount
		b.rematch(card)
		return nil
	}
	b.strays[uint32(card)] = append(b.strays[uint32(card)], posting{atc, amount})
	b.total.Unbacked += amount
	return nil
}

// Unposted notes that the issuer got such a posting back: a collection reversed, an
// unbacked row claimed from its acquirer. Of several postings for one counter and
// amount the unbacked go first.
func (b *Books) Unposted(card int, atc uint16, amount money.Fen) error {
	if err := b.check(card, amount); err != nil {
		return fmt.Errorf("posting taken back for counter %04X: %w", atc, err)
	}
	if amount == 0 {
		return nil
	}
	strays := b.strays[uint32(card)]
	if i := slices.Index(strays, posting{atc, amount}); i >= 0 {
		b.strays[uint32(card)] = slices.Delete(strays, i, i+1)
		b.total.Unbacked -= amount
		return nil
	}
	c := b.find(card, atc)
	if c == nil || !c.posted || money.Fen(c.amount) != amount {
		return fmt.Errorf("posting of %s yuan taken back, card %d, counter %04X: %w", amount, card, atc, ErrNothing)
	}
	c.posted = false
	b.total.Outstanding += amount
	b.rematch(card)
	return nil
}

// Outstanding is what left the chips and has neither been posted nor refunded.
func (b *Books) Outstanding() money.Fen { return b.total.Outstanding }

// Unbacked is what was posted and never left a chip.
func (b *Books) Unbacked() money.Fen { return b.total.Unbacked }

// Overpaid is what was refunded and nobody lacked.
func (b *Books) Overpaid() money.Fen { return b.total.Overpaid }

// FloatShould is what the issuers' float must be, all cards together, when the chips
// hold this value: section 11.
func (b *Books) FloatShould(chips money.Fen) money.Fen { return b.total.FloatShould(chips) }

// Sums are the books of all cards.
func (b *Books) Sums() Sums { return b.total }

// Card is the books of one card. A card outside the books has none.
func (b *Books) Card(card int) Sums {
	var s Sums
	if card < 0 || card >= len(b.last) {
		return s
	}
	for n := b.last[card]; n != 0; {
		c := b.commits.at(n)
		if !c.posted {
			s.Outstanding += money.Fen(c.amount)
		}
		n = c.before
	}
	for _, p := range b.strays[uint32(card)] {
		s.Unbacked += p.amount
	}
	if r := b.refunds[uint32(card)]; r != nil {
		s.add(r.sums, 1)
	}
	return s
}

// Faulty lists the cards whose books are not Clean, in ascending order.
func (b *Books) Faulty() []int {
	var out []int
	for card := range b.strays {
		out = append(out, int(card))
	}
	for card := range b.refunds {
		out = append(out, int(card))
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(card int) bool { return b.Card(card).Clean() })
}

func (b *Books) check(card int, amount money.Fen) error {
	if card < 0 || card >= len(b.last) {
		return fmt.Errorf("card %d of %d: %w", card, len(b.last), ErrCard)
	}
	if amount < 0 || amount > math.MaxUint32 {
		return fmt.Errorf("%d fen, card %d: %w", int64(amount), card, ErrAmount)
	}
	return nil
}

// find is the commit of a counter, nil if the chip did not pay there.
func (b *Books) find(card int, atc uint16) *commit {
	for n := b.last[card]; n != 0; {
		c := b.commits.at(n)
		if c.atc == atc {
			return c
		}
		n = c.before
	}
	return nil
}

// commit is 12 bytes, chained from the latest of a card to its first.
type commit struct {
	before uint32 // number of the commit noted before this one, 0 if it is the first
	amount uint32 // fen
	atc    uint16
	posted bool
}

// arena holds commits, numbered from 1, in pieces that never move: a slice that grows
// would need twice the memory while it is copied.
type arena struct {
	pieces [][]commit
	n      uint32
}

const pieceSize = 1 << 16

func (a *arena) add(c commit) uint32 {
	if a.n%pieceSize == 0 {
		a.pieces = append(a.pieces, make([]commit, 0, pieceSize))
	}
	last := &a.pieces[len(a.pieces)-1]
	*last = append(*last, c)
	a.n++
	return a.n
}

func (a *arena) at(n uint32) *commit { return &a.pieces[(n-1)/pieceSize][(n-1)%pieceSize] }
