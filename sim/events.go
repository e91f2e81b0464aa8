package sim

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/sim/demand"
)

type riderPlan = demand.Rider

// event is one planned tap.
type event struct {
	at     int32  // seconds after 00:00 of D
	rider  uint32 //
	place  uint16
	metres uint16 // of a bus ride
	what   what
	tear   tear
}

type what uint8

const (
	wantEntry what = 0
	wantExit  what = 1
	wantBus   what = 2
)

// windowSeconds is how long places run without looking at each other. A rider's
// taps at different places are at least two windows apart (demand.MinTapGap).
const windowSeconds = 60

// plan lists all taps of the day, sorted by window, place, time and rider.
func (c *City) plan() []event {
	c.injected.chooseRates(c)
	events := make([]event, 0, 2*c.riders.Journeys()+c.riders.BusRides())
	var r riderPlan
	for i := range c.riders.Len() {
		c.riders.At(i, &r)
		rider := uint32(i)
		for _, j := range r.Journeys {
			events = append(events,
				event{at: j.EnterAt, rider: rider, place: j.Origin, what: wantEntry},
				event{at: j.ExitAt, rider: rider, place: j.Dest, what: wantExit})
		}
		for _, b := range r.Bus {
			events = append(events, event{at: b.At, rider: rider, place: uint16(len(c.stations)) + b.Route, metres: uint16(min(b.Metres, 65535)), what: wantBus})
		}
	}
	for i := range events {
		events[i].tear = c.injected.tearOf(c, &events[i])
	}
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at/windowSeconds, b.at/windowSeconds), cmp.Compare(a.place, b.place),
			cmp.Compare(a.at, b.at), cmp.Compare(a.rider, b.rider), cmp.Compare(a.what, b.what))
	})
	c.injected.spread(events)
	return events
}

// tear is what happens to a planned tap between card and gate.
type tear uint8

const (
	tearNone        tear = 0
	tearNoAnswer    tear = 1 // the answer to GPO is lost; the rider taps again
	tearBeforeLast  tear = 2 // the card leaves before the last record; the rider taps again
	tearRecovered   tear = 3 // the last answer is lost; the rider taps again at the same array
	tearElsewhere   tear = 4 // the last answer is lost; the rider goes to another array
	tearGivenUp     tear = 5 // the last answer is lost; the rider walks away
	tearUndecidable tear = 6 // as tearElsewhere, and the answer to the next GPO is lost too
	tearWriting     tear = 7 // the answer to the first record of a journey is lost; the rider taps again
	tearModule      tear = 8 // the terminal's security module does not answer; the rider taps again
)

func (t tear) afterCommit() bool { return t >= tearRecovered && t <= tearUndecidable }

// followUp is a tap that follows from an earlier one at the same place.
type followUp struct {
	event
	array int // where, -1 for any
	tries int // taps of this event so far
}
