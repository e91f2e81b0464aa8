package tap_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/terminal/pos"
)

// folder is a folder in memory where the system has one: what a killed process had handed
// to the system is there either way.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "citycard-campaign-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// copyFolder copies the files of a folder in which no process works.
func copyFolder(t testing.TB, from string) string {
	t.Helper()
	to := folder(t)
	entries, err := os.ReadDir(from)
	check(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".lock") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(to, e.Name()), b, 0o600))
	}
	return to
}

// books of one card, as they stand in the database.
type cardBooks struct{ float, stands money.Fen }

// audited opens the database, audits the ledger, and gives what it has of each card:
// float less loss, and advances that stand. No card may have value that its timeline does
// not explain.
func (c *campaign) audited(paid money.Fen) []cardBooks {
	c.t.Helper()
	db, err := sqlite.Open(filepath.Join(c.dir, "city.db"), sqlite.Options{Readers: 1})
	check(c.t, err)
	defer db.Close()
	vault, err := host.DevelopmentVault()
	check(c.t, err)
	out := make([]cardBooks, len(campaignCards))
	check(c.t, db.Read(c.t.Context(), func(r *sqlite.Reader) error {
		if err := r.Audit(); err != nil {
			return err
		}
		var fares money.Fen
		if err := r.Query(`SELECT coalesce(sum(amount), 0) FROM ledger_transfer WHERE code = ?`, func(row *sqlite.Row) error {
			fares = row.Fen(0)
			return nil
		}, issuer.CodeFares); err != nil {
			return err
		}
		if paid >= 0 && fares != paid {
			c.t.Errorf("rows of %v yuan were presented, %v are booked", paid, fares)
		}
		if err := c.count(r); err != nil {
			return err
		}
		if err := r.Advances(vault, func(a *sqlite.Advance) error {
			out[int(a.Card.PSN)-1].stands += a.Stands
			return nil
		}); err != nil {
			return err
		}
		rules := campaignRules()
		for n := range out {
			token := books.Tokens(vault).Token(c.key(n))
			float, _, err := r.Balance(issuer.FloatAccount(token))
			if err != nil {
				return err
			}
			loss, _, err := r.Balance(issuer.LossAccount(token))
			if err != nil {
				return err
			}
			out[n].float = float.Net() + loss.Net()
			blob, found, err := r.Timeline(vault.Token(c.key(n)))
			if err != nil || !found {
				return err
			}
			var t timeline.Card
			if err := t.Decode(blob); err != nil {
				return err
			}
			if lacks := t.Explained(out[n].float+out[n].stands, &rules); lacks != 0 || t.Frozen() {
				c.t.Errorf("card %d: %v yuan unexplained, frozen %v", n, lacks, t.Frozen())
			}
		}
		return nil
	}))
	return out
}

// codes counts postings by their code over all campaigns of the process: a campaign in
// which something never happens proves nothing about it.
var codes = map[uint16]int{}

func (c *campaign) count(r *sqlite.Reader) error {
	return r.Query(`SELECT code, count(*) FROM ledger_transfer GROUP BY code`, func(row *sqlite.Row) error {
		codes[uint16(row.Int(0))] += row.Int(1)
		return nil
	})
}

// quiet brings a copy of the folder to rest and checks it: the last rows are presented,
// every card asks once more, the windows are over. Then the float of each card is what is
// on its chip, to the fen; every load has a final word; and a second run moves nothing.
func quiet(t testing.TB, dir string, seed uint64) {
	t.Helper()
	c := openCampaign(t, copyFolder(t, dir), seed, func() {})
	for i := range c.log.Waiting {
		c.log.Waiting[i].Due = 0
	}
	c.present()
	for n := range campaignCards {
		tr := c.sale(n, pos.Sale{Kind: pos.Inquiry, Interface: pos.Contact}, &line{Kept: c.bank}, 0, false)
		if tr.Result.Outcome != pos.OnlineApproved {
			t.Fatalf("card %d: inquiry: %v (%v, %s)", n, tr.Result.Outcome, tr.Result.Fault, c.bank.Note())
		}
	}
	c.log.Now += 60 * 86400
	for range 2 {
		_, err := c.bank.Reconcile(t.Context(), c.log.Now)
		check(t, err)
	}
	report, err := c.bank.Reconcile(t.Context(), c.log.Now+86400)
	check(t, err)
	for p, a := range report.Actions {
		if a.Count != 0 {
			t.Errorf("at rest: %d times %v", a.Count, timeline.Purpose(p))
		}
	}
	for n := range campaignCards {
		loads, err := c.bank.Loads(t.Context(), c.key(n))
		check(t, err)
		for _, l := range loads {
			if l.Answer.Word == topup.Checking || l.Answer.Why == topup.TerminalTold || l.Answer.Why == topup.TerminalUndid {
				t.Errorf("card %d, counter %d at rest: %s", n, l.ATC, l.Answer.Text("en"))
			}
		}
	}
	values := make([]money.Fen, len(campaignCards))
	for n := range values {
		values[n] = c.value(n)
	}
	var paid money.Fen
	for _, p := range c.log.Paid {
		paid += p.Amount
	}
	c.close()
	for n, b := range c.audited(paid) {
		if b.float != values[n] || b.stands != 0 {
			t.Errorf("card %d holds %v yuan, its float is %v, advances of %v stand", n, values[n], b.float, b.stands)
		}
	}
}

