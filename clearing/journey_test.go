package clearing

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// rebate is what the tests compare of a Rebate.
type rebate struct {
	atc         uint16
	paid, price money.Fen
}

func rebates(results ...*Result) (out []rebate) {
	for _, res := range results {
		for i := range res.Rebates {
			r := &res.Rebates[i]
			out = append(out, rebate{r.ATC, r.Paid, r.Price})
		}
	}
	return out
}

// Journeys of one card over windows; the gate charged the highest fare of 900
// where it could not read. The city's price is 300 and 100 a station.
func TestBlindJourneysAreSettledWhenTheEntryIsKnown(t *testing.T) {
	card := cardA(1)
	in, late := entry(card, 4, 1), entry(card, 8, 3)
	foreign := with(entry(card, 4, 1), func(r *txn.Row) { r.Terminal = exitOnlyOther })
	const both = txn.EntryUnread | txn.MonthUnread
	for _, c := range []struct {
		name    string
		windows [][]txn.Row
		want    []rebate // in the order of windows
		when    int      // window of the last of them
	}{
		{"nothing is blind", [][]txn.Row{{in, exit(card, 5, 3, in, 0, 500)}}, nil, 0},
		{"entry unread, entry in the same window", [][]txn.Row{{in, blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}}, []rebate{{5, 900, 500}}, 0},
		{"entry unread, entry in an earlier window", [][]txn.Row{{in}, {blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}}, []rebate{{5, 900, 500}}, 1},
		{"entry unread, entry later", [][]txn.Row{{blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}, {bus(card, 6, 200)}, {in}}, []rebate{{5, 900, 500}}, 2},
		{"entry unread, no entry comes", [][]txn.Row{{blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}, {bus(card, 6, 200)}}, nil, 0},
		{"only once", [][]txn.Row{{blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}, {in}, {in, bus(card, 6, 200)}}, []rebate{{5, 900, 500}}, 1},
		{"entry unread, price as charged", [][]txn.Row{{in, blind(card, 5, 3, txn.EntryUnread, in, 0, 500)}}, nil, 0},
		{"entry unread, less charged than due", [][]txn.Row{{in, blind(card, 5, 3, txn.EntryUnread, in, 0, 400)}}, nil, 0},
		{"entry unread, month sum over the threshold", [][]txn.Row{{in, blind(card, 5, 3, txn.EntryUnread, in, 10000, 900)}}, []rebate{{5, 900, 400}}, 0},
		{"month unread, nothing known of the month", [][]txn.Row{{in, blind(card, 5, 3, txn.MonthUnread, in, 0, 500)}}, nil, 0},
		{"month unread, sum known from the journey before", [][]txn.Row{
			{in, exit(card, 5, 3, in, 9600, 500)},
			{late, blind(card, 9, 1, txn.MonthUnread, late, 0, 500)}}, []rebate{{9, 500, 400}}, 1},
		{"month unread, sum of another month", [][]txn.Row{
			{in, with(exit(card, 5, 3, in, 9600, 500), func(r *txn.Row) { r.Month = [2]byte{0x25, 0x11} })},
			{late, blind(card, 9, 1, txn.MonthUnread, late, 0, 500)}}, nil, 0},
		{"both unread", [][]txn.Row{
			{in, exit(card, 5, 3, in, 9600, 500)},
			{blind(card, 9, 1, both, late, 0, 900)}, {late}}, []rebate{{9, 900, 400}}, 2},
		{"sum from a blind journey", [][]txn.Row{
			{in, blind(card, 5, 3, txn.EntryUnread, in, 9600, 900)},
			{late, blind(card, 9, 1, txn.MonthUnread, late, 0, 500)}}, []rebate{{5, 900, 500}, {9, 500, 400}}, 1},
		{"sum that the gates were not told of", [][]txn.Row{
			{in, blind(card, 5, 3, txn.EntryUnread, in, 9600, 900)},
			{late, blind(card, 9, 1, txn.EntryUnread, late, 9600, 900)}}, []rebate{{5, 900, 500}, {9, 900, 400}}, 1},
		{"the same in one window, out of order", [][]txn.Row{
			{blind(card, 9, 1, txn.EntryUnread, late, 9600, 900), late, blind(card, 5, 3, txn.EntryUnread, in, 9600, 900), in}}, []rebate{{5, 900, 500}, {9, 900, 400}}, 0},
		{"sum of the gates is larger", [][]txn.Row{
			{in, blind(card, 5, 3, txn.EntryUnread, in, 0, 900)},
			{late, blind(card, 9, 1, txn.EntryUnread, late, 10000, 900)}}, []rebate{{5, 900, 500}, {9, 900, 400}}, 1},
		{"a journey that the gate could price lies between", [][]txn.Row{
			{in, blind(card, 5, 3, txn.EntryUnread, in, 9200, 900), entry(card, 6, 1), exit(card, 7, 2, entry(card, 6, 1), 9200, 400)},
			{late, blind(card, 9, 1, txn.EntryUnread, late, 9600, 900)}}, []rebate{{5, 900, 500}, {9, 900, 400}}, 1},
		{"its entry comes after that journey", [][]txn.Row{
			{blind(card, 5, 3, txn.EntryUnread, in, 9200, 900), exit(card, 7, 2, entry(card, 6, 1), 9200, 400)},
			{in},
			{late, blind(card, 9, 1, txn.EntryUnread, late, 9600, 900)}}, []rebate{{5, 900, 500}, {9, 900, 400}}, 2},
		{"two blind journeys, entries come together", [][]txn.Row{
			{blind(card, 5, 3, txn.EntryUnread, in, 0, 900), blind(card, 9, 1, txn.EntryUnread, late, 0, 900)}, {late, in}}, []rebate{{5, 900, 500}, {9, 900, 500}}, 1},
		{"entry without exit in between is passed over", [][]txn.Row{
			{in, late, blind(card, 9, 1, txn.EntryUnread, late, 0, 900)}}, []rebate{{9, 900, 500}}, 0},
		{"clocks leave no trip", [][]txn.Row{{with(in, func(r *txn.Row) { r.Time = noon + 999_999 }), blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}, {in}}, nil, 0},
		{"day that is no workday", [][]txn.Row{{with(in, func(r *txn.Row) { r.Time = 10 * 86400 }), blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}}, []rebate{{5, 900, 499}}, 0},
		{"entry row refused", [][]txn.Row{{with(in, verified(txn.BadCryptogram)), blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}}, nil, 0},
		{"exit row refused", [][]txn.Row{{in, with(blind(card, 5, 3, txn.EntryUnread, in, 0, 900), verified(txn.BadCryptogram))}}, nil, 0},
		{"entry at a gate that nobody knows", [][]txn.Row{{foreign, blind(card, 5, 3, txn.EntryUnread, in, 0, 900)}, {bus(card, 6, 200)}}, nil, 0},
		{"row names an entry gate that nobody knows", [][]txn.Row{{blind(card, 5, 3, txn.MonthUnread, foreign, 0, 900)}, {bus(card, 6, 200)}}, nil, 0},
		{"entry comes when its journey is long over", [][]txn.Row{
			{exit(card, 5, 3, in, 0, 500)}, {in}, {blind(card, 9, 1, txn.EntryUnread, late, 0, 900)}, {late}}, []rebate{{9, 900, 500}}, 3},
		{"the same in one window", [][]txn.Row{
			{exit(card, 5, 3, in, 0, 500)}, {in, blind(card, 9, 1, txn.EntryUnread, late, 0, 900)}, {late}}, []rebate{{9, 900, 500}}, 2},
	} {
		city := newCity()
		var results []*Result
		last := 0
		for i, rows := range c.windows {
			var presented []txn.Presented
			for _, r := range rows {
				presented = append(presented, city.row(r))
			}
			res := city.clear(t, presented...)
			if len(res.Rebates) > 0 {
				last = i
			}
			results = append(results, res)
		}
		if diff := cmp.Diff(c.want, rebates(results...), cmp.AllowUnexported(rebate{})); diff != "" || last != c.when {
			t.Errorf("%s: last rebate in window %d, want %d\n%s", c.name, last, c.when, diff)
		}
	}
}

