package sqlite_test

import (
	"context"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/segment"
	"github.com/citycard/citycard/store/sqlite"
)

// bookSums books transfers of three codes in two windows, the shares of two
// windows, rebates and breaks of one card.
func bookSums(t *testing.T, db *sqlite.DB) (a, b ledger.AccountID) {
	a, b = ledger.AccountID{byte(ledger.Settlement), 1}, ledger.AccountID{byte(ledger.Fee), 2}
	vault := newVault(t, "0123456789abcdef")
	mustWrite(t, db, func(tx *sqlite.Tx) error {
		if _, err := tx.OpenAccounts([]ledger.Account{{ID: b, Kind: ledger.Fee}, {ID: a, Kind: ledger.Settlement}}); err != nil {
			return err
		}
		var batch []ledger.Transfer
		for i, x := range []struct {
			code       uint16
			window     int32
			from, to   ledger.AccountID
			amountYuan money.Fen
		}{{3, 10, a, b, 1}, {4, 11, a, b, 2}, {4, 10, b, a, 4}, {5, 10, a, b, 8}, {4, 11, a, b, 16}} {
			batch = append(batch, ledger.Transfer{ID: ledger.TransferID{byte(i + 1)}, Debit: x.from, Credit: x.to, Amount: 100 * x.amountYuan, Code: x.code, Window: x.window, At: 1})
		}
		outcomes, err := tx.PostBatch(batch)
		for i, o := range outcomes {
			if !o.OK() {
				t.Fatalf("transfer %d: %s", i, o)
			}
		}
		return err
	})
	for i := range 2 {
		w := clearing.NewWindow(int32(10 + i))
		w.Shares[clearing.ShareKey{Acquirer: 11, Operator: 7}], w.Shares[clearing.ShareKey{Acquirer: 12, Operator: 7}] = 5, money.Fen(100*i)
		w.Shares[clearing.ShareKey{Acquirer: 11, Operator: fare.OperatorID(2 + i)}] = -4
		rebates := &clearing.Result{Rebates: []clearing.Rebate{{Card: cardKey(i), ATC: 3, Paid: 500, Price: 300}, {Card: cardKey(i), ATC: 4, Paid: 70, Price: 60}}}
		mustWrite(t, db, func(tx *sqlite.Tx) error {
			if err := tx.PutClearing(w.Number, rebates, vault); err != nil {
				return err
			}
			return tx.PutWindow(w, 99)
		})
	}
	mustWrite(t, db, func(tx *sqlite.Tx) error {
		var breaks []recon.Break
		for i, s := range []timeline.State{timeline.Disproved, timeline.Proven, timeline.Proven} {
			breaks = append(breaks, recon.Break{Card: cardKey(1), Break: timeline.Break{P: uint16(i), Q: uint16(i + 1), Part: timeline.PartGap, State: s, Amount: money.Fen(10 + i)}})
		}
		return tx.Recon(vault, nil).Save(context.Background(), &recon.Batch{Breaks: breaks})
	})
	return a, b
}

func TestSumsForAReport(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	a, b := bookSums(t, e.DB)
	type three struct {
		Key    int64
		N      int64
		Amount money.Fen
	}
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		var posted []sqlite.Posted
		if err := r.PostedBetween(3, 4, func(p sqlite.Posted) error {
			posted = append(posted, p)
			return nil
		}); err != nil {
			return err
		}
		want := []sqlite.Posted{{Code: 3, Debit: a, Credit: b, Transfers: 1, Amount: 100}, {Code: 4, Debit: a, Credit: b, Transfers: 2, Amount: 1800}, {Code: 4, Debit: b, Credit: a, Transfers: 1, Amount: 400}}
		if diff := gocmp.Diff(want, posted); diff != "" {
			t.Errorf("posted by code and accounts:\n%s", diff)
		}
		var windows, shares, states []three
		if err := r.PostedIn(3, 4, func(window int32, n int64, amount money.Fen) error {
			windows = append(windows, three{int64(window), n, amount})
			return nil
		}); err != nil {
			return err
		}
		if diff := gocmp.Diff([]three{{10, 2, 500}, {11, 2, 1800}}, windows); diff != "" {
			t.Errorf("posted by window:\n%s", diff)
		}
		if err := r.Shares(func(operator uint16, amount money.Fen) error {
			shares = append(shares, three{int64(operator), 0, amount})
			return nil
		}); err != nil {
			return err
		}
		if diff := gocmp.Diff([]three{{2, 0, -4}, {3, 0, -4}, {7, 0, 110}}, shares); diff != "" {
			t.Errorf("shares:\n%s", diff)
		}
		if err := r.BreakStates(func(s timeline.State, n int64, amount money.Fen) error {
			states = append(states, three{int64(s), n, amount})
			return nil
		}); err != nil {
			return err
		}
		if diff := gocmp.Diff([]three{{int64(timeline.Proven), 2, 23}, {int64(timeline.Disproved), 1, 10}}, states); diff != "" {
			t.Errorf("breaks by state:\n%s", diff)
		}
		n, amount, err := r.RebateSum()
		if n != 4 || amount != 420 {
			t.Errorf("%d rebates of %s yuan, want 4 of 4.20", n, amount)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSumsOfNothing(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		if n, amount, err := r.RebateSum(); n != 0 || amount != 0 || err != nil {
			t.Errorf("rebates of an empty database: %d, %s, %v", n, amount, err)
		}
		if rows, waiting, err := r.BlockTotals(); rows != 0 || waiting != 0 || err != nil {
			t.Errorf("blocks of an empty database: %d rows, %d waiting, %v", rows, waiting, err)
		}
		return r.BlockCounts(func(window int32, blocks int64) error {
			t.Errorf("window %d of an empty database has %d blocks", window, blocks)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBlocksAreCounted(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	files, err := segment.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error {
		s, err := tx.Acquirer(files, 5)
		if err != nil {
			return err
		}
		for i, window := range []int32{20_000, 20_002, 20_000} {
			p := prepared(i, uint32(i), 1)
			p.Sealed.Header.Rows = uint16(10 + i)
			if _, err := s.PutAccepted(p, window, acquirer.Head{}); err != nil {
				return err
			}
		}
		return s.PutWaiting(prepared(9, 9, 2))
	})
	counts := map[int32]int64{}
	err = e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		if rows, waiting, err := r.BlockTotals(); rows != 33 || waiting != 1 || err != nil {
			t.Errorf("%d rows, %d blocks waiting, %v; want 33 and 1", rows, waiting, err)
		}
		return r.BlockCounts(func(window int32, blocks int64) error {
			counts[window] = blocks
			return nil
		})
	})
	if diff := gocmp.Diff(map[int32]int64{20_000: 2, 20_002: 1}, counts); diff != "" || err != nil {
		t.Errorf("blocks by window, %v:\n%s", err, diff)
	}
}
