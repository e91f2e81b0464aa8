package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/store/sqlite"
)

// outcome is all that a run leaves: figures and files, the database as its dump.
type outcome struct {
	figures string
	files   map[string][]byte
}

func runWhole(t testing.TB, opt Options) (*Result, outcome) {
	t.Helper()
	dir := t.TempDir()
	res, err := (&Run{Dir: dir, Out: dir, Files: filepath.Join(dir, "files")}).Do(t.Context(), newCity(t, opt))
	if err != nil {
		t.Fatal(err)
	}
	same := *res
	same.ElapsedMS, same.Stages = 0, nil
	figures, err := json.Marshal(same)
	if err != nil {
		t.Fatal(err)
	}
	return res, outcome{string(figures), filesOf(t, dir)}
}

// filesOf reads a folder of a run that has ended.
func filesOf(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if name == "city.db" {
			files[name], err = dumpOf(path)
			return err
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func dumpOf(path string) ([]byte, error) {
	db, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var b bytes.Buffer
	err = db.Read(context.Background(), func(rd *sqlite.Reader) error { return rd.Dump(&b) })
	return b.Bytes(), err
}

// compare names what differs.
func compare(t testing.TB, what string, a, b outcome) {
	t.Helper()
	if a.figures != b.figures {
		t.Errorf("%s: figures differ: %s", what, cmp.Diff(strings.Split(a.figures, ","), strings.Split(b.figures, ",")))
	}
	names := map[string]bool{}
	for _, m := range []map[string][]byte{a.files, b.files} {
		for n := range m {
			names[n] = true
		}
	}
	for n := range names {
		x, inA := a.files[n]
		y, inB := b.files[n]
		if inA != inB || !bytes.Equal(x, y) {
			t.Errorf("%s: %s differs: %d and %d bytes, there %v and %v", what, n, len(x), len(y), inA, inB)
		}
	}
}

// The same options give the same city to the last byte, whatever works on it.
func TestResultsDoNotDependOnProcessors(t *testing.T) {
	opt := Options{Riders: 800, Seed: 5, Profile: "mix", Workers: 1}
	_, one := runWhole(t, opt)
	opt.Workers = 4
	_, four := runWhole(t, opt)
	compare(t, "1 and 4 workers", one, four)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	_, slow := runWhole(t, opt)
	compare(t, "4 workers on one processor", four, slow)
	for _, want := range []string{"city.db", "summary.json", "nets.csv", "exceptions.csv", "breaks.csv", "report.html"} {
		if len(one.files[want]) == 0 {
			t.Errorf("%s is missing or empty", want)
		}
	}
	blocks, sealed := 0, 0
	for n := range one.files {
		switch {
		case strings.HasPrefix(n, "blocks/"):
			blocks++
		case strings.HasPrefix(n, "files/"):
			sealed++
		case strings.Contains(n, "-wal"), strings.Contains(n, "-shm"), strings.Contains(n, ".tmp"):
			t.Errorf("%s was left lying about", n)
		}
	}
	if blocks < LastDay || sealed < 8 {
		t.Errorf("%d files of blocks and %d T+1 files", blocks, sealed)
	}
}

func TestProfilesClose(t *testing.T) {
	seen := map[string]string{}
	for _, profile := range Profiles {
		for _, seed := range []uint64{1, 2} {
			if profile != "sm" && seed == 2 {
				continue
			}
			name := fmt.Sprintf("%s, seed %d", profile, seed)
			res, out := runWhole(t, Options{Riders: 800, Seed: seed, Profile: profile})
			checkTruth(t, name, res)
			dump := string(out.files["city.db"])
			for other, d := range seen {
				if d == dump {
					t.Errorf("%s and %s are the same city", name, other)
				}
			}
			seen[name] = dump
		}
	}
}

// checkTruth asserts what must hold for every run.
func checkTruth(t testing.TB, name string, r *Result) {
	t.Helper()
	if !r.Closed() {
		t.Errorf("%s does not close: %v in %+v", name, r.Open(), r)
	}
	f := r.FlashCard
	for _, c := range []struct {
		rule string
		ok   bool
	}{
		{"caused = decidable + undecided", f.Caused == f.Decidable+f.Undecided},
		{"half of the flash cards can be decided", 2*f.Decidable >= f.Caused},
		{"found = decidable", f.Found == f.Decidable},
		{"taps >= offline transactions >= verified > 0", r.Taps >= r.OfflineTxns && int64(r.OfflineTxns) >= r.Verified && r.Verified > 0},
		{"what was torn after paying is recovered or a flash card", r.TornAfterCommit >= r.RecoveredAtGate+f.Caused},
		{"money was cleared", r.ClearedFen > 0},
		{"the fares of most riders are checked", 10*r.FareRiders >= 7*r.Riders || r.Riders < 10},
		{"more postings than riders", r.Postings > int64(r.Riders)},
	} {
		if !c.ok {
			t.Errorf("%s: not so: %s; %+v", name, c.rule, r)
		}
	}
	if r.Riders < smallestInjected {
		if r.Injected != (Faults{}) {
			t.Errorf("%s: a small city has faults injected: %+v", name, r.Injected)
		}
		return
	}
	if f.Found == 0 || f.Caused == 0 || r.RecoveredAtGate == 0 || r.TornBeforeCommit == 0 || r.Refunds == 0 {
		t.Errorf("%s: nothing torn, found or refunded: %+v", name, r)
	}
	for _, c := range r.Injected.byKey() {
		if c.n < 1 {
			t.Errorf("%s: no %s was injected", name, c.key)
		}
	}
}

func TestSmallCitiesClose(t *testing.T) {
	for _, riders := range []int{1, 2, 10, 100, smallestInjected - 1} {
		for seed := uint64(1); seed <= 2; seed++ {
			if riders > 1 && seed > 1 {
				continue
			}
			res, err := (&Run{Dir: t.TempDir()}).Do(t.Context(), newCity(t, Options{Riders: riders, Seed: seed}))
			if err != nil {
				t.Errorf("%d riders, seed %d: %v", riders, seed, err)
				continue
			}
			if res.Riders != riders {
				t.Errorf("%d riders, want %d", res.Riders, riders)
			}
			checkTruth(t, fmt.Sprintf("%d riders, seed %d", riders, seed), res)
		}
	}
}

// TestLongSeedsClose is the same for more cities.
func TestLongSeedsClose(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		for _, riders := range []int{800, 1500} {
			t.Run(fmt.Sprintf("%d_riders_seed_%d", riders, seed), func(t *testing.T) {
				res, err := (&Run{Dir: t.TempDir()}).Do(t.Context(), newCity(t, Options{Riders: riders, Seed: seed, Profile: Profiles[int(seed)%len(Profiles)]}))
				if err != nil {
					t.Fatal(err)
				}
				checkTruth(t, t.Name(), res)
			})
		}
	}
}

// Each key of the figures must be able to keep the day from closing.
func TestOpenNamesEveryFigure(t *testing.T) {
	honest := Result{LedgerBalanced: true}
	if open := honest.Open(); len(open) != 0 {
		t.Fatalf("a clean result has open figures %v", open)
	}
	broken := Result{Mix: &MixFigures{StationRecords: 1}, Quota: &QuotaFigures{PushesRefused: 1, Unrestored: 1, RestoredSameClosing: 1, OwedFen: 1, DeniedOpened: 1, ExposureMaxFen: 1, Refunded: 1, Alarms: 1, Unseen: 1, GapFen: 1},
		Unexplained: -1, FareGap: 1, SplitGap: 1, Unsettled: 1, Owed: 1, Provisional: 1, RefundsUndone: 1, UnreadableRows: 1, NetsSumFen: -3, FloatIdentityGap: 1, BlocksUnreceipted: 2,
		FlashCard: Flash{Found: 1, AmountWrong: 1, FalseAlarms: 1},
		Injected:  Faults{BadSignature: 1, BrokenChain: 1, SequenceGap: 1, ReplayedBlock: 1, UnknownTerminal: 1, BadCryptogram: 1},
		Rejected:  Faults{BadBalanceMAC: 1, Duplicate: 1, ConflictingCounter: 1, DeniedCard: 1, LateOverLimit: 1}}
	want := strings.Fields(`bad_signature broken_chain sequence_gap replayed_block unknown_terminal bad_cryptogram bad_balance_mac duplicate
		conflicting_counter denied_card late_over_limit found amount_wrong false_alarms nets_sum_fen ledger_balanced float_identity_gap_fen
		unexplained_fen fare_gap_fen split_gap_fen unsettled_fen owed_fen refunds_undone provisional_fen unreadable_rows blocks_unreceipted
		station_records pushes_refused unrestored restored_same_closing recovered_fen denied_opened exposure_max_fen refunded alarms unseen_fen gap_fen`)
	if got := broken.Open(); !slices.Equal(got, want) {
		t.Errorf("open figures:\n%s", cmp.Diff(want, got))
	}
}