// A rebate is paid by the operators of the way and names the row.
func TestRebateNamesRowAndOperator(t *testing.T) {
	c := newCity()
	in := entry(cardB(3), 4, 1)
	row := c.row(blind(cardB(3), 5, 4, txn.EntryUnread, in, 0, 900))
	res := c.clear(t, c.row(in), row)
	want := []Rebate{{Card: cardB(3), ATC: 5, Ref: row.Ref, Acquirer: metroBank, Operator: 2, Paid: 900, Price: 600,
		Debits: []fare.Share{{Operator: 1, Fen: 200}, {Operator: 2, Fen: 100}}}}
	if diff := cmp.Diff(want, res.Rebates); diff != "" {
		t.Fatal(diff)
	}
	if got := res.Rebates[0].Amount(); got != 300 {
		t.Errorf("amount %s", got)
	}
	// The row itself is never altered: it clears with what was deducted, split by
	// the way that is known now.
	it := res.Items[1]
	if it.Row.Amount != 900 || res.Totals[[2]Participant{bankB, metroBank}].Amount != 900 {
		t.Errorf("the row clears with %s", it.Row.Amount)
	}
	if want := map[ShareKey]money.Fen{{metroBank, 1}: 594, {metroBank, 2}: 297}; !cmp.Equal(want, res.Shares) {
		t.Errorf("shares %v, want %v", res.Shares, want)
	}
}

