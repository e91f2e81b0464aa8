package demand

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// floyd is the naive twin of the shortest paths: all pairs of platforms, over a full matrix.
func floyd(g *network) [][]int {
	const far = 1 << 40
	n := len(g.edges)
	dist := make([][]int, n)
	for i := range dist {
		dist[i] = make([]int, n)
		for j := range dist[i] {
			if i != j {
				dist[i][j] = far
			}
		}
		for _, e := range g.edges[i] {
			dist[i][e.to] = min(dist[i][e.to], e.seconds)
		}
	}
	for k := range n {
		for i := range n {
			for j := range n {
				dist[i][j] = min(dist[i][j], dist[i][k]+dist[k][j])
			}
		}
	}
	for i := range n {
		for j := range n {
			if dist[i][j] >= far {
				dist[i][j] = -1
			}
		}
	}
	return dist
}

func TestDistancesAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var segs []Segment
		station := func() string { return fmt.Sprint("S", rapid.IntRange(0, 7).Draw(t, "station")) }
		for range rapid.IntRange(1, 20).Draw(t, "segments") {
			segs = append(segs, Segment{fmt.Sprint("L", rapid.IntRange(0, 3).Draw(t, "line")), station(), station(), rapid.IntRange(0, 20_000).Draw(t, "metres")})
		}
		g := newNetwork(segs)
		want := floyd(g)
		for p := range g.edges {
			for q, got := range g.distances([]int{p}) {
				if got != want[p][q] {
					t.Fatalf("from %d to %d: %d s, want %d", p, q, got, want[p][q])
				}
			}
		}
	})
}

func TestMinutes(t *testing.T) {
	stations := []string{"A", "B", "C", "D"}
	got, err := newNetwork([]Segment{
		{"L1", "A", "B", 5500},    // 10 minutes at 33 km/h
		{"L2", "B(L2)", "C", 550}, // 1 minute, after 4 for the change; the bracketed hall is B
		{"L1", "B", "D", 551},     // a little over 1 minute
	}).minutes(stations)
	if err != nil {
		t.Fatal(err)
	}
	want := []uint8{0, 10, 15, 12, 10, 0, 1, 2, 15, 1, 0, 7, 12, 2, 7, 0}
	if string(got) != string(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLagTable(t *testing.T) {
	for m, l := range lagTable(maxMinutes + 1) {
		sum, mean := 0, 0
		for k, w := range l.w {
			sum += int(w)
			mean += int(w) * (int(l.first) + k) * 15
			if w > 0 && (int(l.first)+k+1)*SlotSeconds <= shortest(uint8(m)) {
				t.Errorf("%d minutes: an exit after %d slots is too soon", m, int(l.first)+k)
			}
		}
		// Slot starts differ by the journey's whole duration on average, since entries are even over their slot.
		most := min(accessMax+m/accessGrow, accessCap)
		duration := m + (accessMin+most)/2
		if sum != lagUnit || mean/lagUnit < duration-2 || mean/lagUnit > duration+2 {
			t.Errorf("%d minutes: weights %v add to %d, mean lag %d minutes for a journey of %d", m, l.w, sum, mean/lagUnit, duration)
		}
	}
}

func TestDeterrence(t *testing.T) {
	f := deterrence(maxMinutes+1, deterPower, deterDecay)
	peak := 0
	for m, v := range f {
		if v > f[peak] {
			peak = m
		}
		if (v == 0) != (m == 0) || v > deterUnit {
			t.Errorf("%d minutes: %d", m, v)
		}
	}
	for m := peak + 1; m < len(f); m++ {
		if f[m] > f[m-1] {
			t.Errorf("rises again at %d minutes", m)
		}
	}
	// m * 0.9225^m is largest at 1/-ln(0.9225) = 12.4 minutes.
	if peak != 12 {
		t.Errorf("peak at %d minutes", peak)
	}
}
