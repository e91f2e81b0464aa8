package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/store/migrate"
	"github.com/citycard/citycard/store/sqlite"
)

// foreignFile makes a database with other means.
func foreignFile(t *testing.T, path string, queries ...string) {
	t.Helper()
	conn, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite, zombiezen.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, q := range queries {
		if err := sqlitex.ExecuteTransient(conn, q, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenSaysWhatIsWrongWithThePath(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("these are words, not a database\n"), 200), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.db")
	foreignFile(t, other, "CREATE TABLE t (x)")
	marked := filepath.Join(dir, "marked.db")
	foreignFile(t, marked, "PRAGMA application_id=77")
	cases := []struct {
		path string
		want error
		text string
	}{
		{dir, sqlite.ErrIsDirectory, "folder"},
		{text, sqlite.ErrNotDatabase, "not a database"},
		{other, sqlite.ErrForeign, "another program"},
		{marked, sqlite.ErrForeign, "another program"},
		{filepath.Join(dir, "missing", "x.db"), nil, "make it first"},
		{"", nil, "give its path"},
		{":memory:", nil, "give its path"},
	}
	for _, c := range cases {
		db, err := sqlite.Open(c.path, sqlite.Options{})
		if err == nil {
			t.Errorf("%q was opened", c.path)
			_ = db.Close()
			continue
		}
		if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%q: error %v", c.path, err)
		}
	}
}

func TestLockHeldByAnotherIsReported(t *testing.T) {
	e := openEngine(t, sqlite.Options{BusyTimeout: 20 * time.Millisecond})
	conn, err := zombiezen.OpenConn(e.path, zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteTransient(conn, "BEGIN IMMEDIATE", nil); err != nil {
		t.Fatal(err)
	}
	ran := false
	err = e.DB.Write(context.Background(), func(*sqlite.Tx) error {
		ran = true
		return nil
	})
	if !errors.Is(err, sqlite.ErrLocked) || ran {
		t.Errorf("error %v, ran %t", err, ran)
	}
	if err := sqlitex.ExecuteTransient(conn, "ROLLBACK", nil); err != nil {
		t.Fatal(err)
	}
	if err := e.DB.Write(context.Background(), func(*sqlite.Tx) error { return nil }); err != nil {
		t.Errorf("after the lock is gone: %v", err)
	}
}

// A full disk is simulated by a limit on the pages of the file. What was answered
// stays, what failed leaves nothing, and work goes on when there is room again.
func TestFullDiskLosesNothing(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	c := newCity(4, 300, 3)
	openCity(t, e.DB, c)
	pages := func(tx *sqlite.Tx, query string) (n int64) {
		if err := tx.Query(query, func(r *sqlite.Row) error {
			n = r.Int64(0)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	err := e.DB.Write(context.Background(), func(tx *sqlite.Tx) error {
		used := pages(tx, "PRAGMA page_count")
		if got := pages(tx, fmt.Sprintf("PRAGMA max_page_count=%d", used+40)); got != used+40 {
			t.Errorf("limit is %d pages", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	kept := map[ledger.TransferID]bool{}
	var batch []ledger.Transfer
	for err == nil {
		for _, tr := range batch {
			kept[tr.ID] = true
		}
		batch = c.batch(200)
		_, err = e.Post(context.Background(), batch)
		if len(kept) > 100_000 {
			t.Fatal("the limit never took effect")
		}
	}
	if !errors.Is(err, sqlite.ErrFull) {
		t.Fatalf("error %v", err)
	}
	checkBooks(t, e.DB, len(kept))
	if err := e.DB.Write(context.Background(), func(tx *sqlite.Tx) error {
		pages(tx, "PRAGMA max_page_count=1000000")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Post(context.Background(), batch); err != nil {
		t.Fatalf("after making room: %v", err)
	}
	for _, tr := range batch {
		kept[tr.ID] = true
	}
	checkBooks(t, e.DB, len(kept))
}

func openCity(t *testing.T, db *sqlite.DB, c *city) {
	t.Helper()
	err := db.Write(context.Background(), func(tx *sqlite.Tx) error {
		if _, err := tx.OpenAccounts(c.cards); err != nil {
			return err
		}
		_, err := tx.OpenAccounts(c.shops)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkBooks audits and counts the transfers.
func checkBooks(t *testing.T, db *sqlite.DB, want int) {
	t.Helper()
	err := db.Read(context.Background(), func(r *sqlite.Reader) error {
		got := 0
		if err := r.Scan(ledger.Filter{}, func(*ledger.Transfer) error {
			got++
			return nil
		}); err != nil {
			return err
		}
		if got != want {
			t.Errorf("%d transfers, want %d", got, want)
		}
		return r.Audit()
	})
	if err != nil {
		t.Error(err)
	}
}

func TestNewerAndAlteredDatabasesAreRefused(t *testing.T) {
	for _, c := range []struct {
		query string
		want  error
	}{
		{"UPDATE schema_migrations SET hash = 'x' WHERE number = 1", migrate.ErrAltered},
		{"INSERT INTO schema_migrations SELECT max(number) + 1, 'later', 'x' FROM schema_migrations", migrate.ErrNewer},
	} {
		e := openEngine(t, sqlite.Options{})
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		foreignFile(t, e.path, c.query)
		if db, err := sqlite.Open(e.path, sqlite.Options{}); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.query, err, c.want)
			if err == nil {
				_ = db.Close()
			}
		}
		if _, err := sqlite.Plan(e.path); !errors.Is(err, c.want) {
			t.Errorf("%s: plan error %v, want %v", c.query, err, c.want)
		}
	}
}

func TestPlanChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	todo, err := sqlite.Plan(path)
	if err != nil || len(todo) == 0 || todo[0].Name != "ledger" || todo[0].Note == "" {
		t.Fatalf("plan of a missing file: %v, %v", todo, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the plan made the file: %v", err)
	}
	db, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	todo, err = sqlite.Plan(path)
	if err != nil || len(todo) != 0 {
		t.Fatalf("plan of an open database: %v, %v", todo, err)
	}
}

func TestClosedDatabaseRefuses(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(*sqlite.Tx) error { return nil }
	if err := e.DB.Write(context.Background(), nothing); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if err := e.DB.Read(context.Background(), func(*sqlite.Reader) error { return nil }); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
