package fare

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/money"
)

// Limits of journeys.json, in minutes and fen. They catch slips of the pen; a transfer
// discount must fit into the two bytes that the card's record has for it.
const (
	maxMinutes     = 10 * 24 * 60
	maxOffFen      = 60_000
	maxCoversFen   = 1_000_000
	maxConcessions = 100
)

// journeysJSON is journeys.json. What is not named keeps its default.
type journeysJSON struct {
	Note         string           `json:"note"`
	MissingExit  string           `json:"missing_exit"`
	MissingEntry string           `json:"missing_entry"`
	OverTime     afterJSON        `json:"over_time"`
	SameStation  withinJSON       `json:"same_station"`
	ReEntry      int              `json:"re_entry_minutes"`
	Hold         holdJSON         `json:"hold_at_entry"`
	Bus          twoTapsJSON      `json:"bus"`
	Transfers    transfersJSON    `json:"transfer_discounts"`
	Concessions  []concessionJSON `json:"concessions"`
	Rides        ridesJSON        `json:"ride_tickets"`
}

type afterJSON struct {
	After  int    `json:"after_minutes"`
	Charge string `json:"charge"`
}

type withinJSON struct {
	Within int    `json:"within_minutes"`
	Charge string `json:"charge"`
}

type holdJSON struct {
	All         bool     `json:"all_stations"`
	Lines       []string `json:"lines"`
	MissingExit string   `json:"missing_exit"`
}

type twoTapsJSON struct {
	Hold           bool   `json:"hold_at_boarding"`
	Longest        int    `json:"longest_m"`
	MissingAlight  string `json:"missing_alight"`
	MissingBoard   string `json:"missing_board"`
	WrongDirection string `json:"wrong_direction"`
}

type transfersJSON struct {
	MetroToBus transferJSON `json:"metro_to_bus"`
	BusToBus   transferJSON `json:"bus_to_bus"`
}

type transferJSON struct {
	Within int `json:"within_minutes"`
	Off    int `json:"off_fen"`
}

type concessionJSON struct {
	Code  int         `json:"code"`
	Name  string      `json:"name"`
	Metro json.Number `json:"metro_rate"`
	Bus   json.Number `json:"bus_rate"`
}

type ridesJSON struct {
	Metro  bool `json:"metro"`
	Bus    bool `json:"bus"`
	Covers int  `json:"covers_fen"`
}

// parseJourneys reads journeys.json, if the book has one. Errors have line and column
// of the value at fault.
func (p *parser) parseJourneys() error {
	p.book.journeys = defaultJourneys()
	data, ok := p.files[JourneysFile]
	if !ok {
		return nil
	}
	file := defaultFile(&p.book.journeys)
	at, err := decodeStrictly(JourneysFile, data, file)
	if err != nil {
		return err
	}
	for _, step := range []func(*journeysJSON) error{p.checkEdges, p.checkHold, p.checkTwoTaps, p.checkRights} {
		if err := step(file); err != nil {
			if bad, ok := errors.AsType[*Error](err); ok {
				bad.File = JourneysFile
			}
			return at.locate(data, err)
		}
	}
	return nil
}

// defaultFile is the file that says what the defaults are, so that a key which is left
// out keeps its default.
func defaultFile(r *JourneyRules) *journeysJSON {
	return &journeysJSON{
		MissingExit: r.MissingExit.String(), MissingEntry: r.MissingEntry.String(),
		OverTime: afterJSON{Charge: r.OverTime.Charge.String()}, SameStation: withinJSON{Charge: r.SameStation.Charge.String()},
		Hold: holdJSON{MissingExit: r.Hold.MissingExit.String()},
		Bus: twoTapsJSON{
			Longest: r.Bus.LongestM, MissingAlight: r.Bus.MissingAlight.String(), MissingBoard: r.Bus.MissingBoard.String(),
			WrongDirection: r.Bus.WrongDirection.String(),
		},
	}
}

// chargeOf reads the word for a charge, one of those that make sense at its place.
func chargeOf(field, word string, to *Charge, allowed ...Charge) error {
	var words []string
	for _, c := range allowed {
		if word == c.String() {
			*to = c
			return nil
		}
		words = append(words, c.String())
	}
	return wrong(field, fmt.Sprintf("%q", clip(word)), "give one of "+strings.Join(words, ", "))
}

// minutes reads a time in minutes as seconds.
func minutes(field string, v int, to *int64) error {
	if err := between(field, v, 0, maxMinutes); err != nil {
		return err
	}
	*to = int64(v) * 60
	return nil
}

