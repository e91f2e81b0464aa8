package sqlite

import (
	"fmt"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/crypt/seal"
	blockfiles "github.com/citycard/citycard/store/segment"
	"github.com/citycard/citycard/txn"
)

// AcquirerStore is acquirer.Store within one transaction. Accepted blocks go to
// segment files, which the host syncs before it commits.
type AcquirerStore struct {
	tx       *Tx
	segments *blockfiles.Store
	at       int64
	lastID   uint32
	waited   map[seal.Hash]int64 // when the blocks arrived that TakeWaiting gave
}

var _ acquirer.Store = (*AcquirerStore)(nil)

// Acquirer opens the acquirer's tables in a transaction; at is the unix time of
// arrival of what is admitted in it.
func (tx *Tx) Acquirer(segments *blockfiles.Store, at int64) (*AcquirerStore, error) {
	s := &AcquirerStore{tx: tx, segments: segments, at: at, waited: map[seal.Hash]int64{}}
	err := tx.Query(`SELECT coalesce(max(id), 0) FROM acquirer_block`, func(r *Row) error {
		s.lastID = uint32(r.Int64(0))
		return nil
	})
	return s, err
}

// Head implements acquirer.Store.
func (s *AcquirerStore) Head(terminal txn.TerminalID) (acquirer.Head, error) {
	h := acquirer.Head{NextSequence: 1}
	err := s.tx.Query(`SELECT number, hash, next_sequence, until FROM acquirer_head WHERE terminal = ?`, func(r *Row) error {
		h.Number, h.NextSequence, h.Until = uint32(r.Int64(0)), uint32(r.Int64(2)), uint32(r.Int64(3))
		return r.Fill(1, h.Hash[:])
	}, uint32(terminal))
	return h, err
}

// Receipt implements acquirer.Store.
func (s *AcquirerStore) Receipt(hash seal.Hash) (rec acquirer.Receipt, found bool, err error) {
	err = s.tx.Query(`SELECT id, window_no FROM acquirer_block WHERE hash = ?`, func(r *Row) error {
		rec, found = acquirer.Receipt{Hash: hash, ID: uint32(r.Int64(0)), Window: int32(r.Int64(1))}, true
		return nil
	}, hash[:])
	return rec, found, err
}

// PutAccepted implements acquirer.Store.
func (s *AcquirerStore) PutAccepted(p *acquirer.Prepared, window int32, head acquirer.Head) (acquirer.Receipt, error) {
	place, err := s.segments.Append(window, p.Raw)
	if err != nil {
		return acquirer.Receipt{}, err
	}
	s.lastID++
	at := s.at
	if first, waited := s.waited[p.Hash]; waited {
		at = first // a block is in time if it came in time, whatever it had to wait for
	}
	h := &p.Sealed.Header
	if _, err := s.tx.Exec(`INSERT INTO acquirer_block (hash, id, terminal, number, start, row_count, window_no, arrived_at, segment, place, length, first_sequence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.Hash[:], s.lastID, h.Terminal, h.Number, h.Start, h.Rows, window, at, window, place, len(p.Raw), h.FirstSequence); err != nil {
		return acquirer.Receipt{}, err
	}
	_, err = s.tx.Exec(`INSERT INTO acquirer_head (terminal, number, hash, next_sequence, until) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (terminal) DO UPDATE SET number = excluded.number, hash = excluded.hash, next_sequence = excluded.next_sequence, until = excluded.until`,
		h.Terminal, head.Number, head.Hash[:], head.NextSequence, head.Until)
	return acquirer.Receipt{Hash: p.Hash, ID: s.lastID, Window: window}, err
}

// PutWaiting implements acquirer.Store.
func (s *AcquirerStore) PutWaiting(p *acquirer.Prepared) error {
	h := &p.Sealed.Header
	_, err := s.tx.Exec(`INSERT INTO acquirer_waiting (terminal, number, hash, arrived_at, raw) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		h.Terminal, h.Number, p.Hash[:], s.at, p.Raw)
	return err
}

// TakeWaiting implements acquirer.Store.
func (s *AcquirerStore) TakeWaiting(terminal txn.TerminalID, number uint32) (raw [][]byte, err error) {
	err = s.tx.Query(`SELECT raw, hash, arrived_at FROM acquirer_waiting WHERE terminal = ? AND number = ? ORDER BY hash`, func(r *Row) error {
		raw = append(raw, r.Blob(0))
		var hash seal.Hash
		if err := r.Fill(1, hash[:]); err != nil {
			return err
		}
		s.waited[hash] = r.Int64(2)
		return nil
	}, uint32(terminal), number)
	if err == nil && raw != nil {
		_, err = s.tx.Exec(`DELETE FROM acquirer_waiting WHERE terminal = ? AND number = ?`, uint32(terminal), number)
	}
	return raw, err
}

