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

// NewName makes sure that a name is not used yet: else sqlite.ErrClerkExists.
func (f *Office) NewName(ctx context.Context, name string) error {
	err := f.db.Read(ctx, func(r *sqlite.Reader) error {
		switch _, err := r.Clerk(name); {
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

// AddClerk enters a clerk at the desk, with an audit line. The error wraps desk.ErrName or
// sqlite.ErrClerkExists.
func (f *Office) AddClerk(ctx context.Context, name string, key [64]byte) error {
	if err := desk.CheckName(name); err != nil {
		return fmt.Errorf("add clerk: %w", err)
	}
	err := f.db.Write(ctx, func(tx *sqlite.Tx) error {
		if err := tx.AddClerk(&desk.Clerk{Name: name, Key: key, Added: f.now}); err != nil {
			return err
		}
		return tx.AddAudit(desk.Line{At: desk.Time(f.now), Who: name, Did: desk.ClerkAdded, Digest: fmt.Sprintf("%X", key[:])})
	})
	if err != nil {
		return fmt.Errorf("add clerk: %w", err)
	}
	return nil
}

// EndClerk notes that a clerk has left: he can neither propose nor decide any more, and
// what he signed stays valid. The error wraps sqlite.ErrNoClerk.
func (f *Office) EndClerk(ctx context.Context, name string) error {
	err := f.db.Write(ctx, func(tx *sqlite.Tx) error {
		if err := tx.EndClerk(name, f.now); err != nil {
			return err
		}
		return tx.AddAudit(desk.Line{At: desk.Time(f.now), Who: name, Did: desk.ClerkEnded})
	})
	if err != nil {
		return fmt.Errorf("end clerk: %w", err)
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
// that each has its line in the chain, and the books. each gets the lines; it may be nil.
func (f *Office) Audit(ctx context.Context, each func(desk.Line) error) (a Audited, err error) {
	err = f.db.Read(ctx, func(r *sqlite.Reader) error {
		type said struct {
			id  int64
			did desk.Act
		}
		lines := map[said]desk.Line{}
		if a.End, err = r.AuditLines(func(l desk.Line) error {
			if l.Request != 0 {
				lines[said{l.Request, l.Did}] = l
			}
			if each == nil {
				return nil
			}
			return each(l)
		}); err != nil {
			return err
		}
		clerks, err := r.Clerks()
		if err != nil {
			return err
		}
		byName := map[string]*desk.Clerk{}
		for i := range clerks {
			byName[clerks[i].Name] = &clerks[i]
		}
		told := 0
		if err := r.Proposals(func(p *sqlite.Proposal) error {
			a.Proposals++
			if err := signed(p, byName); err != nil {
				return err
			}
			asked := desk.Line{}
			asked.About(p.ID, &p.Request, p.Signature)
			l, found := lines[said{p.ID, desk.WasProposed}]
			told++
			if !found || l.Digest != asked.Digest {
				return fmt.Errorf("proposal %d is not in the audit chain: %w", p.ID, ErrAudit)
			}
			if p.Status == desk.Proposed {
				return nil
			}
			told++
			if l, found := lines[said{p.ID, desk.ActOf(p.Status)}]; !found || l.Digest != asked.Digest || l.Who != p.Decision.By {
				return fmt.Errorf("decision about proposal %d is not in the audit chain: %w", p.ID, ErrAudit)
			}
			return nil
		}); err != nil {
			return err
		}
		if told != len(lines) {
			return fmt.Errorf("the audit chain tells of %d acts, the desk has %d: %w", len(lines), told, ErrAudit)
		}
		return r.Audit()
	})
	if err != nil {
		return a, fmt.Errorf("audit of the desk: %w", err)
	}
	return a, nil
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
