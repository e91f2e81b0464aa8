package sqlite

import (
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
)

// Posted is the sum of the transfers with one code between two accounts.
type Posted struct {
	Code          uint16
	Debit, Credit ledger.AccountID
	Transfers     int64
	Amount        money.Fen
}

// PostedBetween adds up the transfers with codes from to last by code and
// accounts, in that order. It is meant for codes between few accounts, such as
// those that close a window; it reads the whole ledger.
func (r *Reader) PostedBetween(from, last uint16, each func(Posted) error) error {
	return r.Query(`SELECT t.code, d.id, c.id, t.n, t.total
		FROM (SELECT code, debit, credit, count(*) AS n, sum(amount) AS total FROM ledger_transfer WHERE code BETWEEN ? AND ? GROUP BY code, debit, credit) t
		JOIN ledger_account d ON d.slot = t.debit
		JOIN ledger_account c ON c.slot = t.credit
		ORDER BY t.code, d.id, c.id`, func(row *Row) error {
		p := Posted{Code: uint16(row.Int(0)), Transfers: row.Int64(3), Amount: row.Fen(4)}
		if err := row.Fill(1, p.Debit[:]); err != nil {
			return err
		}
		if err := row.Fill(2, p.Credit[:]); err != nil {
			return err
		}
		return each(p)
	}, from, last)
}

// PostedIn adds up the transfers with codes from to last by window, in order.
func (r *Reader) PostedIn(from, last uint16, each func(window int32, transfers int64, amount money.Fen) error) error {
	return r.Query(`SELECT window_no, count(*), sum(amount) FROM ledger_transfer WHERE code BETWEEN ? AND ? GROUP BY window_no ORDER BY window_no`,
		func(row *Row) error { return each(int32(row.Int64(0)), row.Int64(1), row.Fen(2)) }, from, last)
}

// Shares gives what each operator got of the fares of all windows, by number.
func (r *Reader) Shares(each func(operator uint16, amount money.Fen) error) error {
	return r.Query(`SELECT operator, sum(amount) FROM clearing_share GROUP BY operator ORDER BY operator`,
		func(row *Row) error { return each(uint16(row.Int(0)), row.Fen(1)) })
}

// RebateSum counts the rebates and adds them up.
func (r *Reader) RebateSum() (n int64, amount money.Fen, err error) {
	err = r.Query(`SELECT count(*), coalesce(sum(paid - price), 0) FROM clearing_rebate`, func(row *Row) error {
		n, amount = row.Int64(0), row.Fen(1)
		return nil
	})
	return n, amount, err
}

// BreakStates counts the breaks that stand in the table by state, in the order of
// the states' numbers.
func (r *Reader) BreakStates(each func(s timeline.State, n int64, amount money.Fen) error) error {
	return r.Query(`SELECT state, count(*), sum(amount) FROM recon_break GROUP BY state ORDER BY state`,
		func(row *Row) error { return each(timeline.State(row.Int(0)), row.Int64(1), row.Fen(2)) })
}

// BlockTotals counts the rows in accepted blocks and the blocks that still wait
// for their predecessor.
func (r *Reader) BlockTotals() (rows, waiting int64, err error) {
	err = r.Query(`SELECT (SELECT coalesce(sum(row_count), 0) FROM acquirer_block), (SELECT count(*) FROM acquirer_waiting)`, func(row *Row) error {
		rows, waiting = row.Int64(0), row.Int64(1)
		return nil
	})
	return rows, waiting, err
}

// BlockCounts gives the number of blocks accepted in each window that has some.
func (r *Reader) BlockCounts(each func(window int32, blocks int64) error) error {
	return r.Query(`SELECT window_no, count(*) FROM acquirer_block GROUP BY window_no ORDER BY window_no`,
		func(row *Row) error { return each(int32(row.Int64(0)), row.Int64(1)) })
}
