package clearing

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// with changes one thing of a row.
func with(r txn.Row, change func(r *txn.Row)) txn.Row {
	change(&r)
	return r
}

func verified(v txn.Verdict) func(*txn.Row) { return func(r *txn.Row) { r.AC[0] = byte(v) } }

func doubt(r *txn.Row) { r.Kind, r.Flags = txn.Doubt, txn.Flags(0).WithReason(txn.GateFault) }

// Every verdict, each by its own rule and in its order of precedence.
func TestEveryVerdictIsReached(t *testing.T) {
	card, foreign := cardA(1), txn.CardKey{PAN: pan("999999", 1)}
	cleared := bus(card, 10, 200)
	cases := []struct {
		name string
		row  txn.Row
		mark txn.Mark
		want txn.Verdict
	}{
		{"paid", bus(card, 11, 200), 0, txn.Cleared},
		{"single deduction", with(bus(card, 12, 200), func(r *txn.Row) { r.Kind = txn.Single }), 0, txn.Cleared},
		{"completion", with(bus(card, 13, 200), func(r *txn.Row) { r.Kind = txn.Completion }), 0, txn.Cleared},
		{"completion at no cost", with(bus(card, 13, 0), func(r *txn.Row) { r.Kind = txn.Completion }), 0, txn.Checkpoint},
		{"entry", entry(card, 14, 1), 0, txn.Checkpoint},
		{"purchase over 0", bus(card, 15, 0), 0, txn.Checkpoint},
		{"hold", with(bus(card, 16, 500), func(r *txn.Row) { r.Kind = txn.Hold }), 0, txn.Checkpoint},
		{"a kind that nobody has defined", with(bus(card, 16, 500), func(r *txn.Row) { r.Kind = 99 }), 0, txn.BadCardData},
		{"completion under a cleared counter", with(cleared, func(r *txn.Row) { r.Kind = txn.Completion }), 0, txn.Duplicate},
		{"doubt", with(bus(card, 17, 300), doubt), 0, txn.Noted},
		{"doubt over a cleared counter", with(bus(card, 10, 300), doubt), 0, txn.Noted},
		{"doubt of a denied card", with(bus(card, 17, 300), doubt), txn.MarkDenied, txn.Noted},
		{"declined", with(bus(card, 18, 300), func(r *txn.Row) { r.Kind = txn.Declined }), 0, txn.Noted},
		{"forged", with(bus(card, 19, 300), verified(txn.BadCryptogram)), 0, txn.BadCryptogram},
		{"forged doubt row", with(with(bus(card, 19, 300), doubt), verified(txn.BadCryptogram)), 0, txn.BadCryptogram},
		{"forged copy of a cleared row", with(cleared, verified(txn.BadCryptogram)), txn.MarkLate, txn.BadCryptogram},
		{"forged balance", with(bus(card, 19, 300), verified(txn.BadBalanceMAC)), txn.MarkDenied, txn.BadBalanceMAC},
		{"repeat", cleared, 0, txn.Duplicate},
		{"repeat from another terminal", with(cleared, func(r *txn.Row) { r.Terminal, r.Sequence, r.Time = gate(2), 99, noon }), 0, txn.Duplicate},
		{"repeat with what no MAC covers", with(cleared, func(r *txn.Row) { r.IAD[1], r.IAD[5], r.IAD[6] = 9, 9, 9 }), 0, txn.Duplicate},
		{"repeat of a denied card", cleared, txn.MarkDenied, txn.Duplicate},
		{"late repeat", cleared, txn.MarkLate, txn.Duplicate},
		{"two valid rows under one counter", with(cleared, func(r *txn.Row) { r.AC[1] = 1 }), 0, txn.ConflictingCounter},
		{"the same of a denied card", with(cleared, func(r *txn.Row) { r.UN[0] = 1 }), txn.MarkDenied, txn.ConflictingCounter},
		{"entry under a cleared counter", entry(card, 10, 1), 0, txn.ConflictingCounter},
		{"denied", bus(card, 20, 200), txn.MarkDenied, txn.DeniedCard},
		{"entry of a denied card", entry(card, 20, 2), txn.MarkDenied, txn.DeniedCard},
		{"late", bus(card, 20, 200), txn.MarkLate, txn.LateOverLimit},
		{"9F10 not readable", with(bus(card, 21, 200), verified(txn.BadCardData)), 0, txn.BadCardData},
		{"nobody's card", bus(foreign, 21, 200), 0, txn.BadCardData},
		{"nobody's card, doubt", with(bus(foreign, 21, 200), doubt), 0, txn.BadCardData},
	}
	reached := map[txn.Verdict]bool{}
	for _, c := range cases {
		city := newCity()
		wantVerdicts(t, city.clear(t, city.row(cleared)), txn.Cleared)
		before := string(city.states[card])
		res := city.clear(t, city.marked(c.row, c.mark))
		if got := found(res); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
			continue
		}
		reached[c.want] = true
		counts(t, res)
		it := res.Items[0]
		paid := c.want == txn.Cleared
		if (len(res.Nets.Pairs()) > 0) != paid || (len(res.Totals) > 0) != paid || (len(res.Shares) > 0) != paid || (it.Acquirer != 0) != paid || (len(it.Shares) > 0) != paid {
			t.Errorf("%s: nets %v, totals %v, shares %v", c.name, res.Nets.Pairs(), res.Totals, res.Shares)
		}
		if kept := c.want == txn.Cleared || c.want == txn.Checkpoint; (string(city.states[card]) != before) != kept || (len(res.States) > 0) != kept {
			t.Errorf("%s: state changed %v, want %v", c.name, !kept, kept)
		}
		if _, stored := city.states[foreign]; stored {
			t.Errorf("%s: a state is kept for nobody's card", c.name)
		}
	}
	for v := txn.Cleared; v.String() != "invalid"; v++ {
		if !reached[v] {
			t.Errorf("no test reaches %s", v)
		}
	}
}