// checkEdges reads what happens where an entry or an exit is missing or odd.
func (p *parser) checkEdges(f *journeysJSON) error {
	r := &p.book.journeys
	return errors.Join(
		chargeOf("missing_exit", f.MissingExit, &r.MissingExit, ChargeNothing, ChargeLowest, ChargeHighest, ChargeRefuse),
		chargeOf("missing_entry", f.MissingEntry, &r.MissingEntry, ChargeLowest, ChargeHighest, ChargeRefuse),
		minutes("over_time.after_minutes", f.OverTime.After, &r.OverTime.After),
		chargeOf("over_time.charge", f.OverTime.Charge, &r.OverTime.Charge, ChargeFare, ChargeHighest, ChargeRefuse),
		minutes("same_station.within_minutes", f.SameStation.Within, &r.SameStation.Within),
		chargeOf("same_station.charge", f.SameStation.Charge, &r.SameStation.Charge, ChargeNothing, ChargeLowest, ChargeFare),
		minutes("re_entry_minutes", f.ReEntry, &r.ReEntry),
	)
}

func (p *parser) checkHold(f *journeysJSON) error {
	const field = "hold_at_entry"
	h := &p.book.journeys.Hold
	h.All = f.Hold.All
	if h.All && len(f.Hold.Lines) > 0 {
		return wrong(field+".lines", "given beside all_stations", "give the one or the other")
	}
	for i, name := range f.Hold.Lines {
		line, ok := p.lineByID[name]
		if !ok || slices.Contains(f.Hold.Lines[:i], name) {
			return wrong(fmt.Sprintf("%s.lines[%d]", field, i), fmt.Sprintf("%q is unknown or named twice", clip(name)), "name lines of "+LinesFile+" once")
		}
		if h.Lines == nil {
			h.Lines, h.Stations = map[LineID]bool{}, map[StationID]bool{}
		}
		h.Lines[line] = true
	}
	for _, s := range p.book.stations[1:] {
		if len(h.Lines) > 0 && !slices.ContainsFunc(s.Lines, func(l LineID) bool { return !h.Lines[l] }) {
			h.Stations[s.ID] = true
		}
	}
	return chargeOf(field+".missing_exit", f.Hold.MissingExit, &h.MissingExit, ChargeNothing, ChargeLowest, ChargeHighest)
}

func (p *parser) checkTwoTaps(f *journeysJSON) error {
	b := &p.book.journeys.Bus
	b.HoldAtBoarding, b.LongestM = f.Bus.Hold, f.Bus.Longest
	return errors.Join(
		between("bus.longest_m", f.Bus.Longest, 1, maxBusM),
		chargeOf("bus.missing_alight", f.Bus.MissingAlight, &b.MissingAlight, ChargeNothing, ChargeLowest, ChargeHighest, ChargeRefuse),
		chargeOf("bus.missing_board", f.Bus.MissingBoard, &b.MissingBoard, ChargeLowest, ChargeHighest, ChargeRefuse),
		chargeOf("bus.wrong_direction", f.Bus.WrongDirection, &b.WrongDirection, ChargeFare, ChargeHighest, ChargeRefuse),
	)
}

// checkRights reads transfers, concessions and ride tickets.
func (p *parser) checkRights(f *journeysJSON) error {
	r := &p.book.journeys
	for _, t := range []struct {
		name string
		in   transferJSON
		to   *Transfer
	}{{"metro_to_bus", f.Transfers.MetroToBus, &r.MetroToBus}, {"bus_to_bus", f.Transfers.BusToBus, &r.BusToBus}} {
		field := "transfer_discounts." + t.name
		if err := minutes(field+".within_minutes", t.in.Within, &t.to.Within); err != nil {
			return err
		}
		if err := between(field+".off_fen", t.in.Off, 0, maxOffFen); err != nil {
			return err
		}
		t.to.Off = money.Fen(t.in.Off)
	}
	if len(f.Concessions) > maxConcessions {
		return wrong("concessions", "too many", fmt.Sprintf("keep to %d", maxConcessions))
	}
	for i, c := range f.Concessions {
		if err := r.addConcession(fmt.Sprintf("concessions[%d]", i), c); err != nil {
			return err
		}
	}
	r.RideTickets = RideTickets{Metro: f.Rides.Metro, Bus: f.Rides.Bus, Covers: money.Fen(f.Rides.Covers)}
	return between("ride_tickets.covers_fen", f.Rides.Covers, 0, maxCoversFen)
}

func (r *JourneyRules) addConcession(field string, c concessionJSON) error {
	if err := between(field+".code", c.Code, 1, int(RideConcession)-1); err != nil {
		return err
	}
	if _, twice := r.Concessions[byte(c.Code)]; twice {
		return wrong(field+".code", fmt.Sprintf("%d stands twice", c.Code), "give every concession a code of its own")
	}
	if problem := badText(c.Name); problem != "" {
		return wrong(field+".name", problem, "name the concession")
	}
	metro, err := permille(field+".metro_rate", c.Metro)
	if err != nil {
		return err
	}
	bus, err := permille(field+".bus_rate", c.Bus)
	if err != nil {
		return err
	}
	if r.Concessions == nil {
		r.Concessions = map[byte]Concession{}
	}
	r.Concessions[byte(c.Code)] = Concession{Code: byte(c.Code), Name: c.Name, Metro: uint16(metro), Bus: uint16(bus)}
	return nil
}
