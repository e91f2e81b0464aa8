package sqlite

import "github.com/citycard/citycard/txn"

// QuotaServices gives the stored service of every card with a quota, by token. What
// the bytes mean is the issuer's affair (quota.Service as JSON).
func (r *Reader) QuotaServices(vault *Vault, each func(card txn.CardKey, state []byte) error) error {
	return r.Query(`SELECT token, state FROM quota_service ORDER BY token`, func(row *Row) error {
		card, err := vault.cardIn(row, 0)
		if err != nil {
			return err
		}
		return each(card, row.Blob(1))
	})
}

// PutQuotaService stores the service of a card in place of what was there.
func (tx *Tx) PutQuotaService(vault *Vault, card txn.CardKey, state []byte) error {
	t := vault.Token(card)
	_, err := tx.Exec(`INSERT INTO quota_service (token, state) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET state = excluded.state`, t[:], state)
	return err
}

// QuotaSend is one sending of a push: in a window, in a round of it. The log of them
// outlives a crash between the sending and the answer.
type QuotaSend struct {
	Window  int32
	Round   int
	Card    txn.CardKey
	PushATC uint16
	After   uint16 // the highest counter of the card that was known when the push was made
	Sends   int    // how often these bytes have been sent, this time included
	Command []byte // Push PUT DATA
}

// PutQuotaSend notes a push before its bytes leave.
func (tx *Tx) PutQuotaSend(vault *Vault, s *QuotaSend) error {
	t := vault.Token(s.Card)
	_, err := tx.Exec(`INSERT INTO quota_send (window_no, round, token, push_atc, after_atc, sends, command) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		s.Window, s.Round, t[:], s.PushATC, s.After, s.Sends, s.Command)
	return err
}

// QuotaSends gives the pushes of a round of a window, by token.
func (r *Reader) QuotaSends(vault *Vault, window int32, round int, each func(QuotaSend) error) error {
	return r.Query(`SELECT token, push_atc, after_atc, sends, command FROM quota_send WHERE window_no = ? AND round = ? ORDER BY token`, func(row *Row) error {
		card, err := vault.cardIn(row, 0)
		if err != nil {
			return err
		}
		return each(QuotaSend{Window: window, Round: round, Card: card, PushATC: uint16(row.Int(1)), After: uint16(row.Int(2)),
			Sends: row.Int(3), Command: row.Blob(4)})
	}, window, round)
}

// QuotaSendsIn counts the sendings of pushes by window, in order.
func (r *Reader) QuotaSendsIn(each func(window int32, sends int64) error) error {
	return r.Query(`SELECT window_no, count(*) FROM quota_send GROUP BY window_no ORDER BY window_no`,
		func(row *Row) error { return each(int32(row.Int64(0)), row.Int64(1)) })
}

// QuotaListing is a change of the deny list that the quota scheme asked for.
type QuotaListing struct {
	Window int32
	Card   txn.CardKey
	Denied bool
}

// PutQuotaListing notes that a card is put on the deny list, or taken off it, at the
// close of a window; the last word of a window counts.
func (tx *Tx) PutQuotaListing(vault *Vault, l *QuotaListing) error {
	t := vault.Token(l.Card)
	_, err := tx.Exec(`INSERT INTO quota_listing (window_no, token, denied) VALUES (?, ?, ?)
		ON CONFLICT (window_no, token) DO UPDATE SET denied = excluded.denied`, l.Window, t[:], l.Denied)
	return err
}

// QuotaListings gives every change of the deny list, by window and token.
func (r *Reader) QuotaListings(vault *Vault, each func(QuotaListing) error) error {
	return r.Query(`SELECT window_no, token, denied FROM quota_listing ORDER BY window_no, token`, func(row *Row) error {
		card, err := vault.cardIn(row, 1)
		if err != nil {
			return err
		}
		return each(QuotaListing{Window: int32(row.Int64(0)), Card: card, Denied: row.Bool(2)})
	})
}

// cardIn reads a column with a token.
func (v *Vault) cardIn(row *Row, col int) (txn.CardKey, error) {
	var t Token
	if err := row.Fill(col, t[:]); err != nil {
		return txn.CardKey{}, err
	}
	return v.Card(t)
}
