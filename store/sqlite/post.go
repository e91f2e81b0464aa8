package sqlite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/citycard/citycard/ledger"
)

// rowsPerInsert is how many rows one insert statement carries. More rows save
// calls, but a chunk in which an id already exists is looked through one by one.
const rowsPerInsert = 32

// poster is the scratch memory of posting batches.
type poster struct {
	machine  ledger.Machine
	keys     []stagedKey                            // ids of the batch that may be booked, sorted
	heads    []stagedKey                            // the first of each run of equal ids
	known    map[ledger.TransferID]*ledger.Transfer // booked before this batch
	sides    []sides                                // accounts of each transfer
	touched  []touched
	accounts *accountCache
}

// sides is the cache position of both accounts of a transfer, -1 if not open, and
// the transfer before it on each.
type sides struct {
	debit, credit         int32
	debitPrev, creditPrev int64
}

// touched is an account that a batch moves.
type touched struct {
	account      int32 // position in the cache
	count        int32 // transfers of this batch on it
	prev, last   int64 // its newest transfer before and after
	atMin, atMax int64
	after        ledger.Balance
}

// PostBatch books transfers one after the other as ledger.Machine.Apply judges
// them, and tells what became of each. A refused transfer leaves no trace and does
// not stop the others. An error means that nothing of the transaction can be kept.
func (tx *Tx) PostBatch(batch []ledger.Transfer) ([]ledger.Outcome, error) {
	return tx.post(batch, false)
}

// PostLinked books all transfers or none, as ledger.Machine.ApplyLinked.
func (tx *Tx) PostLinked(batch []ledger.Transfer) ([]ledger.Outcome, error) {
	return tx.post(batch, true)
}

func (tx *Tx) post(batch []ledger.Transfer, linked bool) ([]ledger.Outcome, error) {
	if tx.s == nil {
		return nil, fmt.Errorf("post: %w", ErrTxOver)
	}
	if len(batch) > ledger.MaxBatch {
		return nil, fmt.Errorf("post %d transfers, at most %d: %w", len(batch), ledger.MaxBatch, ledger.ErrBatchTooLong)
	}
	outcomes, err := tx.w.postBatch(batch, linked)
	if err != nil {
		tx.broken = fmt.Errorf("post %d transfers: %w", len(batch), err)
	}
	return outcomes, tx.broken
}

// postBatch stages the ids, lets the machine decide, and stores what it says.
func (w *writer) postBatch(batch []ledger.Transfer, linked bool) ([]ledger.Outcome, error) {
	if len(w.cache.rows) > w.opt.AccountCache || len(w.cache.undo) > w.opt.AccountCache {
		w.cache.reset() // a long transaction must not keep every account it met
	}
	p := &w.poster
	p.accounts = &w.cache
	base := w.nextSeq
	w.nextSeq += int64(len(batch))
	p.sortKeys(batch)
	if err := w.stageKeys(base); err != nil {
		return nil, err
	}
	if err := w.findSides(batch); err != nil {
		return nil, err
	}
	apply := p.machine.Apply
	if linked {
		apply = p.machine.ApplyLinked
	}
	result, err := apply(p, batch)
	if err != nil {
		return nil, err
	}
	if err := w.settleKeys(base, result.Outcomes); err != nil {
		return nil, err
	}
	p.chain(base, batch, &result)
	if err := w.appendRows(base, batch, result.Created); err != nil {
		return nil, err
	}
	if err := w.moveBalances(); err != nil {
		return nil, err
	}
	return slices.Clone(result.Outcomes), nil
}

// insertIDs decides what is new. OR FAIL spares the engine a copy of every page
// for undoing one statement: after an error the whole transaction is undone.
func insertIDs(rows int) string {
	return "INSERT OR FAIL INTO ledger_transfer_id (id, seq) VALUES " + places("(?,?)", rows) + " ON CONFLICT DO NOTHING"
}

func insertRows(rows int) string {
	return "INSERT OR FAIL INTO ledger_transfer (seq, id, debit, credit, amount, code, at, window_no, ref, debit_prev, credit_prev) VALUES " +
		places("(?,?,?,?,?,?,?,?,?,?,?)", rows)
}

func places(row string, rows int) string {
	return strings.TrimSuffix(strings.Repeat(row+",", rows), ",")
}

// The texts of the inserts, made once: the statement cache finds them by text.
var (
	insertManyIDs  = insertIDs(rowsPerInsert)
	insertOneID    = insertIDs(1)
	insertManyRows = insertRows(rowsPerInsert)
	insertOneRow   = insertRows(1)
)

// inChunks runs a many-row insert on full chunks of n items and the one-row form
// on the rest. fill binds item i as row number row of the statement.
func (w *writer) inChunks(n int, many, one string, fill func(stmt *sqlite.Stmt, row, i int), after func(from, to int) error) error {
	for from := 0; from < n; {
		query, rows := many, rowsPerInsert
		if n-from < rows {
			query, rows = one, 1
		}
		stmt, err := w.conn.Prepare(query)
		if err != nil {
			return explain("prepare insert", err)
		}
		for n-from >= rows {
			for row := range rows {
				fill(stmt, row, from+row)
			}
			if _, err := stmt.Step(); err != nil {
				return explain("insert", err)
			}
			if err := stmt.Reset(); err != nil {
				return explain("insert", err)
			}
			if err := after(from, from+rows); err != nil {
				return err
			}
			from += rows
		}
	}
	return nil
}

