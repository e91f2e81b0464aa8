package demand

import "sort"

// BusRide is one trip by bus. The rider taps on at At, in seconds after 00:00, rides Metres and taps off at OffAt.
type BusRide struct {
	Route  uint16 // number of the route by popularity, 0 the most used
	At     int32
	Metres int32
}

// Bus figures; our choices, except the popularity of routes.
const (
	ridesPerTenJourneys = 3

	busMetresPerHour = 15_000
	busShortest      = 700    // metres; long enough that the taps at its ends are MinTapGap apart
	busSpread        = 14_000 // a ride is busShortest + the lesser of two even draws below this: 5.4 km on average

	firstBus = 4*3600 + 1800 // second of the day
	lastBus  = 24*3600 - 1   // every rider has left the bus by then

	walkBefore = 450 // most seconds from bus to gate above MinTapGap
	walkAfter  = 720 // most seconds from gate to bus above MinTapGap, the wait included
	errandGap  = 2 * 3600
)

// OffAt is the second at which the rider leaves the bus, at 15 km/h.
func (b BusRide) OffAt() int32 { return b.At + int32(rideSeconds(int(b.Metres))) }

func rideSeconds(metres int) int { return metres * 3600 / busMetresPerHour }

// reach is how far a bus gets in the time.
func reach(seconds int) int { return seconds * busMetresPerHour / 3600 }

// BusRoutes returns how many taps each route had on the day that its popularity comes from, most first. Routes are anonymous.
func (m *Model) BusRoutes() []uint32 { return append([]uint32(nil), m.bus...) }

// routes draws a route by popularity.
type routes struct {
	upTo []int // taps of this and all more popular routes
}

func newRoutes(taps []uint32) *routes {
	r := &routes{upTo: make([]int, len(taps))}
	sum := 0
	for i, n := range taps {
		sum += int(n)
		r.upTo[i] = sum
	}
	return r
}

func (r *routes) draw(d *draw) uint16 {
	at := d.below(r.upTo[len(r.upTo)-1])
	return uint16(sort.SearchInts(r.upTo, at+1))
}

// spreadRides says how many bus rides each rider makes: none, one, or two that lead to the metro and back.
func spreadRides(seed uint64, start []int32) (rides []uint8, total int) {
	rides = make([]uint8, len(start)-1)
	due := 0 // in tenths of a ride
	for i := range rides {
		n := int(start[i+1] - start[i])
		due += n * ridesPerTenJourneys
		give := min(n, 2)
		if due >= give*10+below(mix(seed^mix(uint64(i)<<8|purposeRides)), 20) {
			rides[i] = uint8(give)
			due -= give * 10
			total += give
		}
	}
	for i := len(rides) - 1; i >= 0 && due >= 10; i-- {
		if rides[i] == 0 {
			rides[i] = 1
			due -= 10
			total++
		}
	}
	return rides, total
}

// oneRide is a bus to the first gate or from the last, or an errand by bus between two journeys that leave the time.
func (r *Riders) oneRide(js []Journey, d *draw) BusRide {
	route, metres := r.routes.draw(d), busMetres(d)
	choice := d.below(20)
	if choice < 4 {
		for k := range js[1:] {
			free := int(js[k+1].EnterAt - js[k].ExitAt)
			if free < errandGap {
				continue
			}
			// At least five twelfths of the gap, fifty minutes, remain for the ride.
			at := int(js[k].ExitAt) + free/3 + d.below(free/4)
			metres = min(metres, reach(int(js[k+1].EnterAt)-MinTapGap-at))
			return BusRide{route, int32(at), int32(metres)}
		}
	}
	if choice%2 == 0 {
		return toMetro(js[0], route, metres, d)
	}
	return fromMetro(js[len(js)-1], route, metres, d)
}

// bothWays is a bus to the first gate and one from the last, on the same route when the rider comes back to the station.
func (r *Riders) bothWays(dst []BusRide, js []Journey, d *draw) []BusRide {
	route, metres := r.routes.draw(d), busMetres(d)
	last := js[len(js)-1]
	dst = append(dst, toMetro(js[0], route, metres, d))
	if last.Dest != js[0].Origin {
		route, metres = r.routes.draw(d), busMetres(d)
	}
	return append(dst, fromMetro(last, route, metres, d))
}

func busMetres(d *draw) int { return busShortest + min(d.below(busSpread), d.below(busSpread)) }

// toMetro ends before the entry; it is shortened if the first bus would leave too late for it.
func toMetro(j Journey, route uint16, metres int, d *draw) BusRide {
	off := int(j.EnterAt) - MinTapGap - d.below(walkBefore+1)
	metres = min(metres, reach(off-firstBus))
	return BusRide{route, int32(off - rideSeconds(metres)), int32(metres)}
}

// fromMetro starts after the exit; it is shortened if it would run past the last bus.
func fromMetro(j Journey, route uint16, metres int, d *draw) BusRide {
	at := int(j.ExitAt) + MinTapGap + d.below(walkAfter+1)
	return BusRide{route, int32(at), int32(min(metres, reach(lastBus-at)))}
}
