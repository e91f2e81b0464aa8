package sqlite

import (
	"fmt"
	"math"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// auditQueries each count rows that contradict others. Every count must be 0.
var auditQueries = []struct{ wrong, query string }{
	{"accounts without a balance, or balances without an account", `SELECT
		(SELECT count(*) FROM ledger_account a LEFT JOIN ledger_balance b ON b.slot = a.slot WHERE b.slot IS NULL) +
		(SELECT count(*) FROM ledger_balance b LEFT JOIN ledger_account a ON a.slot = b.slot WHERE a.slot IS NULL)`},
	{"accounts whose totals are not the sum of their transfers", `SELECT count(*) FROM ledger_balance b
		LEFT JOIN (SELECT debit AS slot, sum(amount) AS total FROM ledger_transfer GROUP BY debit) d ON d.slot = b.slot
		LEFT JOIN (SELECT credit AS slot, sum(amount) AS total FROM ledger_transfer GROUP BY credit) c ON c.slot = b.slot
		WHERE b.debits <> coalesce(d.total, 0) OR b.credits <> coalesce(c.total, 0)`},
	{"transfers whose id is not registered for them", `SELECT count(*) FROM ledger_transfer t
		LEFT JOIN ledger_transfer_id i ON i.id = t.id WHERE i.seq IS NOT t.seq`},
	{"registered ids without a transfer", `SELECT count(*) FROM ledger_transfer_id i
		LEFT JOIN ledger_transfer t ON t.seq = i.seq WHERE t.id IS NOT i.id`},
	{"transfers on an account that is not open, or with a bad amount", `SELECT count(*) FROM ledger_transfer t
		WHERE t.amount <= 0 OR t.debit = t.credit
		OR NOT EXISTS (SELECT 1 FROM ledger_account WHERE slot = t.debit)
		OR NOT EXISTS (SELECT 1 FROM ledger_account WHERE slot = t.credit)`},
}

// Audit proves the books from their rows: debits equal credits, every total is the
// sum of its transfers, every limit holds, ids and transfers match one to one, and
// the chain of every account leads through all its transfers. It reads everything
// and answers ErrDamaged with the first contradiction.
func (r *Reader) Audit() error {
	debits, credits, err := r.Totals()
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if debits != credits {
		return fmt.Errorf("audit: debits %s, credits %s yuan: %w", debits, credits, ErrDamaged)
	}
	for _, a := range auditQueries {
		n, err := r.s.int64(a.query)
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		if n != 0 {
			return fmt.Errorf("audit: %d %s: %w", n, a.wrong, ErrDamaged)
		}
	}
	return r.Query("SELECT a.id, b.debits, b.credits, a.limit_rule FROM ledger_account a JOIN ledger_balance b ON b.slot = a.slot",
		func(row *Row) error {
			var id ledger.AccountID
			if err := row.Fill(0, id[:]); err != nil {
				return fmt.Errorf("audit: %w", err)
			}
			return r.auditAccount(id, ledger.Balance{Debits: row.Fen(1), Credits: row.Fen(2)}, ledger.Limit(row.Int(3)))
		})
}

// auditAccount walks the chain of an account over the whole of time, in batches
// and one by one.
func (r *Reader) auditAccount(id ledger.AccountID, want ledger.Balance, limit ledger.Limit) error {
	if !limit.Holds(want) {
		return fmt.Errorf("audit: account %s at %+v breaks its limit %s: %w", id, want, limit, ErrDamaged)
	}
	got, _, err := r.BalanceAsOf(id, math.MaxInt64)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	var single ledger.Balance
	_, err = r.walk(id, math.MinInt64, math.MaxInt64, walker{single: func(_ int64, debits, credits money.Fen) {
		single.Debits += debits
		single.Credits += credits
	}})
	if err != nil {
		return fmt.Errorf("audit account %s: %w", id, err)
	}
	if got != want || single != want {
		return fmt.Errorf("audit: the transfers of account %s lead to %+v, by batches to %+v, its totals are %+v: %w", id, single, got, want, ErrDamaged)
	}
	return nil
}
