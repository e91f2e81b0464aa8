package fare

import (
	"fmt"
	"slices"
	"strconv"
)

var lineColumns = []string{"line", "line_no", "name_en", "fare_network", "loop", "stations", "length_m", "color"}

func (p *parser) parseLines() error {
	b := p.book
	b.lines = make([]Line, 1)
	p.lineByID, p.netByID = map[string]LineID{}, map[string]*network{}
	p.counts, p.lengths = []int{0}, []int{0}
	netOf := []string{""}
	err := eachRow(LinesFile, p.files[LinesFile], lineColumns, func(r *row) error {
		line, count, err := readLine(r)
		if err != nil {
			return err
		}
		if _, twice := p.lineByID[line.Name]; twice {
			return r.fail(0, line.Name+" is listed twice", "keep one row a line")
		}
		net, err := r.name(3)
		if err != nil {
			return err
		}
		if len(b.lines) > maxLines {
			return r.fail(0, "too many lines", fmt.Sprintf("keep to %d", maxLines))
		}
		line.ID = LineID(len(b.lines))
		b.lines = append(b.lines, line)
		p.lineByID[line.Name] = line.ID
		p.counts, p.lengths = append(p.counts, count), append(p.lengths, line.Metres)
		netOf = append(netOf, net)
		return nil
	})
	if err != nil {
		return err
	}
	return p.numberNetworks(netOf)
}

func readLine(r *row) (line Line, stations int, err error) {
	fail := func(e error) (Line, int, error) { return Line{}, 0, e }
	if line.Name, err = r.name(0); err != nil {
		return fail(err)
	}
	if line.Number, err = r.number(1, 0, 9999); err != nil {
		return fail(err)
	}
	if line.NameEN, err = r.name(2); err != nil {
		return fail(err)
	}
	if line.Loop, err = r.flag(4); err != nil {
		return fail(err)
	}
	least := 2
	if line.Loop {
		least = 3
	}
	if stations, err = r.number(5, least, maxOnOneLine); err != nil {
		return fail(err)
	}
	if line.Metres, err = r.number(6, 1, maxOnOneLine*maxSegmentM); err != nil {
		return fail(err)
	}
	line.Color = r.fields[7]
	if _, err := strconv.ParseUint(line.Color[min(1, len(line.Color)):], 16, 32); err != nil || len(line.Color) != 7 || line.Color[0] != '#' {
		return fail(r.fail(7, fmt.Sprintf("%q is not a colour", clip(line.Color)), "write # and six hexadecimal digits"))
	}
	return line, stations, nil
}

// numberNetworks gives the hub number 1 and the others numbers in file order.
func (p *parser) numberNetworks(netOf []string) error {
	names := []string{"bus", hubName}
	for _, name := range netOf[1:] {
		if !slices.Contains(names[1:], name) {
			names = append(names, name)
		}
	}
	if !slices.Contains(netOf, hubName) {
		return &Error{File: LinesFile, Field: "fare_network", Problem: "no line belongs to network " + hubName, Fix: "the network that the others join must be called " + hubName}
	}
	if slices.Contains(names[2:], "bus") || len(names) > maxNetworks {
		return &Error{File: LinesFile, Field: "fare_network", Problem: "too many networks, or one called bus", Fix: fmt.Sprintf("keep to %d rail networks", maxNetworks-1)}
	}
	p.book.nets = make([]network, len(names))
	for i, name := range names {
		n := &p.book.nets[i]
		n.id, n.name = NetworkID(i), name
		if i > 0 {
			p.netByID[name] = n
		}
	}
	for id := 1; id < len(p.book.lines); id++ {
		p.book.lines[id].Network = p.netByID[netOf[id]].id
	}
	return nil
}

// line finds the line that a field names.
func (p *parser) line(r *row, column int) (LineID, error) {
	id, ok := p.lineByID[r.fields[column]]
	if !ok {
		return 0, r.fail(column, fmt.Sprintf("unknown line %q", clip(r.fields[column])), "name a line of "+LinesFile)
	}
	return id, nil
}

// hall finds the station that a field names as the line in another field does.
func (p *parser) hall(r *row, column int, line LineID) (StationID, error) {
	id, ok := p.onLine[hall{line, r.fields[column]}]
	if !ok {
		return 0, r.fail(column, fmt.Sprintf("%q is not a station of %s", clip(r.fields[column]), p.book.lines[line].Name), "name a station_on_line of "+StationsFile)
	}
	return id, nil
}

func (p *parser) parseStations() error {
	b := p.book
	b.stations, b.byName = make([]Station, 1), map[string]StationID{}
	p.onLine = map[hall]StationID{}
	p.order, p.halls = make([][]StationID, len(b.lines)), make([][]string, len(b.lines))
	err := eachRow(StationsFile, p.files[StationsFile], []string{"line", "seq", "station_on_line", "station", "name_en"}, p.addStation)
	if err != nil {
		return err
	}
	for id := 1; id < len(b.lines); id++ {
		if got := len(p.order[id]); got != p.counts[id] {
			return &Error{File: StationsFile, Field: b.lines[id].Name, Problem: fmt.Sprintf("%d stations, %s says %d", got, LinesFile, p.counts[id]), Fix: "correct the one that is wrong"}
		}
	}
	return nil
}