// What is kept of a card is bounded, however many entries nobody uses.
func TestEntriesAreBounded(t *testing.T) {
	c := newCity()
	card := cardA(1)
	for i := range maxEntries + 4 {
		c.clear(t, c.row(entry(card, uint16(10*i+5), 2)))
	}
	s, err := DecodeCardState(c.states[card])
	if err != nil || len(s.entries) != maxEntries || s.entries[0].atc != 45 {
		t.Fatalf("%d entries, %v", len(s.entries), err)
	}
}

// When too many wait, the one that has waited longest gives way, and is named: its
// entry comes in vain, those of the others do not.
func TestOldestOpenJourneyIsAbandoned(t *testing.T) {
	c := newCity()
	card := cardA(1)
	var rows []txn.Presented
	for i := range maxOpen + 2 {
		rows = append(rows, c.row(blind(card, uint16(10*i+5), 3, txn.EntryUnread, txn.Row{}, 0, 900)))
	}
	res := c.clear(t, rows[:maxOpen]...)
	if len(res.Abandoned) != 0 {
		t.Errorf("abandoned before the limit: %+v", res.Abandoned)
	}
	want := []Abandoned{{card, 5, rows[0].Ref, gate(3), 900}, {card, 15, rows[1].Ref, gate(3), 900}}
	refs := []txn.Presented{rows[maxOpen], rows[maxOpen+1]}
	if diff := cmp.Diff(want, c.clear(t, refs...).Abandoned); diff != "" {
		t.Error(diff)
	}
	res = c.clear(t, c.row(entry(card, 24, 1)))
	if diff := cmp.Diff([]rebate{{25, 900, 500}}, rebates(res), cmp.AllowUnexported(rebate{})); diff != "" {
		t.Errorf("third journey:\n%s", diff)
	}
	res = c.clear(t, c.row(entry(card, 4, 1)), c.row(entry(card, 14, 1)))
	if len(res.Rebates) != 0 {
		t.Errorf("abandoned journeys are settled: %+v", res.Rebates)
	}
}

