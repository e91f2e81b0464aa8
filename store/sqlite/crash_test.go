package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
)

// The crash test runs its own binary again as the process to be killed.
const (
	crashPathEnv  = "CITYCARD_CRASH_PATH"
	crashRoundEnv = "CITYCARD_CRASH_ROUND"
	crashCallers  = 3
)

// TestCrashChild is the process to be killed: callers post batches, each batch
// made from (round, caller, number), and print its number when it is acknowledged.
func TestCrashChild(t *testing.T) {
	path := os.Getenv(crashPathEnv)
	if path == "" {
		t.Skip("runs as a child of TestKilledProcessLosesAndDoublesNothing")
	}
	round, err := strconv.Atoi(os.Getenv(crashRoundEnv))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	openCity(t, db, newCity(1, 2000, 10))
	var print sync.Mutex
	var wait sync.WaitGroup
	for caller := range crashCallers {
		wait.Go(func() {
			for n := 0; ; n++ {
				batch := crashBatch(round, caller, n)
				var err error
				if caller == 0 {
					err = db.Write(context.Background(), func(tx *sqlite.Tx) error {
						_, err := tx.PostBatch(batch)
						return err
					})
				} else {
					_, err = db.Post(context.Background(), batch)
				}
				if err != nil {
					t.Error(err)
					return
				}
				print.Lock()
				fmt.Printf("ack %d %d\n", caller, n)
				print.Unlock()
			}
		})
	}
	wait.Wait()
}

// crashBatch makes the same batch in both processes. Batches of one caller grow,
// so that kills fall in every step of a commit.
func crashBatch(round, caller, n int) []ledger.Transfer {
	accounts := newCity(1, 2000, 10)
	c := newCity(uint64(1_000_000*(round+1)+10_000*caller+n), 0, 0)
	c.cards, c.shops = accounts.cards, accounts.shops
	return c.batch(20 + 100*caller + 10*n%300)
}

// TestKilledProcessLosesAndDoublesNothing kills a posting process with SIGKILL at
// random moments. After each kill the books must be sound, every acknowledged
// batch must be there, and sending everything again must double nothing.
func TestKilledProcessLosesAndDoublesNothing(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "crash.db")
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	acked := 0
	for round := range rounds {
		acks := runAndKill(t, path, round, time.Duration(60+rng.IntN(250))*time.Millisecond)
		for _, n := range acks {
			acked += n
		}
		checkAfterCrash(t, path, round, acks)
	}
	if acked == 0 {
		t.Error("no batch was ever acknowledged: the test proves nothing")
	}
	t.Logf("%d kills, %d acknowledged batches", rounds, acked)
}

// runAndKill gives the number of batches acknowledged to each caller.
func runAndKill(t *testing.T, path string, round int, after time.Duration) (acks [crashCallers]int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
	cmd.Env = append(os.Environ(), crashPathEnv+"="+path, crashRoundEnv+"="+strconv.Itoa(round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Every second time the clock starts with the first acknowledgement, however slow
	// the machine is until then.
	working := round%2 == 1
	patience := after
	if working {
		patience = time.Minute
	}
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var caller, n int
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "ack "):
			if working {
				working = false
				kill.Reset(after)
			}
			if _, err := fmt.Sscanf(line, "ack %d %d", &caller, &n); err == nil && n == acks[caller] {
				acks[caller]++
			}
		case strings.Contains(line, "FAIL"), strings.Contains(line, "crash_test.go"):
			t.Errorf("child: %s", line)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Errorf("the child ended by itself: %v", err)
	}
	return acks
}

func checkAfterCrash(t *testing.T, path string, round int, acks [crashCallers]int) {
	t.Helper()
	db, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	openCity(t, db, newCity(1, 2000, 10)) // the child may have died before it did
	audit := func(r *sqlite.Reader) error { return r.Audit() }
	if err := db.Read(context.Background(), audit); err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	for caller, n := range acks {
		for i := range n {
			for at, o := range post(t, db, crashBatch(round, caller, i)...) {
				if o != ledger.ExistsSame {
					t.Fatalf("round %d: transfer %d of acknowledged batch %d of caller %d: %s", round, at, i, caller, o)
				}
			}
		}
		// The batch in flight is there wholly or not at all.
		next := crashBatch(round, caller, n)
		outcomes := post(t, db, next...)
		for at, o := range outcomes {
			if !o.OK() || (outcomes[0] == ledger.ExistsSame && o != ledger.ExistsSame) {
				t.Fatalf("round %d: batch in flight: transfer %d %s, first %s", round, at, o, outcomes[0])
			}
		}
	}
	debits, credits := totals(t, db)
	if debits != credits {
		t.Fatalf("round %d after replay: debits %s, credits %s", round, debits, credits)
	}
}

func totals(t *testing.T, db *sqlite.DB) (debits, credits money.Fen) {
	t.Helper()
	err := db.Read(context.Background(), func(r *sqlite.Reader) (err error) {
		debits, credits, err = r.Totals()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return debits, credits
}