// Inside one window the same rules hold, the row that was accepted first going
// first.
func TestFirstAcceptedRowOfACounterStands(t *testing.T) {
	c := newCity()
	card := cardA(1)
	first, again, other := c.row(bus(card, 5, 200)), c.row(bus(card, 5, 200)), c.row(with(bus(card, 5, 200), func(r *txn.Row) { r.AC[3] = 7 }))
	forged := c.row(with(bus(card, 5, 200), verified(txn.BadCryptogram)))
	forged.Ref = txn.Ref{} // came before all
	res := c.clear(t, other, again, forged, first)
	wantVerdicts(t, res, txn.BadCryptogram, txn.Cleared, txn.Duplicate, txn.ConflictingCounter)
	if res.Items[1].Ref != first.Ref {
		t.Errorf("row %s was cleared, row %s came first", res.Items[1].Ref, first.Ref)
	}
}

// A refused row must leave no mark: the right row under the same counter clears
// when it comes.
func TestRefusedRowsDoNotTouchCounters(t *testing.T) {
	for name, refused := range map[string]func(c *city, r txn.Row) txn.Presented{
		"denied":       func(c *city, r txn.Row) txn.Presented { return c.marked(r, txn.MarkDenied) },
		"late":         func(c *city, r txn.Row) txn.Presented { return c.marked(r, txn.MarkLate) },
		"forged":       func(c *city, r txn.Row) txn.Presented { return c.row(with(r, verified(txn.BadCryptogram))) },
		"bad balance":  func(c *city, r txn.Row) txn.Presented { return c.row(with(r, verified(txn.BadBalanceMAC))) },
		"bad data":     func(c *city, r txn.Row) txn.Presented { return c.row(with(r, verified(txn.BadCardData))) },
		"doubt":        func(c *city, r txn.Row) txn.Presented { return c.row(with(r, doubt)) },
		"other amount": func(c *city, r txn.Row) txn.Presented { r.Amount++; return c.marked(r, txn.MarkDenied) },
	} {
		for _, windows := range []int{1, 2} {
			c := newCity()
			bad := refused(c, bus(cardA(1), 7, 200))
			good := c.row(bus(cardA(1), 7, 200))
			if windows == 1 {
				res := c.clear(t, good, bad)
				if got := found(res); !got[0].Refused() && got[0] != txn.Noted || got[1] != txn.Cleared {
					t.Errorf("%s: %v", name, got)
				}
				continue
			}
			if res := c.clear(t, bad); len(res.States) != 0 {
				t.Errorf("%s: a state is stored for a card that only had a refused row", name)
			}
			wantVerdicts(t, c.clear(t, good), txn.Cleared)
			wantVerdicts(t, c.clear(t, bad, good), c.again(bad), txn.Duplicate)
		}
	}
}