// whole checks a folder after a kill: at once, and when it has come to rest.
func whole(t testing.TB, dir string, seed uint64) {
	t.Helper()
	c := &campaign{t: t, dir: copyFolder(t, dir)}
	if _, err := os.Stat(filepath.Join(dir, "city.db")); err == nil {
		c.audited(-1)
	}
	quiet(t, dir, seed)
}

// stopped is what the hook throws where a process would have been killed.
var errStopped = errors.New("stopped")

// untilPoint runs the script in this process up to a point, or to its end, and tells how
// many points there were. What is in memory is lost there, as with a kill.
func untilPoint(t testing.TB, dir string, seed uint64, ops, stop int) (points int, ended bool) {
	t.Helper()
	var open *campaign
	defer func() {
		if r := recover(); r != nil && r != errStopped { //nolint:errorlint // the value itself was thrown
			panic(r)
		}
		if open != nil {
			open.close()
		}
	}()
	c := openCampaign(t, dir, seed, func() {
		if points++; points == stop {
			panic(errStopped)
		}
	})
	open = c
	for c.log.Op < ops {
		c.step()
	}
	return points, true
}

// TestCampaignAtRest: without any kill the books agree with the chips, for many scripts.
func TestCampaignAtRest(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := folder(t)
			untilPoint(t, dir, seed, 60, 0)
			whole(t, dir, seed)
		})
	}
	t.Log(codes)
	for _, code := range []uint16{issuer.CodeLoad, issuer.CodeFares, issuer.CodeRefund, issuer.CodeProvisional, issuer.CodeUndoProvisional,
		issuer.CodeUndoRefund, issuer.CodeAdvance, issuer.CodeUndoAdvance} {
		if codes[code] == 0 && !testing.Short() {
			t.Errorf("no posting with code %d in any campaign", code)
		}
	}
}

// TestStoppedAtEachPoint stops the script before and after everything that it makes
// durable, one point in turn, goes on to the end, and checks books and chips.
func TestStoppedAtEachPoint(t *testing.T) {
	const ops, seed = 26, 369
	whole, ended := untilPoint(t, folder(t), seed, ops, 0)
	if !ended {
		t.Fatal("the script does not end")
	}
	stride := 1
	if testing.Short() {
		stride = 17
	}
	for stop := 1; stop <= whole; stop += stride {
		t.Run(fmt.Sprint("point ", stop), func(t *testing.T) {
			dir := folder(t)
			if _, ended := untilPoint(t, dir, seed, ops, stop); ended {
				t.Fatal("not stopped")
			}
			if stop%3 == 0 { // at rest without going on
				quiet(t, dir, seed)
			}
			if _, ended := untilPoint(t, dir, seed, ops, 0); !ended {
				t.Fatal("not resumed")
			}
			quiet(t, dir, seed)
		})
	}
	t.Logf("%d points in %d operations", whole, ops)
}

// Environment of the process to be killed.
const (
	killDirEnv  = "CITYCARD_KILL_DIR"
	killSeedEnv = "CITYCARD_KILL_SEED"
	killOpsEnv  = "CITYCARD_KILL_OPS"
)

// TestKillChild is the process to be killed: it goes on with the script and says "end"
// when it has come to its end.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(killDirEnv)
	if dir == "" {
		t.Skip("runs as a child of TestKilledShopLosesNothing")
	}
	seed, err := strconv.ParseUint(os.Getenv(killSeedEnv), 10, 64)
	check(t, err)
	ops, err := strconv.Atoi(os.Getenv(killOpsEnv))
	check(t, err)
	c := openCampaign(t, dir, seed, func() {})
	fmt.Println("begun")
	for c.log.Op < ops {
		c.step()
	}
	c.close()
	fmt.Println("end")
}

// killedOnce starts the child and kills it after a while; true if it was quicker.
func killedOnce(t *testing.T, dir string, seed uint64, ops int, after time.Duration) (ended bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$", "-test.v")
	cmd.Env = append(os.Environ(), killDirEnv+"="+dir, killSeedEnv+"="+strconv.FormatUint(seed, 10), killOpsEnv+"="+strconv.Itoa(ops))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if lines.Text() == "begun" {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // SIGKILL; it may have ended
		}
		ended = ended || lines.Text() == "end"
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return ended
	}
	if err != nil || !ended {
		t.Fatalf("the child failed by itself: %v\n%s", err, strings.Join(said, "\n"))
	}
	return true
}

// killed runs a long script and kills it again and again, at random moments, each time
// with a check of the whole folder.
func killed(t *testing.T, kills int) {
	r := rand.New(rand.NewPCG(uint64(kills), 7))
	for n, seed := 0, uint64(100); n < kills; seed++ {
		dir := folder(t)
		for ops := 40; n < kills; {
			if killedOnce(t, dir, seed, ops, time.Duration(r.IntN(60_000))*time.Microsecond) {
				break
			}
			n++
			whole(t, dir, seed)
			if t.Failed() {
				t.Fatalf("after kill %d of seed %d", n, seed)
			}
		}
	}
}

// TestKilledShopLosesNothing is the campaign with a real kill -9, in small.
func TestKilledShopLosesNothing(t *testing.T) { killed(t, 8) }

// TestLongKillCampaign is the campaign: 500 kills.
func TestLongKillCampaign(t *testing.T) {
	killed(t, 500)
}
