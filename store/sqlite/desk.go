package sqlite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
)

// Proposal is a proposal at the clerks' desk with what became of it.
type Proposal struct {
	ID        int64
	Request   desk.Request
	Signature []byte
	Status    desk.Status   // as stored: desk.Request.StatusAt tells what has expired
	Decision  desk.Decision // zero while Status is desk.Proposed
	Approval  []byte        // signature of Decision
}

// Errors of the desk's tables.
var (
	ErrClerkExists = errors.New("the desk has a clerk of this name, or with this key, already")
	ErrNoClerk     = errors.New("the desk has no clerk of this name")
	ErrNoProposal  = errors.New("the desk has no proposal of this number")
)

// AddClerk enters a clerk: ErrClerkExists if name or key are those of another one, also
// of one who has left. One who was never admitted can be entered again.
func (tx *Tx) AddClerk(c *desk.Clerk) error {
	if _, err := tx.Exec(`DELETE FROM desk_clerk WHERE name = ? AND key = ? AND added_at = 0`, c.Name, c.Key[:]); err != nil {
		return err
	}
	n, err := tx.Exec(`INSERT INTO desk_clerk (name, key, added_at, ended_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, c.Name, c.Key[:], c.Added, c.Ended)
	if err == nil && n == 0 {
		err = fmt.Errorf("clerk %s: %w", c.Name, ErrClerkExists)
	}
	return err
}

// AdmitClerk notes that a clerk who was entered with desk.Clerk.Added 0 is at the desk.
func (tx *Tx) AdmitClerk(name string, at int64) error {
	n, err := tx.Exec(`UPDATE desk_clerk SET added_at = ? WHERE name = ? AND added_at = 0`, at, name)
	if err == nil && n == 0 {
		err = fmt.Errorf("clerk %s: %w", name, ErrNoClerk)
	}
	return err
}

// EndClerk notes that a clerk has left.
func (tx *Tx) EndClerk(name string, at int64) error {
	n, err := tx.Exec(`UPDATE desk_clerk SET ended_at = ? WHERE name = ? AND ended_at = 0 AND added_at > 0`, at, name)
	if err == nil && n == 0 {
		err = fmt.Errorf("clerk %s: %w", name, ErrNoClerk)
	}
	return err
}

// Clerk gives the entry of a clerk, ErrNoClerk if there is none.
func (r *Reader) Clerk(name string) (c desk.Clerk, err error) {
	found := false
	err = r.Query(`SELECT key, added_at, ended_at FROM desk_clerk WHERE name = ?`, func(row *Row) error {
		c, found = desk.Clerk{Name: name, Added: row.Int64(1), Ended: row.Int64(2)}, true
		return row.Fill(0, c.Key[:])
	}, name)
	if err == nil && !found {
		err = fmt.Errorf("clerk %s: %w", name, ErrNoClerk)
	}
	return c, err
}

// Clerks gives all clerks by name.
func (r *Reader) Clerks() (out []desk.Clerk, err error) {
	err = r.Query(`SELECT name, key, added_at, ended_at FROM desk_clerk ORDER BY name`, func(row *Row) error {
		out = append(out, desk.Clerk{Name: row.Text(0), Added: row.Int64(2), Ended: row.Int64(3)})
		return row.Fill(1, out[len(out)-1].Key[:])
	})
	return out, err
}

// Propose stores a signed proposal and gives its number. desk.ErrOpen says that an open
// one stands for the same break: it has the number given.
func (tx *Tx) Propose(r *desk.Request, signature []byte) (id int64, err error) {
	open := int64(0)
	if err := tx.Query(`SELECT id FROM desk_request WHERE token = ? AND p = ? AND q = ? AND part = ? AND status = ? AND expires > ? LIMIT 1`, func(row *Row) error {
		open = row.Int64(0)
		return nil
	}, r.Card[:], r.P, r.Q, uint8(r.Part), uint8(desk.Proposed), r.At); err != nil {
		return 0, err
	}
	if open != 0 {
		return open, fmt.Errorf("proposal %d: %w", open, desk.ErrOpen)
	}
	if _, err := tx.Exec(`INSERT INTO desk_request (token, p, q, part, status, expires, body, signature, decision, approval) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Card[:], r.P, r.Q, uint8(r.Part), uint8(desk.Proposed), r.Expires, r.Append(nil), signature, []byte(nil), []byte(nil)); err != nil {
		return 0, err
	}
	err = tx.Query(`SELECT max(id) FROM desk_request`, func(row *Row) error {
		id = row.Int64(0)
		return nil
	})
	return id, err
}

// Decide stores what became of an open proposal. It is an error if it is not open.
func (tx *Tx) Decide(id int64, d *desk.Decision, approval []byte) error {
	n, err := tx.Exec(`UPDATE desk_request SET status = ?, decision = ?, approval = ? WHERE id = ? AND status = ?`,
		uint8(d.Status), d.Append(nil), approval, id, uint8(desk.Proposed))
	if err == nil && n != 1 {
		err = fmt.Errorf("proposal %d: %w", id, desk.ErrDecided)
	}
	return err
}

const proposalColumns = `SELECT id, status, body, signature, decision, approval, token, p, q, part, expires FROM desk_request`

