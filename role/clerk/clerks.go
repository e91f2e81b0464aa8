package clerk

import (
	"context"
	"errors"
	"fmt"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
)

func registered(tx *sqlite.Tx) books.Ends { return books.Registered(&tx.Reader) }

// NewName makes sure that a clerk of a name can be entered, as a founder or as proposed by
// another one: else sqlite.ErrClerkExists or desk.ErrAdmission.
func (f *Office) NewName(ctx context.Context, name string, proposed bool) error {
	err := f.db.Read(ctx, func(r *sqlite.Reader) error {
		if err := f.founding(r); err != nil && !proposed {
			return fmt.Errorf("clerk %s: %w", name, err)
		}
		switch c, err := r.Clerk(name); {
		case err == nil && c.Added == 0: // proposed before, and not admitted
		case err == nil:
			return fmt.Errorf("clerk %s: %w", name, sqlite.ErrClerkExists)
		case !errors.Is(err, sqlite.ErrNoClerk):
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add clerk: %w", err)
	}
	return nil
}

// AddClerk enters one of the first clerks at the desk, with an audit line. The error wraps
// desk.ErrName, sqlite.ErrClerkExists, or desk.ErrAdmission if the desk has its founders.
func (f *Office) AddClerk(ctx context.Context, name string, key [64]byte) error {
	if err := desk.CheckName(name); err != nil {
		return fmt.Errorf("add clerk: %w", err)
	}
	err := f.write(ctx, func(tx *sqlite.Tx) error {
		if err := f.founding(&tx.Reader); err != nil {
			return fmt.Errorf("clerk %s: %w", name, err)
		}
		if err := tx.AddClerk(&desk.Clerk{Name: name, Key: key, Added: f.now}); err != nil {
			return err
		}
		return tx.AddAudit(f.entered(name, key, 0))
	})
	if err != nil {
		return fmt.Errorf("add clerk: %w", err)
	}
	return nil
}

// founding fails with desk.ErrAdmission if the desk has its founders.
func (f *Office) founding(r *sqlite.Reader) error {
	all, err := r.Clerks()
	active := 0
	for i := range all {
		if all[i].Active(f.now) {
			active++
		}
	}
	if err == nil && active >= desk.Founders {
		err = desk.ErrAdmission
	}
	return err
}

// entered is the line of a clerk who has come; id is the proposal, 0 for a founder.
func (f *Office) entered(name string, key [64]byte, id int64) desk.Line {
	return desk.Line{At: desk.Time(f.now), Who: name, Did: desk.ClerkAdded, Request: id, Digest: fmt.Sprintf("%X", key[:])}
}

// Person is a clerk who signs.
type Person struct {
	Name string
	Sign desk.Signer
}

// ProposeClerk proposes to enter a further clerk (desk.Admit), or that one leaves
// (desk.Dismiss; key is not looked at then). Another clerk decides about it (Decide). What
// one who has left has signed stays valid. The error wraps one of package desk or
// sqlite.ErrClerkExists or ErrNoClerk.
func (f *Office) ProposeClerk(ctx context.Context, kind desk.Kind, name string, key [64]byte, by Person, reason string) (*Proposal, error) {
	var out *Proposal
	err := f.write(ctx, func(tx *sqlite.Tx) error {
		proposer, err := tx.Clerk(by.Name)
		if err != nil {
			return err
		}
		if kind == desk.Admit {
			if err := desk.CheckName(name); err != nil {
				return err
			}
			if err := tx.AddClerk(&desk.Clerk{Name: name, Key: key}); err != nil {
				return err
			}
		}
		c, err := tx.Clerk(name)
		if err != nil {
			return err
		}
		if kind == desk.Dismiss && !c.Active(f.now) {
			return fmt.Errorf("clerk %s: %w", name, desk.ErrInactive)
		}
		r, err := desk.Propose(kind, desk.ClerkToken(name, c.Key), 0, 0, desk.Subject{}, &proposer, reason, f.now)
		if err != nil {
			return err
		}
		out, err = f.file(tx, &r, &proposer, by.Sign)
		if err == nil {
			out.Clerk = name
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("propose: %w", err)
	}
	return out, nil
}

// comeAndGo does what an approved proposal about a clerk asks for.
func (f *Office) comeAndGo(tx *sqlite.Tx, p *sqlite.Proposal, name string) error {
	switch p.Request.Kind {
	case desk.Admit:
		c, err := tx.Clerk(name)
		if err != nil {
			return err
		}
		if err := tx.AdmitClerk(name, f.now); err != nil {
			return err
		}
		return tx.AddAudit(f.entered(name, c.Key, p.ID))
	case desk.Dismiss:
		if err := tx.EndClerk(name, f.now); err != nil {
			return err
		}
		return tx.AddAudit(desk.Line{At: desk.Time(f.now), Who: name, Did: desk.ClerkEnded, Request: p.ID})
	}
	return nil
}

// Clerks gives all clerks by name.
func (f *Office) Clerks(ctx context.Context) (out []desk.Clerk, err error) {
	err = f.db.Read(ctx, func(r *sqlite.Reader) error {
		out, err = r.Clerks()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list clerks: %w", err)
	}
	return out, nil
}

// Audited is the result of an audit of the desk and of the books.
type Audited struct {
	End       desk.Chain // of the audit chain: compare it with one noted before
	Proposals int
}

// ErrAudit says that records of the desk contradict each other.
var ErrAudit = errors.New("the records of the desk do not agree")

// Audit checks the chain of audit lines, the signatures of all proposals and decisions,
// that each has its line in the chain, that every clerk came as the rules say, and the
// books. each gets the lines; it may be nil.
func (f *Office) Audit(ctx context.Context, each func(desk.Line) error) (a Audited, err error) {
	err = f.db.Read(ctx, func(r *sqlite.Reader) error {
		x := auditor{lines: map[said]desk.Line{}, clerks: map[string]*desk.Clerk{}, came: map[string]desk.Line{}, admitted: map[int64]desk.Token{}}
		if a.End, err = r.AuditLines(func(l desk.Line) error {
			x.line(&l)
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
		if x.told != len(x.lines) {
			return fmt.Errorf("the audit chain tells of %d acts, the desk has %d: %w", len(x.lines), x.told, ErrAudit)
		}
		if err := x.people(); err != nil {
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
	lines    map[said]desk.Line
	clerks   map[string]*desk.Clerk
	came     map[string]desk.Line // by name
	admitted map[int64]desk.Token // approved proposals to enter a clerk
	told     int
}

func (x *auditor) line(l *desk.Line) {
	switch l.Did {
	case desk.ClerkAdded:
		x.came[l.Who] = *l
	case desk.ClerkEnded:
	default:
		x.lines[said{l.Request, l.Did}] = *l
	}
}

func (x *auditor) proposal(p *sqlite.Proposal) error {
	if err := signed(p, x.clerks); err != nil {
		return err
	}
	asked := desk.Line{}
	asked.About(p.ID, &p.Request, p.Signature)
	x.told++
	if l, found := x.lines[said{p.ID, desk.WasProposed}]; !found || l.Digest != asked.Digest {
		return fmt.Errorf("proposal %d is not in the audit chain: %w", p.ID, ErrAudit)
	}
	if p.Status == desk.Proposed {
		return nil
	}
	x.told++
	if l, found := x.lines[said{p.ID, desk.ActOf(p.Status)}]; !found || l.Digest != asked.Digest || l.Who != p.Decision.By {
		return fmt.Errorf("decision about proposal %d is not in the audit chain: %w", p.ID, ErrAudit)
	}
	if p.Request.Kind == desk.Admit && p.Status == desk.Approved {
		x.admitted[p.ID] = p.Request.Card
	}
	return nil
}

// people checks that every clerk has a line with his key, and, if the line names a
// proposal, that it was approved for him.
func (x *auditor) people() error {
	for name, c := range x.clerks {
		l, found := x.came[name]
		switch {
		case c.Added == 0:
		case !found || l.Digest != fmt.Sprintf("%X", c.Key[:]):
			return fmt.Errorf("clerk %s is not in the audit chain: %w", name, ErrAudit)
		case l.Request != 0 && x.admitted[l.Request] != desk.ClerkToken(name, c.Key):
			return fmt.Errorf("clerk %s was not admitted by proposal %d: %w", name, l.Request, ErrAudit)
		}
	}
	return nil
}

// signed checks both signatures of a proposal, and that two people made them.
func signed(p *sqlite.Proposal, clerks map[string]*desk.Clerk) error {
	by := clerks[p.Request.By]
	if by == nil || !p.Request.Signed(p.Signature, by) {
		return fmt.Errorf("proposal %d of %s: %w", p.ID, p.Request.By, desk.ErrSignature)
	}
	if p.Status == desk.Proposed {
		return nil
	}
	second := clerks[p.Decision.By]
	switch {
	case second == nil || !p.Decision.Signed(p.Approval, second):
		return fmt.Errorf("decision of %s about proposal %d: %w", p.Decision.By, p.ID, desk.ErrSignature)
	case p.Decision.Status != p.Status || p.Decision.Request != p.Request.Digest(p.Signature):
		return fmt.Errorf("decision about proposal %d is about another one: %w", p.ID, ErrAudit)
	case p.Status == desk.Approved && (second.Name == by.Name || second.Key == by.Key):
		return fmt.Errorf("proposal %d: %w", p.ID, desk.ErrSamePerson)
	}
	return nil
}
