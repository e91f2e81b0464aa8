package demand

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// smallInputs draws a network of a few stations, and the margins of journeys that can be made on it.
func smallInputs(t *rapid.T) *Inputs {
	n := rapid.IntRange(2, 9).Draw(t, "stations")
	in := &Inputs{Source: "drawn", Bus: []uint32{5, 3, 3, 1}}
	for i := range n {
		in.Observed = append(in.Observed, fmt.Sprint("S", i))
		if i > 0 {
			in.Segments = append(in.Segments, Segment{
				Line: fmt.Sprint("L", rapid.IntRange(0, 2).Draw(t, "line")),
				From: in.Observed[rapid.IntRange(0, i-1).Draw(t, "from")], To: in.Observed[i],
				Metres: rapid.IntRange(200, 9000).Draw(t, "metres"),
			})
		}
	}
	in.Entries, in.Exits = make([]uint32, n*Slots), make([]uint32, n*Slots)
	minutes, err := newNetwork(in.Segments).minutes(in.Observed)
	if err != nil {
		t.Fatal(err)
	}
	lags := lagTable(maxMinutes + 1)
	rng := mix(rapid.Uint64().Draw(t, "journeys seed"))
	for range rapid.IntRange(0, 4000).Draw(t, "journeys") {
		d := draw{rng}
		o, to, slot := d.below(n), d.below(n), d.below(Slots)
		rng = d.state
		l := lags[minutes[o*n+to]]
		if u := slot + int(l.first) + 1; o != to && u < Slots {
			in.Entries[o*Slots+slot]++
			in.Exits[to*Slots+u]++
		}
	}
	return in
}

func smallModel(t *rapid.T) *Model {
	m, err := Fit(context.Background(), smallInputs(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fixedModel is one small model, for seeds and benchmarks.
func fixedModel(t testing.TB) *Model {
	t.Helper()
	in := &Inputs{
		Source: "fixed", Observed: []string{"A", "B", "C"}, Bus: []uint32{2, 1},
		Segments: []Segment{{"L1", "A", "B", 4000}, {"L2", "B", "C", 9000}},
		Entries:  make([]uint32, 3*Slots), Exits: make([]uint32, 3*Slots),
	}
	for slot := range 60 {
		for s := range 3 {
			in.Entries[s*Slots+slot] = uint32(s + 1)
			in.Exits[s*Slots+slot+2] = uint32(3 - s)
		}
	}
	m, err := Fit(context.Background(), in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func checkJourney(t interface{ Fatalf(string, ...any) }, m *Model, j Journey) {
	least := int32(shortest(uint8(m.Minutes(int(j.Origin), int(j.Dest)))))
	if j.Origin == j.Dest || j.ExitAt-j.EnterAt < max(least, 180) {
		t.Fatalf("journey %+v: needs at least %d s", j, least)
	}
	if j.EnterAt < FirstSlot || j.ExitAt >= FirstSlot+Slots*SlotSeconds {
		t.Fatalf("journey %+v is outside the day", j)
	}
}

// checkRider walks through the rider's taps in order of time.
func checkRider(t interface{ Fatalf(string, ...any) }, m *Model, r *Rider) {
	if len(r.Journeys) < 1 || len(r.Journeys) > maxLegs || len(r.Bus) > 2 {
		t.Fatalf("rider %+v", r)
	}
	for i, j := range r.Journeys {
		checkJourney(t, m, j)
		if i > 0 && (r.Journeys[i-1].Dest != j.Origin || j.EnterAt-r.Journeys[i-1].ExitAt <= SlotSeconds) {
			t.Fatalf("rider %+v: journey %d does not follow the one before", r, i)
		}
	}
	type stretch struct{ from, to int32 }
	var all []stretch
	bus := r.Bus
	for _, j := range append(r.Journeys[:len(r.Journeys):len(r.Journeys)], Journey{EnterAt: 1 << 30}) {
		for len(bus) > 0 && bus[0].At < j.EnterAt {
			all = append(all, stretch{bus[0].At, bus[0].OffAt()})
			bus = bus[1:]
		}
		all = append(all, stretch{j.EnterAt, j.ExitAt})
	}
	for i, s := range all[:len(all)-1] {
		if s.to-s.from < MinTapGap || i > 0 && s.from-all[i-1].to < MinTapGap {
			t.Fatalf("rider %+v: taps too close at %+v", r, s)
		}
	}
	for _, b := range r.Bus {
		if int(b.Route) >= len(m.bus) || b.Metres < busShortest || b.At < firstBus || b.OffAt() > lastBus {
			t.Fatalf("bus ride %+v", b)
		}
	}
}
