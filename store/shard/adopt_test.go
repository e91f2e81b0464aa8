package shard

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// TestCardsAreAdopted moves the cards of a database into shards, killed at every step.
// At any time every card is found as it was, and the days go on as over the database.
func TestCardsAreAdopted(t *testing.T) {
	const days, before, cards = 8, 4, 150
	dir, vault := t.TempDir(), newVault(t)
	plain, db := openDB(t, filepath.Join(dir, "plain.db")), openDB(t, filepath.Join(dir, "city.db"))
	rows := busy(newTown(22, cards).calendar(days))
	for n := range before {
		in := recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}
		plainDay(t, plain, vault, in)
		plainDay(t, db, vault, in)
	}
	var s *Store
	kills, seen, there := 0, 0, int64(inDatabase(t, db))
	for survive := 0; ; survive++ {
		var err error
		if s, err = Open(filepath.Join(dir, "shards"), db, vault, Options{Shards: 4, Workers: 1, Hot: 1, Post: note}); err != nil {
			t.Fatal(err)
		}
		step := 0
		s.fault = func(string) error {
			if step++; step > survive%3 {
				return errKilled
			}
			return nil
		}
		n, err := s.Adopt(context.Background(), func(done, total int) {
			if seen = done; total != 4 {
				t.Errorf("%d shards", total)
			}
		})
		sameCards(t, s, plain, vault)
		sameTokens(t, s, plain)
		if err == nil {
			if n != there || seen != 4 {
				t.Errorf("%d of %d cards, %d shards", n, there, seen)
			}
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		kills++
	}
	if kills < 4 {
		t.Errorf("killed %d times", kills)
	}
	if _, err := s.Adopt(context.Background(), nil); !errors.Is(err, ErrAdopted) {
		t.Errorf("again: %v", err)
	}
	onlyValidFiles(t, s)
	if left := inDatabase(t, db); left != 0 {
		t.Errorf("%d cards are still in the database", left)
	}
	s.fault = func(string) error { return nil }
	for n := before; n < days; n++ {
		in := recon.Input{Now: closing(n), Params: rules(), Events: rows.on(n)}
		plainDay(t, plain, vault, in)
		if _, err := s.Day(context.Background(), in); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(readRecord(t, plain, vault), readRecord(t, db, vault), gocmp.AllowUnexported(findings{})); diff != "" {
			t.Fatalf("day %d: %s", n, diff)
		}
	}
	sameCards(t, s, plain, vault)
	sameTokens(t, s, plain)
	if _, err := s.Adopt(context.Background(), nil); !errors.Is(err, ErrAdopted) {
		t.Errorf("after days: %v", err)
	}
}

