package fare

import (
	"slices"

	"github.com/citycard/citycard/money"
)

// band is one step of a price list: up to so many metres, this price.
type band struct {
	upTo int
	fare money.Fen
}

// tariff is the price list of one network. Past the last band the price either
// grows by add for each started stretch of each metres, or stays at rest.
type tariff struct {
	tolerance int // metres past an edge that still pay the lower band
	bands     []band
	each      int // 0: no growth, rest applies
	add       money.Fen
	rest      money.Fen
}

// fare is the price of a distance in metres.
func (t *tariff) fare(metres int) money.Fen {
	metres = max(0, metres-t.tolerance)
	for _, b := range t.bands {
		if metres <= b.upTo {
			return b.fare
		}
	}
	if t.each == 0 {
		return t.rest
	}
	last := t.bands[len(t.bands)-1]
	return last.fare + t.add*money.Fen((metres-last.upTo+t.each-1)/t.each)
}

// Medium is what the rider paid with.
type Medium byte

// The media that tariffs tell apart.
const (
	MunicipalCard Medium = 1 // 市政交通一卡通
	BankCard      Medium = 2
	Code          Medium = 3
	Ticket        Medium = 4
)

var mediumNames = [...]string{MunicipalCard: "municipal_card", BankCard: "bank_card", Code: "code", Ticket: "ticket"}

// Valid reports whether m is one of the media above.
func (m Medium) Valid() bool { return m >= MunicipalCard && m <= Ticket }

// String is the medium's name as tariff.json has it.
func (m Medium) String() string {
	if !m.Valid() {
		return "invalid"
	}
	return mediumNames[m]
}

// scope says to whom and where a rule applies: bit sets of media and networks.
type scope struct {
	media    uint8
	networks uint32
}

func (s scope) holds(m Medium, n NetworkID) bool {
	return s.media&(1<<m) != 0 && s.networks&(1<<n) != 0
}

// monthlyRule is the discount by the sum of the calendar month before the trip.
type monthlyRule struct {
	scope scope
	tiers []tier
}

type tier struct {
	from     money.Fen
	permille int64
}

// rate is the rate for a sum paid before the trip: the last tier reached.
func (m *monthlyRule) rate(paid money.Fen) int64 {
	rate := int64(1000)
	for _, t := range m.tiers {
		if paid < t.from {
			break
		}
		rate = t.permille
	}
	return rate
}

// earlyRule is the discount for entering before the peak of a workday.
type earlyRule struct {
	scope    scope
	before   int64 // second of the day
	permille int64
	stations []StationID // sorted
}

func (e *earlyRule) applies(t *Trip) bool {
	if !t.Workday || secondOfDay(t.EnterAt) >= e.before {
		return false
	}
	_, listed := slices.BinarySearch(e.stations, t.Entry)
	return listed
}

// limitRule is the surcharge for staying inside the gates too long.
type limitRule struct {
	networks  uint32
	seconds   int64
	surcharge money.Fen
}

type busRule struct {
	tariff tariff
	card   int64 // permille
}
