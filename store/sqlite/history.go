package sqlite

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// BalanceAsOf gives what the transfers up to and including the second at made of
// an account, by value time; false if the account is not open. It walks the
// account's transfers from the newest back, in whole batches where a batch put
// many on the account.
func (r *Reader) BalanceAsOf(id ledger.AccountID, at int64) (b ledger.Balance, found bool, err error) {
	found, err = r.walk(id, math.MinInt64, at, walker{
		whole: func(debits, credits money.Fen) {
			b.Debits += debits
			b.Credits += credits
		},
		single: func(_ int64, debits, credits money.Fen) {
			b.Debits += debits
			b.Credits += credits
		},
	})
	if err != nil {
		err = fmt.Errorf("balance of %s as of %d: %w", id, at, err)
	}
	return b, found, err
}

// Scan calls fn with every transfer that the filter chooses, in the order of
// posting, until fn returns an error. ErrStop ends it without one. The transfer
// is valid during the call only.
func (r *Reader) Scan(f ledger.Filter, fn func(t *ledger.Transfer) error) error {
	each := func(row *Row) error {
		t, err := readTransfer(row)
		if err != nil {
			return err
		}
		return fn(&t)
	}
	err := r.scan(f, each)
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

func (r *Reader) scan(f ledger.Filter, each func(row *Row) error) error {
	if f.Account == (ledger.AccountID{}) {
		return r.Query(selectAllTransfers, each, f.Begin(), f.End())
	}
	var seqs []int64
	_, err := r.walk(f.Account, f.Begin(), f.End(), walker{
		single: func(seq int64, _, _ money.Fen) { seqs = append(seqs, seq) },
	})
	if err != nil {
		return fmt.Errorf("scan account %s: %w", f.Account, err)
	}
	for _, seq := range slices.Backward(seqs) {
		if err := r.Query(selectTransferBySeq, each, seq); err != nil {
			return err
		}
	}
	return nil
}

// walker is told what a walk finds inside its range of time.
type walker struct {
	whole  func(debits, credits money.Fen) // a batch that lies wholly inside; nil: one by one
	single func(seq int64, debits, credits money.Fen)
}

// span is a row of ledger_segment_cache.
type span struct {
	last, prev      int64
	atMin, atMax    int64
	debits, credits money.Fen
}

// walk is the way back along the chain of one account.
type walk struct {
	s        *session
	slot     int64
	cur      int64 // seq of the transfer to look at next, 0 at the end
	from, to int64
	visit    walker
}

// walk follows the chain of an account from the newest transfer back and reports
// those with from <= at <= to; false if the account is not open.
func (r *Reader) walk(id ledger.AccountID, from, to int64, visit walker) (found bool, err error) {
	if r.s == nil {
		return false, ErrTxOver
	}
	k := walk{s: r.s, from: from, to: to, visit: visit}
	err = r.s.query(selectAccountState, func(row *Row) error {
		k.slot, k.cur, found = row.Int64(0), row.Int64(4), true
		return nil
	}, id)
	if err != nil || !found {
		return found, err
	}
	err = r.s.query(selectSegments, func(row *Row) error {
		g := span{row.Int64(0), row.Int64(1), row.Int64(2), row.Int64(3), row.Fen(4), row.Fen(5)}
		if err := k.down(g.last); err != nil {
			return err
		}
		return k.stepOver(g)
	}, k.slot, k.cur)
	if err != nil {
		return found, err
	}
	return found, k.down(0)
}

// down goes one by one until the chain is at or before the seq given.
func (k *walk) down(until int64) error {
	for k.cur > until {
		e, err := k.s.entry(k.slot, k.cur)
		if err != nil {
			return err
		}
		if e.at >= k.from && e.at <= k.to {
			k.visit.single(k.cur, e.debits, e.credits)
		}
		if err := k.hop(e.prev); err != nil {
			return err
		}
	}
	return nil
}

// stepOver goes past the batch that ends here, if the range takes it or leaves it
// as a whole.
func (k *walk) stepOver(g span) error {
	switch {
	case g.last != k.cur:
		return nil
	case g.atMin > k.to || g.atMax < k.from:
	case k.visit.whole != nil && g.atMin >= k.from && g.atMax <= k.to:
		k.visit.whole(g.debits, g.credits)
	default:
		return nil
	}
	return k.hop(g.prev)
}

// hop moves back. A chain that does not fall would never end.
func (k *walk) hop(prev int64) error {
	if prev >= k.cur {
		return fmt.Errorf("transfer %d of the account points forward to %d: %w", k.cur, prev, ErrDamaged)
	}
	k.cur = prev
	return nil
}

const selectSegments = `SELECT last, prev, at_min, at_max, debits, credits FROM ledger_segment_cache
	WHERE slot = ? AND last <= ? ORDER BY last DESC`

// entry is one transfer as one of its accounts sees it.
type entry struct {
	at              int64
	debits, credits money.Fen
	prev            int64
}

func (s *session) entry(slot, seq int64) (e entry, err error) {
	found := false
	err = s.query("SELECT at, amount, debit, credit, debit_prev, credit_prev FROM ledger_transfer WHERE seq = ?", func(row *Row) error {
		e.at = row.Int64(0)
		switch slot {
		case row.Int64(2):
			e.debits, e.prev, found = row.Fen(1), row.Int64(4), true
		case row.Int64(3):
			e.credits, e.prev, found = row.Fen(1), row.Int64(5), true
		}
		return nil
	}, seq)
	if err == nil && !found {
		err = fmt.Errorf("transfer %d is not one of the account's: %w", seq, ErrDamaged)
	}
	return e, err
}
