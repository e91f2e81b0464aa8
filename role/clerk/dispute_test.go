package clerk_test

import (
	"context"
	"errors"
	"testing"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
)

// unbackedFolder is a folder whose card has a row of 3 yuan at 0005 that it never paid:
// reconciliation has claimed it from acquirer 11.
func unbackedFolder(t testing.TB) (dir string, f *clerk.Office) {
	dir = t.TempDir()
	makeFolder(t, dir, 1)
	f = open(t, dir, start+2*day)
	enterAcquirer(t, f)
	never := tap(timeline.Paid, 5, 4150, 300)
	if err := clerk.Arrive(f, []recon.Event{{Card: testCard(0), Obs: never}, {Card: testCard(0), Obs: tap(timeline.Paid, 6, 4150, 100)}}); err != nil {
		t.Fatal(err)
	}
	return dir, f
}

// enterAcquirer puts terminal, issuer and accounts into the registers and books.
func enterAcquirer(t testing.TB, f *clerk.Office) {
	t.Helper()
	if err := clerk.Write(f, func(tx *sqlite.Tx) error {
		if err := tx.PutTerminal(&sqlite.Terminal{ID: 7, Acquirer: 11, Waited: true}); err != nil {
			return err
		}
		if err := tx.PutRange(&sqlite.Range{BIN: "622800", Participant: 1}); err != nil {
			return err
		}
		var accounts []ledger.Account
		for _, kind := range []ledger.AccountKind{ledger.Acquirer, ledger.Claim} {
			accounts = append(accounts, ledger.Account{ID: books.Institution(kind, 11), Kind: kind, Owner: "11"})
		}
		_, err := tx.OpenAccounts(accounts)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// sides are the balances that disputes touch.
type sides struct{ acquirer, claim, customer, loss, float money.Fen }

func sidesOf(t testing.TB, f *clerk.Office) sides {
	t.Helper()
	return sidesOfCard(t, f, 0)
}

func sidesOfCard(t testing.TB, f *clerk.Office, n int) (s sides) {
	t.Helper()
	if err := clerk.Write(f, func(tx *sqlite.Tx) error {
		token := clerk.BookToken(f, testCard(n))
		for id, into := range map[ledger.AccountID]*money.Fen{books.Institution(ledger.Acquirer, 11): &s.acquirer, books.Institution(ledger.Claim, 11): &s.claim,
			issuer.CustomerAccount(token): &s.customer, issuer.LossAccount(token): &s.loss, issuer.FloatAccount(token): &s.float} {
			b, _, err := tx.Balance(id)
			if err != nil {
				return err
			}
			*into = b.Net()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDisputeOfAnUnbackedRowSettlesTheClaim(t *testing.T) {
	_, f := unbackedFolder(t)
	ctx := context.Background()
	before := sidesOf(t, f)
	if before.claim != -300 {
		t.Fatalf("claim %s, want 3.00 asked for", before.claim)
	}
	c, err := f.OpenDispute(ctx, clerk.DisputeRequest{Card: testCard(0).PAN.Digits(), ATC: 5, Trade: dispute.ECash})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Subject.Claimed || c.Subject.Amount != 300 || c.Subject.Acquirer != 11 || c.Subject.Issuer != 1 {
		t.Fatalf("%+v", c.Subject)
	}
	if _, err := f.OpenDispute(ctx, clerk.DisputeRequest{Card: testCard(0).PAN.Digits(), ATC: 5, Trade: dispute.ECash}); !errors.Is(err, sqlite.ErrDisputeExists) {
		t.Errorf("opened twice: %v", err)
	}
	c = step(t, f, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C1"})
	for range 3 { // repeated, as after an interruption
		if _, p, done, err := f.StepDispute(ctx, c.ID, dispute.Event{Step: dispute.Chargeback, Reason: "C1"}, clerk.Proposer{}); err != nil || done || p != nil {
			t.Fatal(p, done, err)
		}
	}
	after := sidesOf(t, f)
	want := before
	want.claim, want.acquirer = 0, before.acquirer-300
	if c.State != dispute.Won || after != want {
		t.Errorf("%s: %+v, want %+v", c.State, after, want)
	}
}

func TestWhatIsGivenUpIsALoss(t *testing.T) {
	dir, f := unbackedFolder(t)
	ctx := context.Background()
	c, err := f.OpenDispute(ctx, clerk.DisputeRequest{Card: testCard(0).PAN.Digits(), ATC: 5, Trade: dispute.ECash})
	if err != nil {
		t.Fatal(err)
	}
	step(t, f, c.ID, dispute.Event{Step: dispute.CreditAdjustment, Reason: "A1", Amount: 100})
	before := sidesOf(t, f)
	later := open(t, dir, start+400*day)
	for n := range 2 {
		changed, err := later.LapseDisputes(ctx)
		if err != nil || len(changed) != 1-n {
			t.Fatalf("%d cases changed, error %v", len(changed), err)
		}
	}
	after := sidesOf(t, f)
	want := before
	want.claim, want.loss = 0, before.loss-200
	if before.claim != -200 || after != want {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestDisputeOfAnOrdinaryRowIsForTheCustomer(t *testing.T) {
	_, f := unbackedFolder(t)
	ctx := context.Background()
	before := sidesOf(t, f)
	if _, err := f.OpenDispute(ctx, clerk.DisputeRequest{Card: testCard(0).PAN.Digits(), ATC: 1, Trade: dispute.ECash}); !errors.Is(err, clerk.ErrNoRow) {
		t.Errorf("a row in doubt: %v", err)
	}
	c, err := f.OpenDispute(ctx, clerk.DisputeRequest{Card: testCard(0).PAN.Digits(), ATC: 2, Trade: dispute.Credit, Why: "gate stayed shut"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []dispute.Event{{Step: dispute.Chargeback, Reason: "C5"}, {Step: dispute.Represent, Reason: "R1"}, {Step: dispute.SecondChargeback, Reason: "C5"}} {
		step(t, f, c.ID, e)
	}
	after := sidesOf(t, f)
	want := before
	want.customer, want.acquirer = before.customer+200, before.acquirer-200
	if after != want {
		t.Errorf("%+v, want %+v", after, want)
	}
	var seen []*dispute.Case
	if err := f.Disputes(ctx, func(c *dispute.Case, next []dispute.Next) error {
		if len(next) != 1 || next[0].Step != dispute.Arbitrate {
			t.Errorf("next %+v", next)
		}
		seen = append(seen, c)
		return nil
	}); err != nil || len(seen) != 1 || len(seen[0].Moves) != 3 {
		t.Errorf("%d cases, %v", len(seen), err)
	}
}
