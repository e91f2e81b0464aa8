package oracle_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
)

// note is one entry of the books of card 0: what it is, counters, amount.
type note struct {
	what   string
	p, q   uint16
	amount money.Fen
}

func enter(t testing.TB, b *oracle.Books, card int, notes ...note) {
	t.Helper()
	for _, n := range notes {
		if err := write(b, card, n); err != nil {
			t.Fatalf("%+v: %v", n, err)
		}
	}
}

func write(b *oracle.Books, card int, n note) error {
	switch n.what {
	case "commit":
		return b.Commit(card, n.p, n.amount)
	case "posted":
		return b.Posted(card, n.p, n.amount)
	case "unposted":
		return b.Unposted(card, n.p, n.amount)
	case "refunded":
		return b.Refunded(card, n.p, n.q, n.amount)
	case "undone":
		return b.Undone(card, n.p, n.q, n.amount)
	}
	return fmt.Errorf("no such entry: %q", n.what)
}

// TestBooksOfTheWorkedExample is section 13: what each end of the story leaves in the
// issuer's books. 12000 are on the card after the load, 10000 at the end.
func TestBooksOfTheWorkedExample(t *testing.T) {
	chip := []note{{"commit", 0x12, 0, 400}, {"commit", 0x14, 0, 300}, {"commit", 0x15, 0, 200}, {"commit", 0x16, 0, 500}, {"commit", 0x17, 0, 600}}
	day1 := []note{{"posted", 0x12, 0, 400}, {"posted", 0x16, 0, 500}, {"posted", 0x17, 0, 600}}
	bus := note{"posted", 0x15, 0, 200}
	for _, c := range []struct {
		name  string
		notes []note
		want  oracle.Sums
		float money.Fen
	}{
		{"day 1: 500 under way", nil, oracle.Sums{Outstanding: 500}, 10500},
		{"day 6: the bus, then the flash card's 300", []note{bus, {"refunded", 0x14, 0x15, 300}}, oracle.Sums{}, 10000},
		{"never the bus: 500 at the end of the window", []note{{"refunded", 0x14, 0x16, 500}}, oracle.Sums{}, 10000},
		{"the bus after that refund: 200 reversed first", []note{{"refunded", 0x14, 0x16, 500}, {"undone", 0x14, 0x16, 200}, bus}, oracle.Sums{}, 10000},
		{"the bus after that refund: 200 reversed afterwards", []note{{"refunded", 0x14, 0x16, 500}, bus, {"undone", 0x14, 0x16, 200}}, oracle.Sums{}, 10000},
		{"the bus after that refund, refused: it stands", []note{{"refunded", 0x14, 0x16, 500}}, oracle.Sums{}, 10000},
		{"the reversal forgotten", []note{{"refunded", 0x14, 0x16, 500}, bus}, oracle.Sums{Overpaid: 200}, 9800},
		{"the reversal twice", []note{{"refunded", 0x14, 0x16, 500}, bus, {"undone", 0x14, 0x16, 200}, {"undone", 0x14, 0x16, 200}},
			oracle.Sums{Outstanding: 200, Partial: 100}, 10200},
		{"the reversal of more than was refunded", []note{{"refunded", 0x14, 0x16, 500}, {"undone", 0x14, 0x16, 600}}, oracle.Sums{Outstanding: 500, Overtaken: 100}, 10600},
		{"the refund twice", []note{{"refunded", 0x14, 0x16, 500}, {"refunded", 0x14, 0x16, 500}}, oracle.Sums{Overpaid: 500}, 9500},
		{"the refund for the wrong pair", []note{{"refunded", 0x12, 0x14, 300}}, oracle.Sums{Outstanding: 500, Overpaid: 300}, 10200},
		{"the balance before q does not show what q took", []note{bus, {"refunded", 0x12, 0x14, 300}}, oracle.Sums{Outstanding: 300, Overpaid: 300}, 10000},
		{"the refund for one counter", []note{{"refunded", 0x14, 0x14, 300}}, oracle.Sums{Outstanding: 200}, 10200},
		{"a refund that names no events", []note{{"refunded", 0x14, 0x16, 250}}, oracle.Sums{Outstanding: 250, Partial: 50}, 10250},
		{"a refund a fen too large", []note{bus, {"refunded", 0x14, 0x15, 301}}, oracle.Sums{Overpaid: 1}, 9999},
		{"the operator of the gate collects", []note{bus, {"posted", 0x14, 0, 300}}, oracle.Sums{}, 10000},
		{"and gives it back", []note{bus, {"posted", 0x14, 0, 300}, {"unposted", 0x14, 0, 300}}, oracle.Sums{Outstanding: 300}, 10300},
		{"collected and refunded", []note{bus, {"posted", 0x14, 0, 300}, {"refunded", 0x14, 0x15, 300}}, oracle.Sums{Overpaid: 300}, 9700},
		{"a row paid twice", []note{bus, bus}, oracle.Sums{Outstanding: 300, Unbacked: 200}, 10100},
		{"a row paid twice, claimed back", []note{bus, bus, {"unposted", 0x15, 0, 200}}, oracle.Sums{Outstanding: 300}, 10300},
		{"0013 paid, which took nothing", []note{{"posted", 0x13, 0, 700}}, oracle.Sums{Outstanding: 500, Unbacked: 700}, 9800},
		{"0015 paid with the wrong amount", []note{{"posted", 0x15, 0, 201}}, oracle.Sums{Outstanding: 500, Unbacked: 201}, 10299},
		{"the clone's 0017 paid as well", []note{{"posted", 0x17, 0, 200}}, oracle.Sums{Outstanding: 500, Unbacked: 200}, 10300},
		{"paid twice and refunded twice", []note{bus, bus, {"refunded", 0x14, 0x15, 300}, {"refunded", 0x14, 0x15, 300}},
			oracle.Sums{Unbacked: 200, Overpaid: 300}, 9500},
		{"nothing moves for nothing", []note{{"commit", 0x12, 0, 0}, {"posted", 0x12, 0, 0}, {"unposted", 0x12, 0, 0}, {"refunded", 1, 2, 0}, {"undone", 1, 2, 0}},
			oracle.Sums{Outstanding: 500}, 10500},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := oracle.NewBooks(2)
			enter(t, b, 1, chip...)
			enter(t, b, 1, day1...)
			enter(t, b, 1, c.notes...)
			if got := b.Card(1); got != c.want || b.Sums() != c.want || b.Card(0) != (oracle.Sums{}) {
				t.Errorf("card %+v, all %+v; want %+v for both", got, b.Sums(), c.want)
			}
			if b.Outstanding() != c.want.Outstanding || b.Unbacked() != c.want.Unbacked || b.Overpaid() != c.want.Overpaid {
				t.Errorf("outstanding %s, unbacked %s, overpaid %s; want %+v", b.Outstanding(), b.Unbacked(), b.Overpaid(), c.want)
			}
			// What the float really is: the load less everything that moved.
			float := loaded
			for _, n := range slices.Concat(day1, c.notes) {
				float -= map[string]money.Fen{"posted": 1, "refunded": 1, "unposted": -1, "undone": -1}[n.what] * n.amount
			}
			if got := b.FloatShould(10000); got != c.float || got != float {
				t.Errorf("float should be %s, want %s, is %s", got, c.float, float)
			}
			var faulty []int
			if !c.want.Clean() {
				faulty = []int{1}
			}
			if got := b.Faulty(); !slices.Equal(got, faulty) {
				t.Errorf("faulty cards %v, want %v", got, faulty)
			}
		})
	}
}

