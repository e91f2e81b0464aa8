package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/clearing/spool"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// trusting takes every row for verified.
type trusting struct{}

func (trusting) Verify(_ []txn.Presented, out []txn.Verdict) error {
	clear(out)
	return nil
}

// desk closes windows over rows that a test has made up.
type desk struct {
	*road
	next  int32
	block uint32
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	r, err := newCity(t, Options{Riders: 40, Seed: 3}).openRoad(t.TempDir(), "", func(string) func() { return func() {} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	r.Verifier = func() clearing.Verifier { return trusting{} }
	if err := r.setUp(); err != nil {
		t.Fatal(err)
	}
	return &desk{road: r}
}

// shopping is a purchase over an amount, after which the card states a balance.
func (d *desk) shopping(rider uint32, atc uint16, amount, left money.Fen) txn.Row {
	iad := cryptogram.IAD{CVN: cryptogram.CVN01, CVR: [3]byte{byte(cryptogram.TC) << 4}, Alg: cryptogram.SM4, IDD: cryptogram.IDDBalance}
	for i, n := len(iad.Amount1)-1, left; i >= 0; i, n = i-1, n/100 {
		iad.Amount1[i] = byte(n%100/10<<4 | n%10)
	}
	r := txn.Row{Kind: txn.Purchase, Card: d.cardOf(rider), ATC: atc, Amount: amount, Terminal: shopTerminals + 1, Time: d.midnight + 3600 + int64(atc), DF63: txn.DF63Unread}
	binary.BigEndian.PutUint16(r.AC[:], atc)
	copy(r.IAD[:], iad.Append(nil))
	return r
}

// close clears, posts and reconciles some rows as the next window.
func (d *desk) close(t *testing.T, rows ...txn.Row) *closing {
	t.Helper()
	d.block++
	s := spool.New(d.dir, 1<<20, func(card txn.CardKey) uint8 { return d.vault.Token(card)[0] }, [16]byte{1})
	defer s.Close()
	for i, r := range rows {
		if err := s.Add(&txn.Presented{Row: r, Ref: txn.Ref{Block: d.block, Index: uint16(i)}, Start: 1, Arrived: r.Time}); err != nil {
			t.Fatal(err)
		}
	}
	w := &closing{road: d.road, day: d.next, rows: s, workers: 1, window: clearing.NewWindow(d.road.day + d.next)}
	if err := d.db.Write(context.Background(), w.run); err != nil {
		t.Fatalf("window %d: %v", d.next, err)
	}
	d.next++
	return w
}

func (d *desk) read(t *testing.T, look func(rd *sqlite.Reader) error) {
	t.Helper()
	if err := d.db.Read(context.Background(), look); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) net(t *testing.T, id ledger.AccountID) (net money.Fen) {
	t.Helper()
	d.read(t, func(rd *sqlite.Reader) error {
		b, _, err := rd.Balance(id)
		net = b.Net()
		return err
	})
	return net
}

// explained fails if the timeline of a card and its books differ.
func (d *desk) explained(t *testing.T, rider uint32) {
	t.Helper()
	token := d.books.Tokens.Token(d.cardOf(rider))
	has := d.net(t, issuer.FloatAccount(token)) + d.net(t, issuer.LossAccount(token))
	rules := d.rules
	d.read(t, func(rd *sqlite.Reader) error {
		return rd.Timelines(d.vault, func(card txn.CardKey, blob []byte) error {
			c := timeline.Card{Key: card}
			if err := c.Decode(blob); err != nil || card != d.cardOf(rider) {
				return err
			}
			if gap := c.Explained(has, &rules); gap != 0 {
				t.Errorf("rider %d: %s unexplained", rider, gap)
			}
			return nil
		})
	})
}

func (d *desk) states(t *testing.T) (out []timeline.State) {
	t.Helper()
	d.read(t, func(rd *sqlite.Reader) error {
		return rd.Breaks(d.vault, func(b *recon.Break) error {
			out = append(out, b.State)
			return nil
		})
	})
	return out
}

// A card left before the last record, and its TC is presented as a purchase all the
// same. The row is valid, the card never paid, and its float does not cover it and
// what the card really bought: every window closes, and when the balances prove the
// row unbacked, its acquirer owes it and nobody has lost anything.
func TestRowAboveTheFloatDoesNotStopTheWindow(t *testing.T) {
	const rider, neighbour = 1, 2
	for name, c := range map[string]struct{ windows int }{"one window": {1}, "two windows": {2}} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			b := d.openingBalance(rider)
			token := d.books.Tokens.Token(d.cardOf(rider))
			torn, bought := d.shopping(rider, 1, b, 0), d.shopping(rider, 2, b, 0)
			good := d.shopping(neighbour, 1, 500, d.openingBalance(neighbour)-500)
			if c.windows == 1 {
				d.close(t, torn, bought, good)
			} else {
				d.close(t, torn)
				d.explained(t, rider)
				d.close(t, bought, good)
			}
			if got := d.states(t); !slices.Equal(got, []timeline.State{timeline.Unbacked}) {
				t.Errorf("breaks %v", got)
			}
			for what, x := range map[string]struct{ got, want money.Fen }{
				"float":      {d.net(t, issuer.FloatAccount(token)), 0},
				"loss":       {d.net(t, issuer.LossAccount(token)), 0},
				"claim":      {d.net(t, institution(ledger.Claim, uint16(busAcquirer))), -b},
				"settlement": {d.net(t, accounts{}.Settlement(issuers[rider].id)), 0},
				"neighbour":  {d.net(t, issuer.FloatAccount(d.books.Tokens.Token(d.cardOf(neighbour)))), d.openingBalance(neighbour) - 500},
			} {
				if x.got != x.want {
					t.Errorf("%s: %s, want %s", what, x.got, x.want)
				}
			}
			d.explained(t, rider)
			d.explained(t, neighbour)
			d.close(t)
			d.explained(t, rider)
		})
	}
}

