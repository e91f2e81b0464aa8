package cardview

import (
	"fmt"
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/journey"
)

// Journey is a journey record of the low-value extension: where the rider is. Anybody
// may read it; that it is the card's own only its issuer and the operator's PSAM can
// check.
type Journey struct {
	File      string `json:"file"`  // 15 or 1A
	ID        string `json:"id"`    // hexadecimal
	Trade     string `json:"trade"` // "metro" or "bus"
	State     string `json:"state"` // "fresh", "in" or "out"
	Valid     bool   `json:"valid"`
	Locked    bool   `json:"locked"`
	Entry     *Place `json:"entry"` // nil: none
	Exit      *Place `json:"exit"`
	Amount    int64  `json:"amount_fen"`  // of the last journey
	Held      int64  `json:"held_fen"`    // of the open one
	Overdue   int64  `json:"overdue_fen"` // what the open one costs if it is never ended
	Month     string `json:"month"`       // YYYY-MM, empty for none
	MonthSum  int64  `json:"month_sum_fen"`
	Code      int    `json:"concession"` // 0 none
	CodeUntil string `json:"concession_until"`
	Rides     int    `json:"rides"`
	RidesTo   string `json:"rides_until"`
}

// Place is one end of a journey.
type Place struct {
	Time     string `json:"time"`    // YYYY-MM-DD HH:MM:SS
	Station  int    `json:"station"` // by the rule book that the record names; 0 none
	Name     string `json:"name"`    // of the station, empty if it is not known
	Line     int    `json:"line"`
	Stop     int    `json:"stop"`
	Terminal string `json:"terminal"`
}

// Trip is a line of the log 1E.
type Trip struct {
	Time     string `json:"time"`
	Type     string `json:"type"`  // hexadecimal; 01 entry, 02 exit, 05 single, 07 supplement of electronic cash
	Trade    string `json:"trade"` // "metro", "bus", or hexadecimal
	Line     int    `json:"line"`
	Station  int    `json:"station"` // or stop
	Name     string `json:"name"`
	Amount   int64  `json:"amount_fen"`
	Balance  *int64 `json:"balance_fen"` // after; nil if the terminal did not know it
	ATC      int    `json:"atc"`
	Terminal string `json:"terminal"`
}

// cappRecords are the records that a city's cards carry (JR/T 0025.14, READ CAPP DATA).
var cappRecords = [...]struct {
	file byte
	id   uint16
}{{0x15, journey.Metro}, {0x1A, journey.Bus}}

// tripLog is the file of the last journeys.
const tripLog = 0x1E

// journeys reads where the rider is, and the last journeys; a card without the
// low-value extension has neither.
func (d *dialogue) journeys(a *Application) error {
	if a.Transit == "" {
		return nil
	}
	for _, r := range cappRecords {
		data, sw, err := d.send(apdu.Command{CLA: 0x80, INS: 0xB4, P2: r.file << 3, Data: []byte{byte(r.id >> 8), byte(r.id)}, Le: apdu.MaxShortLe})
		if err != nil {
			return err
		}
		if sw != apdu.SWOK {
			if sw != apdu.SWFileNotFound && sw != apdu.SWRecordNotFound {
				d.note("%s: READ CAPP DATA of file %02X answers %04X", a.AID, r.file, uint16(sw))
			}
			continue
		}
		rec, err := journey.Decode(data)
		if err != nil {
			d.note("%s: file %02X: %v", a.AID, r.file, err)
			continue
		}
		a.Journeys = append(a.Journeys, d.journeyOf(r.file, &rec))
	}
	return d.trips(a)
}

// trips reads the log 1E, the newest first; a place that was never written ends it.
func (d *dialogue) trips(a *Application) error {
	for n := range maxLog {
		data, sw, err := d.readRecord(tripLog, byte(n+1))
		if err != nil || sw != apdu.SWOK {
			return err
		}
		t, err := journey.DecodeTrip(data)
		if err != nil {
			d.note("%s: file %02X, record %d: %v", a.AID, tripLog, n+1, err)
			continue
		}
		if t.Type == journey.NoTrip {
			return nil
		}
		a.Trips = append(a.Trips, d.tripOf(&t))
	}
	return nil
}

func (d *dialogue) journeyOf(file byte, r *journey.Record) Journey {
	j := Journey{
		File: fmt.Sprintf("%02X", file), ID: fmt.Sprintf("%04X", r.ID), Trade: "metro", State: r.State.String(), Valid: r.Valid, Locked: r.Locked,
		Entry: d.place(r, &r.Entry), Exit: d.place(r, &r.Exit), Amount: int64(r.Amount), Held: int64(r.Held), Overdue: int64(r.Overdue),
		MonthSum: int64(r.MonthSum), Code: int(r.Concession), CodeUntil: lastDay(r.ConcessionUntil), Rides: int(r.Rides), RidesTo: lastDay(r.RidesUntil),
	}
	if r.ID == journey.Bus {
		j.Trade = "bus"
	}
	if r.Month != [2]byte{} {
		j.Month = fmt.Sprintf("20%02X-%02X", r.Month[0], r.Month[1])
	}
	return j
}

func (d *dialogue) place(r *journey.Record, p *journey.Place) *Place {
	if p.Time == 0 {
		return nil
	}
	return &Place{
		Time: moment(p.Time), Station: int(p.Station), Name: d.station(r.Rule, p.Station), Line: int(p.Line), Stop: int(p.Stop),
		Terminal: fmt.Sprint(p.Terminal),
	}
}

func (d *dialogue) tripOf(t *journey.Trip) Trip {
	out := Trip{
		Time: moment(t.Time), Type: fmt.Sprintf("%02X", byte(t.Type)), Trade: fmt.Sprintf("%02X", t.Trade), Line: int(t.Line), Station: int(t.Station),
		Amount: int64(t.Amount), ATC: int(t.ATC), Terminal: fmt.Sprint(t.Terminal),
	}
	switch t.Trade {
	case journey.TradeMetro:
		out.Trade, out.Name = "metro", d.station(t.Rule, t.Station)
	case journey.TradeBus:
		out.Trade = "bus"
	}
	if t.Balance != journey.UnknownBalance {
		out.Balance = fenOf(t.Balance)
	}
	return out
}

// station names a station, where somebody has said how.
func (d *dialogue) station(rule, number uint16) string {
	if d.o.Station == nil || number == 0 {
		return ""
	}
	return d.o.Station(rule, number)
}

func fenOf(f money.Fen) *int64 {
	n := int64(f)
	return &n
}

// moment is a unix time by the city's clock, empty for 0.
func moment(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix, 0).In(txn.CityTime).Format(time.DateTime)
}

// lastDay is the end of a right, empty if it has none.
func lastDay(d journey.Day) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
