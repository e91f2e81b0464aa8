package shard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/store/sqlite"
)

var errKilled = errors.New("killed")

const (
	crashCards = 120
	crashDays  = 6
)

func crashRows() calendar { return busy(newTown(3, crashCards).calendar(crashDays)) }

// crashWant is what the days give when nothing goes wrong.
func crashWant(t *testing.T) (*sqlite.DB, findings) {
	t.Helper()
	db, rows := openDB(t, filepath.Join(t.TempDir(), "plain.db")), crashRows()
	for n := range crashDays {
		plainDay(t, db, newVault(t), recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)})
	}
	return db, readRecord(t, db, newVault(t))
}

// TestEveryStepMayBeTheLast ends the run at every step of every shard of every day, as
// a kill would, and runs the day again.
func TestEveryStepMayBeTheLast(t *testing.T) {
	plain, want := crashWant(t)
	rows, dir := crashRows(), t.TempDir()
	opt := Options{Shards: 2, Workers: 1, Hot: 1, Post: note, Memory: 1}
	db := openDB(t, filepath.Join(dir, "city.db"))
	reopen := func() *Store {
		s, err := Open(filepath.Join(dir, "shards"), db, newVault(t), opt)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	kills := 0
	for n := range crashDays {
		in := recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}
		for survive := 0; ; survive++ {
			s, step := reopen(), 0
			s.fault = func(string) error {
				if step++; step > survive {
					return errKilled
				}
				return nil
			}
			_, err := s.Day(context.Background(), in)
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			kills++
		}
	}
	if kills < 3*crashDays {
		t.Errorf("only %d ends", kills)
	}
	if diff := gocmp.Diff(want, readRecord(t, db, newVault(t)), gocmp.AllowUnexported(findings{})); diff != "" {
		t.Error(diff)
	}
	s := reopen()
	sameCards(t, s, plain, newVault(t))
	onlyValidFiles(t, s)
}

// onlyValidFiles looks for files that nobody names.
func onlyValidFiles(t *testing.T, s *Store) {
	t.Helper()
	_, manifests, err := s.manifests(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, m := range manifests {
		want += len(m.Past)
		if m.Head {
			want++
		}
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) != want {
		t.Errorf("%d files, want %d; %v", len(entries), want, err)
	}
}

// TestOfTwoRunsTheLaterOneCounts: a run that another one overtakes fails, and nothing
// of it counts.
func TestOfTwoRunsTheLaterOneCounts(t *testing.T) {
	plain, want := crashWant(t)
	rows, dir := crashRows(), t.TempDir()
	first := openStore(t, dir, Options{Shards: 2, Workers: 1, Hot: 1})
	second, err := Open(first.dir, first.db, first.vault, first.opt)
	if err != nil {
		t.Fatal(err)
	}
	for n := range crashDays {
		in := recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}
		steps := 0
		first.fault = func(string) error {
			if steps++; steps != 1+n {
				return nil
			}
			_, err := second.Day(context.Background(), in)
			return err
		}
		_, err := first.Day(context.Background(), in)
		if last := n == 5; last && err != nil || !last && !errors.Is(err, ErrOvertaken) { // the last shard of the last day was done
			t.Fatalf("day %d: %v", n, err)
		}
	}
	if diff := gocmp.Diff(want, readRecord(t, first.db, newVault(t)), gocmp.AllowUnexported(findings{})); diff != "" {
		t.Error(diff)
	}
	sameCards(t, second, plain, newVault(t))
	onlyValidFiles(t, second)
}

const crashEnv = "CITYCARD_SHARD_CRASH_DIR"

// TestCrashChild is the process to be killed: it goes on with the days where the
// database says that they are.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashEnv)
	if dir == "" {
		t.Skip("runs as a child of TestKilledProcessLosesAndDoublesNothing")
	}
	s := openStore(t, dir, Options{Shards: 8, Workers: 2, Hot: 1, Memory: 1})
	rows := crashRows()
	c, _, err := s.manifests(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for n := range crashDays {
		if closing(n) < c.At {
			continue
		}
		if _, err := s.Day(context.Background(), recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("all days done")
}

// TestKilledProcessLosesAndDoublesNothing kills a process again and again, at any
// moment, until the days are done.
func TestKilledProcessLosesAndDoublesNothing(t *testing.T) {
	plain, want := crashWant(t)
	dir := t.TempDir()
	kills := 0
	for try := 0; ; try++ {
		if try == 400 {
			t.Fatal("the days do not get done")
		}
		ctx, stop := context.WithTimeout(context.Background(), time.Duration(20+rand.IntN(60+4*try))*time.Millisecond)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestCrashChild$")
		cmd.Env = append(os.Environ(), crashEnv+"="+dir)
		out, err := cmd.CombinedOutput()
		killed := ctx.Err() != nil
		stop()
		if err == nil {
			break
		}
		if !killed {
			t.Fatalf("%v\n%s", err, out)
		}
		kills++
	}
	t.Logf("%d kills", kills)
	if kills < 5 {
		t.Errorf("killed %d times only", kills)
	}
	s := openStore(t, dir, Options{Shards: 8})
	if diff := gocmp.Diff(want, readRecord(t, s.db, newVault(t)), gocmp.AllowUnexported(findings{})); diff != "" {
		t.Error(diff)
	}
	sameCards(t, s, plain, newVault(t))
	onlyValidFiles(t, s)
}
