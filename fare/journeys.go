package fare

import (
	"math"

	"github.com/citycard/citycard/money"
)

// Charge is what a rule asks for a journey that has no ordinary fare. Numbers are
// for ever.
type Charge uint8

// The charges.
const (
	ChargeFare    Charge = 0 // the ordinary fare
	ChargeNothing Charge = 1
	ChargeLowest  Charge = 2 // the lowest fare of the station or bus
	ChargeHighest Charge = 3 // the highest fare from the station, or of the bus
	ChargeRefuse  Charge = 4 // nothing: the card is sent to the staff
)

var chargeNames = [...]string{
	ChargeFare: "fare", ChargeNothing: "nothing", ChargeLowest: "lowest", ChargeHighest: "highest", ChargeRefuse: "refuse",
}

// String is the word that journeys.json has for the charge.
func (c Charge) String() string {
	if int(c) >= len(chargeNames) {
		return "invalid"
	}
	return chargeNames[c]
}

// JourneyRules are the rules for journeys that a card carries itself: what happens
// at the edges of a trip, and what is taken off its fare. They come from journeys.json
// of a rule book and are dated with it; the maps and slices must not be changed. All
// times are seconds; 0 switches a rule off.
type JourneyRules struct {
	// MissingExit is what a journey without an end costs, taken at the next entry:
	// nothing, lowest or highest, by the station entered, or refuse.
	MissingExit Charge
	// MissingEntry is what an exit without an entry costs: lowest, highest or refuse.
	MissingEntry Charge
	// OverTime: who stays inside longer than After pays Charge instead of the fare:
	// highest or refuse. The surcharge of the tariff is part of the fare.
	OverTime struct {
		After  int64
		Charge Charge
	}
	// SameStation: who leaves where he entered after Within at most pays Charge:
	// nothing, lowest or fare. Later it is the fare.
	SameStation struct {
		Within int64
		Charge Charge
	}
	// ReEntry: who enters where he entered, this long after it at most, goes on with
	// the same journey.
	ReEntry int64
	Hold    HoldRules
	Bus     BusRules
	// MetroToBus and BusToBus are taken off the fare of a bus that is boarded soon
	// after another ride; bus to bus only if the route is another.
	MetroToBus Transfer
	BusToBus   Transfer
	// Concessions by code.
	Concessions map[byte]Concession
	RideTickets RideTickets
}

// HoldRules are about the amount that an entry gate holds (pre-authorisation).
type HoldRules struct {
	// All holds at every station; otherwise Lines lists the lines where entering holds,
	// and Stations those where no other line stops.
	All      bool
	Lines    map[LineID]bool
	Stations map[StationID]bool
	// MissingExit is what a journey with a hold and without an end costs: nothing,
	// lowest or highest, by the station entered.
	MissingExit Charge
}

// At reports whether a gate of a station holds at the entry. line is the line that the
// gate leads to, 0 where it leads to all of the station.
func (h *HoldRules) At(s StationID, line LineID) bool { return h.All || h.Stations[s] || h.Lines[line] }

// BusRules are about buses where one boards and alights by card.
type BusRules struct {
	// HoldAtBoarding: the highest fare is held at boarding and completed at alighting;
	// otherwise the fare is taken at alighting.
	HoldAtBoarding bool
	// LongestM are the metres whose price is the highest fare of a bus.
	LongestM int
	// MissingAlight is what a ride without an end costs, taken at the next boarding:
	// nothing, lowest, highest or refuse.
	MissingAlight Charge
	// MissingBoard is what alighting without boarding costs: lowest, highest or refuse.
	MissingBoard Charge
	// WrongDirection is what a ride against the bus's way costs: highest, refuse, or
	// the fare of the distance between the two stops.
	WrongDirection Charge
}

// Transfer is a discount for a ride soon after another.
type Transfer struct {
	Within int64 // from the end of the one to the beginning of the other
	Off    money.Fen
}

// Concession is a right to pay less, by the code in the card's record.
type Concession struct {
	Code byte
	Name string
	// Metro and Bus are the rates in permille of what others pay there: 0 is free.
	Metro uint16
	Bus   uint16
}

// Rate is the rate in permille.
func (c Concession) Rate(bus bool) int64 {
	if bus {
		return int64(c.Bus)
	}
	return int64(c.Metro)
}

// RideConcession is the concession code of a row that a ride ticket paid, in whole or
// in part. No concession has it.
const RideConcession byte = 255

// RideTickets say where the rides of a ride ticket are taken.
type RideTickets struct {
	Metro bool
	Bus   bool
	// Covers is how much of the fare one ride covers; 0 covers every fare. What is
	// above is paid.
	Covers money.Fen
}

// Takes reports whether a ride may be taken there.
func (t RideTickets) Takes(bus bool) bool {
	if bus {
		return t.Bus
	}
	return t.Metro
}

// Remainder is what a fare still costs once a ride is taken.
func (t RideTickets) Remainder(pay money.Fen) money.Fen {
	covers := t.Covers
	if covers == 0 {
		covers = math.MaxInt64
	}
	return max(0, pay-covers)
}

// defaultLongestM is the longest bus ride of a book without journeys.json, our choice.
const defaultLongestM = 40_000

// defaultJourneys are the rules of a book without journeys.json: what gates with
// station records do.
func defaultJourneys() JourneyRules {
	r := JourneyRules{MissingExit: ChargeNothing, MissingEntry: ChargeHighest}
	r.Hold.MissingExit = ChargeHighest
	r.Bus = BusRules{LongestM: defaultLongestM, MissingAlight: ChargeHighest, MissingBoard: ChargeHighest}
	return r
}

// Journeys are the rules for journeys that a card carries itself. They belong to the
// book and must not be changed.
func (b *Book) Journeys() *JourneyRules { return &b.journeys }