// PutHeld implements acquirer.Store.
func (s *AcquirerStore) PutHeld(p *acquirer.Prepared, window int32, why acquirer.Outcome) error {
	h := &p.Sealed.Header
	_, err := s.tx.Exec(`INSERT INTO acquirer_held (hash, terminal, number, why, window_no, raw) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		p.Hash[:], h.Terminal, h.Number, uint8(why), window, p.Raw)
	return err
}

// Count implements acquirer.Store.
func (s *AcquirerStore) Count(o acquirer.Outcome) error {
	_, err := s.tx.Exec(`INSERT INTO acquirer_count (outcome, n) VALUES (?, 1) ON CONFLICT (outcome) DO UPDATE SET n = n + 1`, uint8(o))
	return err
}

// Outcomes gives how many deliveries ended how.
func (r *Reader) Outcomes() (map[acquirer.Outcome]int64, error) {
	counts := map[acquirer.Outcome]int64{}
	err := r.Query(`SELECT outcome, n FROM acquirer_count`, func(row *Row) error {
		counts[acquirer.Outcome(row.Int(0))] = row.Int64(1)
		return nil
	})
	return counts, err
}

// Block says where an accepted block lies.
type Block struct {
	ID, Start uint32
	Terminal  txn.TerminalID
	Window    int32
	Arrived   int64
	Place     int64
	Length    int
}

// Blocks lists the blocks accepted in a window, in the order of acceptance.
func (r *Reader) Blocks(window int32) ([]Block, error) {
	var out []Block
	err := r.Query(`SELECT id, start, terminal, window_no, arrived_at, place, length FROM acquirer_block WHERE window_no = ? ORDER BY id`, func(row *Row) error {
		out = append(out, Block{ID: uint32(row.Int64(0)), Start: uint32(row.Int64(1)), Terminal: txn.TerminalID(row.Int64(2)),
			Window: int32(row.Int64(3)), Arrived: row.Int64(4), Place: row.Int64(5), Length: row.Int(6)})
		return nil
	}, window)
	return out, err
}

// SegmentEnd is the length of a window's block file that the database vouches
// for.
func (r *Reader) SegmentEnd(window int32) (end int64, err error) {
	err = r.Query(`SELECT coalesce(max(place + length), 0) FROM acquirer_block WHERE window_no = ?`, func(row *Row) error {
		end = row.Int64(0)
		return nil
	}, window)
	return end, err
}

// FindBlock gives the accepted block of an id.
func (r *Reader) FindBlock(id uint32) (b Block, err error) {
	found := false
	err = r.Query(`SELECT id, start, terminal, window_no, arrived_at, place, length FROM acquirer_block WHERE id = ?`, func(row *Row) error {
		b, found = Block{ID: uint32(row.Int64(0)), Start: uint32(row.Int64(1)), Terminal: txn.TerminalID(row.Int64(2)),
			Window: int32(row.Int64(3)), Arrived: row.Int64(4), Place: row.Int64(5), Length: row.Int(6)}, true
		return nil
	}, id)
	if err == nil && !found {
		err = fmt.Errorf("block %d was never accepted", id)
	}
	return b, err
}

// Placed is an accepted block that holds a row.
type Placed struct {
	Block
	Hash   seal.Hash // as it was accepted
	Number uint32    // of the terminal's blocks
	Index  uint16    // of the row in it
}

// FindRow gives the accepted block that holds a row of a terminal, by its sequence
// number; false if there is none.
func (r *Reader) FindRow(terminal txn.TerminalID, sequence uint32) (p Placed, found bool, err error) {
	err = r.Query(`SELECT id, start, window_no, arrived_at, place, length, hash, number, first_sequence FROM acquirer_block
		WHERE terminal = ? AND first_sequence <= ? AND first_sequence + row_count > ? ORDER BY first_sequence DESC LIMIT 1`, func(row *Row) error {
		p, found = Placed{Block: Block{ID: uint32(row.Int64(0)), Start: uint32(row.Int64(1)), Terminal: terminal, Window: int32(row.Int64(2)),
			Arrived: row.Int64(3), Place: row.Int64(4), Length: row.Int(5)}, Number: uint32(row.Int64(7)), Index: uint16(int64(sequence) - row.Int64(8))}, true
		return row.Fill(6, p.Hash[:])
	}, uint32(terminal), sequence, sequence)
	return p, found, err
}

// BlockHash gives the hash of an accepted block by terminal and number; false if
// there is none.
func (r *Reader) BlockHash(terminal txn.TerminalID, number uint32) (hash seal.Hash, found bool, err error) {
	err = r.Query(`SELECT hash FROM acquirer_block WHERE terminal = ? AND number = ?`, func(row *Row) error {
		found = true
		return row.Fill(0, hash[:])
	}, uint32(terminal), number)
	return hash, found, err
}

// HasBlock reports whether a block has been accepted: whether its receipt can be
// given.
func (r *Reader) HasBlock(hash seal.Hash) (found bool, err error) {
	err = r.Query(`SELECT 1 FROM acquirer_block WHERE hash = ?`, func(*Row) error {
		found = true
		return nil
	}, hash[:])
	return found, err
}

// Watermark is the unix time before which every record of every one of some
// terminals has arrived; 0 if one of them never got a block through.
func (r *Reader) Watermark(terminals int, among func(txn.TerminalID) bool) (through int64, err error) {
	found := 0
	err = r.Query(`SELECT terminal, until FROM acquirer_head`, func(row *Row) error {
		if !among(txn.TerminalID(row.Int64(0))) {
			return nil
		}
		if found++; found == 1 || row.Int64(1) < through {
			through = row.Int64(1)
		}
		return nil
	})
	if found < terminals {
		through = 0
	}
	return through, err
}
