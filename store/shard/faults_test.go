package shard

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
)

// TestWorkersAndOrderDoNotMatter runs days with an allowance that does not reach far,
// with other workers and rows in another order.
func TestWorkersAndOrderDoNotMatter(t *testing.T) {
	p := rules()
	p.ProvisionalBudget, p.ProvisionalAfter = 5600, 1
	var want findings
	var given [3]int
	for try, opt := range []Options{{Shards: 8, Workers: 1, Hot: 1}, {Shards: 8, Workers: 5, Hot: day, Memory: 1}, {Shards: 8}} {
		if try == 2 { // an allowance that does
			p.ProvisionalBudget *= 1000
		}
		s := openStore(t, t.TempDir(), opt)
		rows := busy(newTown(5, 300).calendar(8))
		for n := range rows {
			if try > 0 {
				rand.Shuffle(len(rows[n]), func(i, j int) { rows[n][i], rows[n][j] = rows[n][j], rows[n][i] })
			}
			r, err := s.Day(context.Background(), recon.Input{Now: closing(n), Params: p, Events: rows.on(n)})
			if err != nil {
				t.Fatal(err)
			}
			given[try] += r.Actions[timeline.ProvisionalCredit].Count
			if standing, err := s.Standing(context.Background()); err != nil || standing > p.ProvisionalBudget {
				t.Errorf("day %d: credits of %s stand, %s may; %v", n, standing, p.ProvisionalBudget, err)
			}
		}
		got := readRecord(t, s.db, s.vault)
		if try == 0 {
			want = got
		} else if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(findings{})); try == 1 && diff != "" {
			t.Error(diff)
		}
	}
	if given[0] == 0 || given[0] != given[1] || given[0] >= given[2] {
		t.Errorf("%d credits were given", given)
	}
}

// spoil changes one byte in the middle of a file.
func spoil(t *testing.T, path string) (restore func()) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(b)
	bad[len(bad)/2] ^= 1
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedHead: everybody else's day goes on; once the file is back, the day is run
// again and nothing is missing.
func TestDamagedHead(t *testing.T) {
	plain, want := crashWant(t)
	s, rows := openStore(t, t.TempDir(), Options{Shards: 4, Hot: 1}), crashRows()
	for n := range crashDays {
		in := recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}
		if n != 3 {
			if _, err := s.Day(context.Background(), in); err != nil {
				t.Fatal(err)
			}
			continue
		}
		restore := spoil(t, s.headPath(2, 3))
		r, err := s.Day(context.Background(), in)
		if !errors.Is(err, ErrDamaged) || len(r.DamagedShards) != 1 || r.DamagedShards[0].Shard != 2 {
			t.Fatalf("%v %+v", err, r.DamagedShards)
		}
		_, manifests, err := s.manifests(context.Background())
		for i, m := range manifests {
			if done := m.At == in.Now; done != (i != 2) || err != nil {
				t.Errorf("shard %d at %d, %v", i, m.At, err)
			}
		}
		if _, err := s.Day(context.Background(), recon.Input{Now: closing(n + 1), Params: rules()}); err == nil || errors.Is(err, ErrDamaged) {
			t.Errorf("the next day began: %v", err)
		}
		restore()
		other := in
		other.Events = rows.on(0)
		if _, err := s.Day(context.Background(), other); !errors.Is(err, ErrEvents) {
			t.Errorf("resumed with other rows: %v", err)
		}
		if r, err = s.Day(context.Background(), in); err != nil || r.Skipped != 3 {
			t.Fatalf("%v, %d left out", err, r.Skipped)
		}
	}
	if diff := gocmp.Diff(want, readRecord(t, s.db, s.vault), gocmp.AllowUnexported(findings{})); diff != "" {
		t.Error(diff)
	}
	sameCards(t, s, plain, s.vault)
}

// TestDamagedPast: only the cards that want it are damaged.
func TestDamagedPast(t *testing.T) {
	s, rows := openStore(t, t.TempDir(), Options{Shards: 1, Hot: 1}), newTown(9, 200).calendar(5)
	for n := range 4 {
		if _, err := s.Day(context.Background(), recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}); err != nil {
			t.Fatal(err)
		}
	}
	_, manifests, err := s.manifests(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range manifests[0].Past {
		path := s.pastPath(0, p.Generation)
		if err := os.Truncate(path, 100); err != nil {
			t.Fatal(err)
		}
	}
	late := rows[0][0] // is in the past, or else the card has no more than it
	late.Obs.ATC, late.Obs.Sequence = 0, 77
	r, err := s.Day(context.Background(), recon.Input{Now: closing(4), Params: rules(), Events: calendar{append(rows[4], late)}.on(0)})
	if !errors.Is(err, recon.ErrDamaged) || len(r.Damaged) == 0 || !slices.Contains(r.Damaged, late.Card) {
		t.Fatalf("%v, %d cards", err, len(r.Damaged))
	}
	if _, _, err := s.Timeline(context.Background(), late.Card); !errors.Is(err, ErrDamaged) {
		t.Errorf("timeline of the card: %v", err)
	}
	if _, err := s.Late(context.Background(), closing(4), rules(), nil, late); !errors.Is(err, ErrDamaged) {
		t.Errorf("late row of the card: %v", err)
	}
	if len(r.Damaged) > 20 || r.Judged < 50 {
		t.Errorf("%d damaged, %d judged", len(r.Damaged), r.Judged)
	}
}

