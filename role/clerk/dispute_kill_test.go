package clerk_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/sqlite"
)

// disputeFolder tells the test binary that it is the process to be killed.
const disputeFolder = "CITYCARD_DISPUTE_FOLDER"

const disputeCards = 40

// TestKilledDisputes is the process to be killed: it opens a dispute about each card and
// charges it back.
func TestKilledDisputes(t *testing.T) {
	dir := os.Getenv(disputeFolder)
	if dir == "" {
		t.Skip("runs as a child of TestKilledChargebacksMoveMoneyOnce")
	}
	f := open(t, dir, start+2*day)
	ctx := context.Background()
	for n := range disputeCards {
		if _, ended := caseOf(t, f, n); ended {
			continue
		}
		_, err := f.OpenDispute(ctx, clerk.DisputeRequest{Card: testCard(n).PAN.Digits(), ATC: 2, Trade: dispute.ECash})
		if err != nil && !errors.Is(err, sqlite.ErrDisputeExists) {
			t.Fatal(err)
		}
		id, _ := caseOf(t, f, n)
		chargeBack(t, f, id)
		fmt.Printf("charged back %d\n", n)
	}
	fmt.Println("done")
}

// chargeBack proposes a chargeback, unless that was done before a kill, and approves it.
func chargeBack(t *testing.T, f *clerk.Office, id int64) {
	ctx := context.Background()
	wang, li := newPerson("wang"), newPerson("li")
	if _, _, _, err := f.StepDispute(ctx, id, dispute.Event{Step: dispute.Chargeback, Reason: "C5"}, clerk.Proposer{By: "wang", Sign: wang.sign}); err != nil && !errors.Is(err, desk.ErrOpen) {
		t.Fatal(err)
	}
	var open int64
	if err := f.Proposals(ctx, func(p *clerk.Proposal) error {
		if p.Step.Case == id && p.Status == desk.Proposed {
			open = p.ID
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Decide(ctx, clerk.Verdict{ID: open, Kinds: []desk.Kind{desk.Dispute}, Approve: true, By: "li", Sign: li.sign}); err != nil {
		t.Fatal(err)
	}
}

// caseOf gives the number of the case about a card, 0 if there is none, and whether it
// has come to its end.
func caseOf(t *testing.T, f *clerk.Office, n int) (id int64, ended bool) {
	card := testCard(n).String()
	if err := f.Disputes(context.Background(), func(c *dispute.Case, _ []dispute.Next) error {
		if c.Subject.Card == card {
			id, ended = c.ID, c.State.Closed()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return id, ended
}

// A process that is killed with SIGKILL at any moment and begins again charges each row
// back exactly once; what it said to be done is done.
func TestKilledChargebacksMoveMoneyOnce(t *testing.T) {
	dir := t.TempDir()
	makeFolder(t, dir, disputeCards)
	f := open(t, dir, start+2*day)
	enterAcquirer(t, f)
	atDesk(t, f)
	before := make([]sides, disputeCards)
	for n := range before {
		before[n] = sidesOfCard(t, f, n)
	}
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 3))
	said, kills := map[int]bool{}, 0
	for done := false; !done; kills++ {
		if kills > 300 {
			t.Fatal("it gets nowhere")
		}
		done = killedDisputes(t, dir, time.Duration(2+rng.IntN(40))*time.Millisecond, said)
		for n := range said {
			if got := sidesOfCard(t, f, n); got.customer != before[n].customer+200 {
				t.Fatalf("card %d was said to be charged back, and its customer has %s", n, got.customer-before[n].customer)
			}
		}
	}
	for n := range before {
		if got := sidesOfCard(t, f, n); got.customer != before[n].customer+200 || got.float != before[n].float {
			t.Errorf("card %d: %+v, before %+v", n, got, before[n])
		}
	}
	if got := sidesOfCard(t, f, 0); got.acquirer != before[0].acquirer-200*disputeCards {
		t.Errorf("the acquirer paid %s", before[0].acquirer-got.acquirer)
	}
	t.Logf("%d starts for %d cards", kills, disputeCards)
}

// killedDisputes runs the child and kills it some time after its first line; true if it
// came to its end before.
func killedDisputes(t *testing.T, dir string, after time.Duration, said map[int]bool) (done bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledDisputes$", "-test.v")
	cmd.Env = append(os.Environ(), disputeFolder+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	working := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		var n int
		if _, err := fmt.Sscanf(line, "charged back %d", &n); err == nil {
			said[n] = true
			if !working {
				working = true
				kill.Reset(after)
			}
		}
		done = done || line == "done"
		if strings.Contains(line, "dispute_kill_test.go:") {
			t.Errorf("child: %s", line)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return done
}
