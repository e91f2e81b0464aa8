package clerk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
)

func fen(n int) money.Fen { return money.Fen(n) }

func settlement() ledger.Account {
	return ledger.Account{ID: books.Institution(1, 1), Kind: ledger.Settlement, Owner: "bank"}
}

func look(t *testing.T, f *clerk.Office, n int) *clerk.Card {
	t.Helper()
	c, err := f.Look(context.Background(), testCard(n).PAN.Digits())
	if err != nil {
		t.Fatal(err)
	}
	if c.Unexplained != 0 {
		t.Errorf("card %d: %s yuan unexplained", n, c.Unexplained)
	}
	return c
}

func TestRefundNeedsTwoPeople(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 2)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)

	if c := look(t, f, 0); c.Paid != 0 || c.Due != (recon.Summary{Least: 300, Most: 550, CertainOn: start + 4*3600 + 20*day}) || len(c.Breaks) != 2 || !c.Breaks[0].Waits {
		t.Fatalf("%+v", c)
	}
	p, err := f.Propose(ctx, askFor(0, 1, 2, wang))
	if err != nil || p.ID != 1 || p.Amount != 300 || p.Credit != 0 || p.Status != desk.Proposed {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := f.Propose(ctx, askFor(0, 1, 2, li)); !errors.Is(err, desk.ErrOpen) {
		t.Errorf("twice: %v", err)
	}
	verdict := func(by person, approve bool) error {
		_, _, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: approve, By: by.name, Sign: by.sign})
		return err
	}
	if err := verdict(wang, true); !errors.Is(err, desk.ErrSamePerson) {
		t.Errorf("the same person: %v", err)
	}
	if _, _, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: wang.sign}); !errors.Is(err, clerk.ErrKeyFile) {
		t.Errorf("with another's key: %v", err)
	}
	if _, _, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Close}, Approve: true, By: "li", Sign: li.sign}); !errors.Is(err, clerk.ErrKind) {
		t.Errorf("as another kind: %v", err)
	}
	if err := verdict(newPerson("zhao"), true); !errors.Is(err, sqlite.ErrNoClerk) {
		t.Errorf("a stranger: %v", err)
	}
	if c := look(t, f, 0); c.Paid != 0 {
		t.Fatalf("%s paid", c.Paid)
	}
	if err := verdict(li, true); err != nil {
		t.Fatal(err)
	}
	if _, done, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); done || err != nil {
		t.Errorf("repeated: %v, %v", done, err)
	}
	if err := verdict(li, false); !errors.Is(err, desk.ErrDecided) {
		t.Errorf("taken back: %v", err)
	}
	// The money that is still waited for is credited in the same way.
	if p, err = f.Propose(ctx, askFor(0, 2, 4, li)); err != nil || p.Amount != 0 || p.Credit != 250 {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, done, err := f.Decide(ctx, clerk.Verdict{ID: p.ID, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "wang", Sign: wang.sign}); !done || err != nil {
		t.Fatal(done, err)
	}
	c := look(t, f, 0)
	if c.Paid != 550 || len(c.Refunds) != 4 || c.Breaks[0].Waits || c.Breaks[1].State != timeline.Provisional {
		t.Fatalf("%+v", c)
	}
	if _, err := f.Propose(ctx, askFor(0, 2, 4, li)); !errors.Is(err, timeline.ErrNothingDue) {
		t.Errorf("a credit that stands: %v", err)
	}
	var acts []string
	a, err := f.Audit(ctx, func(l desk.Line) error { acts = append(acts, fmt.Sprint(l.Who, " ", l.Did, " ", l.Moved)); return nil })
	want := []string{"wang clerk added 0.00", "li clerk added 0.00", "wang proposed 0.00", "li approved 3.00", "li proposed 0.00", "wang approved 2.50"}
	if err != nil || a.Proposals != 2 || fmt.Sprint(acts) != fmt.Sprint(want) {
		t.Errorf("%v, %+v, %q", err, a, acts)
	}
}