// Proposal gives a proposal by its number, ErrNoProposal if there is none.
func (r *Reader) Proposal(id int64) (p Proposal, err error) {
	found := false
	err = r.Query(proposalColumns+` WHERE id = ?`, func(row *Row) (err error) {
		p, err = readProposal(row)
		found = true
		return err
	}, id)
	if err == nil && !found {
		err = fmt.Errorf("proposal %d: %w", id, ErrNoProposal)
	}
	return p, err
}

// Proposals gives all proposals by number.
func (r *Reader) Proposals(each func(*Proposal) error) error {
	return r.Query(proposalColumns+` ORDER BY id`, func(row *Row) error { return eachProposal(row, each) })
}

// ProposalsOf gives the proposals about a card by number.
func (r *Reader) ProposalsOf(t Token, each func(*Proposal) error) error {
	return r.Query(proposalColumns+` WHERE token = ? ORDER BY id`, func(row *Row) error { return eachProposal(row, each) }, t[:])
}

func eachProposal(row *Row, each func(*Proposal) error) error {
	p, err := readProposal(row)
	if err != nil {
		return err
	}
	return each(&p)
}

func readProposal(row *Row) (p Proposal, err error) {
	p = Proposal{ID: row.Int64(0), Status: desk.Status(row.Int(1)), Signature: row.Blob(3), Approval: row.Blob(5)}
	if p.Request, err = desk.DecodeRequest(row.Blob(2)); err != nil {
		return p, fmt.Errorf("proposal %d: %w: %w", p.ID, ErrDamaged, err)
	}
	if q := &p.Request; !bytes.Equal(row.Blob(6), q.Card[:]) || row.Int64(7) != int64(q.P) || row.Int64(8) != int64(q.Q) || row.Int64(9) != int64(q.Part) || row.Int64(10) != q.Expires {
		return p, fmt.Errorf("proposal %d is filed as another one: %w", p.ID, ErrDamaged)
	}
	if p.Status != desk.Proposed {
		if p.Decision, err = desk.DecodeDecision(row.Blob(4)); err != nil {
			return p, fmt.Errorf("proposal %d: %w: %w", p.ID, ErrDamaged, err)
		}
	}
	return p, nil
}

// BreakKey names a break.
type BreakKey struct {
	Token Token
	P, Q  uint16
	Part  timeline.Part
}

// Closed gives what was closed by hand: by break, what was known of it then. A break of
// which more is known since is no longer closed: compare the subjects.
func (r *Reader) Closed() (map[BreakKey]desk.Subject, error) {
	out := map[BreakKey]desk.Subject{}
	return out, r.Query(proposalColumns+` WHERE status = ? AND part <> 0 ORDER BY id`, func(row *Row) error { return addClosed(row, out) }, uint8(desk.Approved))
}

// ClosedOf is Closed for the breaks of one card.
func (r *Reader) ClosedOf(t Token) (map[BreakKey]desk.Subject, error) {
	out := map[BreakKey]desk.Subject{}
	return out, r.Query(proposalColumns+` WHERE token = ? AND status = ? AND part <> 0 ORDER BY id`, func(row *Row) error { return addClosed(row, out) }, t[:], uint8(desk.Approved))
}

func addClosed(row *Row, out map[BreakKey]desk.Subject) error {
	return eachProposal(row, func(p *Proposal) error {
		q := &p.Request
		out[BreakKey{Token(q.Card), q.P, q.Q, q.Part}] = q.Subject
		return nil
	})
}

// AuditEnd is the end of the audit chain.
func (r *Reader) AuditEnd() (c desk.Chain, err error) {
	err = r.Query(`SELECT number, hash FROM desk_audit ORDER BY number DESC LIMIT 1`, func(row *Row) error {
		c.Number = uint64(row.Int64(0))
		return row.Fill(1, c.Hash[:])
	})
	return c, err
}

// LastAct is the time of the last line of the audit chain, unix seconds; 0 if there is none.
func (r *Reader) LastAct() (at int64, err error) {
	err = r.Query(`SELECT line FROM desk_audit ORDER BY number DESC LIMIT 1`, func(row *Row) error {
		var l desk.Line
		if err := json.Unmarshal(row.Blob(0), &l); err != nil {
			return fmt.Errorf("last act at the desk: %w: %w", desk.ErrChain, err)
		}
		at, err = l.Moment()
		return err
	})
	return at, err
}

// AddAudit puts a line at the end of the audit chain.
func (tx *Tx) AddAudit(l desk.Line) error {
	end, err := tx.AuditEnd()
	if err != nil {
		return err
	}
	line, err := end.Add(l)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO desk_audit (number, line, hash) VALUES (?, ?, ?)`, end.Number, line, end.Hash[:])
	return err
}

// AuditLines checks the audit chain line by line and gives its lines and its end;
// desk.ErrChain if one was altered or is missing. each may be nil.
func (r *Reader) AuditLines(each func(desk.Line) error) (end desk.Chain, err error) {
	err = r.Query(`SELECT number, line, hash FROM desk_audit ORDER BY number`, func(row *Row) error {
		var hash [32]byte
		if err := row.Fill(2, hash[:]); err != nil {
			return err
		}
		l, err := end.Check(uint64(row.Int64(0)), row.Blob(1), hash)
		if err != nil || each == nil {
			return err
		}
		return each(l)
	})
	return end, err
}
