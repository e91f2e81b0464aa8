package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
)

func mustWrite(t *testing.T, db *sqlite.DB, fn func(tx *sqlite.Tx) error) {
	t.Helper()
	if err := db.Write(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestArgumentsComeBackAsTheyWent(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	id := ledger.TransferID{1, 2, 3}
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
		if _, err := tx.Exec("CREATE TABLE odd (a, b, c, d, e, f, g, h)"); err != nil {
			return err
		}
		n, err := tx.Exec("INSERT INTO odd VALUES (?,?,?,?,?,?,?,?)", nil, true, int64(math.MinInt64), "x\x00y", []byte{0, 1}, []byte(nil), money.Fen(-5), id)
		if n != 1 {
			t.Errorf("%d rows changed", n)
		}
		return err
	})
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		rows := 0
		err := r.Query("SELECT * FROM odd WHERE h = ? AND g = ?", func(row *sqlite.Row) error {
			rows++
			var back ledger.TransferID
			if err := row.Fill(7, back[:]); err != nil {
				return err
			}
			if !row.IsNull(0) || !row.Bool(1) || row.Int64(2) != math.MinInt64 || row.Text(3) != "x\x00y" ||
				!bytes.Equal(row.Blob(4), []byte{0, 1}) || row.IsNull(5) || row.Blob(5) != nil || row.Fen(6) != -5 || back != id {
				t.Errorf("row differs: %v %q %v", row.Int64(2), row.Text(3), row.Blob(4))
			}
			if err := row.Fill(4, back[:]); !errors.Is(err, sqlite.ErrDamaged) {
				t.Errorf("a blob of the wrong length: %v", err)
			}
			return nil
		}, id, money.Fen(-5))
		if rows != 1 {
			t.Errorf("%d rows", rows)
		}
		for _, bad := range []any{1.5, struct{}{}, uint64(1 << 63)} {
			if err := r.Query("SELECT ?", func(*sqlite.Row) error { return nil }, bad); err == nil {
				t.Errorf("%v was stored", bad)
			}
		}
		if err := r.Query("SELECT ?", func(*sqlite.Row) error { return nil }); err == nil {
			t.Error("a missing argument passed")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReaderCannotWrite(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		return r.Query("DELETE FROM ledger_account", func(*sqlite.Row) error { return nil })
	})
	if !errors.Is(err, sqlite.ErrReadOnly) {
		t.Fatalf("error %v", err)
	}
}

func TestTransactionIsOverWhenItsFunctionReturns(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	var kept *sqlite.Tx
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
		kept = tx
		return nil
	})
	if _, err := kept.Exec("DELETE FROM ledger_account"); !errors.Is(err, sqlite.ErrTxOver) {
		t.Errorf("exec: %v", err)
	}
	if _, err := kept.PostBatch(make([]ledger.Transfer, 1)); !errors.Is(err, sqlite.ErrTxOver) {
		t.Errorf("post: %v", err)
	}
	if _, _, err := kept.Balance(ledger.AccountID{1}); !errors.Is(err, sqlite.ErrTxOver) {
		t.Errorf("balance: %v", err)
	}
}

// A function that swallows the error of a half-done change must not get it kept.
func TestHalfDoneChangeCannotBeCommitted(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
		_, err := tx.Exec("CREATE TABLE t (x)")
		return err
	})
	err := e.DB.Write(context.Background(), func(tx *sqlite.Tx) error {
		if _, err := tx.Exec("INSERT INTO t VALUES (1)"); err != nil {
			return err
		}
		_, _ = tx.Exec("INSERT INTO no_such_table VALUES (1)")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "no_such_table") {
		t.Fatalf("error %v", err)
	}
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
		return tx.Query("SELECT x FROM t", func(*sqlite.Row) error { return errors.New("the row was kept") })
	})
}

