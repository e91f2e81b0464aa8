package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Load is one load or unload of a card, as rider and clerk are told of it.
type Load struct {
	ATC    uint16
	Time   int64 // of the terminal, unix seconds
	Answer topup.Answer
}

// Loads gives the loads and unloads of a card that were approved, in the order of
// counters, each with its word at the time now.
func Loads(r *sqlite.Reader, vault *sqlite.Vault, card txn.CardKey, rules *timeline.Params, now int64) ([]Load, error) {
	t, err := timelineOf(r, vault, card)
	if err != nil {
		return nil, err
	}
	return LoadsOf(r, vault, t, rules, now)
}

// LoadsOf is Loads for a card whose stored timeline is known.
func LoadsOf(r *sqlite.Reader, vault *sqlite.Vault, t *timeline.Card, rules *timeline.Params, now int64) ([]Load, error) {
	card := t.Key
	var decisions []authorise.Decision
	if err := r.Decisions(vault, card, func(d *authorise.Decision) error {
		decisions = append(decisions, *d)
		return nil
	}); err != nil {
		return nil, err
	}
	var out []Load
	for i := range decisions {
		d := &decisions[i]
		p, err := proofAt(r, vault, t, d.Number.ATC, rules)
		if err != nil {
			return nil, err
		}
		advanced, err := given(r, vault, card, d, &p)
		if err != nil {
			return nil, err
		}
		if a, ok := topup.Tell(&topup.Case{Decision: d, Proof: p, Advanced: advanced, Now: now, Window: rules.Window}); ok {
			out = append(out, Load{ATC: d.Number.ATC, Time: d.Time, Answer: a})
		}
	}
	return out, nil
}

// Loads gives the loads and unloads of a card at the host's time.
func (h *Kept) Loads(ctx context.Context, card txn.CardKey) (out []Load, err error) {
	err = h.db.Read(ctx, func(r *sqlite.Reader) (err error) {
		out, err = Loads(r, h.vault, card, &h.config.Rules, h.config.Now())
		return err
	})
	return out, err
}

// timelineOf is the stored timeline of a card, an empty one if there is none.
func timelineOf(r *sqlite.Reader, vault *sqlite.Vault, card txn.CardKey) (*timeline.Card, error) {
	t := &timeline.Card{Key: card}
	blob, found, err := r.Timeline(vault.Token(card))
	if err != nil || !found {
		return t, err
	}
	if err := t.Decode(blob); err != nil {
		return nil, fmt.Errorf("timeline of card %v: %w", card, errors.Join(err, sqlite.ErrDamaged))
	}
	return t, nil
}

// proofAt reads from a card's timeline and breaks what became of the load or unload at a
// counter.
func proofAt(r *sqlite.Reader, vault *sqlite.Vault, t *timeline.Card, atc uint16, rules *timeline.Params) (p topup.Proof, err error) {
	p.Frozen = t.Frozen()
	for _, v := range t.Verdicts(rules) {
		if v.P != atc || v.Cut != 0 {
			continue
		}
		p.Later = true
		if v.Outcome == timeline.Decided {
			p.Ran = [...]topup.Ran{timeline.Open: topup.Unknown, timeline.Yes: topup.Yes, timeline.No: topup.No}[v.Committed]
		}
	}
	err = r.BreaksAt(vault, t.Key, atc, func(b *recon.Break) error {
		proofOf(&p, b)
		return nil
	})
	return p, err
}

// given tells whether the account got the money on a terminal's word, and notes it where
// it is proved to be owed.
func given(r *sqlite.Reader, vault *sqlite.Vault, card txn.CardKey, d *authorise.Decision, p *topup.Proof) (bool, error) {
	if d.Kind == txn.OnlineUnload && p.Ran == topup.Yes && !p.Frozen && !p.Waits {
		p.Settled = true // else its break would stand: see sqlite.Tx.DropUnloads
	}
	a, found, err := r.Advance(vault, card, d.Number.ATC)
	if err == nil && found && p.Ran != topup.Unknown && a.Stands >= max(d.After-d.Before, d.Before-d.After) {
		p.Settled = true
	}
	return found, err
}

// proofOf adds what a break at the counter says.
func proofOf(p *topup.Proof, b *recon.Break) {
	paid := b.State == timeline.Proven && !b.Held && !b.Waits
	switch b.Part {
	case timeline.PartLoad, timeline.PartDoubt:
		if b.State == timeline.Proven || b.Waits {
			p.Ran = topup.No
			if b.Part == timeline.PartDoubt {
				p.Ran = topup.Yes
			}
		}
		p.Settled, p.Waits = paid, b.Waits
	case timeline.PartPair:
		p.Final, p.Waits = b.Final, b.Waits
		if p.Settled = paid; paid {
			p.Total = b.Amount
		}
	}
}