// A gate's terminal may leave the register while a journey waits for its entry.
func TestOpenJourneyOfARemovedGateIsReported(t *testing.T) {
	c := newCity()
	in := entry(cardA(1), 4, 1)
	c.clear(t, c.row(blind(cardA(1), 5, 3, txn.EntryUnread, in, 0, 900)))
	s, err := DecodeCardState(c.states[cardA(1)])
	if err != nil {
		t.Fatal(err)
	}
	s.open[0].terminal = exitOnlyOther
	c.states[cardA(1)] = s.Encode(nil)
	_, err = c.clearer().Partition([]txn.Presented{c.row(in)}, c, c)
	if err == nil || !strings.Contains(err.Error(), "rebate for counter 5: terminal 555 is not in the register") {
		t.Errorf("error %v", err)
	}
}

// The month's sum follows the priced journeys in the order of their counters.
func TestMonthSumIsThatOfTheLastPricedJourney(t *testing.T) {
	card := cardA(1)
	in := entry(card, 4, 1)
	for _, c := range []struct {
		name string
		rows []txn.Row
		sum  money.Fen
		atc  uint16
	}{
		{"one journey", []txn.Row{exit(card, 5, 3, in, 100, 500)}, 600, 5},
		{"two journeys", []txn.Row{exit(card, 5, 3, in, 100, 500), exit(card, 9, 2, in, 600, 400)}, 1000, 9},
		{"not priced", []txn.Row{exit(card, 5, 3, in, 100, 500), with(exit(card, 9, 2, in, 600, 400), func(r *txn.Row) { r.EntryTerminal = 0 })}, 600, 5},
		{"bus", []txn.Row{exit(card, 5, 3, in, 100, 500), bus(card, 9, 200)}, 600, 5},
		{"blind and settled", []txn.Row{in, blind(card, 5, 3, txn.EntryUnread, in, 100, 900)}, 600, 5},
		{"blind, then one whose gate was not told", []txn.Row{in, blind(card, 5, 3, txn.EntryUnread, in, 100, 900), exit(card, 9, 2, in, 100, 400)}, 1000, 9},
		{"blind, settled behind a later one", []txn.Row{blind(card, 5, 3, txn.EntryUnread, in, 100, 900), exit(card, 9, 2, in, 100, 400), in}, 1000, 9},
		{"month unread and late: its gate has counted it", []txn.Row{exit(card, 9, 2, in, 600, 400), blind(card, 5, 3, txn.MonthUnread, in, 0, 500)}, 1000, 9},
		{"blind of another month", []txn.Row{blind(card, 5, 3, txn.EntryUnread, in, 100, 900), with(exit(card, 9, 2, in, 0, 400), func(r *txn.Row) { r.Month = [2]byte{0x26, 0x01} }), in}, 400, 9},
		{"blind and open", []txn.Row{blind(card, 5, 3, txn.EntryUnread, in, 100, 900)}, 0, 0},
	} {
		city := newCity()
		for _, r := range c.rows {
			city.clear(t, city.row(r))
		}
		s, err := DecodeCardState(city.states[card])
		if err != nil || s.sum != c.sum || s.sumATC != c.atc {
			t.Errorf("%s: sum %s up to counter %d, want %s and %d (%v)", c.name, s.sum, s.sumATC, c.sum, c.atc, err)
		}
	}
	// A journey that comes late does not turn the sum back.
	city := newCity()
	city.clear(t, city.row(exit(card, 9, 2, in, 600, 400)))
	city.clear(t, city.row(exit(card, 5, 3, in, 100, 500)))
	if s, err := DecodeCardState(city.states[card]); err != nil || s.sum != 1000 || s.sumATC != 9 {
		t.Errorf("after a late journey: sum %s up to counter %d, %v", s.sum, s.sumATC, err)
	}
}