func (p *parser) addStation(r *row) error {
	b := p.book
	line, err := p.line(r, 0)
	if err != nil {
		return err
	}
	if want := len(p.order[line]) + 1; r.fields[1] != strconv.Itoa(want) {
		return r.fail(1, fmt.Sprintf("%q is out of order", clip(r.fields[1])), fmt.Sprintf("the next station of %s is number %d", b.lines[line].Name, want))
	}
	onLine, err := r.name(2)
	if err != nil {
		return err
	}
	name, err := r.name(3)
	if err != nil {
		return err
	}
	if r.fields[4] != "" {
		if _, err := r.name(4); err != nil {
			return err
		}
	}
	id, err := p.station(r, name, onLine)
	if err != nil {
		return err
	}
	if slices.Contains(p.order[line], id) {
		return r.fail(3, name+" is on "+b.lines[line].Name+" twice", "keep one row for each station of a line")
	}
	s := &b.stations[id]
	if s.NameEN == "" {
		s.NameEN = r.fields[4]
	}
	if s.Lines = append(s.Lines, line); len(s.Lines) > 1 {
		slices.Sort(s.Lines)
	}
	p.order[line], p.halls[line] = append(p.order[line], id), append(p.halls[line], onLine)
	p.onLine[hall{line, onLine}] = id
	return nil
}

// station gives the number of a station, a new one where the name is new. The
// name of a hall must not be that of another station.
func (p *parser) station(r *row, name, onLine string) (StationID, error) {
	b := p.book
	id, ok := b.byName[name]
	if ok && b.stations[id].Name != name {
		return 0, r.fail(3, name+" is the name of a hall of "+b.stations[id].Name, "give the station another name")
	}
	if !ok {
		if len(b.stations) > maxStations {
			return 0, r.fail(3, "too many stations", fmt.Sprintf("keep to %d", maxStations))
		}
		id = StationID(len(b.stations))
		b.stations = append(b.stations, Station{ID: id, Name: name})
		b.byName[name] = id
	}
	if other, taken := b.byName[onLine]; taken && other != id {
		return 0, r.fail(2, onLine+" is already "+b.stations[other].Name, "give the hall a name of its own")
	}
	b.byName[onLine] = id
	return id, nil
}

// checkSharedStations fills the members of the networks and refuses a station that
// two of them share away from the hub: a trip could then change without a price.
func (p *parser) checkSharedStations() error {
	b := p.book
	for i := range b.nets {
		b.nets[i].local = slices.Repeat([]int16{-1}, len(b.stations))
	}
	for _, s := range b.stations[1:] {
		spokes := 0
		for _, line := range s.Lines {
			n := &b.nets[b.lines[line].Network]
			if n.has(s.ID) {
				continue
			}
			n.local[s.ID] = int16(len(n.members))
			n.members = append(n.members, s.ID)
			if n.id != HubNetwork {
				spokes++
			}
		}
		if spokes > 1 && !b.nets[HubNetwork].has(s.ID) {
			return &Error{File: StationsFile, Field: s.Name, Problem: "joins two separate networks away from " + hubName, Fix: "networks meet on " + hubName + " only"}
		}
	}
	return nil
}

func (p *parser) parseSegments() error {
	b := p.book
	done := make([]int, len(b.lines))
	err := eachRow(SegmentsFile, p.files[SegmentsFile], []string{"line", "seq", "from", "to", "metres"}, func(r *row) error {
		line, err := p.line(r, 0)
		if err != nil {
			return err
		}
		if err := p.checkSegment(r, line, done[line]); err != nil {
			return err
		}
		metres, err := r.number(4, 1, maxSegmentM)
		if err != nil {
			return err
		}
		n := &b.nets[b.lines[line].Network]
		stops := p.order[line]
		from, to := stops[done[line]], stops[(done[line]+1)%len(stops)]
		n.edges = append(n.edges, edge{a: int(n.local[from]), b: int(n.local[to]), metres: metres, line: line})
		done[line]++
		return nil
	})
	if err != nil {
		return err
	}
	for id := 1; id < len(b.lines); id++ {
		if want := p.segmentsOf(LineID(id)); done[id] != want {
			return &Error{File: SegmentsFile, Field: b.lines[id].Name, Problem: fmt.Sprintf("%d segments for %d stations", done[id], len(p.order[id])),
				Fix: fmt.Sprintf("give %d: a loop line has one more, back to its first station", want)}
		}
	}
	return nil
}

func (p *parser) segmentsOf(line LineID) int {
	if p.book.lines[line].Loop {
		return len(p.order[line])
	}
	return len(p.order[line]) - 1
}

// checkSegment sees that a row is the next piece of its line, in the order of
// stations.csv.
func (p *parser) checkSegment(r *row, line LineID, done int) error {
	name, halls := p.book.lines[line].Name, p.halls[line]
	if done >= p.segmentsOf(line) {
		return r.fail(1, fmt.Sprintf("one segment too many for the %d stations of %s", len(halls), name), "only a loop line (lines.csv, loop) returns to its first station")
	}
	if r.fields[1] != strconv.Itoa(done+1) {
		return r.fail(1, fmt.Sprintf("%q is out of order", clip(r.fields[1])), fmt.Sprintf("the next segment of %s is number %d", name, done+1))
	}
	for i, want := range []string{halls[done], halls[(done+1)%len(halls)]} {
		if got := r.fields[2+i]; got != want {
			return r.fail(2+i, fmt.Sprintf("%q does not follow the order of %s", clip(got), StationsFile), fmt.Sprintf("segment %d of %s has %s here", done+1, name, want))
		}
	}
	return nil
}

func (p *parser) checkLengths() error {
	b := p.book
	sums := make([]int, len(b.lines))
	for i := range b.nets {
		for _, e := range b.nets[i].edges {
			sums[e.line] += e.metres
		}
	}
	for id := 1; id < len(b.lines); id++ {
		if sums[id] != p.lengths[id] {
			return &Error{File: LinesFile, Field: b.lines[id].Name, Problem: fmt.Sprintf("length_m is %d, its segments add up to %d", p.lengths[id], sums[id]), Fix: "correct the one that is wrong"}
		}
	}
	return nil
}
