package oracle_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// tap is a row of the worked example, section 13: 9F10 without its first four bytes,
// which are 07011103, and 9F26 as printed there.
type tap struct {
	atc    uint16
	kind   txn.Kind
	amount money.Fen
	iad    string
	ac     string
	flags  txn.Flags
}

const proof = txn.ODAVerified | txn.Tag9F69Checked

var (
	lost = txn.Flags(0).WithReason(txn.LastAnswerLost)
	left = txn.Flags(0).WithReason(txn.LeftBeforeLast)

	entry0011    = tap{0x0011, txn.Entry, 0, "900000010A01000001200098043D37", "8C517585C79A19AA", proof}
	exit0012     = tap{0x0012, txn.Exit, 400, "900000010A010000011600AE047B27", "BE3A851BD64361D3", proof}
	doubt0014    = tap{0x0014, txn.Doubt, 300, "900000010A010000011300500C3916", "1AA1C7FA45EF31DF", lost}
	bus0015      = tap{0x0015, txn.Purchase, 200, "900000010A0100000111002244ADE3", "5D2FC3DA6B10AFB2", proof}
	purchase0016 = tap{0x0016, txn.Purchase, 500, "900000010A010000010600E16034C5", "62CA1068CCB889C7", proof}
	purchase0017 = tap{0x0017, txn.Purchase, 600, "900000010A010000010000B8BB8B27", "49961E347C5ECF58", proof}
	clone0017    = tap{0x0017, txn.Purchase, 200, "900000010A010000010400DFA68B96", "3555F2BDB7D3491F", proof}
)

// loaded is the value after the load at 0010, where this example begins for Decide.
const loaded money.Fen = 12000

var worked = func() txn.CardKey {
	pan, err := txn.ParsePAN("6228000100001117")
	if err != nil {
		panic(err)
	}
	return txn.CardKey{PAN: pan, PSN: 1}
}()

func (x tap) with(f txn.Flags) tap { x.flags = f; return x }

func seen(taps ...tap) []oracle.Seen {
	var out []oracle.Seen
	for _, x := range taps {
		r := txn.Row{Kind: x.kind, Flags: x.flags, Card: worked, ATC: x.atc, Amount: x.amount, Time: 1_700_000_000}
		iad, err := hex.DecodeString("07011103" + x.iad)
		if err != nil || len(iad) != 19 {
			panic(fmt.Sprintf("9F10 of %04X: %d bytes, %v", x.atc, len(iad), err))
		}
		copy(r.IAD[:], iad)
		ac, err := hex.DecodeString(x.ac)
		if err != nil || copy(r.AC[:], ac) != 8 {
			panic(fmt.Sprintf("9F26 of %04X: %v", x.atc, err))
		}
		out = append(out, oracle.Seen{Row: r})
	}
	return out
}

