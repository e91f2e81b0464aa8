package sqlite

import (
	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// CardStates loads and stores the state blobs of cards in one table.
type CardStates struct {
	r     *Reader
	query string
	vault *Vault
}

var _ clearing.States = CardStates{}

// ClearingStates reads clearing's card states.
func (r *Reader) ClearingStates(vault *Vault) CardStates {
	return CardStates{r, `SELECT state FROM clearing_card WHERE token = ?`, vault}
}

// Load implements clearing.States: cards without a stored state are left out.
func (s CardStates) Load(cards []txn.CardKey) (map[txn.CardKey][]byte, error) {
	out := make(map[txn.CardKey][]byte, len(cards))
	for _, c := range cards {
		t := s.vault.Token(c)
		if err := s.r.Query(s.query, func(row *Row) error {
			out[c] = row.Blob(0)
			return nil
		}, t[:]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PutClearing stores a partition's new states, exceptions, rebates and abandoned
// fares. What moves between operators only is no rebate.
func (tx *Tx) PutClearing(window int32, res *clearing.Result, vault *Vault) error {
	for i := range res.States {
		u := &res.States[i]
		t := vault.Token(u.Card)
		if _, err := tx.Exec(`INSERT INTO clearing_card (token, state) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET state = excluded.state`, t[:], u.State); err != nil {
			return err
		}
	}
	for i := range res.Items {
		if err := tx.putException(window, &res.Items[i]); err != nil {
			return err
		}
	}
	for i := range res.Rebates {
		b := &res.Rebates[i]
		if b.Amount() == 0 {
			continue
		}
		t := vault.Token(b.Card)
		if _, err := tx.Exec(`INSERT INTO clearing_rebate (token, atc, window_no, card, paid, price) VALUES (?, ?, ?, ?, ?, ?)`,
			t[:], b.ATC, window, b.Card.String(), b.Paid, b.Price); err != nil {
			return err
		}
	}
	for i := range res.Abandoned {
		a := &res.Abandoned[i]
		t := vault.Token(a.Card)
		if _, err := tx.Exec(`INSERT INTO clearing_abandoned (token, atc, window_no, card, block, row_index, terminal, paid) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			t[:], a.ATC, window, a.Card.String(), a.Ref.Block, a.Ref.Index, uint32(a.Terminal), a.Paid); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) putException(window int32, it *clearing.Item) error {
	if !it.Verdict.Refused() {
		return nil
	}
	trace := seal.TraceOf(txn.TraceInput(it.Row.Terminal, it.Start, it.Row.Sequence))
	_, err := tx.Exec(`INSERT INTO clearing_exception (block, row_index, window_no, verdict, trace, card, atc, amount, terminal, sequence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		it.Ref.Block, it.Ref.Index, window, uint8(it.Verdict), trace[:], it.Row.Card.String(), it.Row.ATC, it.Row.Amount, uint32(it.Row.Terminal), it.Row.Sequence)
	return err
}

// PutWindow stores the sums of a closed window.
func (tx *Tx) PutWindow(w *clearing.Window, at int64) error {
	if _, err := tx.Exec(`INSERT INTO clearing_window (window_no, closed_at) VALUES (?, ?)`, w.Number, at); err != nil {
		return err
	}
	for _, p := range w.Nets.Pairs() {
		if _, err := tx.Exec(`INSERT INTO clearing_net (window_no, debtor, creditor, amount, items) VALUES (?, ?, ?, ?, ?)`,
			w.Number, uint16(p.From), uint16(p.To), p.Amount, p.Items); err != nil {
			return err
		}
	}
	for k, f := range w.Shares {
		if _, err := tx.Exec(`INSERT INTO clearing_share (window_no, acquirer, operator, amount) VALUES (?, ?, ?, ?)`,
			w.Number, uint16(k.Acquirer), uint16(k.Operator), f); err != nil {
			return err
		}
	}
	for v, n := range w.Counts {
		if _, err := tx.Exec(`INSERT INTO clearing_count (window_no, verdict, n) VALUES (?, ?, ?)`, w.Number, uint8(v), n); err != nil {
			return err
		}
	}
	return nil
}

// Verdicts gives how many rows of all windows ended how.
func (r *Reader) Verdicts() (map[txn.Verdict]int64, error) {
	counts := map[txn.Verdict]int64{}
	err := r.Query(`SELECT verdict, sum(n) FROM clearing_count GROUP BY verdict`, func(row *Row) error {
		counts[txn.Verdict(row.Int(0))] = row.Int64(1)
		return nil
	})
	return counts, err
}

// NetPositions gives each participant's net over all closed windows.
func (r *Reader) NetPositions() (map[uint16]int64, error) {
	out := map[uint16]int64{}
	err := r.Query(`SELECT debtor, creditor, sum(amount) FROM clearing_net GROUP BY debtor, creditor`, func(row *Row) error {
		out[uint16(row.Int(0))] -= row.Int64(2)
		out[uint16(row.Int(1))] += row.Int64(2)
		return nil
	})
	return out, err
}

// RebatesOwed sums up the rebates of all closed windows.
func (r *Reader) RebatesOwed() (sum money.Fen, err error) {
	err = r.Query(`SELECT coalesce(sum(paid - price), 0) FROM clearing_rebate`, func(row *Row) error {
		sum = row.Fen(0)
		return nil
	})
	return sum, err
}

// Net is one bilateral position of a window.
type Net struct {
	Window           int32
	Debtor, Creditor uint16
	Amount           money.Fen
	Items            int64
}

// Nets gives every position, by window and participants.
func (r *Reader) Nets(each func(Net) error) error {
	return r.Query(`SELECT window_no, debtor, creditor, amount, items FROM clearing_net ORDER BY window_no, debtor, creditor`, func(row *Row) error {
		return each(Net{int32(row.Int64(0)), uint16(row.Int(1)), uint16(row.Int(2)), row.Fen(3), row.Int64(4)})
	})
}

// Exception is a refused row.
type Exception struct {
	Window   int32
	Ref      txn.Ref
	Verdict  txn.Verdict
	Trace    txn.TraceID
	Card     string // masked
	ATC      uint16
	Amount   money.Fen
	Terminal txn.TerminalID
	Sequence uint32
}

// Exceptions gives every refused row, by window, terminal and sequence.
func (r *Reader) Exceptions(each func(Exception) error) error {
	return r.Query(`SELECT window_no, block, row_index, verdict, trace, card, atc, amount, terminal, sequence FROM clearing_exception
		ORDER BY window_no, terminal, sequence, block, row_index`, func(row *Row) error {
		e := Exception{Window: int32(row.Int64(0)), Ref: txn.Ref{Block: uint32(row.Int64(1)), Index: uint16(row.Int(2))}, Verdict: txn.Verdict(row.Int(3)),
			Card: row.Text(5), ATC: uint16(row.Int(6)), Amount: row.Fen(7), Terminal: txn.TerminalID(row.Int64(8)), Sequence: uint32(row.Int64(9))}
		if err := row.Fill(4, e.Trace[:]); err != nil {
			return err
		}
		return each(e)
	})
}

// AbandonedFares counts the blind fares whose entries are no longer waited for.
func (r *Reader) AbandonedFares() (n int64, err error) {
	err = r.Query(`SELECT count(*) FROM clearing_abandoned`, func(row *Row) error {
		n = row.Int64(0)
		return nil
	})
	return n, err
}

// LastClosing is when the books of the last window were closed, unix seconds; 0 if none
// has been.
func (r *Reader) LastClosing() (int64, error) {
	return r.s.int64(`SELECT coalesce(max(closed_at), 0) FROM clearing_window`)
}