func TestProposalsThatComeToNothing(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 2)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)
	for n := range 2 {
		if _, err := f.Propose(ctx, askFor(n, 1, 2, wang)); err != nil {
			t.Fatal(err)
		}
	}
	if p, done, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, By: "li", Sign: li.sign, Reason: "no video"}); err != nil || !done || p.Status != desk.Rejected {
		t.Errorf("%+v, %v", p, err)
	}
	if p, _, err := f.Decide(ctx, clerk.Verdict{ID: 2, Kinds: []desk.Kind{desk.Refund}, By: "wang", Sign: wang.sign}); err != nil || p.Status != desk.Withdrawn {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := f.Propose(ctx, askFor(0, 1, 2, wang)); err != nil { // again
		t.Error(err)
	}
	late := open(t, dir, start+10*day)
	if _, _, err := late.Decide(ctx, clerk.Verdict{ID: 3, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); !errors.Is(err, desk.ErrExpired) {
		t.Errorf("after a week: %v", err)
	}
	zhao := newPerson("zhao")
	if _, err := late.ProposeClerk(ctx, desk.Admit, "zhao", zhao.key.Public(), clerk.Person{Name: "wang", Sign: wang.sign}, "in place of li"); err != nil {
		t.Fatal(err)
	}
	if _, done, err := late.Decide(ctx, clerk.Verdict{ID: 4, Kinds: []desk.Kind{desk.Admit}, Approve: true, By: "li", Sign: li.sign}); err != nil || !done {
		t.Fatal(err)
	}
	if _, err := late.ProposeClerk(ctx, desk.Dismiss, "li", [64]byte{}, clerk.Person{Name: "wang", Sign: wang.sign}, "left"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := late.Decide(ctx, clerk.Verdict{ID: 5, Kinds: []desk.Kind{desk.Dismiss}, Approve: true, By: "wang", Sign: wang.sign}); !errors.Is(err, desk.ErrSamePerson) {
		t.Errorf("one sends the other away alone: %v", err)
	}
	if _, done, err := late.Decide(ctx, clerk.Verdict{ID: 5, Kinds: []desk.Kind{desk.Dismiss}, Approve: true, By: "li", Sign: li.sign}); err != nil || !done {
		t.Fatal(err)
	}
	if p, err := late.Propose(ctx, askFor(0, 1, 2, wang)); err != nil || p.ID != 6 {
		t.Errorf("after it has expired: %+v, %v", p, err)
	}
	if _, _, err := late.Decide(ctx, clerk.Verdict{ID: 6, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); !errors.Is(err, desk.ErrInactive) {
		t.Errorf("one who has left: %v", err)
	}
	if c := look(t, late, 0); c.Paid != 0 {
		t.Errorf("%s paid", c.Paid)
	}
	if a, err := late.Audit(ctx, nil); err != nil || a.Proposals != 6 {
		t.Errorf("%+v, %v", a, err)
	}
}

// Nobody makes himself a second person: a third clerk is entered by two who are there.
func TestClerksAreAdmittedByTwo(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 1)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)
	eve, zhao := newPerson("eve"), newPerson("zhao")
	if err := f.AddClerk(ctx, "eve", eve.key.Public()); !errors.Is(err, desk.ErrAdmission) {
		t.Fatalf("added by herself: %v", err)
	}
	propose := func(who person) (*clerk.Proposal, error) {
		return f.ProposeClerk(ctx, desk.Admit, who.name, who.key.Public(), clerk.Person{Name: "wang", Sign: wang.sign}, "new")
	}
	decide := func(id int64, by person, approve bool) error {
		_, _, err := f.Decide(ctx, clerk.Verdict{ID: id, Kinds: []desk.Kind{desk.Admit, desk.Dismiss}, Approve: approve, By: by.name, Sign: by.sign})
		return err
	}
	p, err := propose(eve)
	if err != nil || p.Clerk != "eve" || p.ID != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, by := range []person{wang, eve} {
		if err := decide(1, by, true); !errors.Is(err, desk.ErrSamePerson) && !errors.Is(err, desk.ErrInactive) {
			t.Errorf("approved by %s: %v", by.name, err)
		}
	}
	if _, err := f.Propose(ctx, askFor(0, 1, 2, eve)); !errors.Is(err, desk.ErrInactive) {
		t.Errorf("one who waits works: %v", err)
	}
	if err := decide(1, li, false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Audit(ctx, nil); err != nil {
		t.Error(err)
	}
	for i, who := range []person{eve, zhao} { // a rejected one may be proposed again
		if p, err := propose(who); err != nil || p.ID != int64(i+2) {
			t.Fatalf("%+v, %v", p, err)
		}
		if err := decide(int64(i+2), li, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := propose(zhao); !errors.Is(err, sqlite.ErrClerkExists) {
		t.Errorf("twice: %v", err)
	}
	if _, err := f.Propose(ctx, askFor(0, 1, 2, eve)); err != nil {
		t.Error(err)
	}
	if _, err := f.Audit(ctx, nil); err != nil {
		t.Error(err)
	}
}

// A row that comes between proposal and approval changes what would move: nothing moves.
func TestApprovalOfWhatHasChangedIsRefused(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 1)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)
	if _, err := f.Propose(ctx, askFor(0, 2, 4, wang)); err != nil {
		t.Fatal(err)
	}
	later := open(t, dir, start+2*day)
	if err := clerk.Arrive(later, []recon.Event{{Card: testCard(0), Obs: tap(timeline.Paid, 3, 4500, 250)}}); err != nil {
		t.Fatal(err)
	}
	before := dump(t, dir)
	if _, _, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); !errors.Is(err, desk.ErrChanged) {
		t.Errorf("%v", err)
	}
	if dump(t, dir) != before {
		t.Error("a refused approval has left something")
	}
}

// A clerk cannot make money due by naming a later day.
func TestNothingMovesAheadOfTime(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 1)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)
	if _, err := f.Propose(ctx, askFor(0, 1, 2, wang)); err != nil {
		t.Fatal(err)
	}
	ahead, err := clerk.Open(ctx, clerk.Options{Dir: dir, Keys: developmentKeys(t), At: start + 5*day, Wall: start + 2*day})
	if err != nil {
		t.Fatal(err)
	}
	defer ahead.Close()
	if c := look(t, ahead, 0); c.At != start+5*day {
		t.Errorf("looked at %d", c.At)
	}
	before := dump(t, dir)
	if _, _, err := ahead.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); !errors.Is(err, clerk.ErrAhead) {
		t.Errorf("approved: %v", err)
	}
	if _, err := ahead.Propose(ctx, askFor(0, 2, 4, wang)); !errors.Is(err, clerk.ErrAhead) {
		t.Errorf("proposed: %v", err)
	}
	if dump(t, dir) != before {
		t.Error("something is left of it")
	}
}

