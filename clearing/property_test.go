package clearing

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// drawRow draws a row of one of a few cards with few counters, so that repeats,
// conflicts and journeys meet.
func drawRow(t *rapid.T, c *city) txn.Presented {
	card := []txn.CardKey{cardA(1), cardA(2), cardA(3), cardB(1), cardB(2), {PAN: pan("622800", 1), PSN: 2}, {PAN: pan("999999", 1)}}[rapid.IntRange(0, 6).Draw(t, "card")]
	atc := uint16(rapid.IntRange(1, 12).Draw(t, "counter"))
	if rapid.IntRange(0, 9).Draw(t, "far") == 0 {
		atc += 300 * uint16(rapid.IntRange(1, 3).Draw(t, "jump"))
	}
	station := rapid.IntRange(1, 5).Draw(t, "station")
	in := entry(card, max(atc-1, 1), rapid.IntRange(1, 5).Draw(t, "from"))
	sum := money.Fen(rapid.SampledFrom([]int{0, 600, 9800, 10000}).Draw(t, "month sum"))
	var r txn.Row
	switch rapid.SampledFrom([]string{"bus", "entry", "exit", "blind", "doubt", "shop"}).Draw(t, "kind") {
	case "bus":
		r = bus(card, atc, 200)
	case "entry":
		r = entry(card, atc, station)
	case "exit":
		r = exit(card, atc, station, in, sum, 500)
	case "blind":
		r = blind(card, atc, station, rapid.SampledFrom([]txn.Flags{txn.EntryUnread, txn.MonthUnread, txn.EntryUnread | txn.MonthUnread}).Draw(t, "unread"), in, sum, 900)
	case "doubt":
		r = with(bus(card, atc, 300), doubt)
	case "shop":
		r = with(bus(card, atc, 12345), func(r *txn.Row) { r.Terminal = shopOfIssuer })
	}
	r.AC[1] = rapid.SampledFrom([]byte{0, 0, 0, 1}).Draw(t, "content")
	r.AC[0] = byte(rapid.SampledFrom([]txn.Verdict{0, 0, 0, 0, 0, 0, txn.BadCryptogram, txn.BadBalanceMAC, txn.BadCardData}).Draw(t, "issuer says"))
	p := c.row(r)
	p.Mark = rapid.SampledFrom([]txn.Mark{0, 0, 0, 0, 0, txn.MarkDenied, txn.MarkLate}).Draw(t, "mark")
	return p
}

// sums are what a host keeps of a window; items stand in the order of their
// place in the blocks.
type sums struct {
	Items   []Item
	Rebates []Rebate
	States  []StateUpdate
	Pairs   []Pair
	Totals  map[[2]Participant]Totals
	Shares  map[ShareKey]money.Fen
	Counts  map[txn.Verdict]int64
}

func byCard(a, b txn.CardKey) int {
	x, y := a.Bytes(), b.Bytes()
	return slices.Compare(x[:], y[:])
}

func sumUp(results ...*Result) sums {
	w := NewWindow(1)
	var s sums
	for _, r := range results {
		w.Add(r)
		for _, it := range r.Items {
			p := *it.Presented // rows are sorted in place: keep what it points at
			it.Presented = &p
			s.Items = append(s.Items, it)
		}
		s.Rebates = append(s.Rebates, r.Rebates...)
		s.States = append(s.States, r.States...)
	}
	slices.SortFunc(s.Items, func(a, b Item) int { return cmp.Compare(a.Ref.Block, b.Ref.Block) })
	slices.SortFunc(s.Rebates, func(a, b Rebate) int { return cmp.Compare(a.Ref.Block, b.Ref.Block) })
	slices.SortFunc(s.States, func(a, b StateUpdate) int { return byCard(a.Card, b.Card) })
	s.Pairs, s.Totals, s.Shares, s.Counts = w.Nets.Pairs(), w.Totals, w.Shares, w.Counts
	return s
}

// A window's result depends on its rows alone: not on the order in which they
// were added, nor on how the cards are cut into partitions.
func TestResultDependsOnTheRowsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, cut := newCity(), newCity()
		for range rapid.IntRange(1, 3).Draw(t, "windows") {
			var rows []txn.Presented
			for range rapid.IntRange(0, 30).Draw(t, "rows") {
				rows = append(rows, drawRow(t, whole))
			}
			res, err := whole.clearer().Partition(slices.Clone(rows), whole, whole)
			if err != nil {
				t.Fatal(err)
			}
			parts := make([][]txn.Presented, rapid.IntRange(1, 7).Draw(t, "partitions"))
			if len(rows) > 0 {
				for _, p := range rapid.Permutation(rows).Draw(t, "order") {
					i := int(p.Row.Card.PAN[7]) % len(parts)
					parts[i] = append(parts[i], p)
				}
			}
			var results []*Result
			for _, p := range parts {
				r, err := cut.clearer().Partition(p, cut, cut)
				if err != nil {
					t.Fatal(err)
				}
				results = append(results, r)
			}
			if diff := gocmp.Diff(sumUp(res), sumUp(results...)); diff != "" {
				t.Fatalf("in one piece, and cut into %d:\n%s", len(parts), diff)
			}
			whole.store(res)
			for _, r := range results {
				cut.store(r)
			}
		}
		if !gocmp.Equal(whole.states, cut.states) {
			t.Fatal("other states are stored")
		}
	})
}

