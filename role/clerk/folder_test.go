package clerk_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"path/filepath"
	"testing"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/books"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

const (
	day   = 86400
	start = 1_794_931_200 // 2026-11-18 00:00 at UTC+8
)

// policy lets refunds of more than 2 yuan wait for two people.
const policy = `{"cap_fen":50000,"window_days":20,"drift_seconds":2,"late_rows":"refuse","approve_above_fen":200}`

func testCard(n int) txn.CardKey {
	digits := fmt.Sprintf("62280001%07d", n)
	pan, err := txn.ParsePAN(digits + string(rune(txn.Luhn(digits))))
	if err != nil {
		panic(err)
	}
	return txn.CardKey{PAN: pan, PSN: 1}
}

func tap(kind timeline.ObsKind, atc uint16, b, debit int) timeline.Observation {
	o := timeline.Observation{Kind: kind, ATC: atc, B: fen(b), Debit: fen(debit), Time: start + int64(atc)*3600, Terminal: 7, Sequence: uint32(atc)}
	if kind != timeline.Opening {
		o.Content = uint64(atc)<<32 | uint64(debit)
	} else {
		o.Time, o.Terminal = start-day, 0
	}
	if kind == timeline.Paid {
		o.Commit = timeline.Yes
	}
	return o
}

// story is a card with a flash card of 3 yuan that waits for two people (0001-0002) and
// 2.50 that a missing counter took (0002-0004).
func story(n int) []recon.Event {
	k := testCard(n)
	return []recon.Event{{Card: k, Obs: tap(timeline.Opening, 0, 5000, 0)}, {Card: k, Obs: tap(timeline.Doubt, 1, 5000, 300)},
		{Card: k, Obs: tap(timeline.Paid, 2, 4700, 200)}, {Card: k, Obs: tap(timeline.Paid, 4, 4250, 100)}}
}

func each(events []recon.Event) iter.Seq2[recon.Event, error] {
	return func(yield func(recon.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// makeFolder leaves a folder with cards that all have the same story, judged at the end
// of the first day.
func makeFolder(t testing.TB, dir string, cards int) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(dir, "city.db"), sqlite.Options{Durability: sqlite.Normal})
	if err != nil {
		t.Fatal(err)
	}
	seal, open, err := keystore.Development(1).TokenCipher(keystore.TokenName)
	if err != nil {
		t.Fatal(err)
	}
	vault := sqlite.NewVault(seal, open)
	poster := &books.Poster{Issuer: issuer.Books{Tokens: books.Tokens(vault)}}
	rules, err := recon.DecodePolicy([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(context.Background(), func(tx *sqlite.Tx) error {
		poster.Ends = books.Registered(&tx.Reader)
		if err := tx.PutRunState(clerk.PolicyState, []byte(policy)); err != nil {
			return err
		}
		if err := tx.PutTerminal(&sqlite.Terminal{ID: 7, Waited: true, Place: "西单"}); err != nil {
			return err
		}
		var events []recon.Event
		for n := range cards {
			accounts, loads := poster.Issuer.Open(testCard(n), 5000, start-day)
			loads = append(loads, poster.Issuer.Fares(testCard(n), books.Institution(1, 1), 0, start, []issuer.Fare{{ATC: 2, Amount: 200}, {ATC: 4, Amount: 100}}))
			if err := poster.Book(tx, append(accounts, settlement()), loads); err != nil {
				return err
			}
			events = append(events, story(n)...)
		}
		store := tx.Recon(vault, func(p []recon.Posting) error { return poster.Correct(tx, 0, p) })
		_, err := recon.Day(context.Background(), store, recon.Input{Now: start + day, Params: rules, Events: each(events)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func developmentKeys(t testing.TB) clerk.Keys {
	t.Helper()
	cas, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	return clerk.Development(cas)
}

// open opens a folder at a moment.
func open(t testing.TB, dir string, at int64) *clerk.Office {
	t.Helper()
	f, err := clerk.Open(context.Background(), clerk.Options{Dir: dir, Keys: developmentKeys(t), At: at, Wall: at})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// person is a clerk with his key.
type person struct {
	name string
	key  *oda.SM2Private
}

func newPerson(name string) person {
	d := [32]byte{31: byte(len(name))}
	copy(d[1:], name)
	key, err := oda.NewSM2Private(d)
	if err != nil {
		panic(err)
	}
	return person{name, key}
}

func (p person) sign(parts ...[]byte) ([]byte, error) { return p.key.Sign(nil, rand.Reader, parts...) }

// atDesk enters two clerks.
func atDesk(t testing.TB, f *clerk.Office) (wang, li person) {
	t.Helper()
	wang, li = newPerson("wang"), newPerson("li")
	for _, p := range []person{wang, li} {
		if err := f.AddClerk(context.Background(), p.name, p.key.Public()); err != nil {
			t.Fatal(err)
		}
	}
	return wang, li
}

func askFor(n int, p, q uint16, by person) clerk.Ask {
	return clerk.Ask{Kind: desk.Refund, Card: testCard(n).PAN.Digits(), P: p, Q: q, By: by.name, Sign: by.sign, Reason: "gate stayed shut"}
}

// dump is the whole content of a folder's database.
func dump(t testing.TB, dir string) string {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(dir, "city.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b bytes.Buffer
	if err := db.Read(context.Background(), func(r *sqlite.Reader) error { return r.Dump(&b) }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
