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
	err := f.act(ctx, func(tx *sqlite.Tx) error {
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

// founding fails with desk.ErrAdmission if the desk has had its founders.
func (f *Office) founding(r *sqlite.Reader) error {
	all, err := r.Clerks()
	came := 0
	for i := range all {
		if all[i].Added != 0 {
			came++
		}
	}
	if err == nil && came >= desk.Founders {
		err = desk.ErrAdmission
	}
	return err
}

// staying fails with desk.ErrLast if fewer than so many clerks work at the desk.
func (f *Office) staying(r *sqlite.Reader, n int) error {
	all, err := r.Clerks()
	for i := range all {
		if all[i].Active(f.now) {
			n--
		}
	}
	if err == nil && n > 0 {
		err = desk.ErrLast
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
	err := f.act(ctx, func(tx *sqlite.Tx) error {
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
		if kind == desk.Dismiss {
			if !c.Active(f.now) {
				return fmt.Errorf("clerk %s: %w", name, desk.ErrInactive)
			}
			if err := f.staying(&tx.Reader, desk.Founders+1); err != nil {
				return fmt.Errorf("clerk %s leaves: %w", name, err)
			}
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
		if err := f.staying(&tx.Reader, desk.Founders); err != nil {
			return fmt.Errorf("clerk %s leaves: %w", name, err)
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
