package oracle_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

const day = 86400

// workedCase is section 13 with its load, arrivals in days.
func workedCase(bus0015Arrives int64) *oracle.Case {
	c := &oracle.Case{Limit: 50000, Window: 20 * day, Drift: 2}
	put := func(s oracle.Seen, at, arrives int64) {
		s.Row.Time, s.Arrived = at, arrives
		c.Seen = append(c.Seen, s)
	}
	c.Seen = append(c.Seen, oracle.Seen{Load: &oracle.Load{ATC: 0x10, Before: 2000, Amount: 10000, Time: 1000}, Arrived: 1000})
	for i, s := range seen(entry0011, exit0012, doubt0014, purchase0016) {
		put(s, 2000+int64(i), day)
	}
	if bus0015Arrives > 0 {
		put(seen(bus0015)[0], 2003, bus0015Arrives)
	}
	return c
}

func TestCaseOfTheWorkedExample(t *testing.T) {
	flash := oracle.Decision{Sort: oracle.FlashCard, P: 0x14, Q: 0x14, Flash: oracle.Flash{ATC: 0x14, Amount: 300}}
	for _, c := range []struct {
		name    string
		arrives int64
		clone   bool
		at      int64 // of the last question, in days
		want    []oracle.Decision
		due     money.Fen
	}{
		{"day 1: the total alone", 6 * day, false, 1, nil, 0},
		{"day 6: a flash card", 6 * day, false, 8, []oracle.Decision{dated(flash, 6)}, 300},
		{"never the bus: 500 when the window is over", 0, false, 25, []oracle.Decision{dated(short(0x14, 0x16, 500), 21)}, 500},
		{"the bus after that: 300, and 200 are back", 30 * day, false, 31, []oracle.Decision{dated(flash, 30)}, 300},
		{"a clone", 6 * day, true, 8, []oracle.Decision{dated(flash, 6), dated(oracle.Decision{Sort: oracle.Clone, P: 0x17, Q: 0x17}, 7)}, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := workedCase(c.arrives)
			if c.clone {
				for i, s := range seen(purchase0017, clone0017) {
					s.Row.Time, s.Arrived = 3000, int64(6+i)*day
					x.Seen = append(x.Seen, s)
				}
			}
			var nights []int64
			for d := range c.at + 1 {
				nights = append(nights, d*day)
			}
			if diff := cmp.Diff(c.want, x.Decided(nights, nil)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if k := x.At(c.at*day, 0); k.Due != c.due || k.Frozen != c.clone {
				t.Errorf("due %d, frozen %t, want %d, %t", k.Due, k.Frozen, c.due, c.clone)
			}
		})
	}
}

func dated(d oracle.Decision, days int64) oracle.Decision { d.At = days * day; return d }

func short(p, q uint16, amount money.Fen) oracle.Decision {
	return oracle.Decision{Sort: oracle.Short, P: p, Q: q, Flash: oracle.Flash{Amount: amount}}
}

// TestWatermarksEndTheWait: when every terminal has sent everything, nobody waits for
// the window.
func TestWatermarksEndTheWait(t *testing.T) {
	c := workedCase(0)
	for complete, due := range map[int64]money.Fen{0: 0, 2003 + 2: 0, 2003 + 3: 500} {
		if k := c.At(2*day, complete); k.Due != due {
			t.Errorf("complete up to %d: due %d, want %d", complete, k.Due, due)
		}
	}
}

func TestCaseOfLoads(t *testing.T) {
	at := func(loads ...oracle.Load) *oracle.Case {
		c := &oracle.Case{Limit: 1000, Window: 20 * day, Opened: true, Opening: 500}
		for i := range loads {
			c.Seen = append(c.Seen, oracle.Seen{Load: &loads[i]})
		}
		return c
	}
	load := oracle.Load{ATC: 1, Before: 500, Amount: 5000}
	ran, failed := load, load
	ran.Ran, failed.Failed = true, true
	small := oracle.Load{ATC: 1, Before: 500, Amount: 800}
	smallRan, smallFailed := small, small
	smallRan.Ran, smallFailed.Failed = true, true
	question := oracle.Load{ATC: 1, Before: 500}
	for _, c := range []struct {
		name       string
		first      oracle.Load
		next       oracle.Load
		paid, left bool
		flash      int
		due        money.Fen
	}{
		{"it ran", load, oracle.Load{ATC: 2, Before: 5500}, true, false, 0, 0},
		{"it did not", load, oracle.Load{ATC: 2, Before: 500}, false, true, 1, 5000},
		{"it did not, and 300 are missing", load, oracle.Load{ATC: 3, Before: 200}, false, true, 1, 5000},
		{"it ran, and 300 are missing", load, oracle.Load{ATC: 3, Before: 5200}, true, false, 0, 0},
		{"a small one: it did not, or 800 are missing", small, oracle.Load{ATC: 3, Before: 500}, true, true, 0, 0},
		{"a small one, and the load log says that it ran", smallRan, oracle.Load{ATC: 3, Before: 500}, true, false, 0, 0},
		{"a small one, and the load log says that it failed", smallFailed, oracle.Load{ATC: 3, Before: 500}, false, true, 1, 800},
		{"balances weigh more than the log", failed, oracle.Load{ATC: 2, Before: 5500}, true, false, 0, 0},
		{"and the other way round", ran, oracle.Load{ATC: 2, Before: 500}, false, true, 1, 5000},
		{"value from nowhere", load, oracle.Load{ATC: 2, Before: 5501}, false, false, 0, 0},
		{"a question moves nothing", question, oracle.Load{ATC: 2, Before: 500}, false, true, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := at(c.first, c.next).At(0, 0)
			p := k.Pairs[1]
			if p.Paid != c.paid || p.Left != c.left || len(k.FlashLoads) != c.flash || k.Due != c.due || k.Frozen == (c.paid || c.left) {
				t.Errorf("%+v", k)
			}
		})
	}
}