// decided is the naive twin of the decision on a row: a table of everything that
// was cleared.
type decided map[txn.CardKey]map[uint16][40]byte

func (d decided) verdict(c *city, p *txn.Presented) txn.Verdict {
	r := &p.Row
	content, cleared := d[r.Card][r.ATC]
	_, known := c.Issuer(r.Card)
	switch {
	case !known:
		return txn.BadCardData
	case r.AC[0] != 0:
		return txn.Verdict(r.AC[0])
	case r.Kind == txn.Doubt:
		return txn.Noted
	case cleared && content == r.ContentKey():
		return txn.Duplicate
	case cleared:
		return txn.ConflictingCounter
	case p.Mark == txn.MarkDenied:
		return txn.DeniedCard
	case p.Mark == txn.MarkLate:
		return txn.LateOverLimit
	}
	if d[r.Card] == nil {
		d[r.Card] = map[uint16][40]byte{}
	}
	d[r.Card][r.ATC] = r.ContentKey()
	if r.Amount == 0 {
		return txn.Checkpoint
	}
	return txn.Cleared
}

// Over many windows each row gets the verdict of the twin, each counter is paid
// once, and every fen that is taken from an issuer arrives somewhere.
func TestWindowsAgreeWithATable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, twin := newCity(), decided{}
		type counter struct {
			card txn.CardKey
			atc  uint16
		}
		paid, rebated := map[counter]money.Fen{}, map[counter]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "windows") {
			var rows []txn.Presented
			for range rapid.IntRange(0, 20).Draw(t, "rows") {
				rows = append(rows, drawRow(t, c))
			}
			res, err := c.clearer().Partition(rows, c, c)
			if err != nil {
				t.Fatal(err)
			}
			c.store(res)
			counted := map[txn.Verdict]int64{}
			for i := range res.Items {
				it := &res.Items[i]
				if want := twin.verdict(c, it.Presented); it.Verdict != want {
					t.Fatalf("row %s, card %s, counter %d: %s, want %s", it.Ref, it.Row.Card, it.Row.ATC, it.Verdict, want)
				}
				counted[it.Verdict]++
				if it.Verdict != txn.Cleared {
					continue
				}
				key := counter{it.Row.Card, it.Row.ATC}
				if _, twice := paid[key]; twice {
					t.Fatalf("counter %d of %s is paid twice", it.Row.ATC, it.Row.Card)
				}
				paid[key] = it.Row.Amount
				var shares money.Fen
				for _, s := range it.Shares {
					shares += s.Fen
				}
				if shares != it.Row.Amount-it.Fees.Merchant || it.Fees != fees.Price(it.Row.Amount) {
					t.Fatalf("row %s of %s: shares add to %s, fees %+v", it.Ref, it.Row.Amount, shares, it.Fees)
				}
			}
			if !maps.Equal(counted, res.Counts) || len(res.Items) != len(rows) {
				t.Fatalf("%d items of %d rows, counts %v", len(res.Items), len(rows), res.Counts)
			}
			for _, b := range res.Rebates {
				key := counter{b.Card, b.ATC}
				if rebated[key] || paid[key] != b.Paid || b.Amount() < 0 || len(b.Debits) == 0 {
					t.Fatalf("rebate %+v for a counter that paid %s, rebated before: %v", b, paid[key], rebated[key])
				}
				rebated[key] = true
			}
			checkMoney(t, res)
		}
	})
}

// checkMoney compares nets and shares with the totals of the same items.
func checkMoney(t *rapid.T, res *Result) {
	position := map[Participant]money.Fen{}
	var payable, items, netted money.Fen
	for pair, total := range res.Totals {
		issuer, acquirer := pair[0], pair[1]
		position[issuer] -= total.Amount - total.Fees.Issuer + total.Fees.NetworkIssuer
		position[acquirer] += total.Amount - total.Fees.Issuer - total.Fees.NetworkAcquirer
		position[network] += total.Fees.NetworkIssuer + total.Fees.NetworkAcquirer
		payable += total.Amount - total.Fees.Merchant
		if issuer != acquirer {
			items += money.Fen(total.Items)
		}
	}
	for who, want := range position {
		if got := res.Nets.Positions()[who]; got != want {
			t.Fatalf("net of %d is %s, totals say %s", who, got, want)
		}
	}
	for _, p := range res.Nets.Pairs() {
		netted += money.Fen(p.Items)
	}
	var shares money.Fen
	for _, f := range res.Shares {
		shares += f
	}
	if shares != payable || netted != items {
		t.Fatalf("operators get %s of %s; %d items netted, want %d", shares, payable, netted, items)
	}
}

func BenchmarkPartition(b *testing.B) {
	c := newCity()
	var rows []txn.Presented
	for n := range 2000 {
		in := entry(cardA(n), 1, 1)
		rows = append(rows, c.row(in), c.row(exit(cardA(n), 2, 5, in, 0, 700)), c.row(bus(cardA(n), 3, 200)))
	}
	b.ReportAllocs()
	for b.Loop() {
		res, err := c.clearer().Partition(rows, c, c)
		if err != nil || len(res.Items) != len(rows) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