// again is the verdict on a row whose counter has been cleared meanwhile.
func (c *city) again(p txn.Presented) txn.Verdict {
	switch {
	case p.Row.AC[0] != 0:
		return txn.Verdict(p.Row.AC[0])
	case p.Row.Kind == txn.Doubt:
		return txn.Noted
	case p.Row.Amount != 200:
		return txn.ConflictingCounter
	}
	return txn.Duplicate
}

// The money of single rows, worked out by hand: amount less issuer fee from the
// issuer to the acquirer, the network's fee from both, the rest to the operator.
func TestMoneyOfClearedRows(t *testing.T) {
	c := newCity()
	in := entry(cardA(1), 1, 2)
	res := c.clear(t,
		c.row(in), c.row(exit(cardA(1), 2, 5, in, 0, 10000)), // metro, 100 yuan to make the fees plain
		c.row(bus(cardB(1), 1, 20000)),
		c.row(with(bus(cardA(2), 1, 1000), func(r *txn.Row) { r.Terminal = shopOfIssuer })))
	wantVerdicts(t, res, txn.Cleared, txn.Checkpoint, txn.Cleared, txn.Cleared)
	want := []Pair{
		{From: bankA, To: metroBank, Amount: 9950, Items: 1},
		{From: bankA, To: network, Amount: 10 + 1 + 1}, // metro row as issuer; own shop on both sides
		{From: bankB, To: busBank, Amount: 19900, Items: 1},
		{From: bankB, To: network, Amount: 20},
		{From: metroBank, To: network, Amount: 10},
		{From: busBank, To: network, Amount: 20},
	}
	if diff := cmp.Diff(want, res.Nets.Pairs()); diff != "" {
		t.Errorf("nets:\n%s", diff)
	}
	wantTotals := map[[2]Participant]Totals{
		{bankA, metroBank}: {1, 10000, Fees{100, 50, 10, 10}},
		{bankB, busBank}:   {1, 20000, Fees{200, 100, 20, 20}},
		{bankA, bankA}:     {1, 1000, Fees{10, 5, 1, 1}},
	}
	if diff := cmp.Diff(wantTotals, res.Totals); diff != "" {
		t.Errorf("totals:\n%s", diff)
	}
	// Stations 2 to 5: one of three sections is operator 1's.
	wantShares := map[ShareKey]money.Fen{{metroBank, 1}: 3300, {metroBank, 2}: 6600, {busBank, 9}: 19800, {bankA, 30}: 990}
	if diff := cmp.Diff(wantShares, res.Shares); diff != "" {
		t.Errorf("shares:\n%s", diff)
	}
}