// TestCaseAgainstEveryAmount lets each missing counter take every amount there is, in
// every pair, and compares.
func TestCaseAgainstEveryAmount(t *testing.T) {
	undecided := 0
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		c := oracle.Case{Limit: l.limit, Opened: true, Opening: l.opening}
		type known struct {
			at int // counter
			e  event
		}
		points := []known{{0, event{before: l.opening}}}
		for i := range l.events {
			e := l.events[i]
			if !e.reported {
				continue
			}
			if rapid.IntRange(0, 4).Draw(t, "lies") == 0 { // now and then a balance is another
				e.before = max(e.debit, e.before+money.Fen(rapid.IntRange(-2, 2).Draw(t, "by")))
			}
			c.Seen = append(c.Seen, e.row(i+1))
			points = append(points, known{i + 1, e})
		}
		k := c.At(0, 0)
		if len(k.Pairs) != len(points)-1 {
			t.Fatalf("%d pairs of %d counters", len(k.Pairs), len(points))
		}
		for i, got := range k.Pairs {
			p, q := points[i], points[i+1]
			paid := p.e.debit > 0 && reaches(p.e.before-p.e.debit, q.e.before, q.at-p.at-1, l.limit)
			left := reaches(p.e.before, q.e.before, q.at-p.at-1, l.limit)
			if paid && left {
				undecided++
				switch word := p.e.kind == txn.Doubt && p.e.excluded(); {
				case p.e.proven():
					left = false
				case word:
					paid = false
				}
			}
			if got.Paid != paid || got.Left != left {
				t.Fatalf("%+v, by every amount paid %t, left %t: %+v then %+v", got, paid, left, p, q)
			}
		}
	})
	if undecided == 0 {
		t.Error("no pair was open: this test tests nothing")
	}
}

// reaches reports whether n counters can bring a value to another, each taking any
// amount up to the limit.
func reaches(v, to money.Fen, n int, limit money.Fen) bool {
	if n == 0 {
		return v == to
	}
	for took := money.Fen(0); took <= limit; took++ {
		if reaches(v-took, to, n-1, limit) {
			return true
		}
	}
	return false
}

// TestCaseDoesNotDependOnOrder: order and repetition change nothing.
func TestCaseDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		a := oracle.Case{Limit: l.limit, Opened: true, Opening: l.opening, Seen: l.rows()}
		b := a
		b.Seen = rapid.Permutation(append(slices.Clone(a.Seen), a.Seen...)).Draw(t, "order")
		if x, y := fmt.Sprintf("%+v", a.At(day, 0)), fmt.Sprintf("%+v", b.At(day, 0)); x != y {
			t.Fatalf("%s\n%s", x, y)
		}
	})
}

// TestDecideKnowsLoads: Decide has loads among its rows too.
func TestDecideKnowsLoads(t *testing.T) {
	load := oracle.Seen{Load: &oracle.Load{ATC: 0x10, Before: 2000, Amount: 10000}}
	ran := oracle.Open{ATC: 0x10, Load: true, Amount: 10000, MustHavePaid: true, CanHavePaid: true}
	for name, c := range map[string]struct {
		rows []oracle.Seen
		want []oracle.Open
	}{
		"it ran":        {append(seen(entry0011), load), []oracle.Open{ran}},
		"it did not":    {[]oracle.Seen{load, {Load: &oracle.Load{ATC: 0x11, Before: 2000}}}, []oracle.Open{{ATC: 0x10, Load: true, Amount: 10000}}},
		"nobody knows":  {[]oracle.Seen{load}, []oracle.Open{{ATC: 0x10, Load: true, Amount: 10000, CanHavePaid: true, Tail: true}}},
		"both fit":      {[]oracle.Seen{load, {Load: &oracle.Load{ATC: 0x12, Before: 2000}}}, []oracle.Open{{ATC: 0x10, Load: true, Amount: 10000, CanHavePaid: true}}},
		"value nowhere": {[]oracle.Seen{load, {Load: &oracle.Load{ATC: 0x11, Before: 2001}}}, []oracle.Open{{ATC: 0x10, Load: true, Amount: 10000, Contradicted: true}}},
	} {
		if diff := cmp.Diff(c.want, oracle.Decide(c.rows, 2000, 50000)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A load whose result was lost: the next tap says whether the card got it.
func ExampleCase_Decided() {
	row := txn.Row{Kind: txn.Entry, ATC: 2, Time: 2 * day}
	iad := cryptogram.IAD{CVN: cryptogram.CVN17, CVR: [3]byte{0x90}, Alg: cryptogram.SM4, IDD: cryptogram.IDDBalance, Amount1: [5]byte{4: 0x07}}
	iad.Append(row.IAD[:0])
	c := oracle.Case{Limit: 50000, Window: 20 * day, Seen: []oracle.Seen{
		{Load: &oracle.Load{ATC: 1, Before: 7, Amount: 5000, Time: day}, Arrived: day},
		{Row: row, Arrived: 3 * day},
	}}
	for _, d := range c.Decided([]int64{1 * day, 2 * day, 3 * day, 4 * day}, nil) {
		fmt.Println("flash load:", d.Sort == oracle.FlashLoad, "counter", d.P, "amount", d.Flash.Amount, "known on day", d.At/day)
	}
	// Output: flash load: true counter 1 amount 50.00 known on day 3
}
