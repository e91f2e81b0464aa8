package fare_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
)

// replaceLength gives the toy's line Cross the length it has with E-F changed.
func replaceLength(lines, metres string) string {
	total := map[string]string{"5000": "50000", "5050": "50050", "5051": "50051"}[metres]
	return strings.Replace(lines, "4,50000,", "4,"+total+",", 1)
}

func TestRidesAreConnectedAndAddUp(t *testing.T) {
	b := book(t)
	n := fare.StationID(len(b.Stations()))
	for from := fare.StationID(1); from <= n; from++ {
		for to := from; to <= n; to += 3 {
			legs, err := b.Ride(from, to)
			if err != nil {
				t.Fatal(err)
			}
			at, sum := from, 0
			for i, l := range legs {
				line, _ := b.Line(l.Line)
				if l.From != at || line.Operator != l.Operator || line.Network != l.Network || i > 0 && legs[i-1].Line == l.Line {
					t.Fatalf("%s to %s: leg %d of %+v is wrong", b.Name(from), b.Name(to), i, legs)
				}
				if !slices.Contains(b.Lines(l.From), l.Line) || !slices.Contains(b.Lines(l.To), l.Line) {
					t.Fatalf("%s to %s: %s does not stop at both ends of leg %d", b.Name(from), b.Name(to), line.Name, i)
				}
				at, sum = l.To, sum+l.Metres
			}
			if at != to || sum != b.Distance(from, to) {
				t.Fatalf("%s to %s: ride ends at %s after %d m, want %d", b.Name(from), b.Name(to), b.Name(at), sum, b.Distance(from, to))
			}
			back, err := b.Ride(to, from)
			if err != nil {
				t.Fatal(err)
			}
			slices.Reverse(back)
			for i := range back {
				back[i].From, back[i].To = back[i].To, back[i].From
			}
			if !slices.Equal(legs, back) {
				t.Fatalf("%s to %s: %+v there, %+v back", b.Name(from), b.Name(to), legs, back)
			}
		}
	}
}

// A to C is 4000 m both ways round the ring and the same number of stops: the edge
// first in the file wins, on both directions.
func TestEqualWaysAreBrokenByFileOrder(t *testing.T) {
	b := toyBook(t)
	a, c := named(t, b, "A"), named(t, b, "C")
	for _, pair := range [][2]fare.StationID{{a, c}, {c, a}} {
		legs, err := b.Ride(pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		want := []fare.Leg{{Line: 2, Operator: 1, Network: 1, From: pair[0], To: pair[1], Metres: 4000}}
		if d := cmp.Diff(want, legs); d != "" {
			t.Error(d)
		}
	}
}

func TestMinutesCountTheWalks(t *testing.T) {
	b := toyBook(t)
	for _, c := range []struct {
		from, to string
		want     int
	}{
		{"A", "A", 0},
		{"A", "B", 4},     // 2000 m: 3.64
		{"B", "T", 14},    // 6000 m: 11, and 3 of the slowest all-day walk at A
		{"T", "B", 15},    // the table has no way back: 11 and 4
		{"C", "E", 19},    // 6000 m: 11, and 7.5 over the street at D
		{"E", "C", 19},    // the same way back
		{"F", "Hill", 14}, // 5500 m: 10, and 4
	} {
		if got := b.Minutes(named(t, b, c.from), named(t, b, c.to)); got != c.want {
			t.Errorf("%s to %s: %d minutes, want %d", c.from, c.to, got, c.want)
		}
	}
	want := []fare.VirtualTransfer{{From: 3, To: 5, FromLine: 2, ToLine: 3, Tenths: 75}, {From: 4, To: 7, FromLine: 2, ToLine: 3, Tenths: 120}}
	want[0].From, want[0].To = named(t, b, "D"), named(t, b, "D")
	want[1].From, want[1].To = named(t, b, "B"), named(t, b, "F")
	if d := cmp.Diff(want, b.VirtualTransfers()); d != "" {
		t.Error(d)
	}
}

func TestSharesFollowPartsThenMetres(t *testing.T) {
	b := toyBook(t)
	for _, c := range []struct {
		from, to string
		amount   money.Fen
		want     []fare.Share
	}{
		// One network, two operators: 1000 m of North, 5000 m of South.
		{"C", "E", 400, []fare.Share{{1, 1000, 67}, {2, 5000, 333}}},
		// Tram 2 yuan (South), then 4 yuan over 3000 m North and 5000 m South, rope 11.
		{"T", "Hill", 1700, []fare.Share{{1, 3000, 150}, {2, 9000, 450}, {3, 500, 1100}}},
		{"E", "E", 300, []fare.Share{{2, 0, 300}}},
		{"C", "E", -400, []fare.Share{{1, 1000, -67}, {2, 5000, -333}}},
		{"C", "E", 0, []fare.Share{{1, 1000, 0}, {2, 5000, 0}}},
	} {
		from, to := named(t, b, c.from), named(t, b, c.to)
		for _, pair := range [][2]fare.StationID{{from, to}, {to, from}} {
			got, err := b.SplitByOperator(pair[0], pair[1], c.amount)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s to %s: %s", c.from, c.to, d)
			}
		}
	}
}

