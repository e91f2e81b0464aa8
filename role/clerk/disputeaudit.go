package clerk

import (
	"fmt"

	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/store/sqlite"
)

// disputeLine is the line of the audit chain about an event of a case. Who is the party
// whose step it is; the clerks who moved its money stand in the lines of its proposal.
func disputeLine(c *dispute.Case, token sqlite.Token, e *dispute.Event) (desk.Line, error) {
	body, err := e.Encode()
	if err != nil {
		return desk.Line{}, err
	}
	digest := seal.HashOf(body)
	return desk.Line{Who: string(e.Step.By()), Did: desk.DisputeStep, Request: c.ID, Kind: string(e.Step), Card: fmt.Sprintf("%X", token[:]),
		P: fmt.Sprintf("%04X", c.Subject.ATC), Amount: c.Subject.Amount, Moved: e.Amount, Reason: e.Reason, Digest: fmt.Sprintf("%X", digest[:])}, nil
}

// noteDispute puts the events of a case from one on into the audit chain.
func (f *Office) noteDispute(tx *sqlite.Tx, c *dispute.Case, token sqlite.Token, stored int) error {
	for i := stored; i < len(c.Events); i++ {
		l, err := disputeLine(c, token, &c.Events[i])
		if err != nil {
			return err
		}
		l.At = desk.Time(f.now)
		if err := tx.AddAudit(l); err != nil {
			return err
		}
	}
	return nil
}

// disputesOf checks that every event of every case has its line, and every line its event.
func (x *auditor) disputesOf(r *sqlite.Reader) error {
	rules, err := disputeRules()
	if err != nil {
		return err
	}
	ids, err := r.Disputes()
	if err != nil {
		return err
	}
	told, approved := 0, 0
	for _, id := range ids {
		c, token, err := r.Dispute(rules, id)
		if err != nil {
			return err
		}
		lines := x.disputes[id]
		if len(lines) != len(c.Events) {
			return fmt.Errorf("dispute %d has %d events, the audit chain tells of %d: %w", id, len(c.Events), len(lines), ErrAudit)
		}
		told += len(lines)
		n, err := x.approvals(rules, c, token)
		if err != nil {
			return err
		}
		approved += n
		for i := range c.Events {
			want, err := disputeLine(c, token, &c.Events[i])
			if err != nil {
				return err
			}
			want.Number, want.At = lines[i].Number, lines[i].At
			if lines[i] != want {
				return fmt.Errorf("dispute %d, event %d is not as line %d of the audit chain says: %w", id, i+1, want.Number, ErrAudit)
			}
		}
	}
	if told != x.steps {
		return fmt.Errorf("the audit chain tells of %d steps of disputes, there are %d: %w", x.steps, told, ErrAudit)
	}
	for _, q := range x.granted {
		if q.Kind == desk.Dispute {
			approved--
		}
	}
	if approved != 0 {
		return fmt.Errorf("approved steps of disputes were not taken, or others than approved: %w", ErrAudit)
	}
	return nil
}

// approvals checks that two people let each step of a case that moved money happen just as
// it did, and counts them. Time and reconciliation move money by rule.
func (x *auditor) approvals(rules *dispute.Rules, c *dispute.Case, token sqlite.Token) (n int, err error) {
	moves := 0
	for i := range c.Events {
		e := &c.Events[i]
		was, err := dispute.Replay(rules, c.ID, c.Subject, c.Events[:i+1])
		if err != nil {
			return n, err
		}
		made := was.Moves[moves:]
		moves = len(was.Moves)
		byRule := e.Step == dispute.Lapsed || e.Step == dispute.Claimed || e.Step == dispute.Unclaimed
		if (byRule || len(made) == 0) && e.Proposal == 0 {
			continue
		}
		head, err := disputeHead(&c.Subject, c.Events[:i])
		if err != nil {
			return n, err
		}
		q := x.granted[e.Proposal]
		want := desk.CaseStep{Case: c.ID, Head: head, Step: string(e.Step), Code: e.Reason, Note: e.Note}
		if byRule || len(made) == 0 || q == nil || q.Kind != desk.Dispute || q.Step != want || q.Amount != made[0].Amount || q.Card != desk.Token(token) {
			return n, fmt.Errorf("dispute %d, event %d is not a step that two people have approved: %w", c.ID, i+1, ErrAudit)
		}
		n++
	}
	return n, nil
}
