package clearing

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"

	"github.com/citycard/citycard/fare"
)

// exactTable is the naive twin of Counters: it remembers everything.
type exactTable map[uint16][8]byte

func (x exactTable) check(atc uint16, hash [8]byte) Seen {
	switch got, found := x[atc]; {
	case !found:
		return New
	case got == hash:
		return Same
	}
	return Conflict
}

// equal reports whether two states remember the same.
func (c *Counters) equal(d *Counters) bool {
	return bytes.Equal(c.append(nil), d.append(nil)) && c.bitmap == d.bitmap
}

func TestCountersAgreeWithAnExactTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c Counters
		exact := exactTable{}
		at := 0
		for range rapid.IntRange(1, 60).Draw(t, "rows") {
			at = max(1, min(65535, at+rapid.SampledFrom([]int{1, 1, 1, 2, -1, -3, 7, 100, -120, 255, 256, 257, 300, -300, 5000, -4000}).Draw(t, "step")))
			atc, hash := uint16(at), [8]byte{rapid.Byte().Draw(t, "content") % 3}
			want := exact.check(atc, hash)
			if got := c.Check(atc, hash); got != want {
				t.Fatalf("counter %d: %d, the exact table says %d", atc, got, want)
			}
			if want == New {
				exact[atc] = hash
				c.Mark(atc, hash)
			}
			var back Counters
			rest, err := back.parse(c.append(nil))
			if err != nil || len(rest) != 0 || !back.equal(&c) {
				t.Fatalf("stored form does not come back: %v", err)
			}
		}
	})
}

func TestMarkingACounterTwiceStopsTheProcess(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a counter was cleared twice")
		}
	}()
	var c Counters
	c.Mark(5, [8]byte{})
	c.Mark(5, [8]byte{})
}

func FuzzDecodeCardState(f *testing.F) {
	s := &CardState{entries: []entryMark{{3, 9, 100}}, open: []openFare{{atc: 4, terminal: 7, paid: 900, merchant: 9, shares: []fare.Share{{Operator: 1, Fen: 594}, {Operator: 2, Fen: 297}}}, {atc: 9}}, month: [2]byte{0x26, 0x11}, sum: 500, sumATC: 4}
	s.Counters.Mark(3, [8]byte{1})
	s.Counters.Mark(400, [8]byte{2})
	f.Add(s.Encode(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeCardState(b)
		if err != nil || len(b) == 0 {
			return
		}
		if !bytes.Equal(s.Encode(nil), b) {
			t.Fatal("decoded state encodes to other bytes")
		}
	})
}

func TestNetsAreAntisymmetricAndAddToZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, twin := NewNets(), map[[2]Participant]money.Fen{}
		for range rapid.IntRange(0, 50).Draw(t, "items") {
			from := Participant(rapid.IntRange(1, 5).Draw(t, "from"))
			to := Participant(rapid.IntRange(1, 5).Draw(t, "to"))
			amount := money.Fen(rapid.IntRange(0, 1000).Draw(t, "amount"))
			n.Owe(from, to, amount, 1)
			if from != to {
				twin[[2]Participant{from, to}] += amount
				twin[[2]Participant{to, from}] -= amount
			}
		}
		var sum money.Fen
		for _, v := range n.Positions() {
			sum += v
		}
		if sum != 0 {
			t.Fatalf("positions add to %d", sum)
		}
		for _, p := range n.Pairs() {
			if p.Amount < 0 || twin[[2]Participant{p.From, p.To}] != p.Amount {
				t.Fatalf("pair %+v, twin says %d", p, twin[[2]Participant{p.From, p.To}])
			}
		}
	})
}

