package clerk_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/sqlite"
)

var disputeKind = []desk.Kind{desk.Dispute}

// A row that the next balance proves to be paid is not charged back as never paid, nor as
// one of another amount; nor is a query that nobody asked one without an answer.
func TestAReasonThatTheTimelineContradictsIsRefused(t *testing.T) {
	f, arrive := disputed(t)
	arrive(tap(timeline.Paid, 6, 3850, 100))
	c := openCase(t, f, 5, dispute.ECash)
	before := sidesOf(t, f)
	wang, _ := atDesk(t, f)
	for code, verdict := range map[string]string{"C1": "paid this row", "C4": "just this amount", "C6": "without an answer"} {
		_, _, _, err := f.StepDispute(context.Background(), c.ID, dispute.Event{Step: dispute.Chargeback, Reason: code}, clerk.Proposer{By: "wang", Sign: wang.sign})
		if !errors.Is(err, dispute.ErrEvidence) || !strings.Contains(err.Error(), verdict) {
			t.Errorf("%s: %v", code, err)
		}
	}
	if now := sidesOf(t, f); now != before {
		t.Errorf("%+v, want %+v", now, before)
	}
	step(t, f, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C5"})
}

func TestMoneyOfADisputeNeedsTwoPeople(t *testing.T) {
	f, _ := disputed(t)
	ctx := context.Background()
	c := openCase(t, f, 5, dispute.ECash)
	before := sidesOf(t, f)
	wang, li := atDesk(t, f)
	back := dispute.Event{Step: dispute.Chargeback, Reason: "C5"}
	if _, _, _, err := f.StepDispute(ctx, c.ID, back, clerk.Proposer{}); !errors.Is(err, clerk.ErrUnsigned) {
		t.Errorf("by nobody: %v", err)
	}
	if _, _, _, err := f.StepDispute(ctx, c.ID, back, clerk.Proposer{By: "wang", Sign: li.sign}); !errors.Is(err, clerk.ErrKeyFile) {
		t.Errorf("with another's key: %v", err)
	}
	as := clerk.Proposer{By: "wang", Sign: wang.sign}
	k, p, done, err := f.StepDispute(ctx, c.ID, back, as)
	if err != nil || done || p == nil || p.Amount != 300 || k.State != dispute.Opened {
		t.Fatalf("%+v, %+v, %v, %v", k, p, done, err)
	}
	if _, _, _, err := f.StepDispute(ctx, c.ID, back, as); !errors.Is(err, desk.ErrOpen) {
		t.Errorf("proposed twice: %v", err)
	}
	yes := clerk.Verdict{ID: p.ID, Kinds: disputeKind, Approve: true, By: "wang", Sign: wang.sign}
	if _, _, err := f.Decide(ctx, yes); !errors.Is(err, desk.ErrSamePerson) {
		t.Errorf("by the same person: %v", err)
	}
	step(t, f, c.ID, dispute.Event{Step: dispute.Query, Reason: "Q1"}) // moves nothing
	yes.By, yes.Sign = "li", li.sign
	if _, _, err := f.Decide(ctx, yes); !errors.Is(err, desk.ErrChanged) {
		t.Errorf("the case has changed: %v", err)
	}
	if now := sidesOf(t, f); now != before {
		t.Fatalf("%+v, want %+v", now, before)
	}
	yes.Approve = false
	if _, _, err := f.Decide(ctx, yes); err != nil {
		t.Fatal(err)
	}
	if _, p, _, err = f.StepDispute(ctx, c.ID, back, as); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if _, done, err := f.Decide(ctx, clerk.Verdict{ID: p.ID, Kinds: disputeKind, Approve: true, By: "li", Sign: li.sign}); err != nil || done != (n == 0) {
			t.Fatal(done, err)
		}
	}
	if now := sidesOf(t, f); now.customer != before.customer+300 {
		t.Errorf("%+v, before %+v", now, before)
	}
	if _, err := f.Audit(ctx, nil); err != nil {
		t.Error(err)
	}
}

func TestProposedStepExpires(t *testing.T) {
	dir, f := unbackedFolder(t)
	ctx := context.Background()
	c := openCase(t, f, 5, dispute.ECash)
	wang, li := atDesk(t, f)
	// What is given up of a claim is money too.
	_, p, _, err := f.StepDispute(ctx, c.ID, dispute.Event{Step: dispute.Withdraw, Reason: "W1"}, clerk.Proposer{By: "wang", Sign: wang.sign})
	if err != nil || p == nil || p.Amount != 300 {
		t.Fatalf("%+v, %v", p, err)
	}
	yes := clerk.Verdict{ID: p.ID, Kinds: disputeKind, Approve: true, By: "li", Sign: li.sign}
	if _, _, err := open(t, dir, start+10*day).Decide(ctx, yes); !errors.Is(err, desk.ErrExpired) {
		t.Errorf("too late: %v", err)
	}
	if _, _, err := f.Decide(ctx, yes); err != nil {
		t.Fatal(err)
	}
	if now := sidesOf(t, f); now.claim != 0 || now.loss != -300 {
		t.Errorf("%+v", now)
	}
	if _, err := f.Audit(ctx, nil); err != nil {
		t.Error(err)
	}
}

// A step that moved money and names no approved proposal is found, though its line in the
// audit chain agrees with it.
func TestAuditFindsAStepThatNobodyApproved(t *testing.T) {
	f, _ := disputed(t)
	c := openCase(t, f, 5, dispute.ECash)
	step(t, f, c.ID, dispute.Event{Step: dispute.CreditAdjustment, Reason: "A1", Amount: 100})
	if err := clerk.TakeUnapproved(f, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C5"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Audit(context.Background(), nil); !errors.Is(err, clerk.ErrAudit) {
		t.Errorf("the audit says %v", err)
	}
	if err := clerk.Write(f, func(tx *sqlite.Tx) error { return tx.Audit() }); err != nil {
		t.Error(err)
	}
}
