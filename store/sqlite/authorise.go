package sqlite

import (
	"fmt"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// AuthoriseStore is authorise.Cards within one transaction: a decision is durable when
// the transaction is. What a card's account can spend follows from the books: what it
// opened with and the net of its ledger account.
type AuthoriseStore struct {
	tx    *Tx
	vault *Vault
	hook  AuthoriseHook
}

var _ authorise.Cards = (*AuthoriseStore)(nil)

// AuthoriseHook is what the owner of a store adds to it.
type AuthoriseHook interface {
	// New is a card of the issuer that has not been here before; false if the issuer has
	// no such card. Available is what its account opens with.
	New(card txn.CardKey) (authorise.Card, bool)
	// Opened is called within Store when a card is kept for the first time.
	Opened(card txn.CardKey) error
	// Changed is called within Store after the rows are written, with the decision as it
	// was before; the zero Decision, with State 0, if there was none.
	Changed(card txn.CardKey, before *authorise.Decision, c *authorise.Change) error
}

// Authorise opens the tables of the issuer's host in a transaction.
func (tx *Tx) Authorise(vault *Vault, hook AuthoriseHook) *AuthoriseStore {
	return &AuthoriseStore{tx, vault, hook}
}

// hostCard is a row of authorise_card.
type hostCard struct {
	card    authorise.Card
	last    *authorise.Number
	opening money.Fen
}

// Card implements authorise.Cards. A card that reconciliation has frozen is Restricted.
func (s *AuthoriseStore) Card(card txn.CardKey) (authorise.Card, bool, error) {
	h, found, err := s.read(card)
	if err != nil || found {
		return h.card, found, err
	}
	fresh, known := s.hook.New(card)
	return fresh, known, nil
}

// read gives the stored row, with all that Card is made of.
func (s *AuthoriseStore) read(card txn.CardKey) (h hostCard, found bool, err error) {
	t := s.vault.Token(card)
	err = s.tx.Query(`SELECT status, expiry, cash_limit, high, has_chip, deposit, orders, sending, ahead, last_cash, opening
		FROM authorise_card WHERE token = ?`, func(r *Row) (err error) {
		found = true
		h.card = authorise.Card{Status: authorise.Status(r.Int(0)), Limit: r.Fen(2), High: uint16(r.Int(3)), HasChip: r.Bool(4), Deposit: r.Bool(5),
			Sending: authorise.Sending{Orders: r.Int(7), Ahead: r.Int(8)}}
		h.opening = r.Fen(10)
		if !r.IsNull(9) {
			h.last = &authorise.Number{Counter: true, ATC: uint16(r.Int(9))}
		}
		if err := r.Fill(1, h.card.Expiry[:]); err != nil {
			return err
		}
		h.card.Orders, err = authorise.DecodeOrders(r.Blob(6), func(b *[16]byte) { s.vault.openBlock(t, b) })
		return err
	}, t[:])
	if err != nil || !found {
		return h, found, err
	}
	account, _, err := s.tx.Balance(issuer.CustomerAccount(accountToken(t)))
	if err != nil {
		return h, true, err
	}
	h.card.Available = h.opening + account.Net()
	if h.last != nil {
		d, there, err := s.Decision(card, *h.last)
		if err != nil || !there {
			return h, true, fmt.Errorf("newest load or unload, %v: %w (found: %v)", *h.last, ErrDamaged, there)
		}
		h.card.LastCash = &d
	}
	frozen, err := s.tx.s.int64(`SELECT coalesce((SELECT frozen FROM recon_card WHERE token = ?), 0)`, t[:])
	if frozen != 0 && h.card.Status == authorise.Active {
		h.card.Status = authorise.Restricted
	}
	return h, true, err
}

// accountToken is what an account id has room for of a token.
func accountToken(t Token) issuer.Token { return issuer.Token(t[:len(issuer.Token{})]) }

// sealBlock encrypts a block for one card, in place.
func (v *Vault) sealBlock(t Token, b *[16]byte) {
	for i := range b {
		b[i] ^= t[i]
	}
	v.seal.Encrypt(b[:], b[:])
}

// openBlock is the inverse of sealBlock.
func (v *Vault) openBlock(t Token, b *[16]byte) {
	v.open(b[:], b[:])
	for i := range b {
		b[i] ^= t[i]
	}
}

// ByNumber implements authorise.Cards: the cards that have been here, in the order of
// their sequence numbers, 00 to 99.
func (s *AuthoriseStore) ByNumber(number txn.PAN) ([]txn.CardKey, error) {
	var out []txn.CardKey
	for n := range byte(100) {
		card := txn.CardKey{PAN: number, PSN: n/10<<4 | n%10}
		t := s.vault.Token(card)
		if err := s.tx.Query(`SELECT 1 FROM authorise_card WHERE token = ?`, func(*Row) error {
			out = append(out, card)
			return nil
		}, t[:]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// numberColumns are the columns of the key of a decision.
func numberColumns(n authorise.Number) (byCounter bool, counter uint16, terminal, sequence uint32) {
	if n.Counter {
		return true, n.ATC, 0, 0
	}
	return false, 0, uint32(n.Terminal), n.Sequence
}

const decisionColumns = `by_counter, counter, terminal, sequence, digest, without_pin, state, kind, code, icc, auth_code, available, moved, before, after, note, at, shown, told`

// Decision implements authorise.Cards.
func (s *AuthoriseStore) Decision(card txn.CardKey, n authorise.Number) (d authorise.Decision, found bool, err error) {
	t := s.vault.Token(card)
	byCounter, counter, terminal, sequence := numberColumns(n)
	err = s.tx.Query(`SELECT `+decisionColumns+` FROM authorise_decision
		WHERE token = ? AND by_counter = ? AND counter = ? AND terminal = ? AND sequence = ?`, func(r *Row) (err error) {
		found = true
		d, err = decisionIn(r)
		return err
	}, t[:], byCounter, counter, terminal, sequence)
	return d, found, err
}

// decisionIn reads decisionColumns.
func decisionIn(r *Row) (d authorise.Decision, err error) {
	d = authorise.Decision{Number: authorise.Number{Counter: r.Bool(0), ATC: uint16(r.Int(1)), Terminal: txn.TerminalID(r.Int64(2)), Sequence: uint32(r.Int64(3))},
		State: authorise.State(r.Int(6)), Kind: txn.OnlineKind(r.Int(7)), Moved: r.Fen(12), Before: r.Fen(13), After: r.Fen(14), Note: r.Text(15),
		Time: r.Int64(16), Shown: r.Bool(17), Told: r.Bool(18)}
	d.Answer = txn.OnlineAnswer{ICC: r.Blob(9), AuthCode: r.Text(10), Available: r.Fen(11), Known: !r.IsNull(11)}
	for col, dst := range map[int][]byte{4: d.Digest[:], 5: d.WithoutPIN[:], 8: d.Answer.Code[:]} {
		if err := r.Fill(col, dst); err != nil {
			return d, err
		}
	}
	return d, nil
}

// Decisions gives every decision about a card that concerns its electronic cash, in the
// order of counters.
func (r *Reader) Decisions(vault *Vault, card txn.CardKey, each func(*authorise.Decision) error) error {
	t := vault.Token(card)
	return r.Query(`SELECT `+decisionColumns+` FROM authorise_decision WHERE token = ? AND by_counter = 1 AND kind IN (?, ?) ORDER BY counter`,
		func(row *Row) error {
			d, err := decisionIn(row)
			if err != nil {
				return err
			}
			return each(&d)
		}, t[:], uint8(txn.OnlineLoad), uint8(txn.OnlineUnload))
}

// Store implements authorise.Cards.
func (s *AuthoriseStore) Store(card txn.CardKey, c *authorise.Change) error {
	h, found, err := s.read(card)
	if err != nil {
		return err
	}
	if !found {
		if h, err = s.open(card); err != nil {
			return err
		}
	}
	before, _, err := s.Decision(card, c.Decision.Number)
	if err != nil {
		return err
	}
	if err := s.putDecision(card, &c.Decision); err != nil {
		return err
	}
	if err := h.card.Apply(c); err != nil {
		return err
	}
	if err := s.putCard(card, &h.card); err != nil {
		return err
	}
	return s.hook.Changed(card, &before, c)
}

// open keeps a card for the first time.
func (s *AuthoriseStore) open(card txn.CardKey) (h hostCard, err error) {
	fresh, known := s.hook.New(card)
	if !known {
		return h, fmt.Errorf("keep card %v: the issuer has no such card", card)
	}
	t := s.vault.Token(card)
	orders, err := authorise.AppendOrders(nil, fresh.Orders, func(b *[16]byte) { s.vault.sealBlock(t, b) })
	if err != nil {
		return h, err
	}
	if _, err := s.tx.Exec(`INSERT INTO authorise_card (token, status, expiry, cash_limit, high, has_chip, deposit, orders, sending, ahead, last_cash, opening, takeover, taken, wrong_pins)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, NULL, ?, -1, 0, 0)`, t[:], uint8(fresh.Status), fresh.Expiry[:], fresh.Limit, fresh.High, fresh.HasChip, fresh.Deposit,
		orders, fresh.Available); err != nil {
		return h, err
	}
	return hostCard{card: fresh, opening: fresh.Available}, s.hook.Opened(card)
}

// Keep makes sure that a card is kept, for one that comes with a row before it has ever
// asked. The error is that of a card of another issuer.
func (s *AuthoriseStore) Keep(card txn.CardKey) error {
	_, found, err := s.read(card)
	if err == nil && !found {
		_, err = s.open(card)
	}
	return err
}

func (s *AuthoriseStore) putDecision(card txn.CardKey, d *authorise.Decision) error {
	t := s.vault.Token(card)
	byCounter, counter, terminal, sequence := numberColumns(d.Number)
	var available any
	if d.Answer.Known {
		available = d.Answer.Available
	}
	_, err := s.tx.Exec(`INSERT INTO authorise_decision (token, `+decisionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET digest = excluded.digest, without_pin = excluded.without_pin, state = excluded.state, kind = excluded.kind, code = excluded.code,
		icc = excluded.icc, auth_code = excluded.auth_code, available = excluded.available, moved = excluded.moved, before = excluded.before, after = excluded.after,
		note = excluded.note, at = excluded.at, shown = excluded.shown, told = excluded.told`,
		t[:], byCounter, counter, terminal, sequence, d.Digest[:], d.WithoutPIN[:], uint8(d.State), uint8(d.Kind), d.Answer.Code[:], d.Answer.ICC, d.Answer.AuthCode,
		available, d.Moved, d.Before, d.After, d.Note, d.Time, d.Shown, d.Told)
	return err
}

// putCard stores what Card.Apply may have changed.
func (s *AuthoriseStore) putCard(card txn.CardKey, k *authorise.Card) error {
	t := s.vault.Token(card)
	orders, err := authorise.AppendOrders(nil, k.Orders, func(b *[16]byte) { s.vault.sealBlock(t, b) })
	if err != nil {
		return err
	}
	var last any
	if k.LastCash != nil {
		last = k.LastCash.Number.ATC
	}
	_, err = s.tx.Exec(`UPDATE authorise_card SET high = ?, orders = ?, sending = ?, ahead = ?, last_cash = ? WHERE token = ?`,
		k.High, orders, k.Sending.Orders, k.Sending.Ahead, last, t[:])
	return err
}

// Order puts a script behind those that wait for a card, which must be kept.
func (s *AuthoriseStore) Order(card txn.CardKey, o authorise.Order) error {
	h, found, err := s.read(card)
	if err != nil || !found {
		return fmt.Errorf("order for card %v: known here: %v: %w", card, found, err)
	}
	h.card.Orders = append(h.card.Orders, o)
	return s.putCard(card, &h.card)
}

// TakeOver notes that a card has proved its balance at a counter, and gives what the float
// is opened with for it: the balance with the first proof, and what the card had more with
// a proof of an earlier counter that comes late. The account opens with that much more,
// because it is not the account that paid for it. A later counter gives 0.
func (s *AuthoriseStore) TakeOver(card txn.CardKey, atc uint16, value money.Fen) (more money.Fen, err error) {
	t := s.vault.Token(card)
	at, taken := -1, money.Fen(0)
	if err := s.tx.Query(`SELECT takeover, taken FROM authorise_card WHERE token = ?`, func(r *Row) error {
		at, taken = r.Int(0), r.Fen(1)
		return nil
	}, t[:]); err != nil {
		return 0, err
	}
	if more = value - taken; at >= 0 && (int(atc) >= at || more <= 0) {
		return 0, nil
	}
	_, err = s.tx.Exec(`UPDATE authorise_card SET takeover = ?, taken = ?, opening = opening + ? WHERE token = ?`, atc, value, more, t[:])
	return more, err
}

// WrongPINs is how many wrong PINs a card has had since the last right one.
func (s *AuthoriseStore) WrongPINs(card txn.CardKey) (n int, err error) {
	t := s.vault.Token(card)
	v, err := s.tx.s.int64(`SELECT coalesce((SELECT wrong_pins FROM authorise_card WHERE token = ?), 0)`, t[:])
	return int(v), err
}

// SetWrongPINs stores that number for a card, which is kept from then on.
func (s *AuthoriseStore) SetWrongPINs(card txn.CardKey, n int) error {
	if err := s.Keep(card); err != nil {
		return err
	}
	t := s.vault.Token(card)
	_, err := s.tx.Exec(`UPDATE authorise_card SET wrong_pins = ? WHERE token = ?`, n, t[:])
	return err
}

// Advance is what an account got on a terminal's word about the load or unload at a
// counter, and what of it stands: neither used up by a refund nor taken back.
type Advance struct {
	Card           txn.CardKey
	ATC            uint16
	Amount, Stands money.Fen
}

// PutAdvance stores an advance in place of the one with its counter.
func (tx *Tx) PutAdvance(vault *Vault, a *Advance) error {
	t := vault.Token(a.Card)
	_, err := tx.Exec(`INSERT INTO authorise_advance (token, counter, amount, stands) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET amount = excluded.amount, stands = excluded.stands`, t[:], a.ATC, a.Amount, a.Stands)
	return err
}

// Advance gives the advance about a counter; false if there is none.
func (r *Reader) Advance(vault *Vault, card txn.CardKey, atc uint16) (a Advance, found bool, err error) {
	t := vault.Token(card)
	err = r.Query(`SELECT amount, stands FROM authorise_advance WHERE token = ? AND counter = ?`, func(row *Row) error {
		a, found = Advance{Card: card, ATC: atc, Amount: row.Fen(0), Stands: row.Fen(1)}, true
		return nil
	}, t[:], atc)
	return a, found, err
}

const standing = `SELECT token, counter, amount, stands FROM authorise_advance WHERE stands > 0`

// Advances gives the advances of which something stands, by card token and counter.
func (r *Reader) Advances(vault *Vault, each func(*Advance) error) error {
	return r.Query(standing+` ORDER BY token, counter`, func(row *Row) error { return readAdvance(row, vault, each) })
}

// AdvancesTo is Advances for one card.
func (r *Reader) AdvancesTo(vault *Vault, card txn.CardKey, each func(*Advance) error) error {
	t := vault.Token(card)
	return r.Query(standing+` AND token = ? ORDER BY counter`, func(row *Row) error { return readAdvance(row, vault, each) }, t[:])
}

func readAdvance(row *Row, vault *Vault, each func(*Advance) error) error {
	card, err := vault.cardIn(row, 0)
	if err != nil {
		return err
	}
	return each(&Advance{Card: card, ATC: uint16(row.Int(1)), Amount: row.Fen(2), Stands: row.Fen(3)})
}

// AdvancesOf is the sum of what stands of a card's advances: the float has so much less
// than its timeline explains.
func (r *Reader) AdvancesOf(t Token) (sum money.Fen, err error) {
	err = r.Query(`SELECT coalesce(sum(stands), 0) FROM authorise_advance WHERE token = ?`, func(row *Row) error {
		sum = row.Fen(0)
		return nil
	}, t[:])
	return sum, err
}
