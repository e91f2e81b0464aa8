package contract

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// Reads is what an engine answers from one consistent state.
type Reads interface {
	// Account gives the fixed part of an account; false if it is not open.
	Account(id ledger.AccountID) (ledger.Account, bool, error)
	// Balance gives the present totals; false if the account is not open.
	Balance(id ledger.AccountID) (ledger.Balance, bool, error)
	// BalanceAsOf gives ledger.BalanceAsOf; false if the account is not open.
	BalanceAsOf(id ledger.AccountID, at int64) (ledger.Balance, bool, error)
	// Transfer gives a booked transfer; false if the id is free.
	Transfer(id ledger.TransferID) (ledger.Transfer, bool, error)
	// Scan gives the chosen transfers in the order of posting.
	Scan(f ledger.Filter, fn func(t *ledger.Transfer) error) error
	// Totals gives the sum of all debits and of all credits.
	Totals() (debits, credits money.Fen, err error)
	// Audit proves the books from their rows.
	Audit() error
}

// Books is one atomic transaction on the ledger.
type Books interface {
	Reads
	// OpenAccounts opens accounts; the same again does nothing.
	OpenAccounts(batch []ledger.Account) ([]ledger.AccountOutcome, error)
	// PostBatch is ledger.Machine.Apply, stored.
	PostBatch(batch []ledger.Transfer) ([]ledger.Outcome, error)
	// PostLinked is ledger.Machine.ApplyLinked, stored.
	PostLinked(batch []ledger.Transfer) ([]ledger.Outcome, error)
}

// Engine is a store under test.
type Engine interface {
	// Write runs fn in one transaction: all of it is durable, or nothing is kept.
	Write(ctx context.Context, fn func(b Books) error) error
	// Read runs fn on one consistent state.
	Read(ctx context.Context, fn func(r Reads) error) error
	// Post books a batch in a transaction of its own.
	Post(ctx context.Context, batch []ledger.Transfer) ([]ledger.Outcome, error)
	// Reopen closes the store and opens it again.
	Reopen() error
}

// Ledger runs the ledger contract. open gives a new, empty engine; it closes it
// at the end of the test.
func Ledger(t *testing.T, open func(t *testing.T) Engine) {
	t.Run("follows the machine", func(t *testing.T) { followsMachine(t, open(t)) })
	t.Run("keeps nothing of a failed transaction", func(t *testing.T) { keepsNothing(t, open(t)) })
	t.Run("opens accounts once", func(t *testing.T) { opensOnce(t, open(t)) })
	t.Run("balance as of any second", func(t *testing.T) { balanceAsOf(t, open(t)) })
	t.Run("scan stops and reports errors", func(t *testing.T) { scanStops(t, open(t)) })
	t.Run("many callers at once", func(t *testing.T) { manyCallers(t, open(t)) })
}

// twin is the ledger in maps, driven by ledger.Apply: what the engine must equal.
type twin struct {
	accounts  map[ledger.AccountID]ledger.State
	transfers map[ledger.TransferID]*ledger.Transfer
	order     []*ledger.Transfer
}

func (w *twin) Account(id ledger.AccountID) (ledger.State, bool) {
	s, ok := w.accounts[id]
	return s, ok
}

func (w *twin) Transfer(id ledger.TransferID) *ledger.Transfer { return w.transfers[id] }

func (w *twin) apply(batch []ledger.Transfer, linked bool) ([]ledger.Outcome, error) {
	run := ledger.Apply
	if linked {
		run = ledger.ApplyLinked
	}
	r, err := run(w, batch)
	if err != nil {
		return nil, err
	}
	for _, i := range r.Created {
		t := batch[i]
		w.transfers[t.ID] = &t
		w.order = append(w.order, &t)
	}
	for _, c := range r.Changes {
		w.accounts[c.ID] = ledger.State{Limit: w.accounts[c.ID].Limit, Balance: c.After}
	}
	return r.Outcomes, nil
}

