package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// A row that reconciliation cannot read is counted and described, and every window
// closes all the same.
func TestUnreadableRowsDoNotStopTheDay(t *testing.T) {
	bad := errors.New("row that nobody can read")
	for name, c := range map[string]struct {
		fails   func(n int) bool
		invalid bool // a sound error, or an event that is none
	}{
		"one row":        {func(n int) bool { return n == 5 }, false},
		"every 20th row": {func(n int) bool { return n%20 == 0 }, false},
		"no observation": {func(n int) bool { return n%20 == 0 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			rows, failed := 0, int64(0)
			run := &Run{Dir: t.TempDir(), Ports: func(p *Ports) {
				honest := p.Observe
				p.Observe = func(r *txn.Row, v txn.Verdict) (recon.Event, error) {
					rows++
					e, err := honest(r, v)
					if err != nil || !c.fails(rows) {
						return e, err
					}
					failed++
					if c.invalid {
						e.Obs.Kind = 99
						return e, nil
					}
					return e, fmt.Errorf("terminal %d, sequence %d: %w", r.Terminal, r.Sequence, bad)
				}
			}}
			res, err := run.Do(t.Context(), newCity(t, Options{Riders: 200, Seed: 3}))
			if err != nil {
				t.Fatal(err)
			}
			if failed == 0 || res.UnreadableRows != failed || int64(len(res.Unreadable)) != min(failed, keptUnreadable) {
				t.Errorf("%d rows failed, %d counted, %d described", failed, res.UnreadableRows, len(res.Unreadable))
			}
			if !slices.Contains(res.Open(), "unreadable_rows") || res.Closed() {
				t.Errorf("open figures %v", res.Open())
			}
			for _, text := range res.Unreadable {
				if !c.invalid && !strings.HasSuffix(text, bad.Error()) || c.invalid && !strings.Contains(text, "observation kind 99") {
					t.Errorf("described as %q", text)
				}
			}
			if !res.LedgerBalanced || res.NetsSumFen != 0 {
				t.Errorf("the other books: ledger balanced %v, nets %d", res.LedgerBalanced, res.NetsSumFen)
			}
		})
	}
}

// What is kept survives in the database, and damage to it is named.
func TestUnreadableRowsAreKept(t *testing.T) {
	db, err := sqlite.Open(t.TempDir()+"/city.db", sqlite.Options{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	var u unreadable
	for i := range 12 {
		u.add(fmt.Errorf("row %d", i))
	}
	if err := db.Write(ctx, u.write); err != nil {
		t.Fatal(err)
	}
	var back unreadable
	read := func(rd *sqlite.Reader) (err error) { back, err = readUnreadable(rd); return err }
	if err := db.Read(ctx, read); err != nil || back.Rows != 12 || len(back.First) != keptUnreadable || back.First[9] != "row 9" {
		t.Errorf("%+v, %v", back, err)
	}
	if err := db.Write(ctx, func(tx *sqlite.Tx) error { return tx.PutRunState(unreadableState, []byte("{")) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Read(ctx, read); err == nil || !strings.Contains(err.Error(), "rows that could not be read") {
		t.Errorf("damaged state: %v", err)
	}
}
