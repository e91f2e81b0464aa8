package sqlite

import (
	"fmt"

	"github.com/citycard/citycard/txn"
)

// Terminal is an entry of the acquirers' register of terminals.
type Terminal struct {
	ID       txn.TerminalID
	Key      [64]byte // SM2 public key under which its blocks are signed, X || Y
	Acquirer uint16   // institution
	Operator uint16   // whose service it sells
	Waited   bool     // the rows of its day are waited for: see Complete
	Place    string   // where it stands, in words; may be empty
}

// PutTerminal enters a terminal, or changes its entry.
func (tx *Tx) PutTerminal(t *Terminal) error {
	_, err := tx.Exec(`INSERT INTO acquirer_terminal (terminal, key, acquirer, operator, waited, place) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (terminal) DO UPDATE SET key = excluded.key, acquirer = excluded.acquirer, operator = excluded.operator, waited = excluded.waited, place = excluded.place`,
		uint32(t.ID), t.Key[:], t.Acquirer, t.Operator, t.Waited, t.Place)
	return err
}

// Terminal gives the entry of a terminal.
func (r *Reader) Terminal(id txn.TerminalID) (t Terminal, found bool, err error) {
	err = r.Query(`SELECT key, acquirer, operator, waited, place FROM acquirer_terminal WHERE terminal = ?`, func(row *Row) error {
		t, found = Terminal{ID: id, Acquirer: uint16(row.Int(1)), Operator: uint16(row.Int(2)), Waited: row.Bool(3), Place: row.Text(4)}, true
		return row.Fill(0, t.Key[:])
	}, uint32(id))
	return t, found, err
}

// Complete is the unix time before which every record of every waited terminal of
// the register has arrived; 0 if there is none, or one of them never got a block
// through.
func (r *Reader) Complete() (through int64, err error) {
	err = r.Query(`SELECT count(*), count(h.terminal), coalesce(min(h.until), 0)
		FROM acquirer_terminal t LEFT JOIN acquirer_head h ON h.terminal = t.terminal WHERE t.waited = 1`, func(row *Row) error {
		if row.Int64(0) == row.Int64(1) {
			through = row.Int64(2)
		}
		return nil
	})
	return through, err
}

// Range is an entry of the register of card numbers.
type Range struct {
	BIN         string // first six digits
	Participant uint16 // institution
	Masters     uint16 // number of the issuer's masters in the keystore (keystore.IssuerMasters)
	Factor      []byte // of purses: bytes 0 to 7 of file 15; else nil
}

// PutRange enters a range, or changes its entry.
func (tx *Tx) PutRange(r *Range) error {
	if len(r.BIN) != 6 {
		return fmt.Errorf("number range %q: want the first six digits", r.BIN)
	}
	_, err := tx.Exec(`INSERT INTO issuer_range (bin, participant, masters, factor) VALUES (?, ?, ?, ?)
		ON CONFLICT (bin) DO UPDATE SET participant = excluded.participant, masters = excluded.masters, factor = excluded.factor`,
		r.BIN, r.Participant, r.Masters, r.Factor)
	return err
}

// Range gives the entry of a card number's first six digits.
func (r *Reader) Range(bin string) (out Range, found bool, err error) {
	err = r.Query(`SELECT participant, masters, factor FROM issuer_range WHERE bin = ?`, func(row *Row) error {
		out, found = Range{BIN: bin, Participant: uint16(row.Int(0)), Masters: uint16(row.Int(1)), Factor: row.Blob(2)}, true
		return nil
	}, bin)
	return out, found, err
}
