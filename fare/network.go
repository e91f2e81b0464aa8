package fare

// StationID numbers the stations of one book from 1, in the order of
// stations.csv; 0 is no station. Another book may number them otherwise: a record
// that holds one is read with the book of its rule version. Halls of the same name are one station.
type StationID uint16

// LineID numbers the lines of one book from 1, in the order of lines.csv.
type LineID uint16

// OperatorID numbers the operating companies from 1, in the order in which
// operators.csv first names them.
type OperatorID uint16

// NetworkID numbers the fare networks. The hub is 1, the others follow in the
// order of lines.csv.
type NetworkID uint8

// The networks that every book has.
const (
	BusNetwork NetworkID = 0 // city bus, outside the rail networks
	HubNetwork NetworkID = 1 // the network called "main", which all others join
)

// Limits of a rule book: several times the largest metro there is, and small
// enough for tables of all pairs.
const (
	maxStations  = 1024
	maxLines     = 128
	maxNetworks  = 16
	maxJoins     = 8 // of one network with the hub
	maxSegmentM  = 100_000
	noEdge       = 0xFFFF
	unreachable  = -1
	hubName      = "main"
	maxOnOneLine = 256
)

// Line is one line as the public knows it.
type Line struct {
	ID       LineID
	Name     string // 1号线
	NameEN   string
	Number   int // number in the network's own listing
	Network  NetworkID
	Operator OperatorID
	// Confidence in the operator: sure, probable or unsure. The table is to be
	// corrected by whoever knows better.
	Confidence string
	Loop       bool
	Metres     int    // sum of its segments
	Color      string // #RRGGBB
}

// Station is one station for fares, with all lines that stop there.
type Station struct {
	ID     StationID
	Name   string
	NameEN string // empty where the source has none
	Lines  []LineID
}

// Operator is a company that runs lines and shares in the revenue.
type Operator struct {
	ID   OperatorID
	Name string
}

// edge is the track between two neighbouring stations of one line.
type edge struct {
	a, b   int // local numbers in the network
	metres int
	line   LineID
}

// network is one fare network: its own graph, its own tariff.
type network struct {
	id      NetworkID
	name    string
	members []StationID
	local   []int16 // by station number; -1 where the station is not a member
	edges   []edge
	joins   []StationID // where it meets the hub; empty for the hub itself
	tariff  tariff

	dist []int32  // metres, from*len(members)+to
	via  []uint16 // last edge on the shortest path from -> to
}

func (n *network) has(s StationID) bool { return n.local[s] >= 0 }

func (n *network) metres(from, to StationID) int {
	return int(n.dist[int(n.local[from])*len(n.members)+int(n.local[to])])
}

// Stations lists all stations by number. The slice is the caller's; the Lines in
// it must not be changed.
func (b *Book) Stations() []Station { return append([]Station(nil), b.stations[1:]...) }

// AllLines lists all lines by number.
func (b *Book) AllLines() []Line { return append([]Line(nil), b.lines[1:]...) }

// Operators lists the operating companies by number.
func (b *Book) Operators() []Operator { return append([]Operator(nil), b.operators[1:]...) }

// StationByName finds a station by its name, with or without the line in brackets
// that the source adds to tell halls apart.
func (b *Book) StationByName(name string) (StationID, bool) {
	id, ok := b.byName[name]
	return id, ok
}

// Name is the station's name, empty for a number that is not in the book.
func (b *Book) Name(id StationID) string {
	if !b.known(id) {
		return ""
	}
	return b.stations[id].Name
}

// Lines lists the lines that stop at a station, by number; nil for a number that
// is not in the book. The slice must not be changed.
func (b *Book) Lines(id StationID) []LineID {
	if !b.known(id) {
		return nil
	}
	return b.stations[id].Lines
}

// Line describes a line; false for a number that is not in the book.
func (b *Book) Line(id LineID) (Line, bool) {
	if id == 0 || int(id) >= len(b.lines) {
		return Line{}, false
	}
	return b.lines[id], true
}

// Operator is the company's name, empty for a number that is not in the book.
func (b *Book) Operator(id OperatorID) string {
	if id == 0 || int(id) >= len(b.operators) {
		return ""
	}
	return b.operators[id].Name
}

// NetworkName is the network's name as the tariff has it, "bus" for BusNetwork,
// empty for a number that is not in the book.
func (b *Book) NetworkName(id NetworkID) string {
	if id == BusNetwork {
		return "bus"
	}
	if int(id) >= len(b.nets) {
		return ""
	}
	return b.nets[id].name
}

// rail is the hub and the spokes; spokes are the networks that join the hub.
func (b *Book) rail() []network   { return b.nets[HubNetwork:] }
func (b *Book) spokes() []network { return b.nets[HubNetwork+1:] }

func (b *Book) known(id StationID) bool { return id != 0 && int(id) < len(b.stations) }
