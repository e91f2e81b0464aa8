package demand

import (
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSmallDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := smallModel(t)
		seed := rapid.Uint64().Draw(t, "seed")
		r := m.Sample(seed, rapid.IntRange(0, m.AllRiders()+1).Draw(t, "riders"))
		if r.BusRides() != r.Journeys()*ridesPerTenJourneys/10 {
			t.Fatalf("%d bus rides for %d journeys", r.BusRides(), r.Journeys())
		}
		var buf Rider
		journeys, rides := 0, 0
		for i := range r.Len() {
			r.At(i, &buf)
			checkRider(t, m, &buf)
			journeys += len(buf.Journeys)
			rides += len(buf.Bus)
		}
		if journeys != r.Journeys() || rides != r.BusRides() {
			t.Fatalf("%d journeys and %d bus rides, the sample says %d and %d", journeys, rides, r.Journeys(), r.BusRides())
		}
	})
}

// Every journey of the table belongs to exactly one rider.
func TestChainsUseEachJourneyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := smallModel(t)
		checkOnce(t, m.Expand(), m.all())
	})
}

func checkOnce(t interface{ Fatal(...any) }, table *Table, c *chains) {
	var want []leg
	for r := range len(table.start) - 1 {
		for _, code := range table.exit[table.start[r]:table.start[r+1]] {
			want = append(want, leg(r)<<16|leg(code))
		}
	}
	got := slices.Clone(c.legs)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatal("the riders' journeys are not those of the table")
	}
}

func TestWholeDay(t *testing.T) {
	m := embedded(t)
	r := m.Sample(7, m.AllRiders())
	if r.Len() != m.AllRiders() || r.Journeys() != 5_033_474 || r.BusRides() != 1_510_042 {
		t.Fatalf("%d riders, %d journeys, %d bus rides", r.Len(), r.Journeys(), r.BusRides())
	}
	checkOnce(t, m.Expand(), m.all())
	var legs [maxLegs + 1]int
	closed := 0
	entries, exits := make([]uint32, len(m.entries)), make([]uint32, len(m.exits))
	routes := make([]int, len(m.bus))
	var buf Rider
	for i := range r.Len() {
		r.At(i, &buf)
		checkRider(t, m, &buf)
		legs[len(buf.Journeys)]++
		if len(buf.Journeys) > 1 && buf.Journeys[0].Origin == buf.Journeys[len(buf.Journeys)-1].Dest {
			closed++
		}
		for _, j := range buf.Journeys {
			entries[int(j.Origin)*Slots+(int(j.EnterAt)-FirstSlot)/SlotSeconds]++
			exits[int(j.Dest)*Slots+(int(j.ExitAt)-FirstSlot)/SlotSeconds]++
		}
		for _, b := range buf.Bus {
			routes[b.Route]++
		}
	}
	t.Logf("riders by number of journeys: %v; %d end where they began", legs[1:], closed)
	if !slices.Equal(entries, m.entries) {
		t.Error("the riders' entries are not the observed ones")
	}
	off := 0
	for i := range exits {
		off += abs(int(exits[i]) - int(m.exits[i]))
	}
	if off != m.Error().ExitError {
		t.Errorf("the riders' exits are off by %d, the report says %d", off, m.Error().ExitError)
	}
	if legs[1] == 0 || legs[2] < r.Len()/2 || legs[3] == 0 || legs[4] == 0 || closed < r.Len()/2 {
		t.Errorf("riders by number of journeys: %v; %d end where they began", legs[1:], closed)
	}
	checkRoutes(t, m.bus, routes)
}

// checkRoutes compares each route's share of rides with its share of the counted taps.
func checkRoutes(t *testing.T, taps []uint32, rides []int) {
	all, sum := 0, 0
	for i := range taps {
		all += int(taps[i])
		sum += rides[i]
	}
	for i, n := range taps {
		want := int(n) * sum / all
		if d := rides[i] - want; d*d > 36*want+36 { // six standard deviations
			t.Errorf("route %d: %d rides, want about %d", i, rides[i], want)
		}
	}
}