// Closed by hand is off the list of work, moves nothing, and is open again when more
// becomes known.
func TestClosingByHand(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 1)
	f := open(t, dir, start+2*day)
	wang, li := atDesk(t, f)
	ask := askFor(0, 2, 4, wang)
	ask.Kind = desk.Close
	if _, err := f.Propose(ctx, ask); err != nil {
		t.Fatal(err)
	}
	work := func(f *clerk.Office) (n int64) {
		totals, err := f.Breaks(ctx, clerk.Filter{Work: true}, func(*clerk.Break, sqlite.Token) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return totals.Count
	}
	if n := work(f); n != 2 {
		t.Errorf("%d to do before", n)
	}
	if _, _, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Close}, Approve: true, By: "li", Sign: li.sign}); err != nil {
		t.Fatal(err)
	}
	if c := look(t, f, 0); c.Paid != 0 || !c.Breaks[1].Closed || c.Breaks[0].Closed || work(f) != 1 {
		t.Errorf("%+v, %d to do", c.Breaks, work(f))
	}
	if err := clerk.Arrive(f, []recon.Event{{Card: testCard(0), Obs: tap(timeline.Zero, 6, 4100, 0)}}); err != nil {
		t.Fatal(err)
	}
	if c := look(t, f, 0); !c.Breaks[1].Closed || work(f) != 2 {
		t.Errorf("another break: %+v", c.Breaks)
	}
	late := open(t, dir, start+40*day)
	if c := look(t, late, 0); c.Breaks[1].Closed {
		t.Errorf("decided since: %+v", c.Breaks[1])
	}
	ask.P, ask.Q = 1, 2
	if _, err := f.Propose(ctx, ask); !errors.Is(err, desk.ErrNothing) {
		t.Errorf("closing of what is due: %v", err)
	}
	ask.P, ask.Q = 0, 1
	if _, err := f.Propose(ctx, ask); !errors.Is(err, clerk.ErrNoBreak) {
		t.Errorf("closing of nothing: %v", err)
	}
}