// inDatabase counts the cards that the database holds.
func inDatabase(t *testing.T, db *sqlite.DB) int {
	t.Helper()
	tokens := 0
	if err := db.Read(context.Background(), func(r *sqlite.Reader) error {
		all, err := r.TokensFrom(sqlite.Token{}, lastToken(), 1_000_000)
		tokens = len(all)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return tokens
}

func lastToken() (t sqlite.Token) {
	for i := range t {
		t[i] = 0xFF
	}
	return t
}

// sameTokens compares the lists of cards: all, some from the middle, and of one card.
func sameTokens(t *testing.T, s *Store, plain *sqlite.DB) {
	t.Helper()
	tokens := func(db *sqlite.DB, list func(r *sqlite.Reader, from, to sqlite.Token, n int) ([]sqlite.Token, error), from, to sqlite.Token, n int) (out []sqlite.Token) {
		if err := db.Read(context.Background(), func(r *sqlite.Reader) (err error) {
			out, err = list(r, from, to, n)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	all := tokens(plain, (*sqlite.Reader).TokensFrom, sqlite.Token{}, lastToken(), 1_000_000)
	mid, after := all[len(all)/2], all[len(all)/2+1]
	for _, c := range []struct {
		from, to sqlite.Token
		n        int
	}{{sqlite.Token{}, lastToken(), 1_000_000}, {mid, lastToken(), 7}, {mid, mid, 2}, {mid, after, 2}, {sqlite.Token{}, mid, 1}, {after, mid, 5}} {
		want := tokens(plain, (*sqlite.Reader).TokensFrom, c.from, c.to, c.n)
		got := tokens(s.db, s.TokensFrom, c.from, c.to, c.n)
		if diff := gocmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Errorf("%x to %x: %s", c.from, c.to, diff)
		}
	}
	if err := s.db.Read(context.Background(), func(r *sqlite.Reader) error {
		there, err := s.Has(r, mid)
		if err == nil && !there {
			t.Errorf("token %x is not there", mid)
		}
		if there, e := s.Has(r, lastToken()); there || e != nil {
			t.Errorf("a token that never was: %v", e)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestOneCardAtTheDesk approves a break of a card in shards: what it moves, and what
// stands in the tables after it, is as over the database, also when the card has shed
// the beginning of its timeline.
func TestOneCardAtTheDesk(t *testing.T) {
	const days = 10
	dir, vault := t.TempDir(), newVault(t)
	plain := openDB(t, filepath.Join(dir, "plain.db"))
	s := openStore(t, dir, Options{Shards: 4, Hot: 1})
	p := rules()
	p.ApproveAbove = 1
	rows := newTown(23, 1500).calendar(days)
	for n := range days {
		in := recon.Input{Now: closing(n), Params: p, Events: rows.on(n)}
		plainDay(t, plain, vault, in)
		if _, err := s.Day(context.Background(), in); err != nil {
			t.Fatal(err)
		}
	}
	in := recon.Input{Now: closing(days-1) + 60, Params: p}
	ctx, granted, deep := context.Background(), 0, 0
	for _, b := range waiting(t, plain, vault) {
		give := func(db *sqlite.DB, cards func(*sqlite.Tx, func([]recon.Posting) error) recon.Store) (g recon.Granted) {
			if err := db.Write(ctx, func(tx *sqlite.Tx) (err error) {
				store := cards(tx, func(p []recon.Posting) error { return note(tx, p) })
				if g, err = recon.Weigh(ctx, store, in, b.Card, b.P, b.Q); err != nil {
					return err
				}
				_, err = recon.Grant(ctx, store, in, b.Card, b.P, b.Q, g)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return g
		}
		before := inDatabase(t, s.db)
		got := give(s.db, s.Recon)
		want := give(plain, func(tx *sqlite.Tx, post func([]recon.Posting) error) recon.Store { return tx.Recon(vault, post) })
		if got != want || inDatabase(t, s.db) > before+1 {
			t.Errorf("card %s: %+v, want %+v", b.Card, got, want)
		}
		granted++
		if c, _, err := s.Timeline(ctx, b.Card); err != nil {
			t.Fatal(err)
		} else if first, _ := c.First(); first < b.P {
			deep++
		}
	}
	if granted < 5 || deep == 0 {
		t.Fatalf("%d approvals, %d of them deep: the test tests little", granted, deep)
	}
	for n := range 2 { // the next days take the cards into the files again
		if diff := gocmp.Diff(readRecord(t, plain, vault), readRecord(t, s.db, vault), gocmp.AllowUnexported(findings{})); diff != "" {
			t.Fatalf("%d days later: %s", n, diff)
		}
		sameCards(t, s, plain, vault)
		in.Now = closing(days + n)
		plainDay(t, plain, vault, in)
		if _, err := s.Day(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Write(ctx, func(tx *sqlite.Tx) error {
		_, err := recon.Weigh(ctx, s.Recon(tx, nil), in, txn.CardKey{}, 1, 2)
		return err
	}); !errors.Is(err, recon.ErrUnknownCard) {
		t.Errorf("a card that never was: %v", err)
	}
}

// waiting lists a break each of cards that wait for an approval.
func waiting(t *testing.T, db *sqlite.DB, vault *sqlite.Vault) (out []recon.Break) {
	t.Helper()
	if err := db.Read(context.Background(), func(r *sqlite.Reader) error {
		return r.Breaks(vault, func(b *recon.Break) error {
			if b.Waits && b.State == timeline.Proven && (len(out) == 0 || out[len(out)-1].Card != b.Card) {
				out = append(out, *b)
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return out
}