func TestSampleKeepsTheShape(t *testing.T) {
	m := embedded(t)
	r := m.Sample(3, 100_000)
	if r.Len() != 100_000 {
		t.Fatalf("%d riders", r.Len())
	}
	n := len(m.names)
	var in, out, from, to = make([]int, Slots), make([]int, Slots), make([]int, n), make([]int, n)
	for _, l := range r.legs {
		in[l.enter()]++
		out[l.exit()]++
		from[l.origin()]++
		to[l.dest()]++
	}
	var wantIn, wantOut, wantFrom, wantTo = make([]int, Slots), make([]int, Slots), make([]int, n), make([]int, n)
	for i := range m.entries {
		wantIn[i%Slots] += int(m.entries[i])
		wantOut[i%Slots] += int(m.exits[i])
		wantFrom[i/Slots] += int(m.entries[i])
		wantTo[i/Slots] += int(m.exits[i])
	}
	for name, pair := range map[string][2][]int{
		"entries by slot": {in, wantIn}, "exits by slot": {out, wantOut}, "entries by station": {from, wantFrom}, "exits by station": {to, wantTo},
	} {
		if off := shareGap(pair[0], pair[1]); off > 15_000 {
			t.Errorf("%s: shares differ by %d of a million in all", name, off)
		}
	}
}

// shareGap is half the sum of the differences between two sets of shares, in millionths.
func shareGap(a, b []int) int {
	sumA, sumB := 0, 0
	for i := range a {
		sumA += a[i]
		sumB += b[i]
	}
	off := 0
	for i := range a {
		off += abs(a[i]*1_000_000/sumA - b[i]*1_000_000/sumB)
	}
	return off / 2
}

func TestSampleIsDecidedBySeedAndSize(t *testing.T) {
	m := embedded(t)
	first, other := listed(m.Sample(1, 5000)), listed(m.Sample(2, 5000))
	fresh, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	old := runtime.GOMAXPROCS(1)
	again := listed(fresh.Sample(1, 5000))
	runtime.GOMAXPROCS(old)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same seed gives other riders")
	}
	if reflect.DeepEqual(first, other) {
		t.Error("another seed gives the same riders")
	}
	if m.Sample(1, -1).Len() != 0 || m.Sample(1, 0).BusRides() != 0 {
		t.Error("an empty sample is not empty")
	}
}

func listed(r *Riders) []Rider {
	out := make([]Rider, r.Len())
	for i := range out {
		r.At(i, &out[i])
	}
	return out
}

// Taps must not pile up at the borders of quarter hours, where the counts are cut.
func TestSecondsAreSpread(t *testing.T) {
	m := embedded(t)
	r := m.Sample(11, 100_000)
	var enter, exit [15]int // by minute of the quarter hour
	var buf Rider
	for i := range r.Len() {
		r.At(i, &buf)
		for _, j := range buf.Journeys {
			enter[j.EnterAt%SlotSeconds/60]++
			exit[j.ExitAt%SlotSeconds/60]++
		}
	}
	for minute := range enter {
		mean := r.Journeys() / 15
		if enter[minute] < mean/2 || enter[minute] > mean*3/2 || exit[minute] < mean/2 || exit[minute] > mean*3/2 {
			t.Errorf("minute %d: %d entries, %d exits; mean %d", minute, enter[minute], exit[minute], mean)
		}
	}
}

func TestSampleMemory(t *testing.T) {
	m := embedded(t)
	m.AllRiders()
	size := func(riders int) int64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := m.Sample(1, riders)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(r)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	if got := size(100_000); got > 2<<20 {
		t.Errorf("100,000 riders take %d bytes", got)
	}
	if got := size(m.AllRiders()); got > 8<<20 {
		t.Errorf("all riders take %d bytes more than the model", got)
	}
	if got := int64(cap(m.chains.start))*4 + int64(cap(m.chains.legs))*4; got > 64<<20 {
		t.Errorf("the model keeps %d bytes of journeys", got)
	}
	r := m.Sample(1, 1000)
	var buf Rider
	for i := range r.Len() {
		r.At(i, &buf)
	}
	i := 0
	if n := testing.AllocsPerRun(1000, func() { r.At(i%1000, &buf); i++ }); n != 0 {
		t.Errorf("At allocates %.1f times", n)
	}
}

func BenchmarkChain(b *testing.B) {
	m := embedded(b)
	table := m.Expand()
	b.ReportAllocs()
	for b.Loop() {
		chain(table)
	}
}

func BenchmarkSampleAll(b *testing.B) {
	m := embedded(b)
	n := m.AllRiders()
	for b.Loop() {
		m.Sample(1, n)
	}
}

func BenchmarkAt(b *testing.B) {
	m := embedded(b)
	r := m.Sample(1, 100_000)
	var buf Rider
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.At(i, &buf)
		if i++; i == r.Len() {
			i = 0
		}
	}
}
