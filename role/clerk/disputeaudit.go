package clerk

import (
	"fmt"

	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/store/sqlite"
)

// disputeLine is the line of the audit chain about an event of a case. Nobody signs the
// steps of a dispute: Who is the party whose step it is.
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
	told := 0
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
	return nil
}
