package demand

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var loadOnce = sync.OnceValues(Load)

// embedded is the embedded model, shared by the tests, which only read it.
func embedded(t testing.TB) *Model {
	t.Helper()
	m, err := loadOnce()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The totals are those that the source of the counts states.
func TestEmbeddedDay(t *testing.T) {
	m := embedded(t)
	r := m.Error()
	if m.Journeys() != 5_033_474 || len(m.Stations()) != 275 || r.Stations != 275 {
		t.Errorf("%d journeys, %d stations", m.Journeys(), len(m.Stations()))
	}
	if len(r.Moves) != 1 || r.Moves[0].From != "八角游乐园" || r.Moves[0].To != "古城" || r.Moves[0].Entries == 0 {
		t.Errorf("moves: %+v", r.Moves)
	}
	// By the counts alone people spend 38.4 minutes between gates; the fit must explain it by riding and a few minutes more.
	if r.ObservedMean != 2304 || r.RidingMean < 1600 || r.RidingMean > 2100 {
		t.Errorf("mean between gates %d s, riding %d s", r.ObservedMean, r.RidingMean)
	}
	if got := len(m.BusRoutes()); got != 282 {
		t.Errorf("%d bus routes", got)
	}
}

func TestErrorBound(t *testing.T) {
	m := embedded(t)
	table := m.Expand()
	entries, exits := m.residuals(table)
	r := m.Error()
	if entries != 0 {
		t.Errorf("entries are off by %d; they must be exact", entries)
	}
	if got := perMillion(entries+exits, 2*table.Len()); got > 3000 || got != r.PerMillion || exits != r.ExitError {
		t.Errorf("error %d of a million, exits off by %d; the report says %+v", got, exits, r)
	}
	table.exit[0], table.exit[1] = table.exit[1]/Slots*Slots+1, table.exit[0]/Slots*Slots+1
	if _, exits := m.residuals(table); exits == 0 {
		t.Error("wrong exits are not noticed")
	}
}

// Refit must give the embedded model again: nobody edited it, and it belongs to the inputs and the code as they are.
func TestRefitEqualsEmbedded(t *testing.T) {
	if testing.Short() {
		t.Skip("fits the whole day")
	}
	rounds := 0
	m, r, err := Refit(context.Background(), func(done, total int) {
		if done != rounds+1 || total != fitRounds {
			t.Errorf("progress %d of %d after %d", done, total, rounds)
		}
		rounds = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.payload(), embedded(t).payload()) {
		t.Error("model.bin is stale: run go generate ./sim/demand")
	}
	if r.PerMillion != m.Error().PerMillion || rounds != fitRounds {
		t.Errorf("report %+v after %d rounds", r, rounds)
	}
}

func TestRefitStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, _, err := Refit(ctx, func(int, int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestInputsBelongToModel(t *testing.T) {
	in, err := LoadInputs()
	if err != nil {
		t.Fatal(err)
	}
	if in.hash() != embedded(t).inputs {
		t.Error("model.bin was made from other inputs: run go generate ./sim/demand")
	}
	if len(in.Observed) != 276 {
		t.Errorf("%d observed stations", len(in.Observed))
	}
	in.Entries[0]++
	if in.hash() == embedded(t).inputs {
		t.Error("changed inputs are not noticed")
	}
}

func TestFitIgnoresProcessors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := smallInputs(t)
		var payloads [2][]byte
		for i, procs := range []int{1, 4} {
			old := runtime.GOMAXPROCS(procs)
			m, err := Fit(context.Background(), in, nil)
			runtime.GOMAXPROCS(old)
			if err != nil {
				t.Fatal(err)
			}
			payloads[i] = m.payload()
		}
		if !bytes.Equal(payloads[0], payloads[1]) {
			t.Fatal("the fit depends on the number of processors")
		}
	})
}

func TestFitRefuses(t *testing.T) {
	good := func() *Inputs {
		return &Inputs{
			Observed: []string{"A", "B"}, Segments: []Segment{{"L", "A", "B", 1000}}, Bus: []uint32{1},
			Entries: make([]uint32, 2*Slots), Exits: make([]uint32, 2*Slots),
		}
	}
	tests := map[string]struct {
		spoil func(in *Inputs)
		want  string
	}{
		"nothing counted": {func(in *Inputs) { in.Observed, in.Entries, in.Exits = nil, nil, nil }, "entries and exits"},
		"short margins":   {func(in *Inputs) { in.Exits = in.Exits[1:] }, "entries and exits"},
		"unknown station": {func(in *Inputs) { in.Observed[1] = "C" }, `"C" is not in the network`},
		"twice":           {func(in *Inputs) { in.Observed[1] = "A" }, `"A" is counted twice`},
		"cut off":         {func(in *Inputs) { in.Segments = []Segment{{"L", "A", "X", 1}, {"L", "B", "Y", 1}} }, "no way"},
		"nowhere to move": {func(in *Inputs) { in.Observed[1] = moved[0].From }, "is moved to"},
		"no exit":         {func(in *Inputs) { in.Entries[3] = 7 }, "no exit is open"},
		"no buses":        {func(in *Inputs) { in.Bus = nil }, "bus routes"},
	}
	for name, test := range tests {
		in := good()
		if _, err := Fit(context.Background(), in, nil); err != nil {
			t.Fatalf("the unspoilt inputs: %v", err)
		}
		test.spoil(in)
		if _, err := Fit(context.Background(), in, nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// Rounding must follow the fitted shares: over the day each origin and destination gets about what the model says, with no bias by distance.
func TestRoundingFollowsTheModel(t *testing.T) {
	m := embedded(t)
	table := m.Expand()
	n := len(m.names)
	var want, got [maxMinutes + 1]float64 // by riding minutes
	off, total := 0.0, 0.0
	for o := 0; o < n; o += 9 {
		share, count := make([]float64, n), make([]float64, n)
		for slot := range Slots {
			sum := 0.0
			m.open(o, slot, func(_ int, w uint64) bool { sum += float64(w); return true })
			m.open(o, slot, func(code int, w uint64) bool {
				share[code/Slots] += float64(w) / sum * float64(m.Entries(o, slot))
				return true
			})
			for _, code := range table.Row(o, slot) {
				count[code/Slots]++
			}
		}
		for d := range n {
			off += math.Abs(share[d] - count[d])
			total += share[d]
			want[m.Minutes(o, d)] += share[d]
			got[m.Minutes(o, d)] += count[d]
		}
	}
	t.Logf("origin-destination counts of the day are off by %.2f %%", 100*off/total)
	if off/total > 0.07 {
		t.Errorf("origin-destination counts of the day are off by %.1f %%", 100*off/total)
	}
	for band := 0; band+15 <= len(want); band += 15 {
		w, g := 0.0, 0.0
		for i := band; i < band+15; i++ {
			w, g = w+want[i], g+got[i]
		}
		if math.Abs(w-g) > 0.01*w+100 {
			t.Errorf("trips of %d to %d minutes: %.0f, the model says %.0f", band, band+14, g, w)
		}
	}
}

func TestSmallTables(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := smallModel(t)
		table := m.Expand()
		entries, exits := m.residuals(table)
		if entries != 0 || exits != m.report.ExitError {
			t.Fatalf("entries off by %d, exits by %d, report %+v", entries, exits, m.report)
		}
		for o := range m.names {
			for slot := range Slots {
				open := map[uint16]bool{}
				m.open(o, slot, func(code int, _ uint64) bool { open[uint16(code)] = true; return true })
				for i, code := range table.Row(o, slot) {
					if !open[code] || i > 0 && code < table.Row(o, slot)[i-1] {
						t.Fatalf("row %d %d: %v", o, slot, table.Row(o, slot))
					}
				}
			}
		}
	})
}

// Whatever the fractions and however many are left to give, exactly so many are given: to cells that are owed something
// first, and among these to the largest fractions.
func TestRoundUpGivesExactlyTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x expander
		var rank [buckets]int32
		want := rapid.OneOf(rapid.Just[int64](3<<fracBits), rapid.Int64Range(-2<<fracBits, 2<<fracBits))
		for _, w := range rapid.SliceOfN(want, 1, 8).Draw(t, "wanted") {
			x.cells = append(x.cells, cell{want: w})
			if w > 0 {
				rank[bucket(w)]++
			}
		}
		rest := rapid.IntRange(0, 20).Draw(t, "rest")
		x.roundUp(&rank, rest)
		given := 0
		for _, c := range x.cells {
			given += int(c.n)
			for _, d := range x.cells {
				if c.want > 0 && c.n == 0 && d.n > 0 && (d.want <= 0 || bucket(d.want) < bucket(c.want)) {
					t.Fatalf("%+v was served before %+v", d, c)
				}
			}
		}
		if given != rest {
			t.Fatalf("gave %d of %d to %+v", given, rest, x.cells)
		}
	})
}

func BenchmarkExpand(b *testing.B) {
	m := embedded(b)
	b.ReportAllocs()
	for b.Loop() {
		m.Expand()
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}
