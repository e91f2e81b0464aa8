package recon

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Granted is what an approval moves to the customer.
type Granted struct {
	Refund money.Fen // due, for good
	Credit money.Fen // still waited for: a provisional credit
}

var (
	// ErrUnknownCard says that reconciliation has no timeline of the card.
	ErrUnknownCard = errors.New("no timeline of this card")
	// ErrFrozen says that nothing is paid to a card that is stopped.
	ErrFrozen = errors.New("the card is frozen: nothing is paid until what froze it is explained")
	// ErrOtherAmount says that an approval would move other money than was approved.
	ErrOtherAmount = errors.New("another amount is due or pending now")
)

// Weigh tells what an approval of the break between the counters p and q of a card would
// move at in.Now, and changes nothing in the store. The error wraps ErrUnknownCard,
// ErrFrozen or timeline.ErrNothingDue.
func Weigh(ctx context.Context, s Store, in Input, card txn.CardKey, p, q uint16) (Granted, error) {
	_, g, err := grant(ctx, s, in, card, p, q)
	return g, err
}

// Grant approves the break between the counters p and q of a card, judges the card at
// in.Now and saves cards, breaks and postings in one batch. It moves exactly want or
// fails and saves nothing; the error wraps ErrOtherAmount then, or one of those of Weigh.
// What else the judgement finds, because time has passed since the last one, is done too.
func Grant(ctx context.Context, s Store, in Input, card txn.CardKey, p, q uint16, want Granted) (*Report, error) {
	r, got, err := grant(ctx, s, in, card, p, q)
	if err != nil {
		return nil, err
	}
	if got != want {
		return nil, fmt.Errorf("approved were %s yuan due and %s pending, now they are %s and %s: %w", want.Refund, want.Credit, got.Refund, got.Credit, ErrOtherAmount)
	}
	if err := s.Save(ctx, r.granted); err != nil {
		return nil, fmt.Errorf("save card %s after an approval: %w", card, err)
	}
	return r.report, nil
}

// grant judges the card, approves, and judges it again: what the second judgement asks
// for is what the approval moves.
func grant(ctx context.Context, s Store, in Input, card txn.CardKey, p, q uint16) (*run, Granted, error) {
	r := &run{store: s, in: &in, report: &Report{}}
	known := []bool{false}
	var blob []byte
	if err := r.load(ctx, []txn.CardKey{card}, known, func(_ int, b []byte) { blob = append(blob, b...) }); err != nil {
		return nil, Granted{}, err
	}
	switch {
	case !known[0]:
		return nil, Granted{}, fmt.Errorf("card %s: %w", card, ErrUnknownCard)
	case len(r.report.Damaged) > 0:
		return nil, Granted{}, fmt.Errorf("card %s: %w", card, ErrDamaged)
	}
	standing, err := s.Provisional(ctx)
	if err != nil {
		return nil, Granted{}, fmt.Errorf("sum of provisional credits: %w", err)
	}
	r.budget = max(0, in.Params.ProvisionalBudget-standing)
	var first, second Batch
	r.judgeCard(card, blob, &first)
	judged := r.card.Append(nil)
	r.report = &Report{Actions: r.report.Actions, Flash: r.report.Flash}
	if r.card.Frozen() {
		return nil, Granted{}, fmt.Errorf("card %s: %w", card, ErrFrozen)
	}
	if err := r.card.Grant(p, q); err != nil {
		return nil, Granted{}, err
	}
	r.judgeCard(card, judged, &second)
	g, err := moved(&second, card, p, q)
	if err != nil {
		return nil, Granted{}, err
	}
	if second.Cards[0].Blob == nil {
		second.Cards[0].Blob = judged
	}
	second.Postings = append(first.Postings, second.Postings...)
	second.Flash = append(first.Flash, second.Flash...)
	r.granted = &second
	return r, g, nil
}

// moved adds up what the second judgement asks for.
func moved(b *Batch, card txn.CardKey, p, q uint16) (Granted, error) {
	var g Granted
	for _, x := range b.Postings {
		switch x.Key.Purpose {
		case timeline.Refund:
			g.Refund += x.Amount
		case timeline.ProvisionalCredit:
			g.Credit += x.Amount
		default:
			return g, fmt.Errorf("card %s, %04X-%04X: an approval asked for a %s", card, p, q, x.Key.Purpose)
		}
	}
	if g == (Granted{}) {
		return g, fmt.Errorf("card %s, %04X-%04X: %w", card, p, q, timeline.ErrNothingDue)
	}
	return g, nil
}