// A failure at any write of an approval leaves nothing of it.
func TestApprovalIsAllOrNothing(t *testing.T) {
	ctx := context.Background()
	for _, c := range []string{"INSERT ON ledger_transfer", "UPDATE ON recon_card", "INSERT ON recon_break", "UPDATE ON desk_request", "INSERT ON desk_audit"} {
		t.Run(c, func(t *testing.T) {
			dir := t.TempDir()
			makeFolder(t, dir, 1)
			f := open(t, dir, start+2*day)
			wang, li := atDesk(t, f)
			if _, err := f.Propose(ctx, askFor(0, 1, 2, wang)); err != nil {
				t.Fatal(err)
			}
			before := dump(t, dir)
			exec := func(q string) {
				if err := clerk.Write(f, func(tx *sqlite.Tx) error { _, err := tx.Exec(q); return err }); err != nil {
					t.Fatal(err)
				}
			}
			exec("CREATE TRIGGER stop BEFORE " + c + " BEGIN SELECT raise(ABORT, 'stopped'); END")
			if _, _, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); err == nil {
				t.Fatal("nothing stopped it")
			}
			exec("DROP TRIGGER stop")
			if dump(t, dir) != before {
				t.Error("something is left of it")
			}
			if _, done, err := f.Decide(ctx, clerk.Verdict{ID: 1, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: "li", Sign: li.sign}); err != nil || !done {
				t.Fatal(done, err)
			}
			if c := look(t, f, 0); c.Paid != 300 {
				t.Errorf("%s paid", c.Paid)
			}
		})
	}
}

// What somebody alters in the tables of the desk is found out.
func TestAuditFindsWhatWasAltered(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct{ name, query string }{
		{"a line's text", "UPDATE desk_audit SET line = replace(line, 'wang', 'zhao') WHERE number = 3"},
		{"a line taken out", "DELETE FROM desk_audit WHERE number = 3"},
		{"the end cut off", "DELETE FROM desk_audit WHERE number = 4"},
		{"a proposal taken out", "DELETE FROM desk_request"},
		{"a status", "UPDATE desk_request SET status = 3"},
		{"a signature", "UPDATE desk_request SET signature = approval"},
		{"a key", "UPDATE desk_clerk SET key = zeroblob(64) WHERE name = 'li'"},
		{"a clerk put in by hand", "INSERT INTO desk_clerk VALUES ('eve', randomblob(64), 1, 0)"},
		{"a clerk sent away by hand", "UPDATE desk_clerk SET ended_at = added_at + 9 WHERE name = 'li'"},
		{"a clerk who came earlier", "UPDATE desk_clerk SET added_at = 1 WHERE name = 'li'"},
		{"the counters under which it is filed", "UPDATE desk_request SET p = 5"},
		{"the part under which it is filed", "UPDATE desk_request SET part = 2"},
		{"when it expires", "UPDATE desk_request SET expires = expires + 1"},
		{"the card under which it is filed", "UPDATE desk_request SET token = zeroblob(16)"},
		{"the books", "UPDATE ledger_transfer SET amount = amount + 1 WHERE code = 3"},
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
			if err := clerk.Write(f, func(tx *sqlite.Tx) error { _, err := tx.Exec(c.query); return err }); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Audit(ctx, nil); err == nil {
				t.Error("the audit is content")
			}
		})
	}
}
