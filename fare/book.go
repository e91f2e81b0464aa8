package fare

import (
	"fmt"
	"maps"
	"slices"

	"github.com/citycard/citycard/money"
)

// The files of a rule book. The last three may be missing.
const (
	LinesFile            = "lines.csv"
	StationsFile         = "stations.csv"
	SegmentsFile         = "segments.csv"
	OperatorsFile        = "operators.csv"
	TariffFile           = "tariff.json"
	TransfersFile        = "transfers.csv"
	VirtualTransfersFile = "virtual-transfers.csv"
	JourneysFile         = "journeys.json"
)

// Book is one dated rule book: a network and its tariff. It never changes after
// Parse and may be used by any number of goroutines.
type Book struct {
	version     uint16
	validFrom   Date
	networkAsOf Date
	city        string

	lines     []Line     // by LineID; [0] unused
	stations  []Station  // by StationID; [0] unused
	operators []Operator // by OperatorID; [0] unused
	byName    map[string]StationID
	nets      []network // by NetworkID; [0] is the bus and has no graph

	monthly monthlyRule
	early   earlyRule
	limit   limitRule
	bus     busRule

	journeys JourneyRules

	walks   map[change]int
	virtual []VirtualTransfer
	highest []money.Fen // by StationID
}

// Version is the number that offline rows and quotes carry.
func (b *Book) Version() uint16 { return b.version }

// ValidFrom is the first day on which the tariff is in force.
func (b *Book) ValidFrom() Date { return b.validFrom }

// NetworkAsOf is the day whose lines and stations the book describes.
func (b *Book) NetworkAsOf() Date { return b.networkAsOf }

// City is the city's name as the tariff has it.
func (b *Book) City() string { return b.city }

// parser gathers what later files are checked against.
type parser struct {
	book     *Book
	files    map[string][]byte
	lineByID map[string]LineID   // by name
	onLine   map[hall]StationID  // station_on_line of a line
	order    [][]StationID       // by LineID: stations in running order
	halls    [][]string          // by LineID: their names on the line
	lengths  []int               // by LineID: length_m of lines.csv
	counts   []int               // by LineID: stations of lines.csv
	netByID  map[string]*network // by name
}

// hall is a station as one line names it.
type hall struct {
	line LineID
	name string
}

// Parse reads a rule book from its files, by name: lines.csv, stations.csv,
// segments.csv, operators.csv, tariff.json and, if there, transfers.csv,
// virtual-transfers.csv and journeys.json. Everything is checked against everything else; the first
// fault comes back as an *Error with file, line and column. The bytes are not kept.
func Parse(files map[string][]byte) (*Book, error) {
	p := &parser{book: new(Book), files: files}
	if err := p.checkNames(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		p.parseLines, p.parseStations, p.checkSharedStations, p.parseSegments, p.checkLengths, p.parseOperators,
		p.parseTariff, p.checkJoins, p.findPaths, p.parseTransfers, p.parseVirtualTransfers, p.parseJourneys,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.book.findHighest()
	return p.book, nil
}

func (p *parser) checkNames() error {
	required := []string{LinesFile, StationsFile, SegmentsFile, OperatorsFile, TariffFile}
	for _, name := range required {
		if _, ok := p.files[name]; !ok {
			return &Error{File: name, Problem: "missing", Fix: "give all of " + fmt.Sprint(required)}
		}
	}
	known := append(required, TransfersFile, VirtualTransfersFile, JourneysFile)
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if !slices.Contains(known, name) {
			return &Error{File: clip(name), Problem: "not a file of a rule book", Fix: "leave it out; known are " + fmt.Sprint(known)}
		}
	}
	return nil
}

// checkJoins sees that the tariff's joining stations are just those that the
// network shares with the hub.
func (p *parser) checkJoins() error {
	b := p.book
	hub := &b.nets[HubNetwork]
	for i := range b.spokes() {
		n := &b.spokes()[i]
		at := "separate_networks." + n.name + ".joins_main_at"
		for _, s := range n.joins {
			if !n.has(s) || !hub.has(s) {
				return &Error{File: TariffFile, Field: at, Problem: b.Name(s) + " is not a station of both networks", Fix: "name stations where the network meets main"}
			}
		}
		for _, s := range n.members {
			if hub.has(s) && !slices.Contains(n.joins, s) {
				return &Error{File: TariffFile, Field: at, Problem: b.Name(s) + " is on both networks but not named", Fix: "add it, or give the halls different names in " + StationsFile}
			}
		}
		if len(n.joins) == 0 {
			return &Error{File: TariffFile, Field: at, Problem: "empty", Fix: "name at least one station where the network meets main"}
		}
	}
	return nil
}

func (p *parser) findPaths() error {
	b := p.book
	for i := range b.rail() {
		n := &b.rail()[i]
		if lost := n.findPaths(); lost != 0 {
			return &Error{File: SegmentsFile, Problem: fmt.Sprintf("no way from %s to %s inside network %s", b.Name(n.members[0]), b.Name(lost), n.name),
				Fix: "add the missing segments or join the halls under one name in " + StationsFile}
		}
	}
	return nil
}
