package sqlite_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// issuing is the owner of a host's store: cards whose sequence number is 99 are not its.
type issuing struct {
	opened  int
	changes []authorise.State // of the decision before
	fail    error
}

func (*issuing) New(card txn.CardKey) (authorise.Card, bool) {
	return authorise.Card{Status: authorise.Active, Available: 100_000, Limit: 500_000}, card.PSN != 0x99
}

func (h *issuing) Opened(txn.CardKey) error { h.opened++; return nil }

func (h *issuing) Changed(_ txn.CardKey, before *authorise.Decision, _ *authorise.Change) error {
	h.changes = append(h.changes, before.State)
	return h.fail
}

func hostStore(t *testing.T) (*sqlite.DB, *sqlite.Vault, *issuing) {
	return openEngine(t, sqlite.Options{}).DB, newVault(t, "0123456789abcdef"), &issuing{}
}

// whole is a decision with every field set.
func whole(n authorise.Number, kind txn.OnlineKind, s authorise.State) authorise.Decision {
	return authorise.Decision{Number: n, Digest: [32]byte{1, 2}, WithoutPIN: [32]byte{3}, State: s, Kind: kind, Moved: -5000, Before: 100, After: 5100,
		Note: "approved", Time: 1_795_147_200, Shown: true, Told: true,
		Answer: txn.OnlineAnswer{Code: authorise.Approved, ICC: []byte{0x91, 0}, AuthCode: "123456", Available: 95_000, Known: true}}
}

// TestHostKeepsWhatItDecides: cards, decisions and orders come back as they were stored,
// the account follows from the books, and nothing of a transaction that fails stays.
func TestHostKeepsWhatItDecides(t *testing.T) {
	db, vault, hook := hostStore(t)
	card := cardKey(1)
	write := func(fn func(*sqlite.AuthoriseStore) error) error {
		return db.Write(t.Context(), func(tx *sqlite.Tx) error { return fn(tx.Authorise(vault, hook)) })
	}
	atc := authorise.Number{Counter: true, ATC: 5}
	stripe := authorise.Number{Terminal: 0xFF000001, Sequence: 7}
	p, err := pin.New("123456")
	if err != nil {
		t.Fatal(err)
	}
	order := authorise.Order{Template: tlv.TagIssuerScript2, ID: [4]byte{1}, Commands: []authorise.Command{authorise.ChangePIN(p, nil)}}
	load := whole(atc, txn.OnlineLoad, authorise.Agreed)
	err = write(func(s *hostCards) error {
		for _, d := range []authorise.Decision{load, whole(stripe, txn.OnlinePurchase, authorise.Refused)} {
			if err := s.Store(card, &authorise.Change{Decision: d, High: 5}); err != nil {
				return err
			}
		}
		return errors.Join(s.Order(card, order), s.SetWrongPINs(card, 2))
	})
	if err != nil {
		t.Fatal(err)
	}
	hook.fail = errors.New("the books say no")
	changed := load
	changed.State = authorise.Undone
	if err := write(func(s *hostCards) error { return s.Store(card, &authorise.Change{Decision: changed}) }); !errors.Is(err, hook.fail) {
		t.Errorf("a change that the books refuse: %v", err)
	}
	err = write(func(s *hostCards) error {
		got, found, err := s.Decision(card, atc)
		if err != nil || !found || !cmp.Equal(got, load) {
			t.Errorf("decision: %v %v %s", found, err, cmp.Diff(got, load))
		}
		if _, found, err = s.Decision(card, stripe); err != nil || !found {
			t.Errorf("decision of a stripe: %v %v", found, err)
		}
		if _, found, err = s.Decision(card, authorise.Number{Counter: true, ATC: 6}); err != nil || found {
			t.Errorf("a decision that was not made: %v %v", found, err)
		}
		k, found, err := s.Card(card)
		if err != nil || !found || k.High != 5 || k.Available != 100_000 || k.LastCash == nil || k.LastCash.Number != atc || len(k.Orders) != 1 {
			t.Errorf("card %+v, %v %v", k, found, err)
		}
		wrong, err := s.WrongPINs(card)
		if err != nil || wrong != 2 {
			t.Errorf("%d wrong PINs, %v", wrong, err)
		}
		keys, err := s.ByNumber(card.PAN)
		if err != nil || !cmp.Equal(keys, []txn.CardKey{card}) {
			t.Errorf("cards of the number: %v, %v", keys, err)
		}
		other := card
		other.PSN = 0x99
		if _, found, err := s.Card(other); err != nil || found {
			t.Errorf("a card of another issuer: %v %v", found, err)
		}
		return s.Keep(other)
	})
	if err == nil {
		t.Error("a card of another issuer is kept")
	}
	if hook.opened != 1 || !cmp.Equal(hook.changes, []authorise.State{0, 0, authorise.Agreed}) {
		t.Errorf("opened %d times, changes of %v", hook.opened, hook.changes)
	}
}

type hostCards = sqlite.AuthoriseStore