// Where the entry is not known the exit's own operator gets the whole.
func TestShareOfAJourneyWithoutEntry(t *testing.T) {
	in := entry(cardA(1), 1, 1)
	for _, c := range []struct {
		name string
		row  txn.Row
		want []fare.Share
	}{
		{"known entry", exit(cardA(1), 2, 4, in, 0, 1000), []fare.Share{{Operator: 1, Fen: 660}, {Operator: 2, Fen: 330}}},
		{"blind exit without entry", blind(cardA(1), 2, 4, txn.EntryUnread, in, 0, 1000), []fare.Share{{Operator: 2, Fen: 990}}},
		{"entry in nobody's register", with(exit(cardA(1), 2, 4, in, 0, 1000), func(r *txn.Row) { r.EntryTerminal = exitOnlyOther }), []fare.Share{{Operator: 2, Fen: 990}}},
		{"entry on a bus", with(exit(cardA(1), 2, 4, in, 0, 1000), func(r *txn.Row) { r.EntryTerminal = busTerminal }), []fare.Share{{Operator: 2, Fen: 990}}},
		{"no entry named", with(exit(cardA(1), 2, 4, in, 0, 1000), func(r *txn.Row) { r.EntryTerminal = 0 }), []fare.Share{{Operator: 2, Fen: 990}}},
		{"purchase with an entry", with(exit(cardA(1), 2, 4, in, 0, 1000), func(r *txn.Row) { r.Kind = txn.Purchase }), []fare.Share{{Operator: 2, Fen: 990}}},
	} {
		city := newCity()
		res := city.clear(t, city.row(c.row))
		if diff := cmp.Diff(c.want, res.Items[0].Shares); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestFareWithoutAWayGoesToTheOperatorOfTheExit(t *testing.T) {
	in := entry(cardA(1), 1, 1)
	city := newCity()
	city.fail = "split"
	res := city.clear(t, city.row(exit(cardA(1), 2, 4, in, 0, 1000)))
	if diff := cmp.Diff([]fare.Share{{Operator: 2, Fen: 990}}, res.Items[0].Shares); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenPortsStopThePartition(t *testing.T) {
	in := entry(cardA(1), 1, 1)
	row := exit(cardA(1), 2, 4, in, 0, 1000)
	for _, c := range []struct {
		name, message string
		row           txn.Row
		prepare       func(c *city)
		cause         error
	}{
		{"verifier", "verify 1 rows", row, func(c *city) { c.fail = "verify" }, errPort},
		{"states", "load card states", row, func(c *city) { c.fail = "load" }, errPort},
		{"state of a newer program", "card 622800******0001/01: stored card state is of another program: version 9", row, func(c *city) { c.states[cardA(1)] = []byte{9} }, errVersion},
		{"terminal without entry in the register", "terminal 555 of an accepted block is not in clearing's register", with(row, func(r *txn.Row) { r.Terminal = exitOnlyOther }), func(*city) {}, nil},
	} {
		city := newCity()
		c.prepare(city)
		_, err := city.clearer().Partition([]txn.Presented{city.row(c.row)}, city, city)
		if err == nil || !strings.Contains(err.Error(), c.message) || c.cause != nil && !errors.Is(err, c.cause) {
			t.Errorf("%s: %v, want %q", c.name, err, c.message)
		} else if strings.Contains(err.Error(), "6228000000000001") {
			t.Errorf("%s: the error shows the number: %v", c.name, err)
		}
	}
	if res := newCity().clear(t); len(res.Items)+len(res.States)+len(res.Rebates)+len(res.Counts) != 0 {
		t.Errorf("no rows give %+v", res)
	}
}

// A broken rule for counters shows in the items, so that a test of the whole road
// can break it on purpose.
func TestCounterRuleCanBeReplaced(t *testing.T) {
	c := newCity()
	cl := c.clearer()
	cl.Counters = func(*Counters, uint16, [8]byte) Seen { return New }
	rows := []txn.Presented{c.row(bus(cardA(1), 5, 200)), c.row(bus(cardA(1), 5, 200))}
	res, err := cl.Partition(rows, c, c)
	if err != nil {
		t.Fatal(err)
	}
	wantVerdicts(t, res, txn.Cleared, txn.Cleared)
}
