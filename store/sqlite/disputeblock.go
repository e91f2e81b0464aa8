package sqlite

import "github.com/citycard/citycard/txn"

// FindNumber gives the accepted block of a terminal by its number in the terminal's
// chain; false if there is none. Index is 0.
func (r *Reader) FindNumber(terminal txn.TerminalID, number uint32) (p Placed, found bool, err error) {
	err = r.Query(`SELECT id, start, window_no, arrived_at, place, length, hash FROM acquirer_block WHERE terminal = ? AND number = ?`, func(row *Row) error {
		p, found = Placed{Block: Block{ID: uint32(row.Int64(0)), Start: uint32(row.Int64(1)), Terminal: terminal, Window: int32(row.Int64(2)),
			Arrived: row.Int64(3), Place: row.Int64(4), Length: row.Int(5)}, Number: number}, true
		return row.Fill(6, p.Hash[:])
	}, uint32(terminal), number)
	return p, found, err
}
