package sqlite

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// OpenAccounts opens accounts with both totals zero and tells what became of each.
// Opening the same account again does nothing.
func (tx *Tx) OpenAccounts(batch []ledger.Account) ([]ledger.AccountOutcome, error) {
	if tx.s == nil {
		return nil, fmt.Errorf("open accounts: %w", ErrTxOver)
	}
	outcomes := make([]ledger.AccountOutcome, len(batch))
	for i := range batch {
		var err error
		if outcomes[i], err = tx.openAccount(&batch[i]); err != nil {
			tx.broken = fmt.Errorf("open account %s: %w", batch[i].ID, err)
			return nil, tx.broken
		}
	}
	return outcomes, nil
}

func (tx *Tx) openAccount(a *ledger.Account) (ledger.AccountOutcome, error) {
	if o := ledger.CheckAccount(a); o != ledger.AccountOpened {
		return o, nil
	}
	err := tx.s.exec(`INSERT INTO ledger_account (id, kind, owner, limit_rule) VALUES (?,?,?,?) ON CONFLICT DO NOTHING`,
		a.ID, uint8(a.Kind), a.Owner, uint8(a.Limit))
	if err != nil {
		return 0, err
	}
	if tx.s.conn.Changes() == 0 {
		stored, _, err := tx.Account(a.ID)
		return ledger.CompareAccount(&stored, a), err
	}
	slot := tx.s.conn.LastInsertRowID()
	if err := tx.s.exec("INSERT INTO ledger_balance (slot, debits, credits, last) VALUES (?,0,0,0)", slot); err != nil {
		return 0, err
	}
	if len(tx.w.cache.rows) < tx.w.opt.AccountCache {
		tx.w.cache.add(cachedAccount{id: a.ID, limit: a.Limit, slot: slot})
	}
	return ledger.AccountOpened, nil
}

// Account gives the fixed part of an account; false if it is not open.
func (r *Reader) Account(id ledger.AccountID) (a ledger.Account, found bool, err error) {
	err = r.Query("SELECT kind, owner, limit_rule FROM ledger_account WHERE id = ?", func(row *Row) error {
		a = ledger.Account{ID: id, Kind: ledger.AccountKind(row.Int(0)), Owner: row.Text(1), Limit: ledger.Limit(row.Int(2))}
		found = true
		return nil
	}, id)
	return a, found, err
}

// Balance gives the present totals of an account; false if it is not open.
func (r *Reader) Balance(id ledger.AccountID) (b ledger.Balance, found bool, err error) {
	err = r.Query(selectAccountState, func(row *Row) error {
		b = ledger.Balance{Debits: row.Fen(2), Credits: row.Fen(3)}
		found = true
		return nil
	}, id)
	return b, found, err
}

// Totals gives the sum of the debits and of the credits of all accounts. They
// are equal, or the books are damaged.
func (r *Reader) Totals() (debits, credits money.Fen, err error) {
	err = r.Query("SELECT coalesce(sum(debits), 0), coalesce(sum(credits), 0) FROM ledger_balance", func(row *Row) error {
		debits, credits = row.Fen(0), row.Fen(1)
		return nil
	})
	return debits, credits, err
}

// ErrStop ends a scan early when the function given to it returns it; the scan
// then gives no error.
var ErrStop = errors.New("stop")

const selectTransfer = `SELECT t.id, d.id, c.id, t.amount, t.code, t.at, t.window_no, t.ref
	FROM ledger_transfer t
	JOIN ledger_account d ON d.slot = t.debit
	JOIN ledger_account c ON c.slot = t.credit`

const selectTransferByID = selectTransfer + ` WHERE t.seq = (SELECT seq FROM ledger_transfer_id WHERE id = ?)`

const selectTransferBySeq = selectTransfer + ` WHERE t.seq = ?`

const selectAllTransfers = `SELECT t.id, d.id, c.id, t.amount, t.code, t.at, t.window_no, t.ref
	FROM ledger_transfer t
	CROSS JOIN ledger_account d ON d.slot = t.debit
	CROSS JOIN ledger_account c ON c.slot = t.credit
	WHERE t.at BETWEEN ? AND ? ORDER BY t.seq`

func readTransfer(row *Row) (t ledger.Transfer, err error) {
	err = errors.Join(row.Fill(0, t.ID[:]), row.Fill(1, t.Debit[:]), row.Fill(2, t.Credit[:]))
	t.Amount = row.Fen(3)
	t.Code = uint16(row.Int64(4))
	t.At = row.Int64(5)
	t.Window = int32(row.Int64(6))
	t.Ref = row.Blob(7)
	return t, err
}

// Transfer gives a booked transfer by its id; false if the id is free.
func (r *Reader) Transfer(id ledger.TransferID) (t ledger.Transfer, found bool, err error) {
	if r.s == nil {
		return t, false, ErrTxOver
	}
	return r.s.transfer(id)
}

func (s *session) transfer(id ledger.TransferID) (t ledger.Transfer, found bool, err error) {
	err = s.query(selectTransferByID, func(row *Row) error {
		found = true
		t, err = readTransfer(row)
		return err
	}, id)
	return t, found, err
}
