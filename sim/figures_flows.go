package sim

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/fare/beijing"
	"github.com/citycard/citycard/sim/report"
	"github.com/citycard/citycard/store/sqlite"
)

// passData fills in the taps by time and by station.
func (r *Run) passData(d *report.Data) {
	names := map[fare.StationID]report.Text{}
	for _, s := range r.world.book.Stations() {
		names[s.ID] = report.Text{EN: s.NameEN, ZH: s.Name}
	}
	for _, p := range r.world.places {
		s := report.Station{Name: names[p.station]}
		for i := range d.Quarters {
			q := &d.Quarters[i]
			in, out := int64(p.passes.entries[i]), int64(p.passes.exits[i])
			q.Entries, q.Exits, q.Bus = q.Entries+in, q.Exits+out, q.Bus+int64(p.passes.buses[i])
			s.Entries, s.Exits = s.Entries+in, s.Exits+out
		}
		if p.station != 0 && s.Entries+s.Exits > 0 {
			d.Stations = append(d.Stations, s)
		}
	}
}

// track is one line as a row of stations, in the order of segments.csv.
type track struct {
	line    fare.Line
	stops   []fare.StationID
	metres  []int   // from each stop to the next; on a loop the last leads to the first
	carried []int64 // riders on that section
}

// tracks reads the order of the stations, which the fare book has checked.
func (c *City) tracks() (map[fare.LineID]*track, error) {
	file, replaced := c.opt.Files[fare.SegmentsFile]
	if !replaced {
		file = beijing.Files()[fare.SegmentsFile]
	}
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		return nil, err
	}
	byName, tracks := map[string]*track{}, map[fare.LineID]*track{}
	for _, l := range c.book.AllLines() {
		t := &track{line: l}
		byName[l.Name], tracks[l.ID] = t, t
	}
	for i, row := range rows[1:] {
		t := byName[row[0]]
		from, known := c.book.StationByName(row[2])
		to, end := c.book.StationByName(row[3])
		metres, err := strconv.Atoi(row[4])
		if t == nil || !known || !end || err != nil {
			return nil, fmt.Errorf("%s:%d: line, stations or metres are not those of the fare book", fare.SegmentsFile, i+2)
		}
		if len(t.stops) == 0 {
			t.stops = append(t.stops, from)
		}
		t.metres = append(t.metres, metres)
		if !t.line.Loop || to != t.stops[0] {
			t.stops = append(t.stops, to)
		}
	}
	for _, t := range tracks {
		t.carried = make([]int64, len(t.metres))
	}
	return tracks, nil
}

// carry puts riders on the sections of a leg. On a loop the way round is the one
// whose length the fare book states.
func (t *track) carry(leg *fare.Leg, riders int64) error {
	from, to := slices.Index(t.stops, leg.From), slices.Index(t.stops, leg.To)
	if from < 0 || to < 0 {
		return fmt.Errorf("stations %d and %d are not both on %s", leg.From, leg.To, t.line.Name)
	}
	if t.line.Loop {
		for range 2 {
			if t.length(from, to) == leg.Metres {
				for i := from; i != to; i = (i + 1) % len(t.metres) {
					t.carried[i] += riders
				}
				return nil
			}
			from, to = to, from
		}
		return fmt.Errorf("%s: no way of %d m from station %d to %d", t.line.Name, leg.Metres, leg.From, leg.To)
	}
	for i := min(from, to); i < max(from, to); i++ {
		t.carried[i] += riders
	}
	return nil
}

// length is the way from one stop of a loop forwards to another.
func (t *track) length(from, to int) int {
	sum := 0
	for i := from; i != to; i = (i + 1) % len(t.metres) {
		sum += t.metres[i]
	}
	return sum
}

// flowData leads every pair of stations that was ridden over the network: riders
// by section, and for each operator its journeys and rider-metres.
func (r *Run) flowData(d *report.Data, _ *sqlite.Reader) error {
	tracks, err := r.world.tracks()
	if err != nil {
		return err
	}
	r.carried = map[uint16]carried{}
	for _, p := range r.world.places {
		if p.station == 0 {
			bus := r.carried[uint16(busOperator)]
			r.carried[uint16(busOperator)] = carried{bus.journeys + p.passes.rides, bus.metres + p.passes.metres}
		}
		for origin, n := range p.passes.from {
			if n == 0 {
				continue
			}
			if err := r.carryPair(tracks, r.world.places[origin].station, p.station, int64(n)); err != nil {
				return err
			}
		}
	}
	d.Lines = r.lineData(tracks)
	return nil
}

// carried is what an operator carried.
type carried struct{ journeys, metres int64 }

func (r *Run) carryPair(tracks map[fare.LineID]*track, from, to fare.StationID, riders int64) error {
	legs, err := r.world.book.Ride(from, to)
	if err != nil {
		return err
	}
	for i := range legs {
		leg := &legs[i]
		if err := tracks[leg.Line].carry(leg, riders); err != nil {
			return err
		}
		c := r.carried[uint16(leg.Operator)]
		c.metres += riders * int64(leg.Metres)
		if !slices.ContainsFunc(legs[:i], func(l fare.Leg) bool { return l.Operator == leg.Operator }) {
			c.journeys += riders
		}
		r.carried[uint16(leg.Operator)] = c
	}
	return nil
}

func (r *Run) lineData(tracks map[fare.LineID]*track) []report.Line {
	names := map[fare.StationID]report.Text{}
	for _, s := range r.world.book.Stations() {
		names[s.ID] = report.Text{EN: s.NameEN, ZH: s.Name}
	}
	var lines []report.Line
	for _, l := range r.world.book.AllLines() {
		t := tracks[l.ID]
		line := report.Line{Name: report.Text{EN: l.NameEN, ZH: l.Name}, Color: l.Color, Loop: l.Loop, Metres: int64(l.Metres)}
		for i, s := range t.stops {
			stop := report.Stop{Name: names[s]}
			if i < len(t.carried) {
				stop.Next = t.carried[i]
			}
			line.Stops = append(line.Stops, stop)
		}
		lines = append(lines, line)
	}
	return lines
}