// findSides resolves the accounts of every transfer that is in order by itself.
func (w *writer) findSides(batch []ledger.Transfer) error {
	p := &w.poster
	p.sides = slices.Grow(p.sides[:0], len(batch))[:len(batch)]
	for _, k := range p.keys {
		t := &batch[k.at]
		debit, _, err := w.account(t.Debit)
		if err != nil {
			return err
		}
		credit, _, err := w.account(t.Credit)
		if err != nil {
			return err
		}
		p.sides[k.at] = sides{debit: debit, credit: credit}
	}
	return nil
}

// Account implements ledger.View.
func (p *poster) Account(id ledger.AccountID) (ledger.State, bool) {
	at, ok := p.accounts.byID[id]
	if !ok {
		return ledger.State{}, false
	}
	a := &p.accounts.rows[at]
	return ledger.State{Limit: a.limit, Balance: a.balance}, true
}

// Transfer implements ledger.View.
func (p *poster) Transfer(id ledger.TransferID) *ledger.Transfer {
	if len(p.known) == 0 {
		return nil
	}
	return p.known[id]
}

// chain hangs each new transfer on the chains of its two accounts, and lists the
// accounts that move.
func (p *poster) chain(base int64, batch []ledger.Transfer, result *ledger.Result) {
	p.touched = p.touched[:0]
	for _, i := range result.Created {
		s, seq, at := &p.sides[i], base+int64(i), batch[i].At
		s.debitPrev = p.touch(s.debit, seq, at)
		s.creditPrev = p.touch(s.credit, seq, at)
	}
	for _, c := range result.Changes {
		a := &p.accounts.rows[p.accounts.byID[c.ID]]
		p.touched[a.touched-1].after = c.After
	}
	for i := range p.touched {
		p.accounts.rows[p.touched[i].account].touched = 0
	}
	slices.SortFunc(p.touched, func(x, y touched) int {
		return cmp.Compare(p.accounts.rows[x.account].slot, p.accounts.rows[y.account].slot)
	})
}

// touch adds a transfer to an account's chain and gives the one before it.
func (p *poster) touch(account int32, seq, at int64) int64 {
	a := &p.accounts.rows[account]
	if a.touched == 0 {
		p.touched = append(p.touched, touched{account: account, prev: a.last, last: a.last, atMin: at, atMax: at})
		a.touched = int32(len(p.touched))
	}
	t := &p.touched[a.touched-1]
	before := t.last
	t.last = seq
	t.count++
	t.atMin, t.atMax = min(t.atMin, at), max(t.atMax, at)
	return before
}

// appendRows stores the new transfers in the order of the batch.
func (w *writer) appendRows(base int64, batch []ledger.Transfer, created []int32) error {
	p := &w.poster
	fill := func(stmt *sqlite.Stmt, row, n int) {
		i := created[n]
		t, s, place := &batch[i], &p.sides[i], row*11
		stmt.BindInt64(place+1, base+int64(i))
		stmt.BindBytes(place+2, t.ID[:])
		stmt.BindInt64(place+3, p.accounts.rows[s.debit].slot)
		stmt.BindInt64(place+4, p.accounts.rows[s.credit].slot)
		stmt.BindInt64(place+5, int64(t.Amount))
		stmt.BindInt64(place+6, int64(t.Code))
		stmt.BindInt64(place+7, t.At)
		stmt.BindInt64(place+8, int64(t.Window))
		if len(t.Ref) == 0 {
			stmt.BindNull(place + 9)
		} else {
			stmt.BindBytes(place+9, t.Ref)
		}
		stmt.BindInt64(place+10, s.debitPrev)
		stmt.BindInt64(place+11, s.creditPrev)
	}
	return w.inChunks(len(created), insertManyRows, insertOneRow, fill, func(int, int) error { return nil })
}

// segmentMin is how many transfers a batch must put on one account to make a
// segment worth its row.
const segmentMin = 64

// moveBalances writes the new totals. The update names the totals it expects, so
// that it fails rather than overwrite what it has not seen.
func (w *writer) moveBalances() error {
	p := &w.poster
	stmt, err := w.conn.Prepare(`UPDATE ledger_balance SET debits = ?1, credits = ?2, last = ?3
		WHERE slot = ?4 AND debits = ?5 AND credits = ?6 AND last = ?7`)
	if err != nil {
		return explain("prepare update of balances", err)
	}
	for i := range p.touched {
		t := &p.touched[i]
		a := &p.accounts.rows[t.account]
		stmt.BindInt64(1, int64(t.after.Debits))
		stmt.BindInt64(2, int64(t.after.Credits))
		stmt.BindInt64(3, t.last)
		stmt.BindInt64(4, a.slot)
		stmt.BindInt64(5, int64(a.balance.Debits))
		stmt.BindInt64(6, int64(a.balance.Credits))
		stmt.BindInt64(7, a.last)
		if _, err := stmt.Step(); err != nil {
			return explain("update balance", err)
		}
		if w.conn.Changes() != 1 {
			return fmt.Errorf("account %s is not at %+v as expected: %w", a.id, a.balance, ErrDamaged)
		}
		if err := stmt.Reset(); err != nil {
			return explain("update balance", err)
		}
		if t.count >= segmentMin {
			err := w.exec("INSERT INTO ledger_segment_cache (slot, last, prev, at_min, at_max, debits, credits) VALUES (?,?,?,?,?,?,?)",
				a.slot, t.last, t.prev, t.atMin, t.atMax, t.after.Debits-a.balance.Debits, t.after.Credits-a.balance.Credits)
			if err != nil {
				return err
			}
		}
		w.cache.change(t.account, t.last, t.after)
	}
	return nil
}
