package sqlite

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/recon/dispute"
)

// Errors of the tables of disputes.
var (
	ErrNoDispute     = errors.New("there is no dispute of this number")
	ErrDisputeExists = errors.New("the row is in dispute already")
)

// NextDispute is the number of the next case.
func (r *Reader) NextDispute() (id int64, err error) {
	err = r.Query(`SELECT coalesce(max(id), 0) + 1 FROM dispute_case`, func(row *Row) error {
		id = row.Int64(0)
		return nil
	})
	return id, err
}

// DisputeOfRow gives the number of the case about a row of a card, 0 if there is none.
func (r *Reader) DisputeOfRow(card Token, terminal, sequence uint32) (id int64, err error) {
	err = r.Query(`SELECT id FROM dispute_case WHERE token = ? AND terminal = ? AND sequence = ?`, func(row *Row) error {
		id = row.Int64(0)
		return nil
	}, card[:], terminal, sequence)
	return id, err
}

// OpenDispute stores a new case: ErrDisputeExists if its row has one.
func (tx *Tx) OpenDispute(card Token, c *dispute.Case) error {
	s := &c.Subject
	switch other, err := tx.DisputeOfRow(card, s.Terminal, s.Sequence); {
	case err != nil:
		return err
	case other != 0:
		return fmt.Errorf("case %d: %w", other, ErrDisputeExists)
	}
	body, err := s.Encode()
	if err != nil {
		return fmt.Errorf("store case %d: %w", c.ID, err)
	}
	if _, err := tx.Exec(`INSERT INTO dispute_case (id, token, atc, terminal, sequence, state, due, subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, card[:], s.ATC, s.Terminal, s.Sequence, string(c.State), c.Due, body); err != nil {
		return err
	}
	return tx.disputeEvents(c, 0)
}

// AdvanceDispute stores the events of a case from one on, and where it stands. An event
// that is stored already is an error: two people worked on it.
func (tx *Tx) AdvanceDispute(c *dispute.Case, from int) error {
	n, err := tx.Exec(`UPDATE dispute_case SET state = ?, due = ? WHERE id = ?`, string(c.State), c.Due, c.ID)
	if err == nil && n != 1 {
		err = fmt.Errorf("case %d: %w", c.ID, ErrNoDispute)
	}
	if err != nil {
		return err
	}
	return tx.disputeEvents(c, from)
}

func (tx *Tx) disputeEvents(c *dispute.Case, from int) error {
	for i := from; i < len(c.Events); i++ {
		body, err := c.Events[i].Encode()
		if err != nil {
			return fmt.Errorf("store case %d: %w", c.ID, err)
		}
		if _, err := tx.Exec(`INSERT INTO dispute_event (dispute, number, body) VALUES (?, ?, ?)`, c.ID, i+1, body); err != nil {
			return err
		}
	}
	return nil
}

// Dispute gives a case as it is stored, and the token of its card: ErrNoDispute, or
// ErrDamaged.
func (r *Reader) Dispute(rules *dispute.Rules, id int64) (c *dispute.Case, card Token, err error) {
	var subject []byte
	err = r.Query(`SELECT subject, token FROM dispute_case WHERE id = ?`, func(row *Row) error {
		subject = row.Blob(0)
		return row.Fill(1, card[:])
	}, id)
	switch {
	case err != nil:
		return nil, card, err
	case subject == nil:
		return nil, card, fmt.Errorf("case %d: %w", id, ErrNoDispute)
	}
	s, err := dispute.DecodeSubject(subject)
	if err != nil {
		return nil, card, fmt.Errorf("case %d: %w: %w", id, ErrDamaged, err)
	}
	var events []dispute.Event
	if err := r.Query(`SELECT body FROM dispute_event WHERE dispute = ? ORDER BY number`, func(row *Row) error {
		e, err := dispute.DecodeEvent(row.Blob(0))
		events = append(events, e)
		return err
	}, id); err != nil {
		return nil, card, fmt.Errorf("case %d: %w: %w", id, ErrDamaged, err)
	}
	if c, err = dispute.Replay(rules, id, s, events); err != nil {
		return nil, card, fmt.Errorf("case %d: %w: %w", id, ErrDamaged, err)
	}
	return c, card, nil
}

// Disputes lists the numbers of all cases.
func (r *Reader) Disputes() (ids []int64, err error) {
	err = r.Query(`SELECT id FROM dispute_case ORDER BY id`, func(row *Row) error {
		ids = append(ids, row.Int64(0))
		return nil
	})
	return ids, err
}
