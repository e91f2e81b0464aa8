package clerk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/sim"
	"github.com/citycard/citycard/store/shard"
	"github.com/citycard/citycard/store/sqlite"
)

// copyFolder makes a folder's twin.
func copyFolder(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "twin")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// inShards moves the timelines of a folder into shards and opens it.
func inShards(t testing.TB, dir string, at int64) *clerk.Office {
	t.Helper()
	f := open(t, dir, at)
	if _, err := f.Shard(context.Background(), 8, nil); err != nil {
		t.Fatal(err)
	}
	return f
}

func sameLooks(t *testing.T, plain, sharded []*clerk.Card) {
	t.Helper()
	if len(plain) == 0 || len(plain) != len(sharded) {
		t.Fatalf("%d and %d cards", len(plain), len(sharded))
	}
	for i := range plain {
		if !reflect.DeepEqual(plain[i], sharded[i]) {
			t.Fatalf("card %s in shards:\n%+v\nin the database:\n%+v", plain[i].Key, sharded[i], plain[i])
		}
	}
}

// A city in shards answers as one in a database: before and after a run that judges it
// later. To look changes nothing.
func TestACityInShards(t *testing.T) {
	dir := simulated(t, "mix", sim.Mix{Bank: 2, Quota: 1, TUnion: 1})
	twin := copyFolder(t, dir)
	plain := open(t, dir, 0)
	cards := allCards(t, plain)
	names := make([]string, len(cards))
	for i, c := range cards {
		names[i] = hexText(c.Token[:])[:20]
	}
	f := inShards(t, twin, 0)
	if n, err := f.Shards(context.Background()); n != 8 || err != nil {
		t.Fatalf("%d shards, %v", n, err)
	}
	looks := func(f *clerk.Office) (out []*clerk.Card) {
		for _, n := range names {
			c, err := f.Look(context.Background(), n)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, c)
		}
		return out
	}
	before := dump(t, twin)
	sameLooks(t, cards, looks(f))
	c, err := f.Look(context.Background(), cards[3].Key.PAN.Digits())
	if err != nil {
		t.Fatal(err)
	}
	sameLooks(t, cards[3:4], []*clerk.Card{c})
	for name, want := range map[string]error{"ffffffffff": clerk.ErrNoCard, "6217000000000000": clerk.ErrNoCard, "xyz": clerk.ErrCardName} {
		if _, err := f.Look(context.Background(), name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if dump(t, twin) != before {
		t.Error("to look has changed the database")
	}
	if _, err := f.Shard(context.Background(), 8, nil); !errors.Is(err, shard.ErrAdopted) {
		t.Errorf("again: %v", err)
	}
	if _, err := plain.Run(context.Background()); !errors.Is(err, clerk.ErrNotSharded) {
		t.Errorf("run over a database: %v", err)
	}
	later := plain.Now() + 30*day
	plain, f = open(t, dir, later), open(t, twin, later)
	if err := clerk.Arrive(plain, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		sameLooks(t, looks(plain), looks(f))
	}
	if _, err := clerk.Open(context.Background(), clerk.Options{Dir: twin, Keys: developmentKeys(t), At: later - 1}); !errors.Is(err, clerk.ErrClosed) {
		t.Errorf("before the run: %v", err)
	}
	if got := open(t, twin, 0).Now(); got != later {
		t.Errorf("the folder's own moment is %d, want %d", got, later)
	}
}

// A refund of a card in shards is proposed, approved and booked as one in a database, and
// only the card that was paid stands in the database after it.
func TestRefundsOfCardsInShards(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 3)
	twin := copyFolder(t, dir)
	at := int64(start + 2*day)
	plain, sharded := open(t, dir, at), inShards(t, twin, at)
	for _, f := range []*clerk.Office{plain, sharded} {
		wang, li := atDesk(t, f)
		for _, pair := range [][2]uint16{{1, 2}, {2, 4}} {
			p, err := f.Propose(ctx, askFor(1, pair[0], pair[1], wang))
			if err != nil {
				t.Fatal(err)
			}
			if f == sharded && pair[0] == 1 && stored(t, f) != 0 {
				t.Error("a proposal has moved the card")
			}
			v := clerk.Verdict{ID: p.ID, Kinds: []desk.Kind{desk.Refund}, Approve: true, By: li.name, Sign: li.sign}
			for _, want := range []bool{true, false} {
				if _, done, err := f.Decide(ctx, v); done != want || err != nil {
					t.Fatal(done, err)
				}
			}
		}
	}
	if n := stored(t, sharded); n != 1 {
		t.Errorf("%d cards stand in the database", n)
	}
	same := func() {
		t.Helper()
		for n := range 3 {
			sameLooks(t, []*clerk.Card{look(t, plain, n)}, []*clerk.Card{look(t, sharded, n)})
		}
	}
	same()
	if c := look(t, sharded, 1); c.Paid != 550 {
		t.Errorf("paid %s", c.Paid)
	}
	at += 30 * day
	plain, sharded = open(t, dir, at), open(t, twin, at)
	if err := clerk.Arrive(plain, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := sharded.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := stored(t, sharded); n != 0 {
		t.Errorf("%d cards are still in the database", n)
	}
	if past, err := filepath.Glob(filepath.Join(twin, clerk.ShardsFolder, "*.past")); err != nil || len(past) == 0 {
		t.Errorf("no card has shed anything: the test tests little; %v", err)
	}
	same()
}

// stored counts the timelines in the database.
func stored(t *testing.T, f *clerk.Office) (n int) {
	t.Helper()
	if err := clerk.Write(f, func(tx *sqlite.Tx) error {
		all, err := tx.TokensFrom(sqlite.Token{}, sqlite.Token{0xFF, 0xFF}, 100)
		n = len(all)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// Folders that are not whole, or that another program needs as they are.
func TestFoldersThatAreNoGoodForShards(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	makeFolder(t, dir, 2)
	f := open(t, dir, start+2*day)
	mark := func(name string, want error) {
		t.Helper()
		if err := clerk.Write(f, func(tx *sqlite.Tx) error { return tx.PutRunState(name, []byte{1}) }); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Shard(ctx, 4, nil); !errors.Is(err, want) {
			t.Errorf("with a note %q: %v", name, err)
		}
	}
	mark("options", clerk.ErrUnfinished)
	mark("host", clerk.ErrHost)
	if _, err := os.Stat(filepath.Join(dir, clerk.ShardsFolder)); err == nil {
		t.Error("there are shards all the same")
	}

	other := t.TempDir()
	makeFolder(t, other, 2)
	g := inShards(t, other, start+2*day)
	heads, err := filepath.Glob(filepath.Join(other, clerk.ShardsFolder, "*.head"))
	if err != nil || len(heads) != 8 {
		t.Fatal(heads, err)
	}
	for _, h := range heads {
		b, err := os.ReadFile(h)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(h, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Look(ctx, testCard(0).PAN.Digits()); !errors.Is(err, shard.ErrDamaged) {
		t.Errorf("damaged heads: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(other, clerk.ShardsFolder)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Look(ctx, testCard(0).PAN.Digits()); !errors.Is(err, shard.ErrDamaged) {
		t.Errorf("heads that are gone: %v", err)
	}
	if _, err := clerk.Open(ctx, clerk.Options{Dir: other, Keys: developmentKeys(t)}); !errors.Is(err, clerk.ErrNoShards) {
		t.Errorf("without the folder: %v", err)
	}
}
