package sqlite

import (
	"context"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// ReconStore is recon.Store within one transaction: Save is durable when the
// transaction is. Its order of cards is that of their tokens.
type ReconStore struct {
	tx    *Tx
	vault *Vault
	post  func([]recon.Posting) error
}

var _ recon.Store = (*ReconStore)(nil)

// Recon opens reconciliation's tables in a transaction. post hands postings to
// the books; it is called within Save.
func (tx *Tx) Recon(vault *Vault, post func([]recon.Posting) error) *ReconStore {
	return &ReconStore{tx, vault, post}
}

// Load implements recon.Store.
func (s *ReconStore) Load(ctx context.Context, keys []txn.CardKey, into func(i int, blob []byte) error) error {
	for i, k := range keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := s.vault.Token(k)
		if err := s.tx.Query(`SELECT state FROM recon_card WHERE token = ?`, func(r *Row) error { return into(i, r.Blob(0)) }, t[:]); err != nil {
			return err
		}
	}
	return nil
}

// Save implements recon.Store.
func (s *ReconStore) Save(_ context.Context, b *recon.Batch) error {
	for i := range b.Cards {
		if err := s.saveCard(&b.Cards[i]); err != nil {
			return err
		}
	}
	for i := range b.Breaks {
		if err := s.saveBreak(&b.Breaks[i]); err != nil {
			return err
		}
	}
	for _, f := range b.Flash {
		t := s.vault.Token(f.Card)
		if _, err := s.tx.Exec(`INSERT INTO recon_flash (token, atc, amount, service, decided_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			t[:], f.ATC, f.Amount, f.Service, f.DecidedAt); err != nil {
			return err
		}
	}
	postings, err := s.payFromAdvances(b.Postings)
	if err != nil || len(postings) == 0 {
		return err
	}
	return s.post(postings)
}

func (s *ReconStore) saveCard(c *recon.CardState) error {
	t := s.vault.Token(c.Card)
	var err error
	if c.Blob != nil {
		_, err = s.tx.Exec(`INSERT INTO recon_card (token, state, open, due, frozen, provisional) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET state = excluded.state, open = excluded.open, due = excluded.due, frozen = excluded.frozen, provisional = excluded.provisional`,
			t[:], c.Blob, c.Open, c.Due, c.Frozen, c.Provisional)
	} else {
		_, err = s.tx.Exec(`UPDATE recon_card SET open = ?, due = ?, frozen = ?, provisional = ? WHERE token = ?`, c.Open, c.Due, c.Frozen, c.Provisional, t[:])
	}
	if err == nil && c.Judged {
		_, err = s.tx.Exec(`DELETE FROM recon_break WHERE token = ?`, t[:])
	}
	return err
}

func (s *ReconStore) saveBreak(b *recon.Break) error {
	t := s.vault.Token(b.Card)
	_, err := s.tx.Exec(`INSERT INTO recon_break (token, p, q, part, card, state, amount, contested, missing, named, held, stands, since, final, terminal, basis, waits, arose, by_log)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t[:], b.P, b.Q, uint8(b.Part), b.Card.String(), uint8(b.State), b.Amount, b.Contested, b.Missing, b.Named, b.Held, b.Stands, b.Since, b.Final, uint32(b.Terminal), uint8(b.Basis), b.Waits, b.Arose, b.ByLog)
	return err
}

// Open implements recon.Store.
func (s *ReconStore) Open(_ context.Context, after txn.CardKey, n int) ([]txn.CardKey, error) {
	var from []byte
	if after != (txn.CardKey{}) {
		t := s.vault.Token(after)
		from = t[:]
	}
	var keys []txn.CardKey
	err := s.tx.Query(`SELECT token FROM recon_card WHERE open = 1 AND token > ? ORDER BY token LIMIT ?`, func(r *Row) error {
		var t Token
		if err := r.Fill(0, t[:]); err != nil {
			return err
		}
		k, err := s.vault.Card(t)
		keys = append(keys, k)
		return err
	}, from, n)
	return keys, err
}

// Provisional implements recon.Store.
func (s *ReconStore) Provisional(context.Context) (money.Fen, error) { return s.tx.ProvisionalSum() }

// ProvisionalSum is the provisional credit that stands on all cards.
func (r *Reader) ProvisionalSum() (sum money.Fen, err error) {
	err = r.Query(`SELECT coalesce(sum(provisional), 0) FROM recon_card WHERE provisional <> 0`, func(row *Row) error {
		sum = row.Fen(0)
		return nil
	})
	return sum, err
}

const breakColumns = `SELECT token, p, q, part, state, amount, contested, missing, named, held, stands, since, final, terminal, basis, waits, arose, by_log FROM recon_break`

// Breaks gives every break that stands in the table, by card token and counters.
func (r *Reader) Breaks(vault *Vault, each func(*recon.Break) error) error {
	return r.Query(breakColumns+` ORDER BY token, p, q, part`, func(row *Row) error { return readBreak(row, vault, each) })
}

// BreaksAfter is Breaks for the cards behind a token; the zero token begins.
func (r *Reader) BreaksAfter(vault *Vault, after Token, each func(*recon.Break) error) error {
	return r.Query(breakColumns+` WHERE token > ? ORDER BY token, p, q, part`, func(row *Row) error { return readBreak(row, vault, each) }, after[:])
}

// BreaksOf is Breaks for one card.
func (r *Reader) BreaksOf(t Token, card txn.CardKey, each func(*recon.Break) error) error {
	return r.Query(breakColumns+` WHERE token = ? ORDER BY p, q, part`, func(row *Row) error { return each(&recon.Break{Card: card, Break: breakOf(row)}) }, t[:])
}

func readBreak(row *Row, vault *Vault, each func(*recon.Break) error) error {
	var t Token
	if err := row.Fill(0, t[:]); err != nil {
		return err
	}
	card, err := vault.Card(t)
	if err != nil {
		return err
	}
	return each(&recon.Break{Card: card, Break: breakOf(row)})
}

func breakOf(row *Row) timeline.Break {
	return timeline.Break{P: uint16(row.Int(1)), Q: uint16(row.Int(2)), Part: timeline.Part(row.Int(3)),
		State: timeline.State(row.Int(4)), Amount: row.Fen(5), Contested: row.Fen(6), Missing: row.Int(7), Named: row.Bool(8), Held: row.Bool(9),
		Stands: row.Bool(10), Since: row.Int64(11), Final: row.Int64(12), Terminal: txn.TerminalID(row.Int64(13)), Basis: timeline.Basis(row.Int(14)), Waits: row.Bool(15), Arose: row.Int64(16), ByLog: row.Bool(17)}
}

// Timeline gives the stored timeline of a card; false if there is none.
func (r *Reader) Timeline(t Token) (blob []byte, found bool, err error) {
	err = r.Query(`SELECT state FROM recon_card WHERE token = ?`, func(row *Row) error {
		blob, found = row.Blob(0), true
		return nil
	}, t[:])
	return blob, found, err
}

// TokensFrom lists the tokens of cards with a timeline from one token to another, in
// order, at most n of them.
func (r *Reader) TokensFrom(from, to Token, n int) (tokens []Token, err error) {
	err = r.Query(`SELECT token FROM recon_card WHERE token BETWEEN ? AND ? ORDER BY token LIMIT ?`, func(row *Row) error {
		var t Token
		tokens = append(tokens, t)
		return row.Fill(0, tokens[len(tokens)-1][:])
	}, from[:], to[:], n)
	return tokens, err
}

// FlashOf gives the flash cards found of one card, by counter.
func (r *Reader) FlashOf(vault *Vault, t Token) (out []timeline.Flash, err error) {
	card, err := vault.Card(t)
	if err != nil {
		return nil, err
	}
	err = r.Query(`SELECT atc, amount, service, decided_at FROM recon_flash WHERE token = ? ORDER BY atc`, func(row *Row) error {
		out = append(out, timeline.Flash{Card: card, ATC: uint16(row.Int(0)), Amount: row.Fen(1), Service: row.Bool(2), DecidedAt: row.Int64(3)})
		return nil
	}, t[:])
	return out, err
}

// Flashes gives every flash card found, by card token and counter.
func (r *Reader) Flashes(vault *Vault, each func(timeline.Flash) error) error {
	return r.Query(`SELECT token, atc, amount, service, decided_at FROM recon_flash ORDER BY token, atc`, func(row *Row) error {
		var t Token
		if err := row.Fill(0, t[:]); err != nil {
			return err
		}
		card, err := vault.Card(t)
		if err != nil {
			return err
		}
		return each(timeline.Flash{Card: card, ATC: uint16(row.Int(1)), Amount: row.Fen(2), Service: row.Bool(3), DecidedAt: row.Int64(4)})
	})
}

// Timelines gives the stored timeline of every card, by token.
func (r *Reader) Timelines(vault *Vault, each func(card txn.CardKey, blob []byte) error) error {
	return r.Query(`SELECT token, state FROM recon_card ORDER BY token`, func(row *Row) error {
		var t Token
		if err := row.Fill(0, t[:]); err != nil {
			return err
		}
		card, err := vault.Card(t)
		if err != nil {
			return err
		}
		return each(card, row.Blob(1))
	})
}

// OpenCards lists the cards that reconciliation has an open question to.
func (r *Reader) OpenCards(vault *Vault) ([]txn.CardKey, error) {
	var keys []txn.CardKey
	err := r.Query(`SELECT token FROM recon_card WHERE open = 1 ORDER BY token`, func(row *Row) error {
		var t Token
		if err := row.Fill(0, t[:]); err != nil {
			return err
		}
		k, err := vault.Card(t)
		keys = append(keys, k)
		return err
	})
	return keys, err
}
