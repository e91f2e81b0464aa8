package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm4"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

func newVault(t testing.TB, key string) *sqlite.Vault {
	t.Helper()
	c, err := sm4.NewCipher([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return sqlite.NewVault(c, c.Decrypt)
}

func cardKey(n int) txn.CardKey {
	p, err := txn.ParsePAN(fmt.Sprintf("622800%010d", n))
	if err != nil {
		panic(err)
	}
	return txn.CardKey{PAN: p, PSN: byte(n)}
}

func TestVaultGivesTheCardBack(t *testing.T) {
	v, other := newVault(t, "0123456789abcdef"), newVault(t, "fedcba9876543210")
	seen := map[sqlite.Token]bool{}
	for n := range 300 {
		card := cardKey(n)
		token := v.Token(card)
		if back, err := v.Card(token); err != nil || back != card || token != v.Token(card) || seen[token] {
			t.Fatalf("card %s comes back as %s, %v", card, back, err)
		}
		seen[token] = true
		if key := card.Bytes(); bytes.Contains(token[:], key[:6]) {
			t.Fatalf("token %x shows the number", token)
		}
		if other.Token(card) == token {
			t.Fatal("two keys give one token")
		}
		if back, err := other.Card(token); err == nil || !strings.Contains(err.Error(), "another key") {
			t.Fatalf("a token under another key names %s, %v", back, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a vault of 8-byte blocks was made")
		}
	}()
	sqlite.NewVault(shortBlock{}, nil)
}

type shortBlock struct{}

func (shortBlock) BlockSize() int          { return 8 }
func (shortBlock) Encrypt(dst, src []byte) {}

// drawResult draws what a partition may hand over: states of some cards, refused
// and other items, rebates.
func drawResult(t *rapid.T, block uint32) *clearing.Result {
	res := &clearing.Result{}
	for n := range rapid.IntRange(0, 6).Draw(t, "cards") {
		if rapid.Bool().Draw(t, "state changed") {
			res.States = append(res.States, clearing.StateUpdate{Card: cardKey(n), State: rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "state")})
		}
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "items") {
		p := &txn.Presented{Ref: txn.Ref{Block: block, Index: uint16(i)}, Start: rapid.Uint32().Draw(t, "start"), Row: txn.Row{Card: cardKey(i), ATC: uint16(40_000 + i), Amount: money.Fen(1 << 31),
			Terminal: txn.TerminalID(1<<32 - 1 - rapid.IntRange(0, 2).Draw(t, "terminal")), Sequence: rapid.Uint32().Draw(t, "sequence")}}
		res.Items = append(res.Items, clearing.Item{Presented: p, Verdict: txn.Verdict(rapid.IntRange(0, 9).Draw(t, "verdict"))})
	}
	return res
}

// Windows of partitions against a twin in memory: states are the last ones put,
// each refused row is kept, others are not.
func TestClearingStoreAgreesWithItsTwin(t *testing.T) {
	db := openEngine(t, sqlite.Options{Durability: sqlite.Normal}).DB
	vault := newVault(t, "0123456789abcdef")
	rapid.Check(t, func(t *rapid.T) {
		empty(t, db, "clearing_card", "clearing_exception", "clearing_rebate")
		states, refused := map[txn.CardKey][]byte{}, map[txn.Ref]txn.Verdict{}
		var want []sqlite.Exception
		for i := range rapid.IntRange(1, 5).Draw(t, "partitions") {
			res := drawResult(t, uint32(1<<31+i))
			turnBack := rapid.IntRange(0, 4).Draw(t, "turned back") == 0
			err := db.Write(context.Background(), func(tx *sqlite.Tx) error {
				if err := tx.PutClearing(int32(i), res, vault); err != nil || !turnBack {
					return err
				}
				return errTurnedBack
			})
			if turnBack {
				if !errors.Is(err, errTurnedBack) {
					t.Fatal(err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range res.States {
				states[u.Card] = u.State
			}
			for _, it := range res.Items {
				if !it.Verdict.Refused() {
					continue
				}
				refused[it.Ref] = it.Verdict
				want = append(want, sqlite.Exception{Window: int32(i), Ref: it.Ref, Verdict: it.Verdict, Card: it.Row.Card.String(), ATC: it.Row.ATC, Amount: it.Row.Amount,
					Terminal: it.Row.Terminal, Sequence: it.Row.Sequence, Trace: seal.TraceOf(txn.TraceInput(it.Row.Terminal, it.Start, it.Row.Sequence))})
			}
		}
		slices.SortFunc(want, func(a, b sqlite.Exception) int {
			return slices.Compare([]int64{int64(a.Window), int64(a.Terminal), int64(a.Sequence), int64(a.Ref.Block), int64(a.Ref.Index)},
				[]int64{int64(b.Window), int64(b.Terminal), int64(b.Sequence), int64(b.Ref.Block), int64(b.Ref.Index)})
		})
		err := db.Read(context.Background(), func(r *sqlite.Reader) error {
			var all []txn.CardKey
			for n := range 8 {
				all = append(all, cardKey(n))
			}
			got, err := r.ClearingStates(vault).Load(all)
			if err != nil || !maps.EqualFunc(got, states, bytes.Equal) {
				t.Fatalf("%d states, want %d, %v", len(got), len(states), err)
			}
			verdicts := map[txn.Ref]txn.Verdict{}
			var exceptions []sqlite.Exception
			err = r.Exceptions(func(e sqlite.Exception) error {
				exceptions = append(exceptions, e)
				verdicts[e.Ref] = e.Verdict
				return nil
			})
			if !maps.Equal(verdicts, refused) {
				t.Fatalf("refused %v, want %v", verdicts, refused)
			}
			if diff := gocmp.Diff(want, exceptions); diff != "" {
				t.Fatalf("exceptions:\n%s", diff)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// What the tables keep of a clearing shows no account number.
func TestClearingTablesShowNoNumber(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	vault := newVault(t, "0123456789abcdef")
	card := txn.CardKey{PAN: txn.PAN{0x62, 0x28, 0x00, 0x12, 0x34, 0x56, 0x78, 0x90, 0xFF, 0xFF}, PSN: 1}
	res := &clearing.Result{
		States: []clearing.StateUpdate{{Card: card, State: []byte{1}}},
		Items:  []clearing.Item{{Presented: &txn.Presented{Row: txn.Row{Card: card, ATC: 7}}, Verdict: txn.Duplicate}},
		Rebates: []clearing.Rebate{{Card: card, ATC: 7, Paid: 900, Price: 500},
			{Card: card, ATC: 8, Paid: 900, Price: 900, Debits: []fare.Share{{Operator: 1, Fen: -300}, {Operator: 2, Fen: 300}}}},
		Abandoned: []clearing.Abandoned{{Card: card, ATC: 9, Ref: txn.Ref{Block: 3, Index: 4}, Terminal: 5, Paid: 900}},
	}
	mustWrite(t, e.DB, func(tx *sqlite.Tx) error { return tx.PutClearing(20_000, res, vault) })
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		abandoned, err := r.AbandonedFares()
		if rebates, sum, _ := r.RebateSum(); abandoned != 1 || rebates != 1 || sum != 400 { // what moves between operators is no rebate
			t.Errorf("%d fares abandoned, %d rebates of %s", abandoned, rebates, sum)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := dump(t, e.DB)
	if !strings.Contains(text, "622800******7890/01") {
		t.Error("the masked number is not in the dump")
	}
	for _, leak := range []string{"6228001234567890", "622800123456", "1234567890", "\x62\x28\x00\x12"} {
		if strings.Contains(text, leak) {
			t.Errorf("the dump shows %q", leak)
		}
	}
	// A counter is rebated once and a row refused once, for ever.
	for name, again := range map[string]*clearing.Result{"rebate": {Rebates: res.Rebates}, "refused row": {Items: res.Items}, "abandoned fare": {Abandoned: res.Abandoned}} {
		err := e.DB.Write(context.Background(), func(tx *sqlite.Tx) error { return tx.PutClearing(20_001, again, vault) })
		if err == nil || !strings.Contains(err.Error(), "UNIQUE") {
			t.Errorf("%s a second time: %v", name, err)
		}
	}
}

// The sums of closed windows come back, and those of all windows add up.
func TestWindowsComeBack(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	counts, positions := map[txn.Verdict]int64{}, map[uint16]int64{}
	var nets []sqlite.Net
	for i := range 3 {
		w := clearing.NewWindow(int32(20_000 + i))
		w.Nets.Owe(1, 5, money.Fen(10_000*i+7), int64(i))
		w.Nets.Owe(5, 9, 30, 0)
		w.Nets.Owe(2, 1, 1<<40, 2)
		w.Counts[txn.Cleared], w.Counts[txn.Verdict(i+3)] = int64(1000*i), 2
		w.Shares[clearing.ShareKey{Acquirer: 5, Operator: 1}] = money.Fen(i)
		w.Shares[clearing.ShareKey{Acquirer: 6, Operator: 1}] = -3
		mustWrite(t, e.DB, func(tx *sqlite.Tx) error { return tx.PutWindow(w, 99) })
		for v, n := range w.Counts {
			counts[v] += n
		}
		for p, f := range w.Nets.Positions() {
			positions[uint16(p)] += int64(f)
		}
		for _, p := range w.Nets.Pairs() {
			nets = append(nets, sqlite.Net{Window: w.Number, Debtor: uint16(p.From), Creditor: uint16(p.To), Amount: p.Amount, Items: p.Items})
		}
		err := e.DB.Write(context.Background(), func(tx *sqlite.Tx) error { return tx.PutWindow(w, 100) })
		if err == nil || !strings.Contains(err.Error(), "UNIQUE") {
			t.Errorf("window %d is closed twice: %v", w.Number, err)
		}
	}
	slices.SortFunc(nets, func(a, b sqlite.Net) int {
		return slices.Compare([]int64{int64(a.Window), int64(a.Debtor), int64(a.Creditor)}, []int64{int64(b.Window), int64(b.Debtor), int64(b.Creditor)})
	})
	err := e.DB.Read(context.Background(), func(r *sqlite.Reader) error {
		if got, err := r.Verdicts(); err != nil || !maps.Equal(got, counts) {
			t.Errorf("verdicts %v, want %v, %v", got, counts, err)
		}
		if got, err := r.NetPositions(); err != nil || !maps.Equal(got, positions) {
			t.Errorf("positions %v, want %v, %v", got, positions, err)
		}
		var got []sqlite.Net
		err := r.Nets(func(n sqlite.Net) error {
			got = append(got, n)
			return nil
		})
		if diff := gocmp.Diff(nets, got); diff != "" {
			t.Errorf("nets:\n%s", diff)
		}
		stop := errors.New("enough")
		if err := r.Nets(func(sqlite.Net) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("the caller's error is %v", err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRunStateIsANotebook(t *testing.T) {
	e := openEngine(t, sqlite.Options{})
	read := func(name string) (value []byte) {
		t.Helper()
		if err := e.DB.Read(context.Background(), func(r *sqlite.Reader) (err error) {
			value, err = r.RunState(name)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return value
	}
	if got := read("seed"); got != nil {
		t.Errorf("never set: %x", got)
	}
	for _, value := range [][]byte{{1, 0, 2}, {9}, {}} {
		mustWrite(t, e.DB, func(tx *sqlite.Tx) error { return tx.PutRunState("seed", value) })
		mustWrite(t, e.DB, func(tx *sqlite.Tx) error { return tx.PutRunState("other", []byte{7}) })
		if err := e.Reopen(); err != nil {
			t.Fatal(err)
		}
		if got := read("seed"); !bytes.Equal(got, value) {
			t.Errorf("put %x, got %x", value, got)
		}
	}
	err := e.DB.Write(context.Background(), func(tx *sqlite.Tx) error {
		return errors.Join(tx.PutRunState("seed", []byte{5}), errTurnedBack)
	})
	if !errors.Is(err, errTurnedBack) || len(read("seed")) != 0 || !bytes.Equal(read("other"), []byte{7}) {
		t.Errorf("a turned back note stands: %x, %v", read("seed"), err)
	}
}
