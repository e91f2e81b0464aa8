package clerk_test

import (
	"context"
	"errors"
	"testing"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/sqlite"
)

// disputed is a folder with acquirer 11 and a row of 3 yuan at 0005, and how observations
// arrive in it.
func disputed(t *testing.T) (f *clerk.Office, arrive func(...timeline.Observation)) {
	dir := t.TempDir()
	makeFolder(t, dir, 1)
	f = open(t, dir, start+2*day)
	enterAcquirer(t, f)
	arrive = func(seen ...timeline.Observation) {
		t.Helper()
		var events []recon.Event
		for _, o := range seen {
			events = append(events, recon.Event{Card: testCard(0), Obs: o})
		}
		if err := clerk.Arrive(f, events); err != nil {
			t.Fatal(err)
		}
	}
	arrive(tap(timeline.Paid, 5, 4150, 300))
	return f, arrive
}

func openCase(t *testing.T, f *clerk.Office, atc uint16, trade dispute.Trade) *dispute.Case {
	t.Helper()
	c, err := f.OpenDispute(context.Background(), clerk.DisputeRequest{Card: testCard(0).PAN.Digits(), ATC: atc, Trade: trade})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// step takes a step; one that moves money is proposed by wang and approved by li.
func step(t testing.TB, f *clerk.Office, id int64, e dispute.Event) *dispute.Case {
	t.Helper()
	ctx := context.Background()
	wang, li := newPerson("wang"), newPerson("li")
	for _, p := range []person{wang, li} {
		if err := f.AddClerk(ctx, p.name, p.key.Public()); err != nil && !errors.Is(err, sqlite.ErrClerkExists) && !errors.Is(err, desk.ErrAdmission) {
			t.Fatal(err)
		}
	}
	c, p, done, err := f.StepDispute(ctx, id, e, clerk.Proposer{By: "wang", Sign: wang.sign})
	if err != nil || done == (p != nil) {
		t.Fatalf("%s: done %v, %v", e.Step, done, err)
	}
	if p == nil {
		return c
	}
	if _, _, err := f.Decide(ctx, clerk.Verdict{ID: p.ID, Kinds: []desk.Kind{desk.Dispute}, Approve: true, By: "li", Sign: li.sign}); err != nil {
		t.Fatalf("%s: approve: %v", e.Step, err)
	}
	c = nil
	if err := f.Disputes(ctx, func(k *dispute.Case, _ []dispute.Next) error {
		if k.ID == id {
			c = k
		}
		return nil
	}); err != nil || c == nil {
		t.Fatal(err)
	}
	return c
}

func lapseOnce(t *testing.T, f *clerk.Office, want int) {
	t.Helper()
	for n := range 2 {
		changed, err := f.LapseDisputes(context.Background())
		if err != nil || len(changed) != want*(1-n) {
			t.Fatalf("%d cases changed, %v", len(changed), err)
		}
	}
	if _, err := f.Audit(context.Background(), nil); err != nil {
		t.Error(err)
	}
}

// A row that is charged back for the customer, and that reconciliation then finds to be
// unbacked, is paid by the acquirer once: the customer's card never paid it.
func TestClaimAfterAChargebackMovesNoMoneyTwice(t *testing.T) {
	f, arrive := disputed(t)
	before := sidesOf(t, f)
	c := openCase(t, f, 5, dispute.ECash)
	step(t, f, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C5"})
	arrive(tap(timeline.Paid, 6, 4150, 100))
	if now := sidesOf(t, f); now.claim != -300 || now.customer != before.customer+300 {
		t.Fatalf("claimed and charged back: %+v", now)
	}
	lapseOnce(t, f, 1)
	want := before
	want.acquirer, want.float = before.acquirer-300, before.float+300
	if after := sidesOf(t, f); after != want {
		t.Errorf("%+v, want %+v", after, want)
	}
}

// A claim that is taken back, because a late load shows that the card paid, takes the
// acquirer's money back with it, and what was written off.
func TestClaimTakenBackAfterAChargeback(t *testing.T) {
	for name, steps := range map[string][]dispute.Event{
		"charged back": {{Step: dispute.Chargeback, Reason: "C1"}},
		"in part":      {{Step: dispute.CreditAdjustment, Reason: "A1", Amount: 100}, {Step: dispute.Withdraw, Reason: "W1"}},
		"nothing yet":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			f, arrive := disputed(t)
			before := sidesOf(t, f)
			arrive(tap(timeline.Paid, 7, 4150, 100))
			if now := sidesOf(t, f); now.claim != -300 {
				t.Fatalf("not claimed: %+v", now)
			}
			c := openCase(t, f, 5, dispute.ECash)
			for _, e := range steps {
				step(t, f, c.ID, e)
			}
			load := tap(timeline.Load, 6, 3850, 300)
			load.Terminal = 0
			arrive(load)
			lapseOnce(t, f, 1)
			if after := sidesOf(t, f); after != before {
				t.Errorf("%+v, want %+v", after, before)
			}
		})
	}
}

