package recon

import (
	"context"
	"fmt"
	"slices"

	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// Logs is what a session of the issuer has read from the logs of one card.
type Logs struct {
	// Loads is the load log whose MAC timeline.VerifyLoadLog has found right, nil if it
	// was not read; Slots is how many loads the card keeps (DF4D), 0 if that is not known.
	Loads *timeline.LoadLog
	Slots int
	// Told are the log of transactions and that of journeys. They are under no MAC: only
	// what an authenticated session has read belongs here.
	Told []timeline.Log
}

// Tell adds what a card's own logs say to its timeline, judges the card at in.Now and
// saves card, breaks and postings in one batch. The loads of the card must have come
// before, as events. unknown are the loads that the card has run and the host does not
// know. The error wraps ErrUnknownCard, ErrDamaged or those of timeline.Card.Note, and
// nothing is saved then.
func Tell(ctx context.Context, s Store, in Input, card txn.CardKey, logs Logs) (report *Report, unknown []timeline.LoadLogEntry, err error) {
	r := &run{store: s, in: &in, report: &Report{}}
	known := []bool{false}
	if err := r.load(ctx, []txn.CardKey{card}, known, func(int, []byte) {}); err != nil {
		return nil, nil, err
	}
	switch {
	case !known[0]:
		return nil, nil, fmt.Errorf("card %s: %w", card, ErrUnknownCard)
	case len(r.report.Damaged) > 0:
		return nil, nil, fmt.Errorf("card %s: %w", card, ErrDamaged)
	}
	standing, err := s.Provisional(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("sum of provisional credits: %w", err)
	}
	r.budget = max(0, in.Params.ProvisionalBudget-standing)
	if logs.Loads != nil {
		var words []timeline.Observation
		words, unknown = timeline.FromLoadLog(*logs.Loads, logs.Slots, slices.Collect(r.card.Observations))
		r.card.Add(words...)
		if first, cut := r.card.First(); cut {
			// What was forgotten is not unknown.
			unknown = slices.DeleteFunc(unknown, func(e timeline.LoadLogEntry) bool { return e.ATC < first })
		}
	}
	for _, l := range logs.Told {
		if err := r.card.Note(l); err != nil {
			return nil, nil, fmt.Errorf("log of card %s: %w", card, err)
		}
	}
	out := &Batch{}
	r.judgeCard(card, nil, out)
	if err := s.Save(ctx, out); err != nil {
		return nil, nil, fmt.Errorf("save card %s after its logs were read: %w", card, err)
	}
	return r.report, unknown, nil
}