func TestBooksRefuse(t *testing.T) {
	b := oracle.NewBooks(1)
	enter(t, b, 0, note{"commit", 5, 0, 300}, note{"posted", 5, 0, 300})
	before := b.Sums()
	for _, c := range []struct {
		card int
		note note
		want error
	}{
		{1, note{"commit", 6, 0, 300}, oracle.ErrCard},
		{-1, note{"posted", 5, 0, 300}, oracle.ErrCard},
		{1, note{"refunded", 5, 6, 300}, oracle.ErrCard},
		{0, note{"commit", 6, 0, -1}, oracle.ErrAmount},
		{0, note{"commit", 6, 0, 1 << 32}, oracle.ErrAmount},
		{0, note{"refunded", 5, 6, -1}, oracle.ErrAmount},
		{0, note{"undone", 5, 6, -1}, oracle.ErrAmount},
		{0, note{"commit", 5, 0, 300}, oracle.ErrCounter},
		{0, note{"commit", 5, 0, 200}, oracle.ErrCounter},
		{0, note{"refunded", 6, 5, 300}, oracle.ErrRange},
		{0, note{"undone", 6, 5, 300}, oracle.ErrRange},
		{0, note{"unposted", 6, 0, 300}, oracle.ErrNothing},
		{0, note{"unposted", 5, 0, 200}, oracle.ErrNothing},
		{2, note{"unposted", 5, 0, 300}, oracle.ErrCard},
	} {
		if err := write(b, c.card, c.note); !errors.Is(err, c.want) {
			t.Errorf("card %d, %+v: %v, want %v", c.card, c.note, err, c.want)
		}
	}
	if b.Sums() != before || b.Card(7) != (oracle.Sums{}) {
		t.Errorf("after refusals: %+v, want %+v", b.Sums(), before)
	}
}

