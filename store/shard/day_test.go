package shard

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

func openDB(t testing.TB, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openStore(t testing.TB, dir string, opt Options) *Store {
	t.Helper()
	if opt.Post == nil {
		opt.Post = note
	}
	s, err := Open(filepath.Join(dir, "shards"), openDB(t, filepath.Join(dir, "city.db")), newVault(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rules are those of the sources with a short window and provisional credits.
func rules() timeline.Params {
	p := timeline.DefaultParams()
	p.Window = 5 * day
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget = 2*day, 5000, 20_000, 100_000_000
	return p
}

// plainDay is recon.Day over the database alone.
func plainDay(t testing.TB, db *sqlite.DB, vault *sqlite.Vault, in recon.Input) *recon.Report {
	t.Helper()
	var r *recon.Report
	err := db.Write(context.Background(), func(tx *sqlite.Tx) (err error) {
		r, err = recon.Day(context.Background(), tx.Recon(vault, func(p []recon.Posting) error { return note(tx, p) }), in)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// findings is what the database holds about exceptions, as text.
type findings struct{ breaks, flash, postings []string }

func readRecord(t testing.TB, db *sqlite.DB, vault *sqlite.Vault) (out findings) {
	t.Helper()
	err := db.Read(context.Background(), func(r *sqlite.Reader) error {
		if err := r.Breaks(vault, func(b *recon.Break) error {
			if b.State != timeline.Disproved || b.Part != timeline.PartPast { // said once and then forgotten
				out.breaks = append(out.breaks, fmt.Sprintf("%x %+v", b.Card.Bytes(), b.Break))
			}
			return nil
		}); err != nil {
			return err
		}
		if err := r.Flashes(vault, func(f timeline.Flash) error {
			out.flash = append(out.flash, fmt.Sprintf("%x %+v", f.Card.Bytes(), f))
			return nil
		}); err != nil {
			return err
		}
		return r.Query(`SELECT name, value FROM run_state WHERE name LIKE 'posting %' ORDER BY name`, func(row *sqlite.Row) error {
			out.postings = append(out.postings, fmt.Sprintf("%s %x", row.Text(0), row.Blob(1)))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// summary is a report without what depends on the order of events.
func summary(r *recon.Report) any {
	alarms := map[string]int{}
	for _, a := range r.Alarms {
		alarms[fmt.Sprintf("%x %s %04X", a.Card.Bytes(), a.Kind, a.P)]++
	}
	breaks, flash := []string{}, []string{}
	for _, b := range r.Breaks {
		breaks = append(breaks, fmt.Sprintf("%x %+v", b.Card.Bytes(), b.Break))
	}
	for _, f := range r.Flash {
		flash = append(flash, fmt.Sprintf("%x %+v", f.Card.Bytes(), f))
	}
	return []any{r.Events, r.Judged, r.Open, breaks, flash, r.States, r.Actions, alarms, len(r.Rejected), len(r.Damaged)}
}

// TestDaysAreThoseOfTheDatabase runs the same days over shards and over the database
// alone: reports, breaks, findings and postings are the same, and so is every card.
func TestDaysAreThoseOfTheDatabase(t *testing.T) {
	const cards, days = 400, 14
	for _, opt := range []Options{
		{Shards: 4, Workers: 2, Hot: 1},
		{Shards: 1, Workers: 1, Hot: 2 * day, Memory: 1},
		{Shards: 16, Workers: 3, Hot: day, Memory: 5 * chunkBytes},
	} {
		t.Run(fmt.Sprintf("%d shards", opt.Shards), func(t *testing.T) {
			dir, vault := t.TempDir(), newVault(t)
			s := openStore(t, dir, opt)
			plain := openDB(t, filepath.Join(dir, "plain.db"))
			rows := busy(newTown(uint64(opt.Shards), cards).calendar(days))
			restored := int64(0)
			for n := range days {
				in := recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}
				got, err := s.Day(context.Background(), in)
				if err != nil {
					t.Fatal(err)
				}
				restored += got.Restored
				want := plainDay(t, plain, vault, in)
				if diff := gocmp.Diff(summary(want), summary(&got.Report)); diff != "" {
					t.Fatalf("day %d: %s", n, diff)
				}
				if diff := gocmp.Diff(readRecord(t, plain, vault), readRecord(t, s.db, vault), gocmp.AllowUnexported(findings{})); diff != "" {
					t.Fatalf("day %d, database: %s", n, diff)
				}
			}
			sameCards(t, s, plain, vault)
			if restored < 10 {
				t.Errorf("%d cards wanted their past: the test tests little", restored)
			}
		})
	}
}

// TestADatabaseBecomesShards runs some days over a database alone, and goes on with
// shards beside it.
func TestADatabaseBecomesShards(t *testing.T) {
	const days, before = 8, 4
	dir, vault := t.TempDir(), newVault(t)
	s := openStore(t, dir, Options{Shards: 4, Hot: 1})
	plain := openDB(t, filepath.Join(dir, "plain.db"))
	rows := busy(newTown(21, 150).calendar(days))
	for n := range days {
		in := recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}
		plainDay(t, plain, vault, in)
		if n < before {
			plainDay(t, s.db, vault, in)
		} else if _, err := s.Day(context.Background(), in); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(readRecord(t, plain, vault), readRecord(t, s.db, vault), gocmp.AllowUnexported(findings{})); diff != "" {
			t.Fatalf("day %d: %s", n, diff)
		}
	}
	sameCards(t, s, plain, vault)
}

// busy adds trouble that the town does not have: rows that come ten days late, rows
// again, second cards, cards of other kinds.
func busy(c calendar) calendar {
	for n := range c {
		for i, e := range c[n] {
			e.Obs.Sequence++
			switch {
			case i%97 == 0 && n+6 < len(c): // presented again, refused
				e.Obs.Refused = e.Obs.Kind == timeline.Paid
				c[n+6] = append(c[n+6], e)
			case i%89 == 0: // the same row again
				c[min(n+3, len(c)-1)] = append(c[min(n+3, len(c)-1)], c[n][i])
			case i%499 == 0 && n+2 < len(c): // a second card
				e.Obs.Content++
				c[n+2] = append(c[n+2], e)
			case i%211 == 0 && e.Obs.Kind == timeline.Paid: // a card that holds from now on
				e.Obs = timeline.Observation{ATC: e.Obs.ATC + 1, Kind: timeline.Hold, B: e.Obs.B - e.Obs.Debit - 100, Held: 100, Time: e.Obs.Time + 60, Terminal: 9}
				c[n] = append(c[n], e)
			}
		}
	}
	return c
}

func sameCards(t *testing.T, s *Store, plain *sqlite.DB, vault *sqlite.Vault) {
	t.Helper()
	want := map[txn.CardKey][]byte{}
	if err := plain.Read(context.Background(), func(r *sqlite.Reader) error {
		return r.Timelines(vault, func(k txn.CardKey, blob []byte) error {
			want[k] = bytes.Clone(blob)
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.SortedFunc(maps.Keys(want), func(a, b txn.CardKey) int { return bytes.Compare(a.PAN[:], b.PAN[:]) }) {
		c, found, err := s.Timeline(context.Background(), k)
		if err != nil || !found {
			t.Fatalf("card %s: %v %v", k, found, err)
		}
		if !bytes.Equal(c.Append(nil), want[k]) {
			var whole timeline.Card
			if err := whole.Decode(want[k]); err != nil {
				t.Fatal(err)
			}
			t.Fatalf("card %s:\n%+v\nwant\n%+v", k, slices.Collect(c.Observations), slices.Collect(whole.Observations))
		}
	}
	if _, found, err := s.Timeline(context.Background(), townKey(99_999_999)); found || err != nil {
		t.Errorf("a card that never was: %v %v", found, err)
	}
}
