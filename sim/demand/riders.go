package demand

// Journey is one metro trip: gates passed at Origin and Dest, in seconds after 00:00 of the day.
type Journey struct {
	Origin, Dest    uint16
	EnterAt, ExitAt int32
}

// Rider is what one card does in the day, both lists in order of time. Every rider makes one to four metro journeys.
type Rider struct {
	Journeys []Journey
	Bus      []BusRide
}

// MinTapGap is the least number of seconds between any two taps of one rider.
const MinTapGap = 150

// Riders is a sample of the day, or all of it. It holds about four bytes a journey and five a rider; times and bus rides are worked
// out when asked for. It is safe for concurrent use.
type Riders struct {
	m      *Model
	seed   uint64
	start  []int32
	legs   []leg
	bus    []uint8 // bus rides of each rider
	rides  int
	routes *routes
}

// Sample picks riders from the day. One rider is taken at random from each of as many equal strata of all riders, which are ordered by station and
// time of the first journey, so the sample keeps the shape of the day. With riders at or above AllRiders every journey is used exactly once.
func (m *Model) Sample(seed uint64, riders int) *Riders {
	all := m.all()
	n := len(all.start) - 1
	r := &Riders{m: m, seed: seed, start: all.start, legs: all.legs, routes: newRoutes(m.bus)}
	if riders < n {
		r.start, r.legs = all.pick(seed, max(riders, 0))
	}
	r.bus, r.rides = spreadRides(seed, r.start)
	return r
}

// pick copies the chains of one rider from each of k strata.
func (c *chains) pick(seed uint64, k int) ([]int32, []leg) {
	n := len(c.start) - 1
	start := make([]int32, 1, k+1)
	legs := make([]leg, 0, k*2+k/4)
	for i := range k {
		lo, hi := i*n/k, (i+1)*n/k
		j := lo + below(mix(seed^mix(uint64(i)<<8|purposePick)), hi-lo)
		legs = append(legs, c.legs[c.start[j]:c.start[j+1]]...)
		start = append(start, int32(len(legs)))
	}
	return start, legs
}

// Len is the number of riders.
func (r *Riders) Len() int { return len(r.start) - 1 }

// Journeys is the number of metro journeys of all of them.
func (r *Riders) Journeys() int { return len(r.legs) }

// BusRides is the number of bus rides of all of them: three for every ten metro journeys, rounded down.
func (r *Riders) BusRides() int { return r.rides }

// At fills buf with rider i, from 0 to Len()-1, and reuses its slices; it does not allocate once they have grown.
func (r *Riders) At(i int, buf *Rider) {
	buf.Journeys, buf.Bus = buf.Journeys[:0], buf.Bus[:0]
	d := draw{mix(r.seed ^ mix(uint64(i)<<8|purposeTimes))}
	for _, l := range r.legs[r.start[i]:r.start[i+1]] {
		buf.Journeys = append(buf.Journeys, r.m.time(l, &d))
	}
	switch r.bus[i] {
	case 1:
		buf.Bus = append(buf.Bus, r.oneRide(buf.Journeys, &d))
	case 2:
		buf.Bus = r.bothWays(buf.Bus, buf.Journeys, &d)
	}
}

// time draws the seconds of both gates within their quarter hours, the exit no sooner than the journey can take.
func (m *Model) time(l leg, d *draw) Journey {
	o, dest := l.origin(), l.dest()
	least := shortest(m.minutes[o*len(m.names)+dest])
	from := (l.exit() - l.enter()) * SlotSeconds // start of the exit slot, from that of the entry slot
	to := from + SlotSeconds
	enter := d.below(min(SlotSeconds, to-least))
	soonest := max(from, enter+least)
	exit := soonest + d.below(to-soonest)
	base := FirstSlot + l.enter()*SlotSeconds
	return Journey{Origin: uint16(o), Dest: uint16(dest), EnterAt: int32(base + enter), ExitAt: int32(base + exit)}
}

// Purposes keep apart the hashes of one index.
const (
	purposePick = iota
	purposeTimes
	purposeRides
)

// draw is a stream of even numbers.
type draw struct{ state uint64 }

func (d *draw) below(n int) int {
	d.state = mix(d.state)
	return below(d.state, n)
}
