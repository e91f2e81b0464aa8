package clerk

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/store/sqlite"
)

// Audited is the result of an audit of the desk and of the books.
type Audited struct {
	End       desk.Chain // of the audit chain: compare it with one noted before
	Proposals int
}

// ErrAudit says that records of the desk contradict each other.
var ErrAudit = errors.New("the records of the desk do not agree")

// Audit checks the chain of audit lines, the signatures of all proposals and decisions,
// that each has its line in the chain and each line its act, that every clerk came and
// left as the rules say and signed only while he was there, and the books. each gets the
// lines; it may be nil.
func (f *Office) Audit(ctx context.Context, each func(desk.Line) error) (a Audited, err error) {
	err = f.db.Read(ctx, func(r *sqlite.Reader) error {
		x := auditor{acts: map[said]desk.Line{}, clerks: map[string]*desk.Clerk{}, came: map[string]desk.Line{}, left: map[string]desk.Line{}, granted: map[int64]*desk.Request{}, disputes: map[int64][]desk.Line{}}
		if a.End, err = r.AuditLines(func(l desk.Line) error {
			if err := x.line(&l); err != nil {
				return err
			}
			if each == nil {
				return nil
			}
			return each(l)
		}); err != nil {
			return err
		}
		all, err := r.Clerks()
		if err != nil {
			return err
		}
		for i := range all {
			x.clerks[all[i].Name] = &all[i]
		}
		if err := r.Proposals(func(p *sqlite.Proposal) error { a.Proposals++; return x.proposal(p) }); err != nil {
			return err
		}
		if x.told != len(x.acts) {
			return fmt.Errorf("the audit chain tells of %d acts, the desk has %d: %w", len(x.acts), x.told, ErrAudit)
		}
		if err := x.people(); err != nil {
			return err
		}
		if err := x.disputesOf(r); err != nil {
			return err
		}
		return r.Audit()
	})
	if err != nil {
		return a, fmt.Errorf("audit of the desk: %w", err)
	}
	return a, nil
}

// said is an act about a proposal.
type said struct {
	id  int64
	did desk.Act
}

// auditor compares the desk's tables with the audit chain.
type auditor struct {
	acts    map[said]desk.Line
	clerks  map[string]*desk.Clerk
	came    map[string]desk.Line    // by name
	left    map[string]desk.Line    // by name
	granted map[int64]*desk.Request // approved
	told    int

	disputes map[int64][]desk.Line // by case
	steps    int                   // lines about disputes
}

// line takes a line of the chain; nothing is done twice.
func (x *auditor) line(l *desk.Line) error {
	again := false
	switch l.Did {
	case desk.ClerkAdded:
		_, again = x.came[l.Who]
		if l.Request == 0 && len(x.came) >= desk.Founders {
			return fmt.Errorf("line %d: clerk %s was entered by nobody: %w", l.Number, l.Who, ErrAudit)
		}
		x.came[l.Who] = *l
	case desk.ClerkEnded:
		_, again = x.left[l.Who]
		x.left[l.Who] = *l
	case desk.DisputeStep:
		x.disputes[l.Request] = append(x.disputes[l.Request], *l)
		x.steps++
	default:
		_, again = x.acts[said{l.Request, l.Did}]
		x.acts[said{l.Request, l.Did}] = *l
	}
	if again {
		return fmt.Errorf("line %d: %s %s twice: %w", l.Number, l.Who, l.Did, ErrAudit)
	}
	return nil
}

// tells checks that the chain has exactly this line of an act about a proposal.
func (x *auditor) tells(p *sqlite.Proposal, want desk.Line) bool {
	x.told++
	want.About(p.ID, &p.Request, p.Signature)
	l, found := x.acts[said{p.ID, want.Did}]
	want.Number = l.Number
	return found && l == want
}