// TestFrozenCardIsRestricted: a card that reconciliation stops is refused by the host.
func TestFrozenCardIsRestricted(t *testing.T) {
	db, vault, hook := hostStore(t)
	err := db.Write(t.Context(), func(tx *sqlite.Tx) error {
		s := tx.Authorise(vault, hook)
		if err := s.Keep(cardKey(1)); err != nil {
			return err
		}
		store := tx.Recon(vault, func([]recon.Posting) error { return nil })
		if err := store.Save(t.Context(), &recon.Batch{Cards: []recon.CardState{{Card: cardKey(1), Blob: []byte{1}, Frozen: true}}}); err != nil {
			return err
		}
		k, _, err := s.Card(cardKey(1))
		if k.Status != authorise.Restricted {
			t.Errorf("status %d of a frozen card", k.Status)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTakeOver: the float opens with the first balance proved, and grows by what an earlier
// counter shows later.
func TestTakeOver(t *testing.T) {
	db, vault, hook := hostStore(t)
	err := db.Write(t.Context(), func(tx *sqlite.Tx) error {
		s := tx.Authorise(vault, hook)
		if err := s.Keep(cardKey(1)); err != nil {
			return err
		}
		sum := money.Fen(100_000)
		for _, c := range []struct {
			atc         uint16
			value, more money.Fen
		}{{7, 3000, 3000}, {9, 9000, 0}, {7, 3000, 0}, {5, 3400, 400}, {6, 5000, 0}, {4, 1000, 0}, {3, 3500, 100}} {
			more, err := s.TakeOver(cardKey(1), c.atc, c.value)
			if err != nil || more != c.more {
				t.Errorf("counter %d with %v: %v more, %v; want %v", c.atc, c.value, more, err, c.more)
			}
			sum += more
			if k, _, err := s.Card(cardKey(1)); err != nil || k.Available != sum {
				t.Errorf("counter %d: the account has %v, %v; want %v", c.atc, k.Available, err, sum)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRefundIsPaidOutOfTheAdvance: what was given on a terminal's word is not given again,
// by whatever number of refunds; other purposes and other counters are left alone.
func TestRefundIsPaidOutOfTheAdvance(t *testing.T) {
	db, vault, _ := hostStore(t)
	card := cardKey(1)
	err := db.Write(t.Context(), func(tx *sqlite.Tx) error {
		if err := tx.PutAdvance(vault, &sqlite.Advance{Card: card, ATC: 5, Amount: 500, Stands: 500}); err != nil {
			return err
		}
		var posted []recon.Posting
		store := tx.Recon(vault, func(p []recon.Posting) error { posted = append(posted, p...); return nil })
		save := func(atc uint16, purpose timeline.Purpose, number uint16, amount money.Fen) error {
			key := timeline.Key{Card: card, P: atc, Q: atc + 1, Purpose: purpose, Number: number}
			return store.Save(t.Context(), &recon.Batch{Postings: []recon.Posting{{Key: key, Amount: amount}}})
		}
		err := errors.Join(save(5, timeline.Refund, 1, 300), save(6, timeline.Refund, 1, 70), save(5, timeline.ReverseRefund, 2, 40),
			save(5, timeline.ProvisionalCredit, 3, 250), save(5, timeline.Refund, 4, 60))
		if err != nil {
			return err
		}
		var got []money.Fen
		for _, p := range posted {
			got = append(got, p.Amount)
		}
		if !cmp.Equal(got, []money.Fen{70, 40, 50, 60}) {
			t.Errorf("posted %v", got)
		}
		if a, _, err := tx.Advance(vault, card, 5); err != nil || a.Stands != 0 || a.Amount != 500 {
			t.Errorf("advance %+v, %v", a, err)
		}
		return tx.Advances(vault, func(a *sqlite.Advance) error {
			t.Errorf("an advance of %v still stands", a.Stands)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAccountFollowsTheBooks: what a card can spend is what its account opened with and
// the net of its ledger account, whoever has posted there.
func TestAccountFollowsTheBooks(t *testing.T) {
	db, vault, hook := hostStore(t)
	err := db.Write(t.Context(), func(tx *sqlite.Tx) error {
		s := tx.Authorise(vault, hook)
		if err := s.Keep(cardKey(1)); err != nil {
			return err
		}
		token := vault.Token(cardKey(1))
		short := issuer.Token(token[:15])
		accounts := []ledger.Account{{ID: issuer.CustomerAccount(short), Kind: ledger.CustomerBank}, {ID: issuer.FloatAccount(short), Kind: ledger.CardFloat, Limit: ledger.DebitsWithinCredits}}
		if _, err := tx.OpenAccounts(accounts); err != nil {
			return err
		}
		if _, err := tx.PostBatch([]ledger.Transfer{{ID: ledger.TransferID{1}, Debit: accounts[0].ID, Credit: accounts[1].ID, Amount: 1234, Code: 1}}); err != nil {
			return err
		}
		k, _, err := s.Card(cardKey(1))
		if k.Available != 100_000-1234 {
			t.Errorf("the account has %v", k.Available)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