// A case that was lost for the customer is open again when reconciliation claims the row.
func TestClaimOpensALostCaseAgain(t *testing.T) {
	f, arrive := disputed(t)
	c := openCase(t, f, 5, dispute.ECash)
	step(t, f, c.ID, dispute.Event{Step: dispute.Withdraw, Reason: "W1"})
	arrive(tap(timeline.Paid, 6, 4150, 100))
	if c = step(t, f, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C1"}); c.State != dispute.Won || !c.Claimed {
		t.Errorf("%+v", c)
	}
	if now := sidesOf(t, f); now.claim != 0 || now.loss != 0 {
		t.Errorf("%+v", now)
	}
}

// A row that did not clear has moved no money that could come back.
func TestARefusedRowIsNotChargedBack(t *testing.T) {
	f, arrive := disputed(t)
	before := sidesOf(t, f)
	never := tap(timeline.Paid, 6, 3850, 100)
	never.Refused = true
	arrive(never)
	ctx := context.Background()
	q := clerk.DisputeRequest{Card: testCard(0).PAN.Digits(), ATC: 6, Trade: dispute.ECash}
	if _, err := f.OpenDispute(ctx, q); !errors.Is(err, dispute.ErrSubject) {
		t.Errorf("electronic cash: %v", err)
	}
	c := openCase(t, f, 6, dispute.Credit)
	if _, _, _, err := f.StepDispute(ctx, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C5"}, clerk.Proposer{}); !errors.Is(err, dispute.ErrTrade) {
		t.Errorf("charged back: %v", err)
	}
	cleared := openCase(t, f, 5, dispute.Credit)
	if _, _, _, err := f.StepDispute(ctx, cleared.ID, dispute.Event{Step: dispute.RequestPayment, Reason: "P1"}, clerk.Proposer{}); !errors.Is(err, dispute.ErrTrade) {
		t.Errorf("paid again: %v", err)
	}
	if after := sidesOf(t, f); after != before {
		t.Errorf("%+v, want %+v", after, before)
	}
}

// The rest of an amount behind a part of it is no repeat of the part.
func TestTheRestIsNoRepeat(t *testing.T) {
	f, _ := disputed(t)
	before := sidesOf(t, f)
	c := openCase(t, f, 5, dispute.ECash)
	step(t, f, c.ID, dispute.Event{Step: dispute.CreditAdjustment, Reason: "A1", Amount: 100})
	rest := dispute.Event{Step: dispute.CreditAdjustment, Reason: "A1"}
	if c = step(t, f, c.ID, rest); c.State != dispute.Adjusted {
		t.Errorf("%s", c.State)
	}
	if _, p, done, err := f.StepDispute(context.Background(), c.ID, rest, clerk.Proposer{}); err != nil || done || p != nil {
		t.Errorf("repeated: %v, %v", done, err)
	}
	if after := sidesOf(t, f); after.customer != before.customer+300 {
		t.Errorf("customer got %s", after.customer-before.customer)
	}
}

// Each step stands in the audit chain; an event that was altered, or put in beside it, is
// found.
func TestAuditKnowsTheStepsOfDisputes(t *testing.T) {
	for name, sql := range map[string]string{
		"altered": `UPDATE dispute_event SET body = replace(body, '"C5"', '"C4"') WHERE number = 2`,
		"gone":    `DELETE FROM dispute_event WHERE number = 2`,
		"case":    `DELETE FROM dispute_case`,
	} {
		f, _ := disputed(t)
		c := openCase(t, f, 5, dispute.ECash)
		step(t, f, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C5"})
		if _, err := f.Audit(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if err := clerk.Write(f, func(tx *sqlite.Tx) error { _, err := tx.Exec(sql); return err }); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Audit(context.Background(), nil); err == nil {
			t.Errorf("%s: the audit is content", name)
		}
	}
}