func TestSection13WorkedExample(t *testing.T) {
	doubt := func(o oracle.Open) oracle.Open { o.ATC, o.Kind, o.Amount = 0x14, txn.Doubt, 300; return o }
	decided := doubt(oracle.Open{MustHavePaid: true, CanHavePaid: true})
	undecided := doubt(oracle.Open{CanHavePaid: true})
	notPaid := doubt(oracle.Open{})
	day1 := []tap{entry0011, exit0012, doubt0014, purchase0016, purchase0017}
	exitOpen := oracle.Open{ATC: 0x12, Kind: txn.Exit, Amount: 400, CanHavePaid: true}
	exitPaid := oracle.Open{ATC: 0x12, Kind: txn.Exit, Amount: 400, CanHavePaid: true, MustHavePaid: true}
	for _, c := range []struct {
		name  string
		taps  []tap
		limit money.Fen
		want  []oracle.Open
	}{
		{"day 1: committed with 200 at 0015, or not with 500", day1, 50000, []oracle.Open{undecided}},
		{"day 6: 0015 comes, nothing is left to its neighbours", append(slices.Clone(day1), bus0015), 50000, []oracle.Open{decided}},
		{"no counter can take 500: it was committed", day1, 499, []oracle.Open{decided}},
		{"no counter can take 200 either: no history", day1, 199, []oracle.Open{doubt(oracle.Open{Contradicted: true})}},
		{"the doubt row is the last: only a suspicion", []tap{entry0011, exit0012, doubt0014}, 50000,
			[]oracle.Open{doubt(oracle.Open{CanHavePaid: true, Tail: true})}},
		{"nobody asked for the last record: it cannot have paid", []tap{entry0011, exit0012, doubt0014.with(left), purchase0016}, 50000,
			[]oracle.Open{notPaid}},
		{"that, and 300 gone at once: no history", []tap{exit0012, doubt0014.with(left), bus0015}, 50000,
			[]oracle.Open{doubt(oracle.Open{Contradicted: true})}},
		{"the last record was read and then the gate failed", []tap{exit0012, doubt0014.with(txn.LastRecordRead.WithReason(txn.GateFault)), purchase0016}, 50000,
			[]oracle.Open{decided}},
		{"the last record was read and the signature is wrong", []tap{exit0012, doubt0014.with(txn.LastRecordRead.WithReason(txn.ODAFailed)), purchase0016}, 50000,
			[]oracle.Open{decided}},
		{"deny-listed after the last record, no later tap", []tap{exit0012, doubt0014.with(txn.LastRecordRead.WithReason(txn.DenyListed))}, 50000,
			[]oracle.Open{doubt(oracle.Open{MustHavePaid: true, CanHavePaid: true, Tail: true})}},
		{"a gate fault alone proves nothing", []tap{exit0012, doubt0014.with(txn.Flags(0).WithReason(txn.GateFault)), purchase0016}, 50000,
			[]oracle.Open{undecided}},
		{"fDDA 00 at 0012: it paid, or 0013 took 400", []tap{entry0011, exit0012.with(txn.ODAVerified), doubt0014, bus0015}, 50000,
			[]oracle.Open{exitOpen, decided}},
		{"fDDA 00 at 0012 and no counter that can take 400", []tap{entry0011, exit0012.with(txn.ODAVerified), doubt0014, bus0015}, 399,
			[]oracle.Open{exitPaid, decided}},
		{"0013 came as well: nothing is left for it to take", []tap{entry0011, exit0012.with(0), {0x13, txn.Declined, 700,
			"800000010A01000001160000000000", "0000000000000001", txn.Flags(0).WithReason(txn.CardDeclined)}, doubt0014}, 50000,
			[]oracle.Open{exitPaid, doubt(oracle.Open{CanHavePaid: true, Tail: true})}},
		{"the clone's row before the true one: either can be of the other chip", []tap{purchase0016.with(txn.ODAVerified), clone0017, purchase0017}, 50000,
			[]oracle.Open{{ATC: 0x16, Kind: txn.Purchase, Amount: 500, MustHavePaid: true, CanHavePaid: true}}},
		{"no counter takes less than nothing", []tap{exit0012, doubt0014, bus0015}, -1, []oracle.Open{decided}},
		{"a limit that allows nothing", []tap{exit0012, doubt0014, purchase0016}, 0, []oracle.Open{doubt(oracle.Open{Contradicted: true})}},
		{"a contradiction ends at the next certain row", []tap{exit0012, doubt0014.with(left), bus0015, purchase0016.with(0), purchase0017}, 50000,
			[]oracle.Open{doubt(oracle.Open{Contradicted: true}), {ATC: 0x16, Kind: txn.Purchase, Amount: 500, MustHavePaid: true, CanHavePaid: true}}},
		{"no rows", nil, 50000, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := seen(c.taps...)
			for range 2 {
				if diff := cmp.Diff(c.want, oracle.Decide(rows, loaded, c.limit)); diff != "" {
					t.Errorf("Decide (-want +got):\n%s", diff)
				}
				slices.Reverse(rows)
				rows = append(rows, rows...)
				for i := range rows {
					rows[i].Refused = i%2 == 0
				}
			}
		})
	}
}

