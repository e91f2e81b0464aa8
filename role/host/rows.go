package host

import (
	"context"
	"fmt"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Present gives the host the offline rows of its terminals, each with its sequence number.
// A row that verifies is an observation of its card; one that asks for money is paid once.
// All rows are taken in one transaction, and presenting them again changes nothing.
//
// The verdicts are those of clearing, of which this is the smallest form: Cleared,
// Checkpoint, Noted, BadCryptogram, BadBalanceMAC, BadCardData, Duplicate,
// ConflictingCounter and LateOverLimit. A row of a load or unload is Noted and not looked
// at: the host has decided about that itself.
func (h *Kept) Present(ctx context.Context, rows []txn.Row) ([]txn.Verdict, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	out := make([]txn.Verdict, len(rows))
	err := h.write(ctx, func(b *booking) error {
		for i := range rows {
			var err error
			if out[i], err = b.present(&rows[i]); err != nil {
				return fmt.Errorf("row %d of terminal %d: %w", rows[i].Sequence, rows[i].Terminal, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("present %d rows: %w", len(rows), err)
	}
	return out, nil
}

// moves says that a row is of a load or unload, by its transaction type (9C).
func moves(r *txn.Row) bool { return r.Type >= 0x60 && r.Type <= 0x63 }

func (b *booking) present(r *txn.Row) (txn.Verdict, error) {
	if moves(r) {
		return txn.Noted, nil
	}
	if r.Scheme != txn.Finance {
		return txn.BadCardData, nil
	}
	var verdicts [1]txn.Verdict
	if err := b.verifier.Verify([]txn.Presented{{Row: *r}}, verdicts[:]); err != nil {
		return 0, err
	}
	v := verdicts[0]
	if v != txn.Cleared {
		return v, nil
	}
	e, err := recon.FromRow(r, v)
	if err != nil {
		return txn.BadCardData, nil
	}
	if err := b.store.Keep(r.Card); err != nil {
		return 0, err
	}
	if err := b.enter(r.Terminal); err != nil {
		return 0, err
	}
	if err := b.takeOver(r.Card, r.ATC, e.Obs.B); err != nil {
		return 0, err
	}
	if v, err = b.pay(r); err != nil {
		return 0, err
	}
	e.Obs.Refused = e.Obs.Kind == timeline.Paid && v != txn.Cleared
	if err := b.observe(r.Card, e); err != nil {
		return 0, err
	}
	return v, nil
}

// pay books a genuine row that asks for money.
func (b *booking) pay(r *txn.Row) (txn.Verdict, error) {
	switch {
	case !r.Kind.Paid():
		return txn.Noted, nil
	case r.Amount == 0:
		return txn.Checkpoint, nil
	case b.config.Rules.LateRow(r.Time, b.at):
		return txn.LateOverLimit, nil
	}
	t := b.books.Row(r.Card, books.Institution(ledger.Settlement, institution), b.at, issuer.Fare{ATC: r.ATC, Amount: r.Amount})
	before, paid, err := b.tx.Transfer(t.ID)
	switch {
	case err != nil:
		return 0, err
	case paid && before.Amount == t.Amount:
		return txn.Duplicate, nil
	case paid:
		return txn.ConflictingCounter, nil
	}
	return txn.Cleared, b.book(nil, t)
}

// enter registers a terminal that is not known yet as one of the host's own.
func (b *booking) enter(id txn.TerminalID) error {
	_, known, err := b.tx.Terminal(id)
	if err != nil || known {
		return err
	}
	return b.tx.PutTerminal(&sqlite.Terminal{ID: id, Acquirer: institution, Operator: institution})
}
