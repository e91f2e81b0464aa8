package sqlite

import "github.com/citycard/citycard/ledger"

// cachedAccount is an open account as the writer knows it, inside the present
// transaction.
type cachedAccount struct {
	id      ledger.AccountID
	limit   ledger.Limit
	touched int32 // position in poster.touched plus one; 0 outside a batch
	slot    int64
	last    int64 // seq of its newest transfer, 0 if none
	balance ledger.Balance
}

// accountCache keeps accounts by id. Rows are only appended, so that a position
// stays good until the cache is reset or undone. times counts the resets: a mark
// of before one has no positions to go back to.
type accountCache struct {
	times int
	byID  map[ledger.AccountID]int32
	rows  []cachedAccount
	undo  []undoEntry
}

// undoEntry is what an account was before a change in this transaction.
type undoEntry struct {
	at      int32
	last    int64
	balance ledger.Balance
}

// mark is a point that the writer's memory can go back to, as a savepoint is for
// the file.
type mark struct {
	rows, undo, times int
	nextSeq           int64
}

func (c *accountCache) reset() {
	if c.byID == nil {
		c.byID = make(map[ledger.AccountID]int32)
	}
	clear(c.byID)
	c.times++
	c.rows = c.rows[:0]
	c.undo = c.undo[:0]
}

// add remembers an account and gives its position.
func (c *accountCache) add(a cachedAccount) int32 {
	at := int32(len(c.rows))
	c.rows = append(c.rows, a)
	c.byID[a.id] = at
	return at
}

// change moves an account on and notes how to go back.
func (c *accountCache) change(at int32, last int64, balance ledger.Balance) {
	a := &c.rows[at]
	c.undo = append(c.undo, undoEntry{at, a.last, a.balance})
	a.last, a.balance = last, balance
}

func (w *writer) mark() mark {
	return mark{len(w.cache.rows), len(w.cache.undo), w.cache.times, w.nextSeq}
}

func (w *writer) undo(m mark) {
	c := &w.cache
	w.nextSeq = m.nextSeq
	if c.times != m.times { // read again what is needed
		c.reset()
		return
	}
	for i := len(c.undo) - 1; i >= m.undo; i-- {
		u := c.undo[i]
		c.rows[u.at].last, c.rows[u.at].balance = u.last, u.balance
	}
	c.undo = c.undo[:m.undo]
	for _, a := range c.rows[m.rows:] {
		delete(c.byID, a.id)
	}
	c.rows = c.rows[:m.rows]
}

// account gives the position of an account, reading it on first use; false if it
// is not open.
func (w *writer) account(id ledger.AccountID) (int32, bool, error) {
	if at, ok := w.cache.byID[id]; ok {
		return at, true, nil
	}
	at, found := int32(-1), false
	err := w.query(selectAccountState, func(row *Row) error {
		found = true
		at = w.cache.add(cachedAccount{
			id: id, slot: row.Int64(0), limit: ledger.Limit(row.Int64(1)),
			balance: ledger.Balance{Debits: row.Fen(2), Credits: row.Fen(3)}, last: row.Int64(4),
		})
		return nil
	}, id)
	return at, found, err
}

const selectAccountState = `SELECT a.slot, a.limit_rule, b.debits, b.credits, b.last
	FROM ledger_account a JOIN ledger_balance b ON b.slot = a.slot WHERE a.id = ?`