func (x *auditor) proposal(p *sqlite.Proposal) error {
	if err := signed(p, x.clerks); err != nil {
		return err
	}
	q, d := &p.Request, &p.Decision
	if !x.tells(p, desk.Line{At: desk.Time(q.At), Who: q.By, Did: desk.WasProposed, Reason: q.Reason}) {
		return fmt.Errorf("proposal %d is not in the audit chain: %w", p.ID, ErrAudit)
	}
	if p.Status == desk.Proposed {
		return nil
	}
	line := desk.Line{At: desk.Time(d.At), Who: d.By, Did: desk.ActOf(p.Status), Reason: d.Reason}
	if p.Status == desk.Approved {
		x.granted[p.ID] = q
		if q.Kind == desk.Refund {
			line.Moved = q.Amount + q.Credit
		}
	}
	if !x.tells(p, line) {
		return fmt.Errorf("decision about proposal %d is not in the audit chain: %w", p.ID, ErrAudit)
	}
	return nil
}

// people checks that every clerk came and left as the chain says, and that it names the
// proposal that two people approved for him.
func (x *auditor) people() error {
	for name, c := range x.clerks {
		if c.Added == 0 {
			continue
		}
		l, found := x.came[name]
		switch {
		case !found || l.Digest != fmt.Sprintf("%X", c.Key[:]) || l.At != desk.Time(c.Added):
			return fmt.Errorf("clerk %s is not in the audit chain: %w", name, ErrAudit)
		case l.Request != 0 && !x.approved(l.Request, desk.Admit, c):
			return fmt.Errorf("clerk %s was not admitted by proposal %d: %w", name, l.Request, ErrAudit)
		}
		l, found = x.left[name]
		if found != (c.Ended != 0) || found && (l.At != desk.Time(c.Ended) || !x.approved(l.Request, desk.Dismiss, c)) {
			return fmt.Errorf("clerk %s has not left as the audit chain says: %w", name, ErrAudit)
		}
	}
	for _, lines := range []map[string]desk.Line{x.came, x.left} {
		for name, l := range lines {
			if c := x.clerks[name]; c == nil || c.Added == 0 {
				return fmt.Errorf("line %d: the desk has no clerk %s: %w", l.Number, name, ErrAudit)
			}
		}
	}
	return nil
}

// approved says that a proposal about a clerk was approved.
func (x *auditor) approved(id int64, kind desk.Kind, c *desk.Clerk) bool {
	q := x.granted[id]
	return q != nil && q.Kind == kind && q.Card == desk.ClerkToken(c.Name, c.Key)
}

// signed checks both signatures of a proposal, and that two people made them while they
// were at the desk and before it expired.
func signed(p *sqlite.Proposal, clerks map[string]*desk.Clerk) error {
	q, d := &p.Request, &p.Decision
	by := clerks[q.By]
	switch {
	case by == nil || !q.Signed(p.Signature, by):
		return fmt.Errorf("proposal %d of %s: %w", p.ID, q.By, desk.ErrSignature)
	case !there(by, q.At):
		return fmt.Errorf("proposal %d of %s: %v: %w", p.ID, q.By, desk.ErrInactive, ErrAudit)
	case p.Status == desk.Proposed:
		return nil
	}
	second := clerks[d.By]
	switch {
	case second == nil || !d.Signed(p.Approval, second):
		return fmt.Errorf("decision of %s about proposal %d: %w", d.By, p.ID, desk.ErrSignature)
	case !there(second, d.At):
		return fmt.Errorf("decision of %s about proposal %d: %v: %w", d.By, p.ID, desk.ErrInactive, ErrAudit)
	case d.Status != p.Status || d.Request != q.Digest(p.Signature):
		return fmt.Errorf("decision about proposal %d is about another one: %w", p.ID, ErrAudit)
	case p.Status == desk.Approved && (second.Name == by.Name || second.Key == by.Key):
		return fmt.Errorf("proposal %d: %v: %w", p.ID, desk.ErrSamePerson, ErrAudit)
	case d.At >= q.Expires:
		return fmt.Errorf("proposal %d: %v: %w", p.ID, desk.ErrExpired, ErrAudit)
	}
	return nil
}

// there says that a clerk was at the desk, the moment at which he left included: he may
// have approved it himself.
func there(c *desk.Clerk, at int64) bool { return c.Active(at) || c.Added > 0 && at == c.Ended }