// accounts gives n accounts with every limit in turn.
func accounts(n int) []ledger.Account {
	list := make([]ledger.Account, n)
	for i := range list {
		kind := ledger.Kinds()[i%len(ledger.Kinds())]
		list[i] = ledger.Account{Kind: kind, Owner: fmt.Sprintf("owner %d", i), Limit: ledger.Limit(i % 3)}
		list[i].ID[0] = byte(kind)
		binary.BigEndian.PutUint32(list[i].ID[1:], uint32(i*7919+1))
	}
	return list
}

func openTwin(t *testing.T, e Engine, list []ledger.Account) *twin {
	t.Helper()
	w := &twin{map[ledger.AccountID]ledger.State{}, map[ledger.TransferID]*ledger.Transfer{}, nil}
	for _, a := range list {
		w.accounts[a.ID] = ledger.State{Limit: a.Limit}
	}
	write(t, e, func(b Books) error {
		outcomes, err := b.OpenAccounts(list)
		for i, o := range outcomes {
			if o != ledger.AccountOpened {
				t.Errorf("account %d: %s", i, o)
			}
		}
		return err
	})
	return w
}

func write(t *testing.T, e Engine, fn func(b Books) error) {
	t.Helper()
	if err := e.Write(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, e Engine, fn func(r Reads) error) {
	t.Helper()
	if err := e.Read(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// trouble makes a batch with repeats, conflicts, missing accounts, bad amounts
// and broken limits. Most ids are random, some come from a small set; one account
// in use gets most of the transfers.
func trouble(rng *rand.Rand, list []ledger.Account, n int) []ledger.Transfer {
	pick := func() (id ledger.AccountID) {
		switch rng.IntN(20) {
		case 0:
			return ledger.AccountID{0xEE, byte(rng.IntN(3))} // never open
		case 1, 2, 3, 4, 5, 6, 7:
			return list[0].ID
		}
		return list[rng.IntN(len(list))].ID
	}
	batch := make([]ledger.Transfer, n)
	for i := range batch {
		t := ledger.Transfer{
			Debit: pick(), Credit: pick(), Amount: money.Fen(rng.IntN(500)), Code: uint16(rng.IntN(2)),
			At: 1000 + int64(rng.IntN(200)), Window: int32(rng.IntN(2)),
		}
		if rng.IntN(3) == 0 {
			t.Ref = make([]byte, rng.IntN(60))
			for j := range t.Ref {
				t.Ref[j] = byte(rng.Uint32())
			}
		}
		binary.BigEndian.PutUint64(t.ID[:], rng.Uint64())
		if rng.IntN(4) == 0 {
			t.ID = ledger.TransferID{0xAA, byte(rng.IntN(40))}
		}
		batch[i] = t
		if i > 0 && rng.IntN(10) == 0 {
			batch[i] = batch[rng.IntN(i)]
		}
	}
	return batch
}

func followsMachine(t *testing.T, e Engine) {
	rng := rand.New(rand.NewPCG(3, 1))
	list := accounts(60)
	w := openTwin(t, e, list)
	for round := range 40 {
		batch := trouble(rng, list, rng.IntN(300))
		linked := round%5 == 4
		if linked {
			batch = batch[:min(len(batch), 2)]
		}
		want, err := w.apply(batch, linked)
		if err != nil {
			t.Fatal(err)
		}
		write(t, e, func(b Books) error {
			post := b.PostBatch
			if linked {
				post = b.PostLinked
			}
			got, err := post(batch)
			if !slices.Equal(got, want) {
				t.Fatalf("round %d: outcomes %v, want %v", round, got, want)
			}
			return err
		})
		if round%13 == 7 {
			if err := e.Reopen(); err != nil {
				t.Fatal(err)
			}
		}
	}
	compare(t, e, w, list)
}

// compare checks all that the engine answers against the twin.
func compare(t *testing.T, e Engine, w *twin, list []ledger.Account) {
	t.Helper()
	read(t, e, func(r Reads) error {
		if err := r.Audit(); err != nil {
			t.Error(err)
		}
		for _, a := range list {
			if got, found, err := r.Account(a.ID); err != nil || !found || got != a {
				t.Errorf("account %s: %+v, %t, %v", a.ID, got, found, err)
			}
			if got, found, err := r.Balance(a.ID); err != nil || !found || got != w.accounts[a.ID].Balance {
				t.Errorf("balance of %s: %+v, %t, %v, want %+v", a.ID, got, found, err, w.accounts[a.ID].Balance)
			}
		}
		for id, want := range w.transfers {
			if got, found, err := r.Transfer(id); err != nil || !found || ledger.Compare(want, &got) != ledger.ExistsSame {
				t.Errorf("transfer %s: %+v, %t, %v, want %+v", id, got, found, err, want)
			}
		}
		filters := []ledger.Filter{{}, {From: 1050, To: 1100}, {Account: list[0].ID}, {Account: list[0].ID, From: 1050, To: 1100}, {Account: list[len(list)/2].ID, To: 1020}}
		for _, f := range filters {
			if diff := cmp.Diff(chosen(w.order, f), scanned(t, r, f)); diff != "" {
				t.Errorf("scan %+v: %s", f, diff)
			}
		}
		return nil
	})
}

func chosen(order []*ledger.Transfer, f ledger.Filter) (ids []ledger.TransferID) {
	for _, t := range order {
		if f.Match(t) {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

func scanned(t *testing.T, r Reads, f ledger.Filter) (ids []ledger.TransferID) {
	t.Helper()
	err := r.Scan(f, func(tr *ledger.Transfer) error {
		ids = append(ids, tr.ID)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return ids
}

var errChangedMind = errors.New("changed my mind")

func keepsNothing(t *testing.T, e Engine) {
	list := accounts(6)
	w := openTwin(t, e, list[:4])
	first := []ledger.Transfer{{ID: ledger.TransferID{1}, Debit: list[0].ID, Credit: list[3].ID, Amount: 70, At: 1}}
	if _, err := w.apply(first, false); err != nil {
		t.Fatal(err)
	}
	write(t, e, func(b Books) error {
		_, err := b.PostBatch(first)
		return err
	})
	second := []ledger.Transfer{
		{ID: ledger.TransferID{1}, Debit: list[0].ID, Credit: list[3].ID, Amount: 70, At: 1},
		{ID: ledger.TransferID{2}, Debit: list[0].ID, Credit: list[4].ID, Amount: 5, At: 2},
	}
	fail := func(b Books) error {
		if _, err := b.OpenAccounts(list[4:]); err != nil {
			return err
		}
		got, err := b.PostBatch(second)
		if err == nil && !slices.Equal(got, []ledger.Outcome{ledger.ExistsSame, ledger.Created}) {
			t.Errorf("inside the transaction: %v", got)
		}
		if balance, _, _ := b.Balance(list[4].ID); balance.Credits != 5 {
			t.Errorf("the transaction does not see its own posting: %+v", balance)
		}
		return errors.Join(err, errChangedMind)
	}
	for range 2 {
		if err := e.Write(context.Background(), fail); !errors.Is(err, errChangedMind) {
			t.Fatalf("error %v", err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic did not reach the caller")
			}
		}()
		_ = e.Write(context.Background(), func(b Books) error {
			_ = fail(b)
			panic("stop")
		})
	}()
	read(t, e, func(r Reads) error {
		if _, found, err := r.Account(list[4].ID); found || err != nil {
			t.Errorf("the account of a failed transaction is open: %t, %v", found, err)
		}
		return nil
	})
	compare(t, e, w, list[:4])
}

func opensOnce(t *testing.T, e Engine) {
	a := ledger.Account{ID: ledger.AccountID{9}, Kind: ledger.Fee, Owner: "network", Limit: ledger.Unlimited}
	other := a
	other.Owner = "other"
	write(t, e, func(b Books) error {
		got, err := b.OpenAccounts([]ledger.Account{a, a, other, {}})
		want := []ledger.AccountOutcome{ledger.AccountOpened, ledger.AccountExistsSame, ledger.AccountExistsDifferentOwner, ledger.AccountIDZero}
		if !slices.Equal(got, want) {
			t.Errorf("outcomes %v, want %v", got, want)
		}
		return err
	})
	if err := e.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, e, func(b Books) error {
		got, err := b.OpenAccounts([]ledger.Account{a})
		if !slices.Equal(got, []ledger.AccountOutcome{ledger.AccountExistsSame}) {
			t.Errorf("after reopening: %v", got)
		}
		return err
	})
}

func balanceAsOf(t *testing.T, e Engine) {
	rng := rand.New(rand.NewPCG(5, 1))
	list := accounts(30)
	w := openTwin(t, e, list)
	for round := range 6 {
		batch := trouble(rng, list, 700)
		for i := range batch {
			batch[i].At += int64(round * 150) // batches overlap in time, but not all
		}
		if _, err := w.apply(batch, false); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Post(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
	}
	read(t, e, func(r Reads) error {
		for _, a := range list {
			for _, at := range []int64{-1, 999, 1000, 1033, 1100, 1101, 1198, 1199, 1300, 1500, 1555, 1949, 1950, 1 << 40} {
				want := ledger.BalanceAsOf(slices.Values(w.order), a.ID, at)
				if got, found, err := r.BalanceAsOf(a.ID, at); err != nil || !found || got != want {
					t.Errorf("account %s as of %d: %+v, %t, %v, want %+v", a.ID, at, got, found, err, want)
				}
			}
		}
		_, found, err := r.BalanceAsOf(ledger.AccountID{0xEE}, 5)
		if found {
			t.Error("an account that is not open has a balance")
		}
		return err
	})
}

func scanStops(t *testing.T, e Engine) {
	rng := rand.New(rand.NewPCG(6, 1))
	list := accounts(9)
	openTwin(t, e, list)
	if _, err := e.Post(context.Background(), trouble(rng, list, 200)); err != nil {
		t.Fatal(err)
	}
	read(t, e, func(r Reads) error {
		for _, f := range []ledger.Filter{{}, {Account: list[0].ID}} {
			calls := 0
			err := r.Scan(f, func(tr *ledger.Transfer) error {
				calls++
				if _, found, err := r.Transfer(tr.ID); err != nil || !found {
					t.Errorf("looking up while scanning: %t, %v", found, err)
				}
				if calls == 2 {
					return errChangedMind
				}
				return nil
			})
			if !errors.Is(err, errChangedMind) || calls != 2 {
				t.Errorf("scan %+v: %d calls, error %v", f, calls, err)
			}
		}
		return nil
	})
}

func manyCallers(t *testing.T, e Engine) {
	list := accounts(40)
	openTwin(t, e, list)
	const callers, rounds = 8, 30
	answers := make(chan error, callers)
	for c := range callers {
		rng := rand.New(rand.NewPCG(uint64(c), 9))
		go func() {
			var err error
			for range rounds {
				if err = callOnce(e, rng, list); err != nil {
					break
				}
			}
			answers <- err
		}()
	}
	for range callers {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	read(t, e, func(r Reads) error {
		if got := len(scanned(t, r, ledger.Filter{})); got != callers*rounds {
			t.Errorf("%d transfers booked, want %d", got, callers*rounds)
		}
		return r.Audit()
	})
}

// callOnce books a transfer in one of the ways there are, and sometimes fails a
// transaction on purpose. The accounts are unlimited and the ids the caller's own,
// so every transfer must be booked whatever the order.
func callOnce(e Engine, rng *rand.Rand, list []ledger.Account) error {
	batch := []ledger.Transfer{{Debit: list[3*rng.IntN(13)].ID, Credit: list[39].ID, Amount: money.Fen(1 + rng.IntN(9)), At: 1}}
	binary.BigEndian.PutUint64(batch[0].ID[:], rng.Uint64())
	var outcomes []ledger.Outcome
	var err error
	if rng.IntN(2) == 0 {
		outcomes, err = e.Post(context.Background(), batch)
	} else {
		err = e.Write(context.Background(), func(b Books) (err error) {
			outcomes, err = b.PostBatch(batch)
			return err
		})
	}
	if err != nil {
		return err
	}
	if !slices.Equal(outcomes, []ledger.Outcome{ledger.Created}) {
		return fmt.Errorf("outcomes %v", outcomes)
	}
	if rng.IntN(4) != 0 {
		return nil
	}
	batch[0].ID[15]++
	err = e.Write(context.Background(), func(b Books) error {
		_, err := b.PostBatch(batch)
		return errors.Join(err, errChangedMind)
	})
	if !errors.Is(err, errChangedMind) {
		return fmt.Errorf("a failed transaction answers %w", err)
	}
	return nil
}