// TestBooksConserve enters anything at all: what was committed must be found again, in
// total and card by card, and the order of entries after the commits must not matter.
func TestBooksConserve(t *testing.T) {
	const cards = 3
	rapid.Check(t, func(t *rapid.T) {
		b := oracle.NewBooks(cards)
		var moved [cards]money.Fen // committed - posted - refunded + undone
		var committed []note
		owner := map[note]int{}
		for card := range cards {
			for _, atc := range rapid.SliceOfNDistinct(rapid.Uint16Range(1, 12), 0, 8, rapid.ID).Draw(t, "counters") {
				n := note{"commit", atc, uint16(card), money.Fen(rapid.IntRange(1, 5).Draw(t, "amount"))}
				committed = append(committed, n)
				owner[n] = card
				moved[card] += n.amount
			}
		}
		type entry struct {
			card int
			note note
		}
		var entries []entry
		for range rapid.IntRange(0, 25).Draw(t, "entries") {
			e := entry{rapid.IntRange(0, cards-1).Draw(t, "card"), note{
				what:   rapid.SampledFrom([]string{"posted", "refunded", "undone"}).Draw(t, "what"),
				p:      rapid.Uint16Range(1, 12).Draw(t, "p"),
				amount: money.Fen(rapid.IntRange(1, 5).Draw(t, "amount")),
			}}
			e.note.q = e.note.p + rapid.Uint16Range(0, 5).Draw(t, "reach")
			entries = append(entries, e)
			sign := money.Fen(-1)
			if e.note.what == "undone" {
				sign = 1
			}
			moved[e.card] += sign * e.note.amount
		}
		run := func(entries []entry) *oracle.Books {
			b := oracle.NewBooks(cards)
			for _, n := range committed {
				if err := write(b, owner[n], n); err != nil {
					t.Fatal(err)
				}
			}
			for _, e := range entries {
				if err := write(b, e.card, e.note); err != nil {
					t.Fatal(err)
				}
			}
			return b
		}
		b = run(entries)
		var sum oracle.Sums
		total := money.Fen(0)
		for card := range cards {
			s := b.Card(card)
			if got := s.FloatShould(0); got != moved[card] {
				t.Fatalf("card %d: %+v accounts for %s, want %s", card, s, got, moved[card])
			}
			if s.Outstanding < 0 || s.Unbacked < 0 || s.Overpaid < 0 || s.Overtaken < 0 || s.Partial < 0 {
				t.Fatalf("card %d: negative sum: %+v", card, s)
			}
			sum.Outstanding += s.Outstanding
			sum.Unbacked += s.Unbacked
			sum.Overpaid += s.Overpaid
			sum.Overtaken += s.Overtaken
			sum.Partial += s.Partial
			total += moved[card]
		}
		if sum != b.Sums() || b.FloatShould(0) != total {
			t.Fatalf("all cards %+v, sum of cards %+v; accounts for %s, want %s", b.Sums(), sum, b.FloatShould(0), total)
		}
		again := run(rapid.Permutation(entries).Draw(t, "order"))
		for card := range cards {
			if again.Card(card) != b.Card(card) {
				t.Fatalf("card %d: %+v in one order, %+v in another", card, b.Card(card), again.Card(card))
			}
		}
	})
}