// TestOneRowCompletesAnother has two rows of one cryptogram at 0014, in both orders.
func TestOneRowCompletesAnother(t *testing.T) {
	as := func(k txn.Kind, f txn.Flags) tap {
		x := doubt0014.with(f)
		x.kind = k
		return x
	}
	for _, c := range []struct {
		name  string
		other tap
		want  []oracle.Open
	}{
		{"closed by a second tap", as(txn.Exit, txn.ClosedByRetap), nil},
		{"closed by GET TRANS PROVE", as(txn.Exit, txn.ClosedByProve), nil},
		{"presented without proof", as(txn.Exit, 0), []oracle.Open{{ATC: 0x14, Kind: txn.Exit, Amount: 300}}},
		{"a second doubt, not asked for the last record", as(txn.Doubt, lost), []oracle.Open{{ATC: 0x14, Kind: txn.Doubt, Amount: 300}}},
		{"declined afterwards", as(txn.Declined, lost), []oracle.Open{{ATC: 0x14, Kind: txn.Doubt, Amount: 300}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, taps := range [][]tap{
				{exit0012, doubt0014.with(left), c.other, purchase0016},
				{exit0012, c.other, doubt0014.with(left), purchase0016},
			} {
				if diff := cmp.Diff(c.want, oracle.Decide(seen(taps...), loaded, 50000)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestTwoChipsWithOneCounter(t *testing.T) {
	other := doubt0014
	other.amount, other.iad, other.ac = 100, "900000010A01000001150000000000", "0000000000000002"
	next := bus0015 // B = 11300: after 300, not after 100
	want := []oracle.Open{
		{ATC: 0x14, Kind: txn.Doubt, Amount: 100},
		{ATC: 0x14, Kind: txn.Doubt, Amount: 300, MustHavePaid: true, CanHavePaid: true},
	}
	if diff := cmp.Diff(want, oracle.Decide(seen(exit0012, doubt0014, other, next), loaded, 50000)); diff != "" {
		t.Errorf("the next balance names the chip (-want +got):\n%s", diff)
	}
	want[0].CanHavePaid, want[1].MustHavePaid = true, false
	want[0].Tail, want[1].Tail = true, true
	if diff := cmp.Diff(want, oracle.Decide(seen(exit0012, other, doubt0014), loaded, 50000)); diff != "" {
		t.Errorf("no next balance (-want +got):\n%s", diff)
	}
}

func TestRowsThatDoNotSpeak(t *testing.T) {
	silent := seen(bus0015)
	silent[0].Row.IAD = [24]byte{7, 1, 0x11, 3, 0x90, 0, 0, 1} // no discretionary data
	hold := seen(bus0015)
	hold[0].Row.Kind = txn.Hold
	unkind := seen(bus0015)
	unkind[0].Row.Kind = 0
	broken := seen(bus0015)
	broken[0].Row.IAD[0] = 6
	ctta := seen(bus0015)
	ctta[0].Row.IAD[9] = 2
	for name, row := range map[string][]oracle.Seen{"no balance": silent, "hold": hold, "no kind": unkind, "not a 9F10": broken, "CTTA": ctta} {
		rows := append(seen(exit0012, doubt0014, purchase0016), row...)
		got := oracle.Decide(rows, loaded, 50000)
		if len(got) != 1 || got[0].MustHavePaid || !got[0].CanHavePaid {
			t.Errorf("%s at 0015: got %+v, want 0014 undecided as if nobody spoke for 0015", name, got)
		}
	}
}

func TestJudge(t *testing.T) {
	event := oracle.Event{Card: worked, ATC: 0x14, Amount: 300}
	for _, c := range []struct {
		name string
		taps []tap
		want oracle.Finding
		bad  bool
	}{
		{"day 1", []tap{exit0012, doubt0014, purchase0016}, oracle.Undecided, false},
		{"day 6", []tap{exit0012, doubt0014, bus0015}, oracle.Decidable, false},
		{"the gate has not uploaded", []tap{exit0012, bus0015}, oracle.Unreported, false},
		{"the terminal lies about the end", []tap{exit0012, doubt0014.with(left)}, oracle.Undecided, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := oracle.Judge(event, oracle.Decide(seen(c.taps...), loaded, 50000))
			if got != c.want || (err != nil) != c.bad {
				t.Errorf("got %s, %v; want %s, error %t", got, err, c.want, c.bad)
			}
		})
	}
}

// The worked example of section 13: a gate that stayed shut, a bus that uploads late.
func ExampleDecide() {
	event := oracle.Event{Card: worked, ATC: 0x14, Amount: 300}
	arrived := seen(entry0011, exit0012, doubt0014, purchase0016, purchase0017)
	for _, late := range [][]oracle.Seen{nil, seen(bus0015)} {
		arrived = append(arrived, late...)
		finding, err := oracle.Judge(event, oracle.Decide(arrived, 12000, 50000))
		fmt.Println(len(arrived), "rows:", finding, err)
	}
	// Output:
	// 5 rows: undecided <nil>
	// 6 rows: decidable <nil>
}