func TestSharesAreExact(t *testing.T) {
	b := book(t)
	rapid.Check(t, func(t *rapid.T) {
		n := len(b.Stations())
		from := fare.StationID(rapid.IntRange(1, n).Draw(t, "from"))
		to := fare.StationID(rapid.IntRange(1, n).Draw(t, "to"))
		amount := money.Fen(rapid.Int64Range(-10_000, 10_000).Draw(t, "amount"))
		shares, err := b.SplitByOperator(from, to, amount)
		if err != nil {
			t.Fatal(err)
		}
		var fen money.Fen
		var metres int
		for i, s := range shares {
			fen += s.Fen
			metres += s.Metres
			if b.Operator(s.Operator) == "" || i > 0 && shares[i-1].Operator >= s.Operator {
				t.Fatalf("shares out of order or of nobody: %+v", shares)
			}
		}
		if fen != amount || metres != b.Distance(from, to) {
			t.Fatalf("shares %+v of %s over %d m", shares, amount, b.Distance(from, to))
		}
	})
}

func TestManyReadersAgree(t *testing.T) {
	b := book(t)
	from, to := station(t, "香山"), station(t, "大兴机场")
	want, err := b.Ride(from, to)
	if err != nil {
		t.Fatal(err)
	}
	results := make(chan []fare.Leg)
	for range 8 {
		go func() {
			legs, _ := b.Ride(from, to)
			results <- legs
		}()
	}
	for range 8 {
		if d := cmp.Diff(want, <-results); d != "" {
			t.Error(d)
		}
	}
}

func BenchmarkRide(bm *testing.B) {
	b := book(bm)
	from, to := station(bm, "土桥"), station(bm, "昌平西山口")
	bm.ReportAllocs()
	for bm.Loop() {
		if _, err := b.Ride(from, to); err != nil {
			bm.Fatal(err)
		}
	}
}

func BenchmarkMinutes(bm *testing.B) {
	b := book(bm)
	from, to := station(bm, "土桥"), station(bm, "昌平西山口")
	bm.ReportAllocs()
	for bm.Loop() {
		if b.Minutes(from, to) < 0 {
			bm.Fatal("unknown station")
		}
	}
}

func BenchmarkSplitByOperator(bm *testing.B) {
	b := book(bm)
	from, to := station(bm, "土桥"), station(bm, "昌平西山口")
	bm.ReportAllocs()
	for bm.Loop() {
		if _, err := b.SplitByOperator(from, to, 700); err != nil {
			bm.Fatal(err)
		}
	}
}
