package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/citycard/citycard/recon/dispute"
	"github.com/citycard/citycard/store/sqlite"
)

func TestDisputesAreKept(t *testing.T) {
	ctx := context.Background()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "city.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rules, err := dispute.DefaultRules(nil)
	if err != nil {
		t.Fatal(err)
	}
	const at = 1_795_003_433
	s := dispute.Subject{Card: "621226*********6015/01", ATC: 5, Terminal: 7, Sequence: 9, Acquirer: 11, Issuer: 2, Trade: dispute.ECash, TradeAt: at, Amount: 400, Claimed: true}
	c, err := dispute.New(rules, 1, s, at+86400)
	if err != nil {
		t.Fatal(err)
	}
	token := sqlite.Token{1, 2, 3}
	write := func(do func(tx *sqlite.Tx) error) error { return db.Write(ctx, do) }
	if err := write(func(tx *sqlite.Tx) error {
		id, err := tx.NextDispute()
		if err != nil || id != 1 {
			t.Errorf("first number %d, %v", id, err)
		}
		return tx.OpenDispute(token, c)
	}); err != nil {
		t.Fatal(err)
	}
	if err := write(func(tx *sqlite.Tx) error { return tx.OpenDispute(token, c) }); !errors.Is(err, sqlite.ErrDisputeExists) {
		t.Errorf("opened twice: %v", err)
	}
	if _, err := c.Take(rules, dispute.Event{Step: dispute.Query, At: at + 2*86400, Reason: "Q1"}); err != nil {
		t.Fatal(err)
	}
	if err := write(func(tx *sqlite.Tx) error { return tx.AdvanceDispute(c, 1) }); err != nil {
		t.Fatal(err)
	}
	if err := write(func(tx *sqlite.Tx) error { return tx.AdvanceDispute(c, 1) }); err == nil {
		t.Error("an event was stored twice")
	}
	missing := *c
	missing.ID = 5
	if err := write(func(tx *sqlite.Tx) error { return tx.AdvanceDispute(&missing, 1) }); !errors.Is(err, sqlite.ErrNoDispute) {
		t.Errorf("a case that is not there: %v", err)
	}
	if err := db.Read(ctx, func(r *sqlite.Reader) error {
		got, card, err := r.Dispute(rules, 1)
		if err != nil || card != token || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v, %v, want %+v", got, err, c)
		}
		if _, _, err := r.Dispute(rules, 2); !errors.Is(err, sqlite.ErrNoDispute) {
			t.Errorf("case 2: %v", err)
		}
		ids, err := r.Disputes()
		if err != nil || len(ids) != 1 {
			t.Errorf("%v, %v", ids, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := write(func(tx *sqlite.Tx) error {
		_, err := tx.Exec(`UPDATE dispute_event SET body = ? WHERE number = 2`, []byte(`{"step":"answer","at":1795089833}`))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Read(ctx, func(r *sqlite.Reader) error {
		if _, _, err := r.Dispute(rules, 1); !errors.Is(err, sqlite.ErrDamaged) {
			t.Errorf("an event that cannot be: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