// TestRefundsMatchAsMuchAsCanBe compares the matching with a search through all ways
// to give each fen that a card lacks to one refund or to none.
func TestRefundsMatchAsMuchAsCanBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := oracle.NewBooks(1)
		var fens []uint16 // the counter of each fen lacking
		for _, atc := range rapid.SliceOfNDistinct(rapid.Uint16Range(1, 6), 0, 3, rapid.ID).Draw(t, "counters") {
			amount := rapid.IntRange(1, 2).Draw(t, "amount")
			enter2(t, b, note{"commit", atc, 0, money.Fen(amount)})
			for range amount {
				fens = append(fens, atc)
			}
		}
		var refunds []note
		asked := money.Fen(0)
		for range rapid.IntRange(1, 3).Draw(t, "refunds") {
			p := rapid.Uint16Range(1, 6).Draw(t, "p")
			n := note{"refunded", p, p + rapid.Uint16Range(0, 4).Draw(t, "reach"), money.Fen(rapid.IntRange(1, 3).Draw(t, "amount"))}
			enter2(t, b, n)
			refunds = append(refunds, n)
			asked += n.amount
		}
		var most func(i int, left []note) money.Fen
		most = func(i int, left []note) money.Fen {
			if i == len(fens) {
				return 0
			}
			best := most(i+1, left)
			for k, n := range left {
				within := n.p <= fens[i] && (fens[i] < n.q || n.p == n.q && fens[i] == n.p)
				if within && n.amount > 0 {
					rest := slices.Clone(left)
					rest[k].amount--
					best = max(best, 1+most(i+1, rest))
				}
			}
			return best
		}
		if got, want := b.Overpaid(), asked-most(0, refunds); got != want {
			t.Fatalf("overpaid %d, want %d: fens lacking at %v, refunds %+v", int64(got), int64(want), fens, refunds)
		}
	})
}

func enter2(t *rapid.T, b *oracle.Books, n note) {
	if err := write(b, 0, n); err != nil {
		t.Fatal(err)
	}
}

// fill enters a business day: cards with 2 or 3 commits each, all but one in 32 posted.
func fill(t testing.TB, cards, commits int) *oracle.Books {
	b := oracle.NewBooks(cards)
	for i := range commits {
		card, atc := i%cards, uint16(i/cards*2+2)
		amount := money.Fen(300 + i%7*100)
		if err := b.Commit(card, atc, amount); err != nil {
			t.Fatal(err)
		}
		if i%32 != 0 {
			if err := b.Posted(card, atc, amount); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

// TestBooksOfACityAreSmall holds the books of a day under 150 MB.
func TestBooksOfACityAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 100 MB")
	}
	const cards, commits = 2_700_000, 6_600_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b := fill(t, cards, commits)
	runtime.ReadMemStats(&after) // without a collection: what filling needed at most
	if used := after.TotalAlloc - before.TotalAlloc; used > 150_000_000 {
		t.Errorf("books of %d cards and %d commits needed %d bytes", cards, commits, used)
	} else {
		t.Logf("%d bytes", used)
	}
	want := money.Fen(0)
	for i := 0; i < commits; i += 32 {
		want += money.Fen(300 + i%7*100)
	}
	if b.Outstanding() != want || !b.Sums().Clean() {
		t.Errorf("sums %+v, want %s outstanding and nothing else", b.Sums(), want)
	}
}

func BenchmarkBooks(b *testing.B) {
	const cards = 100_000
	for n := 0; n < b.N; n += 2 * cards {
		fill(b, cards, 2*cards)
	}
}

func BenchmarkDecide(b *testing.B) {
	rows := seen(entry0011, exit0012, doubt0014, purchase0016, purchase0017)
	for b.Loop() {
		oracle.Decide(rows, loaded, 50000)
	}
}

func ExampleBooks() {
	b := oracle.NewBooks(1)
	for _, err := range []error{
		b.Commit(0, 0x14, 300), // the gate stayed shut
		b.Commit(0, 0x15, 200),
		b.Posted(0, 0x15, 200),
	} {
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("float:", b.FloatShould(11100), "outstanding:", b.Outstanding())
	if err := b.Refunded(0, 0x14, 0x15, 300); err != nil {
		fmt.Println(err)
	}
	fmt.Println("float:", b.FloatShould(11100), "overpaid:", b.Overpaid())
	// Output:
	// float: 114.00 outstanding: 3.00
	// float: 111.00 overpaid: 0.00
}