// Where nothing proves whose fault it is, what lacks stays the issuer's loss.
func TestLossStaysUntilSomethingIsProven(t *testing.T) {
	const rider = 1
	d := newDesk(t)
	b := d.openingBalance(rider)
	d.close(t, d.shopping(rider, 1, b+1000, 0)) // more than was ever put on the card
	if got := d.states(t); !slices.Equal(got, []timeline.State{timeline.Impossible}) {
		t.Errorf("breaks %v", got)
	}
	token := d.books.Tokens.Token(d.cardOf(rider))
	float, loss := d.net(t, issuer.FloatAccount(token)), d.net(t, issuer.LossAccount(token))
	if float != 0 || loss != -1000 {
		t.Errorf("float %s, loss %s", float, loss)
	}
	d.close(t)
	if again := d.net(t, issuer.LossAccount(token)); again != -1000 {
		t.Errorf("loss %s after another day", again)
	}
}

// What clearing or reconciliation stored about one card is damaged: its rows wait,
// its bytes stay, and the windows of all others close.
func TestDamagedCardsDoNotStopTheWindow(t *testing.T) {
	const inClearing, inRecon, sound = 1, 2, 3
	riders := []uint32{inClearing, inRecon, sound}
	d := newDesk(t)
	buy := func(atc uint16) (rows []txn.Row) {
		for _, rider := range riders {
			rows = append(rows, d.shopping(rider, atc, 500, d.openingBalance(rider)-500*money.Fen(atc)))
		}
		return rows
	}
	if w := d.close(t, buy(1)...); len(w.bad.Cards) != 0 {
		t.Fatalf("damaged cards %v", w.bad.Cards)
	}
	broken := []byte{2, 0xEE}
	stored := map[string]uint32{"UPDATE clearing_card SET state = ? WHERE token = ?": inClearing, "UPDATE recon_card SET state = ?, open = 1 WHERE token = ?": inRecon}
	if err := d.db.Write(context.Background(), func(tx *sqlite.Tx) error {
		for query, rider := range stored {
			token := d.vault.Token(d.cardOf(rider))
			if n, err := tx.Exec(query, broken, token[:]); err != nil || n != 1 {
				t.Fatalf("%s: %d rows, %v", query, n, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w := d.close(t, buy(2)...)
	if len(w.bad.Cards) != 2 || w.window.Counts[txn.Cleared] != 2 || w.window.Counts[txn.BadCardData] != 1 {
		t.Errorf("damaged cards %v, verdicts %v", w.bad.Cards, w.window.Counts)
	}
	w = d.close(t) // the card stays open in reconciliation, and is counted once
	if len(w.bad.Cards) != 2 {
		t.Errorf("damaged cards %v", w.bad.Cards)
	}
	for rider, taken := range map[uint32]money.Fen{inClearing: 500, inRecon: 1000, sound: 1000} {
		if got := d.openingBalance(rider) - d.net(t, issuer.FloatAccount(d.books.Tokens.Token(d.cardOf(rider)))); got != taken {
			t.Errorf("rider %d has paid %s, want %s", rider, got, taken)
		}
	}
	d.read(t, func(rd *sqlite.Reader) error {
		var refused []string
		if err := rd.Exceptions(func(e sqlite.Exception) error {
			refused = append(refused, e.Card+" "+e.Verdict.String())
			return nil
		}); err != nil {
			return err
		}
		if want := []string{d.cardOf(inClearing).String() + " bad_card_data"}; !slices.Equal(refused, want) {
			t.Errorf("exceptions %v, want %v", refused, want)
		}
		kept, err := rd.ClearingStates(d.vault).Load([]txn.CardKey{d.cardOf(inClearing)})
		if !bytes.Equal(kept[d.cardOf(inClearing)], broken) {
			t.Errorf("stored state is now %x", kept[d.cardOf(inClearing)])
		}
		return err
	})
	if open := (&Result{LedgerBalanced: true, DamagedCards: 1}).Open(); !slices.Equal(open, []string{"damaged_cards"}) {
		t.Errorf("open figures %v", open)
	}
}

// The postings of a rebate move the card and every operator by what clearing says,
// and their ids differ.
func TestRebatePostingsMoveEveryOperatorByItsDebit(t *testing.T) {
	d := newDesk(t)
	rapid.Check(t, func(t *rapid.T) {
		b := clearing.Rebate{Card: d.cardOf(1), ATC: 7, Operator: fare.OperatorID(rapid.IntRange(1, 5).Draw(t, "operator of the exit")), Price: 200}
		b.Paid = b.Price
		want := map[ledger.AccountID]money.Fen{}
		for op := range fare.OperatorID(5) {
			fen := money.Fen(rapid.IntRange(-300, 300).Draw(t, "debit"))
			if b.Paid+fen < b.Price || fen == 0 {
				continue
			}
			b.Debits = append(b.Debits, fare.Share{Operator: op + 1, Fen: fen})
			b.Paid += fen
			want[accounts{}.Operator(op+1)] = -fen
		}
		if b.Amount() > 0 {
			want[issuer.CustomerAccount(d.books.Tokens.Token(b.Card))] = b.Amount()
		}
		w := &closing{road: d.road, window: clearing.NewWindow(20_000)}
		w.rebate(&b, 1)
		got, ids := map[ledger.AccountID]money.Fen{}, map[ledger.TransferID]bool{}
		for i := range w.posts {
			p := &w.posts[i]
			if ledger.Check(p) != ledger.Created || ids[p.ID] {
				t.Fatalf("posting %+v: %s", p, ledger.Check(p))
			}
			ids[p.ID] = true
			got[p.Debit] -= p.Amount
			got[p.Credit] += p.Amount
		}
		for _, moves := range []map[ledger.AccountID]money.Fen{got, want} {
			for id := range moves {
				if got[id] != want[id] {
					t.Fatalf("account %s moves by %s, want %s; debits %+v", id, got[id], want[id], b.Debits)
				}
			}
		}
	})
}
