package clearing

import (
	"bytes"
	"errors"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// After a rebate every operator has what the split of the right price gives it,
// wherever the entry row comes: before the exit, with it or windows later. What the
// operators give back is what the card gets.
func TestRebateLeavesEveryOperatorItsShareOfThePrice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, card := newCity(), cardA(1)
		rule := FeeRule{Merchant: int64(rapid.SampledFrom([]int{0, 5_000, 10_000, 333_333, 1_000_000}).Draw(t, "merchant fee"))}
		cl := c.clearer()
		cl.Fees = &rule
		from, to := rapid.IntRange(1, 5).Draw(t, "from"), rapid.IntRange(1, 5).Draw(t, "to")
		sum := money.Fen(rapid.SampledFrom([]int{0, 10000}).Draw(t, "month sum"))
		paid := money.Fen(rapid.IntRange(1, 1200).Draw(t, "paid"))
		in := entry(card, 4, from)
		out := blind(card, 5, to, rapid.SampledFrom([]txn.Flags{txn.EntryUnread, txn.EntryUnread | txn.MonthUnread, txn.MonthUnread}).Draw(t, "unread"), in, sum, paid)
		if rapid.Bool().Draw(t, "held at the entry") {
			in.Kind, in.Amount, out.Kind, out.Held = txn.Hold, 1200, txn.Completion, 1200
		}
		windows := rapid.SampledFrom([][][]txn.Row{{{in, out}}, {{in}, {out}}, {{out}, {in}}, {{out}, {bus(card, 6, 200)}, {in}}}).Draw(t, "windows")
		got := map[fare.OperatorID]money.Fen{}
		var returned, fee money.Fen
		for _, rows := range windows {
			var presented []txn.Presented
			for _, r := range rows {
				presented = append(presented, c.row(r))
			}
			res, err := cl.Partition(presented, c, c)
			if err != nil {
				t.Fatal(err)
			}
			c.store(res)
			for _, it := range res.Items {
				if it.Row.ATC != 5 {
					continue
				}
				fee = it.Fees.Merchant
				for _, s := range it.Shares {
					got[s.Operator] += s.Fen
				}
			}
			for _, b := range res.Rebates {
				var debits money.Fen
				for _, d := range b.Debits {
					debits += d.Fen
					if got[d.Operator] -= d.Fen; d.Fen == 0 || got[d.Operator] < 0 {
						t.Fatalf("operator %d gives back %s and is left with %s", d.Operator, d.Fen, got[d.Operator])
					}
				}
				if debits != b.Amount() {
					t.Fatalf("operators give back %s, the card gets %s", debits, b.Amount())
				}
				returned += b.Amount()
			}
		}
		before := sum
		if out.Flags.Has(txn.MonthUnread) {
			before = 0
		}
		quote, err := c.Price(fare.Trip{Entry: fare.StationID(from), Exit: fare.StationID(to), EnterAt: in.Time, ExitAt: out.Time, MonthPaid: before, Workday: true})
		if err != nil {
			t.Fatal(err)
		}
		price := min(max(quote.Pay, fee), paid) // operators give back no more than they got, nobody pays afterwards
		if returned != paid-price {
			t.Fatalf("paid %s, price %s, the card gets %s back", paid, price, returned)
		}
		shares, err := c.SplitByOperator(fare.StationID(from), fare.StationID(to), price-fee)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shares {
			got[s.Operator] -= s.Fen
		}
		for operator, rest := range got {
			if rest != 0 {
				t.Fatalf("operator %d has %s more than its share of %s", operator, rest, price-fee)
			}
		}
	})
}

// An entry that comes late moves money between operators even where the price was
// right: until then the operator of the exit had it all.
func TestWayThatIsKnownLateIsSplitAgain(t *testing.T) {
	c := newCity()
	in := entry(cardA(1), 4, 1)
	c.clear(t, c.row(blind(cardA(1), 5, 4, txn.EntryUnread, in, 0, 600)))
	res := c.clear(t, c.row(in))
	want := []Rebate{{Card: cardA(1), ATC: 5, Ref: txn.Ref{Block: 1}, Acquirer: metroBank, Operator: 2, Paid: 600, Price: 600,
		Debits: []fare.Share{{Operator: 1, Fen: -396}, {Operator: 2, Fen: 396}}}}
	if diff := gocmp.Diff(want, res.Rebates); diff != "" || res.Rebates[0].Amount() != 0 {
		t.Error(diff)
	}
}

// The rows of a card whose state is damaged are refused and the state is kept; all
// other cards clear. When the state is mended, the rows can be presented again.
func TestDamagedStateHoldsOneCardOnly(t *testing.T) {
	good := newCity()
	good.clear(t, good.row(bus(cardA(1), 3, 100)))
	whole := good.states[cardA(1)]
	for name, damaged := range map[string][]byte{"cut off": whole[:len(whole)-1], "version only": whole[:1], "too long": append(bytes.Clone(whole), 0)} {
		c := newCity()
		c.states[cardA(1)] = damaged
		rows := []txn.Row{bus(cardA(1), 5, 200), with(bus(cardA(1), 6, 200), verified(txn.BadCryptogram)), entry(cardA(1), 7, 1), bus(cardA(2), 5, 300)}
		var presented []txn.Presented
		for _, r := range rows {
			presented = append(presented, c.row(r))
		}
		res := c.clear(t, presented...)
		wantVerdicts(t, res, txn.BadCardData, txn.BadCryptogram, txn.BadCardData, txn.Cleared)
		if diff := gocmp.Diff([]txn.CardKey{cardA(1)}, res.Damaged); diff != "" || !bytes.Equal(c.states[cardA(1)], damaged) {
			t.Errorf("%s: damaged cards\n%s", name, diff)
		}
		if got := res.Totals[[2]Participant{bankA, busBank}]; got.Items != 1 || got.Amount != 300 {
			t.Errorf("%s: cleared %+v", name, got)
		}
		c.states[cardA(1)] = whole
		wantVerdicts(t, c.clear(t, presented[0]), txn.Cleared)
	}
}

func TestDecodeCardStateRefuses(t *testing.T) {
	s := &CardState{open: []openFare{{atc: 4, paid: 900, shares: []fare.Share{{Operator: 1, Fen: 594}}}}}
	whole := s.Encode(nil)
	for n := 1; n < len(whole); n++ {
		if _, err := DecodeCardState(whole[:n]); !errors.Is(err, errState) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	for _, version := range []byte{0, 1, 3, 255} {
		if _, err := DecodeCardState(append([]byte{version}, whole[1:]...)); !errors.Is(err, errVersion) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}