func TestFeeRulesAreDatedAndCapped(t *testing.T) {
	for _, r := range []Rules{DevelopmentRules(), PriceReformRules()} {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
	rules := PriceReformRules()
	for _, c := range []struct {
		day    int32
		amount money.Fen
		want   Fees
	}{
		{17049, 10000, Fees{Merchant: 100, Issuer: 70, NetworkAcquirer: 10}},
		{17050, 10000, Fees{Merchant: 50, Issuer: 35, NetworkIssuer: 3, NetworkAcquirer: 3}},
		{17050, 300, Fees{Merchant: 2, Issuer: 1}},
		{17050, 10_000_000, Fees{Merchant: 50000, Issuer: 1300, NetworkIssuer: 325, NetworkAcquirer: 325}},
	} {
		rule, err := rules.At(c.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Price(c.amount); got != c.want {
			t.Errorf("day %d, %s yuan: %+v, want %+v", c.day, c.amount, got, c.want)
		}
	}
	if _, err := (Rules{{FromDay: 5}}).At(4); err == nil {
		t.Error("a day before the first rule has fees")
	}
	if (Rules{{FromDay: 5}, {FromDay: 5}}).Validate() == nil || (Rules{{Issuer: -1}}).Validate() == nil || Rules(nil).Validate() == nil {
		t.Error("impossible rules were accepted")
	}
}

type books struct{}

func books16(kind ledger.AccountKind, n uint16) ledger.AccountID {
	return ledger.AccountID{byte(kind), byte(n >> 8), byte(n)}
}
func (books) Settlement(p Participant) ledger.AccountID {
	return books16(ledger.Settlement, uint16(p))
}
func (books) Acquirer(p Participant) ledger.AccountID     { return books16(ledger.Acquirer, uint16(p)) }
func (books) Fees(p Participant) ledger.AccountID         { return books16(ledger.Fee, uint16(p)) }
func (books) Operator(o fare.OperatorID) ledger.AccountID { return books16(ledger.Operator, uint16(o)) }

func TestCloseSettlesEveryAccountAndAgreesWithTheNets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, rule := NewWindow(20_000), &PriceReformRules()[1]
		const network = Participant(9)
		gross := map[Participant]money.Fen{}
		for range rapid.IntRange(1, 40).Draw(t, "items") {
			issuer, acquirer := Participant(rapid.IntRange(1, 3).Draw(t, "issuer")), Participant(rapid.IntRange(5, 6).Draw(t, "acquirer"))
			amount := money.Fen(rapid.IntRange(1, 100000).Draw(t, "amount"))
			f := rule.Price(amount)
			w.Nets.Owe(issuer, acquirer, amount-f.Issuer, 1)
			w.Nets.Owe(issuer, network, f.NetworkIssuer, 0)
			w.Nets.Owe(acquirer, network, f.NetworkAcquirer, 0)
			pair := [2]Participant{issuer, acquirer}
			w.Totals[pair] = w.Totals[pair].plus(Totals{1, amount, f})
			w.Shares[ShareKey{acquirer, 1}] += amount - f.Merchant
			gross[issuer] += amount
		}
		posts, err := w.Close(1, network, books{})
		if err != nil {
			t.Fatal(err)
		}
		balance := map[ledger.AccountID]money.Fen{}
		for _, p := range posts {
			balance[p.Debit] -= p.Amount
			balance[p.Credit] += p.Amount
		}
		for issuer, g := range gross {
			if got := balance[books{}.Settlement(issuer)]; got != -g {
				t.Fatalf("settlement of %d moves %d, its cards paid %d", issuer, got, g)
			}
		}
		for _, a := range []Participant{5, 6} {
			if got := balance[books{}.Acquirer(a)]; got != 0 {
				t.Fatalf("acquirer %d keeps %d on its clearing account", a, got)
			}
		}
		if got, want := balance[books{}.Fees(network)], w.Nets.Positions()[network]; got != want {
			t.Fatalf("network books %d, nets say %d", got, want)
		}
	})
}

func TestEntriesPairWithTheExitBehindThem(t *testing.T) {
	var s CardState
	for _, atc := range []uint16{3, 9, 5} {
		s.noteEntry(&txn.Row{ATC: atc, Terminal: txn.TerminalID(atc)})
	}
	if e, found := s.takeEntry(8); !found || e.atc != 5 {
		t.Errorf("exit 8 takes entry %d, %v", e.atc, found)
	}
	if e, found := s.takeEntry(8); found {
		t.Errorf("entry %d was used twice or left behind", e.atc)
	}
	if e, found := s.takeEntry(10); !found || e.atc != 9 {
		t.Errorf("exit 10 takes entry %d, %v", e.atc, found)
	}
}
