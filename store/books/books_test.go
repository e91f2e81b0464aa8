package books_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// town is a database with one card of 10 yuan and terminal 7 of operator 3, acquirer 11.
type town struct {
	db     *sqlite.DB
	card   txn.CardKey
	poster *books.Poster
	float  ledger.AccountID
	bank   ledger.AccountID
	loss   ledger.AccountID
}

var (
	operator = books.Institution(ledger.Operator, 3)
	claims   = books.Institution(ledger.Claim, 11)
	settle   = books.Institution(ledger.Settlement, 1)
)

func newTown(t *testing.T) *town {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{Durability: sqlite.Normal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	seal, open, err := keystore.Development(1).TokenCipher(keystore.TokenName)
	if err != nil {
		t.Fatal(err)
	}
	pan, err := txn.ParsePAN("6228000100000001")
	if err != nil {
		t.Fatal(err)
	}
	w := &town{db: db, card: txn.CardKey{PAN: pan, PSN: 1}}
	w.poster = &books.Poster{Issuer: issuer.Books{Tokens: books.Tokens(sqlite.NewVault(seal, open))}}
	token := w.poster.Issuer.Tokens.Token(w.card)
	w.float, w.bank, w.loss = issuer.FloatAccount(token), issuer.CustomerAccount(token), issuer.LossAccount(token)
	w.in(t, func(tx *sqlite.Tx) error {
		if err := tx.PutTerminal(&sqlite.Terminal{ID: 7, Acquirer: 11, Operator: 3}); err != nil {
			return err
		}
		accounts, loads := w.poster.Issuer.Open(w.card, 1000, 1)
		accounts = append(accounts, ledger.Account{ID: operator, Kind: ledger.Operator, Owner: "o"}, ledger.Account{ID: claims, Kind: ledger.Claim, Owner: "c"},
			ledger.Account{ID: settle, Kind: ledger.Settlement, Owner: "s"})
		return w.poster.Book(tx, accounts, loads)
	})
	return w
}

func (w *town) in(t *testing.T, do func(tx *sqlite.Tx) error) {
	t.Helper()
	if err := w.db.Write(context.Background(), func(tx *sqlite.Tx) error {
		w.poster.Ends = books.Registered(&tx.Reader)
		return do(tx)
	}); err != nil {
		t.Fatal(err)
	}
}

// net is what stands on some accounts: credits less debits.
func (w *town) net(t *testing.T, ids ...ledger.AccountID) []money.Fen {
	t.Helper()
	var out []money.Fen
	if err := w.db.Read(context.Background(), func(r *sqlite.Reader) error {
		for _, id := range ids {
			b, _, err := r.Balance(id)
			if err != nil {
				return err
			}
			out = append(out, b.Net())
		}
		return r.Audit()
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func (w *town) posting(purpose timeline.Purpose, amount money.Fen) recon.Posting {
	return recon.Posting{Key: timeline.Key{Card: w.card, P: 1, Q: 2, Purpose: purpose, Number: uint16(purpose)}, Amount: amount, Terminal: 7, Time: 5}
}

// Each purpose moves its money once, however often it is asked for, and its undoing moves
// it back.
func TestCorrections(t *testing.T) {
	for _, c := range []struct {
		do, undo timeline.Purpose
		other    func(*town) ledger.AccountID
		sign     money.Fen // what the other side gets of 1
	}{
		{timeline.Refund, timeline.ReverseRefund, func(w *town) ledger.AccountID { return w.bank }, 1},
		{timeline.ProvisionalCredit, timeline.ReverseProvisional, func(w *town) ledger.AccountID { return w.bank }, 1},
		{timeline.CollectForOperator, timeline.ReverseCollect, func(*town) ledger.AccountID { return operator }, 1},
		{timeline.ClaimUnbacked, timeline.ReverseClaim, func(*town) ledger.AccountID { return claims }, -1},
	} {
		w := newTown(t)
		other := c.other(w)
		before := w.net(t, w.float, other)
		for range 2 {
			w.in(t, func(tx *sqlite.Tx) error { return w.poster.Correct(tx, 0, []recon.Posting{w.posting(c.do, 300)}) })
			if got := w.net(t, w.float, other); got[0] != before[0]-300*c.sign || got[1] != before[1]+300*c.sign {
				t.Errorf("%s: %v, before %v", c.do, got, before)
			}
		}
		w.in(t, func(tx *sqlite.Tx) error { return w.poster.Correct(tx, 0, []recon.Posting{w.posting(c.undo, 300)}) })
		if got := w.net(t, w.float, other); got[0] != before[0] || got[1] != before[1] {
			t.Errorf("%s: %v, before %v", c.undo, got, before)
		}
	}
}

// What a float does not cover is lent by the card's loss account, and goes back there with
// the correction that brings money.
func TestLossIsLentAndRepaid(t *testing.T) {
	w := newTown(t)
	fares := w.poster.Issuer.Fares(w.card, settle, 0, 3, []issuer.Fare{{ATC: 1, Amount: 1250}})
	w.in(t, func(tx *sqlite.Tx) error { return w.poster.Book(tx, nil, []ledger.Transfer{fares}) })
	if got := w.net(t, w.float, w.loss, settle); got[0] != 0 || got[1] != -250 || got[2] != 1250 {
		t.Fatalf("%v", got)
	}
	w.in(t, func(tx *sqlite.Tx) error {
		return w.poster.Correct(tx, 0, []recon.Posting{w.posting(timeline.ClaimUnbacked, 300)})
	})
	if got := w.net(t, w.float, w.loss); got[0] != 50 || got[1] != 0 {
		t.Fatalf("%v", got)
	}
}

// Nothing of a batch is kept if one posting cannot be booked.
func TestAPostingThatCannotBeBookedUndoesAll(t *testing.T) {
	w := newTown(t)
	before := w.net(t, w.float, w.bank)
	unknown := w.posting(timeline.CollectForOperator, 100)
	unknown.Terminal = 8
	for name, p := range map[string]recon.Posting{"a terminal that is not registered": unknown, "a purpose without money": w.posting(timeline.Freeze, 100)} {
		err := w.db.Write(context.Background(), func(tx *sqlite.Tx) error {
			w.poster.Ends = books.Registered(&tx.Reader)
			return w.poster.Correct(tx, 0, []recon.Posting{w.posting(timeline.Refund, 100), p})
		})
		if err == nil {
			t.Errorf("%s: booked", name)
		}
	}
	if got := w.net(t, w.float, w.bank); got[0] != before[0] || got[1] != before[1] {
		t.Errorf("%v, before %v", got, before)
	}
}
