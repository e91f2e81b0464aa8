package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// books is the plainest store: maps, and whatever Apply says is put in them.
type books struct {
	accounts  map[ledger.AccountID]ledger.State
	transfers map[ledger.TransferID]ledger.Transfer
	order     []*ledger.Transfer
}

func newBooks() *books {
	return &books{map[ledger.AccountID]ledger.State{}, map[ledger.TransferID]ledger.Transfer{}, nil}
}

func (b *books) Account(id ledger.AccountID) (ledger.State, bool) {
	s, ok := b.accounts[id]
	return s, ok
}

func (b *books) Transfer(id ledger.TransferID) *ledger.Transfer {
	t, ok := b.transfers[id]
	if !ok {
		return nil
	}
	found := t
	return &found
}

// store does what a store must do with a result.
func (b *books) store(batch []ledger.Transfer, r ledger.Result) {
	for _, i := range r.Created {
		t := batch[i]
		b.transfers[t.ID] = t
		b.order = append(b.order, &t)
	}
	for _, c := range r.Changes {
		s := b.accounts[c.ID]
		if s.Balance != c.Before {
			panic(fmt.Sprintf("change of %s starts at %+v, books say %+v", c.ID, c.Before, s.Balance))
		}
		s.Balance = c.After
		b.accounts[c.ID] = s
	}
}

// naive is the twin: one transfer at a time, straight from the rules, without any
// of the machine's bookkeeping.
func (b *books) naive(t ledger.Transfer) ledger.Outcome {
	switch {
	case t.ID == ledger.TransferID{}:
		return ledger.TransferIDZero
	case t.Debit == t.Credit:
		return ledger.SameAccount
	case t.Amount <= 0:
		return ledger.AmountNotPositive
	}
	if old, ok := b.transfers[t.ID]; ok {
		for _, d := range []struct {
			differs bool
			outcome ledger.Outcome
		}{
			{old.Debit != t.Debit, ledger.ExistsDifferentDebit}, {old.Credit != t.Credit, ledger.ExistsDifferentCredit},
			{old.Amount != t.Amount, ledger.ExistsDifferentAmount}, {old.Code != t.Code, ledger.ExistsDifferentCode},
			{old.At != t.At, ledger.ExistsDifferentAt}, {old.Window != t.Window, ledger.ExistsDifferentWindow},
			{string(old.Ref) != string(t.Ref), ledger.ExistsDifferentRef},
		} {
			if d.differs {
				return d.outcome
			}
		}
		return ledger.ExistsSame
	}
	d, ok := b.accounts[t.Debit]
	if !ok {
		return ledger.DebitAccountMissing
	}
	c, ok := b.accounts[t.Credit]
	if !ok {
		return ledger.CreditAccountMissing
	}
	nd, nc := d.Balance.Debits+t.Amount, c.Balance.Credits+t.Amount
	if nd < 0 || nc < 0 {
		return ledger.Overflow
	}
	if d.Limit == ledger.DebitsWithinCredits && nd > d.Balance.Credits {
		return ledger.DebitLimitExceeded
	}
	if c.Limit == ledger.CreditsWithinDebits && nc > c.Balance.Debits {
		return ledger.CreditLimitExceeded
	}
	d.Balance.Debits, c.Balance.Credits = nd, nc
	b.accounts[t.Debit], b.accounts[t.Credit] = d, c
	b.transfers[t.ID] = t
	b.order = append(b.order, &t)
	return ledger.Created
}

func (b *books) clone() *books {
	n := newBooks()
	for k, v := range b.accounts {
		n.accounts[k] = v
	}
	for k, v := range b.transfers {
		n.transfers[k] = v
	}
	n.order = slices.Clone(b.order)
	return n
}

// drawBatch makes batches dense with trouble: few ids and accounts, so that
// repeats, conflicts, missing accounts and limits all meet inside one batch.
func drawBatch(t *rapid.T) []ledger.Transfer {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Transfer {
		tr := ledger.Transfer{
			ID:     ledger.TransferID{15: rapid.ByteRange(0, 30).Draw(t, "id")},
			Debit:  ledger.AccountID{15: rapid.ByteRange(1, 7).Draw(t, "debit")},
			Credit: ledger.AccountID{15: rapid.ByteRange(1, 7).Draw(t, "credit")},
			Amount: money.Fen(rapid.SampledFrom([]int64{1, 1, 2, 3, 5, 0, -1, math.MaxInt64 - 3}).Draw(t, "amount")),
			Code:   rapid.Uint16Range(1, 2).Draw(t, "code"),
			At:     rapid.Int64Range(10, 12).Draw(t, "at"),
			Window: rapid.Int32Range(0, 1).Draw(t, "window"),
		}
		if rapid.Bool().Draw(t, "with ref") {
			tr.Ref = []byte{rapid.ByteRange(0, 1).Draw(t, "ref")}
		}
		return tr
	}), 0, 40).Draw(t, "batch")
}

// openSix opens accounts 1 to 6 with every limit; account 7 stays missing.
func openSix(b *books) {
	for i := byte(1); i <= 6; i++ {
		b.accounts[ledger.AccountID{15: i}] = ledger.State{Limit: ledger.Limit(i % 3)}
	}
}

func TestBatchesGiveWhatOneByOneGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		real, twin := newBooks(), newBooks()
		openSix(real)
		openSix(twin)
		var m ledger.Machine
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			batch := drawBatch(t)
			result, err := m.Apply(real, batch)
			if err != nil {
				t.Fatal(err)
			}
			for i := range batch {
				if want := twin.naive(batch[i]); result.Outcomes[i] != want {
					t.Fatalf("transfer %d %+v: %s, want %s", i, batch[i], result.Outcomes[i], want)
				}
			}
			real.store(batch, result)
		}
		if diff := cmp.Diff(twin.accounts, real.accounts); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(twin.order, real.order); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLinkedBatchIsAllOrNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		real := newBooks()
		openSix(real)
		first := drawBatch(t)
		result, err := ledger.Apply(real, first)
		if err != nil {
			t.Fatal(err)
		}
		real.store(first, result)

		batch := drawBatch(t)
		twin := real.clone()
		want, refused := make([]ledger.Outcome, len(batch)), false
		for i := range batch {
			want[i] = twin.naive(batch[i])
			refused = refused || !want[i].OK()
		}
		if refused {
			for i, o := range want {
				if _, before := real.transfers[batch[i].ID]; o == ledger.Created || o == ledger.ExistsSame && !before {
					want[i] = ledger.LinkedFailed
				}
			}
			twin = real.clone()
		}
		result, err = ledger.ApplyLinked(real, batch)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want, result.Outcomes) {
			t.Fatalf("outcomes %v, want %v", result.Outcomes, want)
		}
		real.store(batch, result)
		if diff := cmp.Diff(twin.accounts, real.accounts); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestReplayOfABatchChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBooks()
		openSix(b)
		batch := drawBatch(t)
		first, err := ledger.Apply(b, batch)
		if err != nil {
			t.Fatal(err)
		}
		created := slices.Clone(first.Created)
		b.store(batch, first)
		var sent []ledger.Transfer
		for _, i := range created {
			sent = append(sent, batch[i])
		}
		again, err := ledger.Apply(b, sent)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range again.Outcomes {
			if o != ledger.ExistsSame {
				t.Fatalf("transfer %d sent again: %s", i, o)
			}
		}
		if len(again.Changes)+len(again.Created) != 0 || again.Amount != 0 {
			t.Fatalf("replay books %+v", again)
		}
	})
}

func TestBalanceAsOfTheLastSecondIsTheBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBooks()
		openSix(b)
		batch := drawBatch(t)
		result, err := ledger.Apply(b, batch)
		if err != nil {
			t.Fatal(err)
		}
		b.store(batch, result)
		for id, s := range b.accounts {
			if got := ledger.BalanceAsOf(slices.Values(b.order), id, 12); got != s.Balance {
				t.Fatalf("account %s: %+v as of the end, balance %+v", id, got, s.Balance)
			}
			if got := ledger.BalanceAsOf(slices.Values(b.order), id, 9); got != (ledger.Balance{}) {
				t.Fatalf("account %s: %+v before the first second", id, got)
			}
		}
	})
}

func TestChangesAndRowsComeInOrder(t *testing.T) {
	b := newBooks()
	openSix(b)
	batch := []ledger.Transfer{
		{ID: ledger.TransferID{9}, Debit: ledger.AccountID{15: 6}, Credit: ledger.AccountID{15: 3}, Amount: 5},
		{ID: ledger.TransferID{1}, Debit: ledger.AccountID{15: 3}, Credit: ledger.AccountID{15: 6}, Amount: 2},
	}
	r, err := ledger.Apply(b, batch)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Created, []int32{0, 1}) || r.Amount != 7 {
		t.Fatalf("%+v", r)
	}
	if !slices.IsSortedFunc(r.Changes, func(x, y ledger.Change) int { return bytes.Compare(x.ID[:], y.ID[:]) }) || len(r.Changes) != 2 {
		t.Fatalf("changes %+v", r.Changes)
	}
}

func TestTooLongBatchIsRefusedAsAWhole(t *testing.T) {
	_, err := ledger.Apply(newBooks(), make([]ledger.Transfer, ledger.MaxBatch+1))
	if !errors.Is(err, ledger.ErrBatchTooLong) {
		t.Fatalf("error %v", err)
	}
}

func TestRefLongerThanAllowedIsRefused(t *testing.T) {
	tr := ledger.Transfer{ID: ledger.TransferID{1}, Debit: ledger.AccountID{1}, Credit: ledger.AccountID{2}, Amount: 1, Ref: make([]byte, ledger.MaxRef+1)}
	if o := ledger.Check(&tr); o != ledger.RefTooLong {
		t.Fatal(o)
	}
}

func TestDamagedBooksCannotBeMadeWorse(t *testing.T) {
	b := newBooks()
	openSix(b)
	broken := ledger.AccountID{15: 1}
	b.accounts[broken] = ledger.State{Limit: ledger.DebitsWithinCredits, Balance: ledger.Balance{Debits: 10}}
	r, err := ledger.Apply(b, []ledger.Transfer{{ID: ledger.TransferID{1}, Debit: ledger.AccountID{15: 3}, Credit: broken, Amount: 1}})
	if err != nil || r.Outcomes[0] != ledger.CreditLimitExceeded {
		t.Fatalf("%v, %v", r.Outcomes, err)
	}
}

func BenchmarkApply8000(b *testing.B) {
	bk := newBooks()
	for i := range 100_050 {
		id := ledger.AccountID{0: 2, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
		bk.accounts[id] = ledger.State{}
	}
	batch := make([]ledger.Transfer, 8000)
	for i := range batch {
		n := i * 12
		m := 100_000 + i%50
		batch[i] = ledger.Transfer{
			ID:    ledger.TransferID{14: byte(i >> 8), 15: byte(i), 0: 1},
			Debit: ledger.AccountID{0: 2, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}, Credit: ledger.AccountID{0: 2, 13: byte(m >> 16), 14: byte(m >> 8), 15: byte(m)},
			Amount: 100,
		}
	}
	var m ledger.Machine
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Apply(bk, batch); err != nil {
			b.Fatal(err)
		}
	}
}
