package demand

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"sync"
)

//go:embed model.bin
var modelFile []byte

// Model is the fitted day in integers. It is safe for concurrent use.
type Model struct {
	names   []string
	entries []uint32 // observed entries, [station*Slots+slot]
	exits   []uint32 // observed exits, [station*Slots+slot]
	pull    []uint32 // balancing factor of an exit, [station*Slots+slot]
	minutes []uint8  // riding minutes, [from*stations+to]
	deter   []uint32 // willingness by riding minutes
	lags    []lag    // spread of exits by riding minutes
	bus     []uint32 // taps by route, most popular first
	inputs  [sha256.Size]byte
	report  FitReport

	chainOnce sync.Once
	chains    *chains
}

// Move is a station of the observed day that the 2026 network does not have, and where its passengers went.
type Move struct {
	From, To string
	Reason   string
	Entries  int // people a day who entered at From
	Exits    int // people a day who left at From
}

// FitReport says how far the journeys that Expand hands out are from the counted passes.
type FitReport struct {
	Source         string // where the counts come from
	Stations       int    // stations after moving
	Journeys       int    // journeys handed out = people counted at entries
	EntryError     int    // sum over (station, quarter hour) of |handed out - counted| at entries
	ExitError      int    // the same at exits
	PerMillion     int    // (EntryError+ExitError) / (2 * Journeys), in millionths, rounded up
	Rounds         int    // balancing rounds of the fit
	RealPerMillion int    // the same error before rounding to whole journeys
	ObservedMean   int    // mean time between entry and exit by the counts, in seconds
	RidingMean     int    // mean riding time of the journeys handed out, in seconds
	Moves          []Move
}

// Load decodes the embedded model.
func Load() (*Model, error) {
	m, err := Decode(modelFile)
	if err != nil {
		return nil, fmt.Errorf("reading the embedded demand model: %w", err)
	}
	return m, nil
}

// Stations returns the names of the stations, as the 2026 network spells them. The index is the station number used everywhere else.
func (m *Model) Stations() []string { return append([]string(nil), m.names...) }

// Journeys is the number of metro journeys of the whole day.
func (m *Model) Journeys() int { return m.report.Journeys }

// Error reports the quality of the fit.
func (m *Model) Error() FitReport {
	r := m.report
	r.Moves = append([]Move(nil), r.Moves...)
	return r
}

// Minutes is the riding time between two stations, rounded up; 0 for the same station. It excludes the way between gate and platform and the wait.
func (m *Model) Minutes(from, to int) int { return int(m.minutes[from*len(m.names)+to]) }

// Entries is the observed number of people entering the station in the slot.
func (m *Model) Entries(station, slot int) int { return int(m.entries[station*Slots+slot]) }

// Exits is the observed number of people leaving the station in the slot.
func (m *Model) Exits(station, slot int) int { return int(m.exits[station*Slots+slot]) }

// trip is the seed and the spread of one origin and destination. Its willingness is 0 for the same station.
func (m *Model) trip(from, to int) (willing uint32, l *lag) {
	t := m.minutes[from*len(m.names)+to]
	return m.deter[t], &m.lags[t]
}

// shortest is the least number of seconds between entry and exit of a journey of the given riding minutes.
func shortest(minutes uint8) int { return max(minJourney, int(minutes)*60*9/10) }

// minJourney is the least time between the two gates of a journey, in seconds.
const minJourney = 180
