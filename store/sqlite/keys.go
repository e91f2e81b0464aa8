package sqlite

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/citycard/citycard/ledger"
)

// stagedKey is an id in an order that compares fast.
type stagedKey struct {
	hi, lo uint64
	at     int32 // position in the batch
	fresh  bool  // not booked before this batch
}

// sortKeys lists the ids of the transfers that are in order by themselves, sorted,
// and marks the first of each run of equal ones.
func (p *poster) sortKeys(batch []ledger.Transfer) {
	p.keys = p.keys[:0]
	for i := range batch {
		if ledger.Check(&batch[i]) == ledger.Created {
			id := &batch[i].ID
			p.keys = append(p.keys, stagedKey{
				hi: binary.BigEndian.Uint64(id[:8]), lo: binary.BigEndian.Uint64(id[8:]), at: int32(i), fresh: true,
			})
		}
	}
	slices.SortFunc(p.keys, func(x, y stagedKey) int {
		switch {
		case x.hi != y.hi:
			return cmp.Compare(x.hi, y.hi)
		case x.lo != y.lo:
			return cmp.Compare(x.lo, y.lo)
		}
		return cmp.Compare(x.at, y.at)
	})
	p.heads = p.heads[:0]
	for i, k := range p.keys {
		if i == 0 || !k.same(p.keys[i-1]) {
			p.heads = append(p.heads, k)
		}
	}
}

func (k stagedKey) same(o stagedKey) bool { return k.hi == o.hi && k.lo == o.lo }

func (k stagedKey) id() (id ledger.TransferID) {
	binary.BigEndian.PutUint64(id[:8], k.hi)
	binary.BigEndian.PutUint64(id[8:], k.lo)
	return id
}

// stageKeys inserts the ids and fetches the transfers of those that were there.
func (w *writer) stageKeys(base int64) error {
	p := &w.poster
	if p.known == nil {
		p.known = make(map[ledger.TransferID]*ledger.Transfer)
	}
	clear(p.known)
	fill := func(stmt *sqlite.Stmt, row, i int) {
		k := &p.heads[i]
		id := k.id()
		stmt.BindBytes(row*2+1, id[:])
		stmt.BindInt64(row*2+2, base+int64(k.at))
	}
	after := func(from, to int) error {
		if w.conn.Changes() == to-from {
			return nil
		}
		for i := from; i < to; i++ {
			if err := w.checkKey(base, &p.heads[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return w.inChunks(len(p.heads), insertManyIDs, insertOneID, fill, after)
}

// checkKey finds out whether an id was inserted now, which shows by its seq.
func (w *writer) checkKey(base int64, k *stagedKey) error {
	id := k.id()
	seq, err := w.int64("SELECT seq FROM ledger_transfer_id WHERE id = ?", id)
	if err != nil || seq == base+int64(k.at) {
		return err
	}
	k.fresh = false
	t, found, err := w.transfer(id)
	if err == nil && !found {
		err = fmt.Errorf("transfer %s has an id but no row: %w", id, ErrDamaged)
	}
	if err != nil {
		return err
	}
	w.poster.known[id] = &t
	return nil
}

// settleKeys makes the table of ids agree with the outcomes: an id whose transfer
// was refused is free again, and one booked by a later transfer of the batch gets
// that one's seq.
func (w *writer) settleKeys(base int64, outcomes []ledger.Outcome) error {
	p := &w.poster
	next := 0 // position in keys after the run of the present head
	for _, head := range p.heads {
		winner := int32(-1)
		for next < len(p.keys) && p.keys[next].same(head) {
			if at := p.keys[next].at; outcomes[at] == ledger.Created {
				winner = at
			}
			next++
		}
		var err error
		switch {
		case !head.fresh || winner == head.at:
		case winner < 0:
			err = w.exec("DELETE FROM ledger_transfer_id WHERE id = ?", head.id())
		default:
			err = w.exec("UPDATE ledger_transfer_id SET seq = ? WHERE id = ?", base+int64(winner), head.id())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
