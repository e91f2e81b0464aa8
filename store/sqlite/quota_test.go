package sqlite_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// What the quota scheme has stored is there again, cards under their tokens only, and
// the same sending cannot be noted twice.
func TestQuotaTables(t *testing.T) {
	db := openEngine(t, sqlite.Options{}).DB
	vault := newVault(t, "0123456789abcdef")
	a, b := cardKey(1), cardKey(2)
	sends := []sqlite.QuotaSend{{Window: 20_000, Round: 1, Card: a, PushATC: 1, Sends: 1, Command: []byte{4, 0xDA}},
		{Window: 20_000, Round: 1, Card: b, PushATC: 7, After: 9, Sends: 2, Command: []byte{4, 0xDB}}}
	listings := []sqlite.QuotaListing{{Window: 20_000, Card: a, Denied: true}, {Window: 20_004, Card: a, Denied: false}}
	write := func(fn func(*sqlite.Tx) error) error { return db.Write(t.Context(), fn) }
	err := write(func(tx *sqlite.Tx) error {
		for _, state := range []string{"old", "new"} {
			if err := tx.PutQuotaService(vault, a, []byte(state)); err != nil {
				return err
			}
		}
		for i := range sends {
			if err := tx.PutQuotaSend(vault, &sends[i]); err != nil {
				return err
			}
		}
		if err := tx.PutQuotaListing(vault, &sqlite.QuotaListing{Window: 20_000, Card: a}); err != nil {
			return err
		}
		for i := range listings {
			if err := tx.PutQuotaListing(vault, &listings[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if write(func(tx *sqlite.Tx) error { return tx.PutQuotaSend(vault, &sends[0]) }) == nil {
		t.Error("one sending is noted twice")
	}
	states := map[txn.CardKey]string{}
	var gotSends []sqlite.QuotaSend
	var gotListings []sqlite.QuotaListing
	err = db.Read(t.Context(), func(rd *sqlite.Reader) error {
		if err := rd.QuotaServices(vault, func(card txn.CardKey, state []byte) error { states[card] = string(state); return nil }); err != nil {
			return err
		}
		if err := rd.QuotaSends(vault, 20_000, 1, func(s sqlite.QuotaSend) error { gotSends = append(gotSends, s); return nil }); err != nil {
			return err
		}
		if err := rd.QuotaSends(vault, 20_000, 2, func(sqlite.QuotaSend) error { t.Error("a round that was not"); return nil }); err != nil {
			return err
		}
		if err := rd.QuotaSendsIn(func(window int32, n int64) error {
			if window != 20_000 || n != 2 {
				t.Errorf("window %d has %d sendings", window, n)
			}
			return nil
		}); err != nil {
			return err
		}
		return rd.QuotaListings(vault, func(l sqlite.QuotaListing) error { gotListings = append(gotListings, l); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(gotSends, func(x, y sqlite.QuotaSend) int { return int(x.PushATC) - int(y.PushATC) })
	if diff := cmp.Diff(map[txn.CardKey]string{a: "new"}, states); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(sends, gotSends); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(listings, gotListings); diff != "" {
		t.Error(diff)
	}
}
