package clerk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/sqlite"
)

// openAt opens a folder that is no simulated city for work at one moment while the clock
// says another.
func openAt(t *testing.T, dir string, at, wall int64) *clerk.Office {
	t.Helper()
	f, err := clerk.Open(context.Background(), clerk.Options{Dir: dir, Keys: developmentKeys(t), At: at, Wall: wall})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// Naming another moment makes nobody a founder, and brings no proposal back to life.
func TestNobodyWorksAtAnotherTime(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 1)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)
	eve := newPerson("eve")
	if err := openAt(t, dir, start+day, start+2*day).AddClerk(ctx, "eve", eve.key.Public()); !errors.Is(err, clerk.ErrOver) {
		t.Errorf("a founder of yesterday: %v", err)
	}
	if err := openAt(t, dir, start+day, start+day).AddClerk(ctx, "eve", eve.key.Public()); !errors.Is(err, desk.ErrBackwards) {
		t.Errorf("with the clock put back: %v", err)
	}
	if _, err := f.Propose(ctx, askFor(0, 1, 2, wang)); err != nil {
		t.Fatal(err)
	}
	verdict := clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}
	if _, _, err := openAt(t, dir, start+8*day, start+12*day).Decide(ctx, verdict); !errors.Is(err, clerk.ErrOver) {
		t.Errorf("approved after it has expired: %v", err)
	}
	if _, err := openAt(t, dir, start+90*day, start+2*day).LapseDisputes(ctx); !errors.Is(err, clerk.ErrAhead) {
		t.Errorf("deadlines of disputes that are still to come: %v", err)
	}
	if c := look(t, f, 0); c.Paid != 0 {
		t.Errorf("%s paid", c.Paid)
	}
	if a, err := f.Audit(ctx, nil); err != nil || a.End.Number != 3 {
		t.Errorf("%+v, %v", a, err)
	}
}

// Whoever can write city.db can go on with the chain; what does not fit is found all the same.
func TestAuditFindsWhatWasAdded(t *testing.T) {
	ctx := context.Background()
	eve := newPerson("eve")
	for _, c := range []struct {
		name string
		do   func(tx *sqlite.Tx) error
	}{
		{"a third founder", func(tx *sqlite.Tx) error {
			if err := tx.AddClerk(&desk.Clerk{Name: "eve", Key: eve.key.Public(), Added: start + 2*day}); err != nil {
				return err
			}
			return tx.AddAudit(desk.Line{At: desk.Time(start + 2*day), Who: "eve", Did: desk.ClerkAdded, Digest: fmt.Sprintf("%X", eve.key.Public())})
		}},
		{"an act twice", func(tx *sqlite.Tx) error {
			p, err := tx.Proposal(1)
			if err != nil {
				return err
			}
			l := desk.Line{At: desk.Time(start + 2*day), Who: "li", Did: desk.WasApproved, Moved: 300}
			l.About(1, &p.Request, p.Signature)
			return tx.AddAudit(l)
		}},
		{"a clerk who is not there", func(tx *sqlite.Tx) error {
			return tx.AddAudit(desk.Line{At: desk.Time(start + 2*day), Who: "li", Did: desk.ClerkEnded, Request: 1})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			makeFolder(t, dir, 1)
			f := open(t, dir, start+2*day)
			wang, li := atDesk(t, f)
			if _, err := f.Propose(ctx, askFor(0, 1, 2, wang)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Audit(ctx, nil); err != nil {
				t.Fatal(err)
			}
			if err := clerk.Write(f, c.do); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Audit(ctx, nil); !errors.Is(err, clerk.ErrAudit) {
				t.Errorf("the audit is content: %v", err)
			}
		})
	}
}

// Two stay at the desk, so that nobody is ever alone there and founds it anew.
func TestTheDeskIsFoundedOnce(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 1)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)
	zhao, eve := newPerson("zhao"), newPerson("eve")
	decide := func(id int64, by person) error {
		_, _, err := f.Decide(ctx, clerk.Verdict{ID: id, Kinds: []desk.Kind{desk.Admit, desk.Dismiss}, Approve: true, By: by.name, Sign: by.sign})
		return err
	}
	leave := func(name string, by person) error {
		_, err := f.ProposeClerk(ctx, desk.Dismiss, name, [64]byte{}, clerk.Person{Name: by.name, Sign: by.sign}, "left")
		return err
	}
	if err := leave("li", wang); !errors.Is(err, desk.ErrLast) {
		t.Errorf("one of two leaves: %v", err)
	}
	if _, err := f.ProposeClerk(ctx, desk.Admit, "zhao", zhao.key.Public(), clerk.Person{Name: "wang", Sign: wang.sign}, "new"); err != nil {
		t.Fatal(err)
	}
	if err := decide(1, li); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(leave("li", wang), leave("zhao", li), decide(2, zhao)); err != nil { // each is one of three when it is proposed
		t.Fatal(err)
	}
	if err := decide(3, wang); !errors.Is(err, desk.ErrLast) {
		t.Errorf("one of two leaves after all: %v", err)
	}
	if err := f.AddClerk(ctx, "eve", eve.key.Public()); !errors.Is(err, desk.ErrAdmission) {
		t.Errorf("a founder once more: %v", err)
	}
	if _, err := f.Audit(ctx, nil); err != nil {
		t.Error(err)
	}
}

// Money that was given by approval is not given again when it falls due, and money that
// has fallen due is not given again by approval.
func TestApprovedAndDueIsPaidOnce(t *testing.T) {
	ctx := context.Background()
	for _, approvedFirst := range []bool{true, false} {
		dir := t.TempDir()
		makeFolder(t, dir, 1)
		f := open(t, dir, start+2*day)
		wang, li := atDesk(t, f)
		if _, err := f.Propose(ctx, askFor(0, 2, 4, wang)); err != nil {
			t.Fatal(err)
		}
		verdict := clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}
		if approvedFirst {
			if _, _, err := f.Decide(ctx, verdict); err != nil {
				t.Fatal(err)
			}
		}
		later := open(t, dir, start+40*day)
		if err := clerk.Arrive(later, []recon.Event{{Card: testCard(0), Obs: tap(timeline.Zero, 5, 4150, 0)}}); err != nil {
			t.Fatal(err)
		}
		if !approvedFirst {
			if _, _, err := later.Decide(ctx, verdict); err == nil {
				t.Error("approved what has been decided since")
			}
		}
		c := look(t, later, 0)
		want := fen(250) // above 2 yuan it waits for two people
		if !approvedFirst {
			want = 0
		}
		if c.Paid != want || c.Due.Least != 550 || c.Due.Most != 550 {
			t.Errorf("approved first %v: %s paid of %+v", approvedFirst, c.Paid, c.Due)
		}
		if _, err := later.Audit(ctx, nil); err != nil {
			t.Error(err)
		}
	}
}