func TestWaitingRequestCanBeWithdrawn(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	inside, leave := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		first <- e.DB.Write(context.Background(), func(*sqlite.Tx) error {
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	ran := false
	err := e.DB.Write(ctx, func(*sqlite.Tx) error {
		ran = true
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	if _, err := e.Post(ctx, make([]ledger.Transfer, 1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("post: %v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
	mustWrite(t, e.DB, func(*sqlite.Tx) error { return nil })
	if ran {
		t.Error("a withdrawn function ran")
	}
}

func TestReadSeesOneState(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	c := newCity(1, 2, 1)
	openCity(t, e.DB, c)
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		before, _, err := r.Totals()
		if err != nil {
			return err
		}
		post(t, e.DB, c.batch(3)...)
		after, _, err := r.Totals()
		if before != after {
			t.Errorf("a snapshot moved from %s to %s", before, after)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadIsInterruptedByItsContext(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err := e.DB.Read(ctx, func(r *sqlite.Reader) error {
		return r.Query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n", func(*sqlite.Row) error { return nil })
	})
	if err == nil {
		t.Fatal("an endless query ended")
	}
	if err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error { return r.Audit() }); err != nil {
		t.Fatalf("the reader is of no use afterwards: %v", err)
	}
}

// Another process may write between two batches: what the writer remembers of
// accounts and seqs must not survive that.
func TestCacheIsDroppedWhenAnotherProcessWrites(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	c := newCity(1, 20, 2)
	openCity(t, e.DB, c)
	second, err := sqlite.Open(e.path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	booked := map[ledger.TransferID]bool{}
	for i := range 20 {
		batch := c.batch(30)
		post(t, []*sqlite.DB{e.DB, second}[i%2], batch...)
		for _, tr := range batch {
			booked[tr.ID] = true
		}
	}
	checkBooks(t, e.DB, len(booked))
}

// A balance changed behind the writer's back is found, never overwritten.
func TestUnexpectedBalanceStopsThePosting(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	c := newCity(1, 3, 1)
	openCity(t, e.DB, c)
	post(t, e.DB, c.batch(5)...)
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
		_, err := tx.Exec("UPDATE ledger_balance SET debits = debits + 1")
		return err
	})
	if _, err := e.Post(context.Background(), c.batch(5)); !errors.Is(err, sqlite.ErrDamaged) {
		t.Fatalf("error %v", err)
	}
	if err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error { return r.Audit() }); !errors.Is(err, sqlite.ErrDamaged) {
		t.Fatalf("audit: %v", err)
	}
}

func TestAuditFindsEveryKindOfDamage(t *testing.T) {
	for _, damage := range []string{
		"UPDATE ledger_balance SET debits = debits + 1, credits = credits + 1 WHERE slot = 1",
		"UPDATE ledger_balance SET debits = debits + 1 WHERE slot = 1",
		"UPDATE ledger_transfer SET amount = amount + 1 WHERE seq = 3",
		"UPDATE ledger_transfer SET id = x'00112233445566778899aabbccddeeff' WHERE seq = 3",
		"UPDATE ledger_transfer SET debit = 9999 WHERE seq = 3",
		"UPDATE ledger_transfer SET debit_prev = 0, credit_prev = 0 WHERE seq = 190",
		"UPDATE ledger_transfer SET debit_prev = seq, credit_prev = seq WHERE seq = 190",
		"UPDATE ledger_segment_cache SET credits = credits + 1",
		"UPDATE ledger_balance SET last = last - 1 WHERE slot = 1",
		"DELETE FROM ledger_transfer WHERE seq = 3",
		"DELETE FROM ledger_transfer_id WHERE seq = 3",
		"DELETE FROM ledger_balance WHERE slot = 2",
		"UPDATE ledger_account SET limit_rule = 1 WHERE slot = 1",
	} {
		e := openEngine(t, sqlite.Options{Durability: sqlite.Normal})
		c := newCity(1, 3, 1)
		openCity(t, e.DB, c)
		post(t, e.DB, c.batch(200)...)
		audit := func() error {
			return e.DB.Read(context.Background(), func(r *sqlite.Reader) error { return r.Audit() })
		}
		if err := audit(); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
			n, err := tx.Exec(damage)
			if n == 0 {
				t.Errorf("%s: changed nothing", damage)
			}
			return err
		})
		if err := audit(); !errors.Is(err, sqlite.ErrDamaged) {
			t.Errorf("%s: audit says %v", damage, err)
		}
	}
}

func dump(t *testing.T, db *sqlite.DB) string {
	t.Helper()
	var out bytes.Buffer
	if err := db.Read(context.Background(), func(r *sqlite.Reader) error { return r.Dump(&out) }); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Two databases that were fed the same in another order, in other batches, and
// with repeats, dump the same bytes.
func TestDumpDoesNotDependOnTheOrder(t *testing.T) {
	c := newCity(8, 30, 3)
	batch := c.batch(1000)
	batch[7].Ref = []byte("fares\n")
	a := openEngine(t, sqlite.Options{})
	openCity(t, a.DB, c)
	post(t, a.DB, batch...)

	b := openEngine(t, sqlite.Options{})
	slices.Reverse(c.cards)
	slices.Reverse(c.shops)
	openCity(t, b.DB, c)
	slices.Reverse(batch)
	for part := range slices.Chunk(batch, 37) {
		post(t, b.DB, part...)
		post(t, b.DB, part...)
	}
	first, second := dump(t, a.DB), dump(t, b.DB)
	if first != second {
		t.Errorf("dumps of %d and %d bytes differ", len(first), len(second))
	}
	for _, part := range []string{"# ledger_transfer \"id\"", fmt.Sprintf("x'%x'", "fares\n"), "\"token\"", "# schema_migrations", "null"} {
		if !strings.Contains(first, part) {
			t.Errorf("the dump does not show %s", part)
		}
	}
	if strings.Contains(first, "_cache") || strings.Contains(first, "slot") {
		t.Error("the dump shows what depends on the order")
	}
	post(t, b.DB, c.batch(1)...)
	if dump(t, b.DB) == first {
		t.Error("one more transfer does not show")
	}
}

func TestDumpRefusesFloatingPoint(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	foreignFile(t, e.path, "CREATE TABLE f (x)", "INSERT INTO f VALUES (0.5)")
	if err := e.Reopen(); err != nil {
		t.Fatal(err)
	}
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error { return r.Dump(&bytes.Buffer{}) })
	if err == nil || !strings.Contains(err.Error(), "floating") {
		t.Fatalf("error %v", err)
	}
}

func TestSettingsOfTheFile(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
		for query, want := range map[string]string{
			"PRAGMA journal_mode": "wal", "PRAGMA synchronous": "2", "PRAGMA cache_size": "-262144",
			"PRAGMA wal_autocheckpoint": "20000", "PRAGMA page_size": "4096",
		} {
			stmt, err := tx.Conn().Prepare(query)
			if err != nil {
				return err
			}
			if got, err := sqlitex.ResultText(stmt); err != nil || got != want {
				t.Errorf("%s is %s, %v, want %s", query, got, err, want)
			}
		}
		return nil
	})
}