// TestLateRows hands some rows of each day in one by one between the days; in the
// database alone they are another run at the same time.
func TestLateRows(t *testing.T) {
	const cards, days = 150, 10
	dir, vault := t.TempDir(), newVault(t)
	s := openStore(t, dir, Options{Shards: 4, Hot: 1})
	plain := openDB(t, filepath.Join(dir, "plain.db"))
	rows := busy(newTown(11, cards).calendar(days))
	ctx := context.Background()
	lates := 0
	for n := range days {
		var late []recon.Event
		day := slices.DeleteFunc(rows[n], func(e recon.Event) bool {
			if e.Obs.Sequence%16 == 0 {
				late = append(late, e)
			}
			return e.Obs.Sequence%16 == 0
		})
		in := recon.Input{Now: closing(n), Params: rules(), Events: calendar{day}.on(0)}
		if _, err := s.Day(ctx, in); err != nil {
			t.Fatal(err)
		}
		plainDay(t, plain, vault, in)
		for i, e := range late {
			one := []recon.Event{e}
			if _, err := s.Late(ctx, in.Now, in.Params, nil, one...); err != nil {
				t.Fatal(err)
			}
			in.Events = calendar{one}.on(0)
			plainDay(t, plain, vault, in)
			if found, err := s.Lift(ctx, late[i/2].Card); !found || err != nil {
				t.Fatal(found, err)
			}
			lates++
		}
		if diff := gocmp.Diff(readRecord(t, plain, vault), readRecord(t, s.db, vault), gocmp.AllowUnexported(findings{})); diff != "" {
			t.Fatalf("day %d: %s", n, diff)
		}
	}
	sameCards(t, s, plain, vault)
	if lates < 50 {
		t.Errorf("%d late rows", lates)
	}
	if _, err := s.Late(ctx, closing(0), rules(), nil); err == nil {
		t.Error("a late row before the last day")
	}
	if _, err := s.Late(ctx, closing(days), rules(), nil, recon.Event{Card: townKey(1), Obs: timeline.Observation{Kind: timeline.Paid}}); !errors.Is(err, timeline.ErrValue) {
		t.Errorf("a row that is none: %v", err)
	}
}

// TestThePastIsForgotten: what lies further back than Keep is dropped, and a row of that
// time is refused.
func TestThePastIsForgotten(t *testing.T) {
	const days = 12
	s, rows := openStore(t, t.TempDir(), Options{Shards: 1, Hot: 1, Keep: 3 * day}), newTown(2, 60).calendar(days)
	ctx := context.Background()
	for n := range days {
		r, err := s.Day(ctx, recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Rejected) > 0 {
			t.Error(r.Rejected)
		}
	}
	_, manifests, err := s.manifests(ctx)
	if err != nil || len(manifests[0].Past) > 4 {
		t.Errorf("%d pasts, %v", len(manifests[0].Past), err)
	}
	onlyValidFiles(t, s)
	old := rows[0][0]
	old.Obs.ATC, old.Obs.Sequence = 0, 77
	r, err := s.Late(ctx, closing(days), rules(), nil, old)
	if err != nil || len(r.Alarms) == 0 || r.Alarms[0].Kind != timeline.ArchivedAlarm {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	db := openDB(t, filepath.Join(dir, "city.db"))
	for _, opt := range []Options{{Shards: 3, Post: note}, {Shards: 512, Post: note}, {}, {Hot: 5, Keep: 4, Post: note}} {
		if _, err := Open(filepath.Join(dir, "shards"), db, newVault(t), opt); err == nil {
			t.Errorf("%+v", opt)
		}
	}
	s, err := Open(filepath.Join(dir, "shards"), db, newVault(t), Options{Shards: 2, Post: note})
	if err != nil {
		t.Fatal(err)
	}
	for _, now := range []int64{0, 1 << 32} {
		if _, err := s.Day(context.Background(), recon.Input{Now: now}); err == nil {
			t.Errorf("a day at %d", now)
		}
	}
	if _, err := s.Day(context.Background(), recon.Input{Now: 1000}); err != nil {
		t.Error(err)
	}
	if _, err := s.Day(context.Background(), recon.Input{Now: 999}); err == nil {
		t.Error("time went back")
	}
	if _, err := Open(filepath.Join(dir, "shards"), db, newVault(t), Options{Shards: 4, Post: note}); err == nil {
		t.Error("opened with another number of shards")
	}
	failing := errors.New("no more rows")
	_, err = s.Day(context.Background(), recon.Input{Now: 2000, Events: func(yield func(recon.Event, error) bool) { yield(recon.Event{}, failing) }})
	if !errors.Is(err, failing) {
		t.Errorf("error of the source: %v", err)
	}
	bad := recon.Event{Card: townKey(1), Obs: timeline.Observation{Kind: timeline.Paid, B: money.Fen(1)}}
	r, err := s.Day(context.Background(), recon.Input{Now: 2000, Params: rules(), Events: calendar{{bad}}.on(0)})
	if err != nil || len(r.Rejected) != 1 || r.Cards != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
