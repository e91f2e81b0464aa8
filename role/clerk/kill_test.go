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
	"github.com/citycard/citycard/role/clerk"
)

// killFolder tells the test binary that it is the process to be killed.
const killFolder = "CITYCARD_CLERK_FOLDER"

// killCards is how many cards have something to refund.
const killCards = 120

// TestKilledClerk is the process to be killed: it proposes and approves one refund after
// the other, and says so when each has been acknowledged.
func TestKilledClerk(t *testing.T) {
	dir := os.Getenv(killFolder)
	if dir == "" {
		t.Skip("runs as a child of TestKilledApprovalsMoveMoneyOnce")
	}
	f := open(t, dir, start+2*day)
	wang, li := newPerson("wang"), newPerson("li")
	for n := range killCards {
		id, err := proposalOf(f, n, wang)
		if err != nil {
			t.Fatal(err)
		}
		if id == 0 {
			continue
		}
		fmt.Printf("asked %d\n", n)
		if _, _, err := f.Decide(context.Background(), clerk.Verdict{ID: id, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: li.name, Sign: li.sign}); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("paid %d\n", n)
	}
	fmt.Println("done")
}

// proposalOf gives the open proposal of a card, which is made if there is none; 0 if it
// has been approved.
func proposalOf(f *clerk.Office, n int, by person) (int64, error) {
	c, err := f.Look(context.Background(), testCard(n).PAN.Digits())
	if err != nil {
		return 0, err
	}
	for _, r := range c.Refunds {
		if r.Proposal != nil && r.Proposal.Status == desk.Approved {
			return 0, nil
		}
		if r.Proposal != nil && r.Proposal.Status == desk.Proposed {
			return r.Proposal.ID, nil
		}
	}
	p, err := f.Propose(context.Background(), askFor(n, 1, 2, by))
	if err != nil {
		return 0, err
	}
	return p.ID, nil
}

// Clerks whose process is killed with SIGKILL at any moment, and who begin again, pay each
// refund exactly once; what was acknowledged is there.
func TestKilledApprovalsMoveMoneyOnce(t *testing.T) {
	dir := t.TempDir()
	makeFolder(t, dir, killCards)
	f, err := clerk.Open(context.Background(), clerk.Options{Dir: dir, Keys: developmentKeys(t), At: start + 2*day, Wall: start + 2*day})
	if err != nil {
		t.Fatal(err)
	}
	atDesk(t, f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 2))
	acked, kills := map[string]bool{}, 0
	for done := false; !done; {
		done = killAfter(t, dir, time.Duration(3+rng.IntN(50))*time.Millisecond, acked)
		if !done {
			kills++
		}
		if kills > 400 {
			t.Fatal("it gets nowhere")
		}
		checkPaid(t, dir, acked)
	}
	office := open(t, dir, start+2*day)
	for n := range killCards {
		if c := look(t, office, n); c.Paid != 300 {
			t.Errorf("card %d: %s paid in the end", n, c.Paid)
		}
	}
	t.Logf("%d kills, %d cards", kills, killCards)
}

// killAfter runs the child and kills it some time after its first acknowledgement; true
// if it came to its end before.
func killAfter(t *testing.T, dir string, after time.Duration, acked map[string]bool) (done bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledClerk$", "-test.v")
	cmd.Env = append(os.Environ(), killFolder+"="+dir)
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
		switch {
		case line == "done":
			done = true
		case strings.HasPrefix(line, "paid "), strings.HasPrefix(line, "asked "):
			acked[line] = true
			if !working {
				working = true
				kill.Reset(after)
			}
		case strings.Contains(line, "refund_test.go"), strings.Contains(line, "kill_test.go:") && !strings.Contains(line, "SKIP"):
			t.Errorf("child: %s", line)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return done
}

// checkPaid audits the folder and looks for what was acknowledged.
func checkPaid(t *testing.T, dir string, acked map[string]bool) {
	t.Helper()
	f, err := clerk.Open(context.Background(), clerk.Options{Dir: dir, Keys: developmentKeys(t), At: start + 2*day, Wall: start + 2*day})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Audit(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	for n := range killCards {
		if !acked[fmt.Sprintf("asked %d", n)] {
			continue
		}
		c := look(t, f, n)
		approved := false
		for _, r := range c.Refunds {
			approved = approved || r.Proposal != nil && r.Proposal.Status == desk.Approved
		}
		want := fen(0)
		if approved {
			want = 300
		}
		if c.Paid != want || acked[fmt.Sprintf("paid %d", n)] && !approved {
			t.Fatalf("card %d: %s paid, approved %v, acknowledged %v", n, c.Paid, approved, acked[fmt.Sprintf("paid %d", n)])
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
