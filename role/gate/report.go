package gate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// Report is one tap as JSON: the contract of `citycard gate --json`. What is not known
// is null or empty; amounts are in fen, hexadecimal is in upper case, times are RFC 3339.
type Report struct {
	Outcome   string `json:"outcome"` // Outcome in words
	Mode      string `json:"mode"`
	Station   string `json:"station"` // of a metro gate
	Terminal  uint32 `json:"terminal"`
	Time      string `json:"time"`
	Opened    bool   `json:"opened"`
	Display   string `json:"display"`
	DisplayZH string `json:"display_zh"`
	PAN       string `json:"pan_masked"`
	PSN       string `json:"psn"`
	Amount    int64  `json:"amount_fen"` // deducted
	Held      int64  `json:"held_fen"`
	Balance   *int64 `json:"balance_fen"`
	Fault     string `json:"fault"`   // why card or kernel refused
	Refusal   string `json:"refusal"` // why the card's journey forbids it
	Module    string `json:"module_error"`
	Setting   string `json:"setting_error"`
	Waiting   int    `json:"waiting"` // torn taps that wait in the array
	// Expired are the rows of torn taps that have waited long enough, before this tap.
	Expired []Row `json:"expired_rows"`
	Rows    []Row `json:"rows"`

	Before []Journey `json:"journey_before"`
	After  []Journey `json:"journey_after"`
	Trip   *Trip     `json:"trip"`

	Steps       []Line      `json:"steps"`
	APDUs       int         `json:"apdus"` // to the card
	Sent        int         `json:"bytes_sent"`
	Received    int         `json:"bytes_received"`
	FieldMS     json.Number `json:"field_ms"`    // modelled, three decimals
	MeasuredMS  json.Number `json:"measured_ms"` // of the exchanges with the card
	ModuleMS    json.Number `json:"module_ms"`   // of those with the security module
	CPU         int64       `json:"cpu_us"`      // the terminal's own computing
	ReaderError string      `json:"reader_error"`
}

// Line is one exchange.
type Line struct {
	With     string `json:"with"` // card or module
	Command  string `json:"command"`
	Response string `json:"response"` // empty if none came
	// Masked says that digits are 0 in place of what must not be seen.
	Masked  bool   `json:"masked,omitempty"`
	SW      string `json:"sw"`
	US      int64  `json:"us"`       // measured
	FieldUS int64  `json:"field_us"` // modelled
	Note    string `json:"note"`
}

// Row is a row that the tap leaves in the terminal's journal.
type Row struct {
	Kind          string   `json:"kind"`
	Reason        string   `json:"reason"` // of doubt, or why it was declined
	Flags         []string `json:"flags"`
	Terminal      uint32   `json:"terminal"`
	Sequence      uint32   `json:"sequence"`
	Time          string   `json:"time"`
	PAN           string   `json:"pan_masked"`
	PSN           string   `json:"psn"`
	Scheme        string   `json:"scheme"`
	ATC           int      `json:"atc"`
	Cryptogram    string   `json:"cryptogram"`
	DF60          int      `json:"df60"`
	Amount        int64    `json:"amount_fen"`
	FullFare      int64    `json:"full_fare_fen"`
	Held          int64    `json:"held_fen"`
	FareRule      int      `json:"fare_rule"`
	Concession    int      `json:"concession"`
	Month         string   `json:"month"` // YYMM
	MonthSum      int64    `json:"month_sum_fen"`
	EntryTerminal uint32   `json:"entry_terminal"`
	EntryTime     string   `json:"entry_time"`
	EntryATC      int      `json:"entry_atc"`
	DF63          *int64   `json:"df63_fen"` // null: not read
	File          string   `json:"file"`     // of the journey record, hexadecimal
	Record        string   `json:"record"`
	Route         int      `json:"route"`
	Stop          int      `json:"stop"`
	Direction     int      `json:"direction"`
	// Chip is what a bank card's cryptogram covers, Purse what a purse's codes do: one of
	// them is null.
	Chip  *Chip  `json:"chip"`
	Purse *Purse `json:"purse"`
}

// Chip is the application's data of a bank card.
type Chip struct {
	IAD     string `json:"iad"` // 9F10, filled up with zeros
	UN      string `json:"un"`  // 9F37
	AIP     string `json:"aip"`
	TVR     string `json:"tvr"` // as sent to the card
	Tag9F69 string `json:"9f69"`
	Tag9F6C string `json:"9f6c"`
	Expiry  string `json:"expiry"` // YYMM
}

// Purse is the trade of a purse with the security module.
type Purse struct {
	Type       string `json:"type"` // hexadecimal, JR/T 0025
	Algorithm  string `json:"algorithm"`
	KeyVersion int    `json:"key_version"`
	Random     string `json:"random"` // of the card
	Before     int64  `json:"balance_before_fen"`
	Overdraft  int64  `json:"overdraft_fen"`
	MAC1       string `json:"mac1"`
	MAC2       string `json:"mac2"`
	TAC        string `json:"tac"`
	Terminal   string `json:"module_terminal"` // number in the module
	Number     uint32 `json:"module_number"`   // of the module's transaction
}

// Journey is a journey record.
type Journey struct {
	Trade      string `json:"trade"` // metro or bus
	State      string `json:"state"` // fresh, in or out
	Locked     bool   `json:"locked"`
	Entry      *End   `json:"entry"`
	Exit       *End   `json:"exit"`
	Amount     int64  `json:"amount_fen"` // of the last journey
	Metres     int    `json:"metres"`
	Month      string `json:"month"` // YYMM
	MonthSum   int64  `json:"month_sum_fen"`
	Held       int64  `json:"held_fen"`
	Overdue    int64  `json:"overdue_fen"` // what the next beginning costs if this journey never ends
	EntryATC   int    `json:"entry_atc"`
	Concession int    `json:"concession"`
	Rides      int    `json:"rides"`
}

// End is one end of a journey.
type End struct {
	Station  string `json:"station"`
	Line     int    `json:"line"` // route of a bus
	Stop     int    `json:"stop"`
	Terminal uint64 `json:"terminal"`
	Time     string `json:"time"`
}

// Trip is a line of the card's log.
type Trip struct {
	Type     string `json:"type"` // hexadecimal, JT/T 978
	Trade    string `json:"trade"`
	Station  string `json:"station"`
	Line     int    `json:"line"`
	Terminal uint64 `json:"terminal"`
	Time     string `json:"time"`
	Amount   int64  `json:"amount_fen"`
	Balance  *int64 `json:"balance_fen"`
	ATC      int    `json:"atc"`
}

// Report makes the JSON form of a trace. Station names come from the book.
func (t *Trace) Report(s *Setup, book *fare.Book) *Report {
	r := &t.Result
	out := &Report{
		Outcome: t.Outcome().String(), Mode: s.Mode.String(), Terminal: uint32(s.Number()), Time: clock(t.Time),
		Opened: r.Opened, Display: r.Display.EN(), DisplayZH: r.Display.ZH(), Amount: int64(r.Amount), Held: int64(r.Held), Balance: known(int64(r.Balance)),
		Waiting: t.Waiting, Expired: []Row{}, Rows: []Row{}, Before: []Journey{}, After: []Journey{}, Steps: t.lines(),
		APDUs: t.Used.APDUs, Sent: t.Used.Sent, Received: t.Used.Received,
		FieldMS: milliseconds(t.Field), MeasuredMS: milliseconds(t.Measured), ModuleMS: milliseconds(t.Module), CPU: t.Computed.Microseconds(),
	}
	if s.Mode <= gate.Exit {
		out.Station = book.Name(s.Station)
	}
	if r.Card.PAN != (txn.PAN{}) {
		out.PAN, out.PSN = r.Card.PAN.Masked(), fmt.Sprintf("%02X", r.Card.PSN)
	}
	out.Fault = t.Fault("en")
	if r.Refusal != 0 {
		out.Refusal = r.Refusal.String()
	}
	for text, err := range map[*string]error{&out.Module: r.Module, &out.Setting: r.Setting, &out.ReaderError: t.Broken} {
		if err != nil {
			*text = err.Error()
		}
	}
	if out.Module != "" && t.Mute != nil {
		out.Module += ": " + tap.Why(t.Mute)
	}
	for i := range t.Expired {
		out.Expired = append(out.Expired, rowOf(&t.Expired[i].Row))
	}
	for i := range r.Records {
		out.Rows = append(out.Rows, rowOf(&r.Records[i].Row))
	}
	for i := range t.Before {
		out.Before = append(out.Before, JourneyOf(&t.Before[i], book))
	}
	for i := range t.After {
		out.After = append(out.After, JourneyOf(&t.After[i], book))
	}
	if t.Trip != nil {
		trip := TripOf(t.Trip, book)
		out.Trip = &trip
	}
	return out
}

// Fault is what the card or its answers lack, in words of a language ("en" or "zh"), of
// kernel or purse; empty if nothing.
func (t *Trace) Fault(lang string) string {
	r := &t.Result
	switch f := r.Purse; {
	case r.Fault.Code != 0:
		return r.Fault.Text(lang)
	case f.Code == purse.NoFault || f.Code == purse.ModuleFailed: // Result.Module says more
		return ""
	case f.SW != 0:
		return fmt.Sprintf("%s (%v)", f.Code.Name(lang), f.SW)
	default:
		return f.Code.Name(lang)
	}
}

func known(v int64) *int64 {
	if v < 0 {
		return nil
	}
	return &v
}

func milliseconds(d time.Duration) json.Number {
	us := d.Microseconds()
	return json.Number(fmt.Sprintf("%d.%03d", us/1000, us%1000))
}

// clock is a time at UTC+8; empty for none.
func clock(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix, 0).In(txn.CityTime).Format(time.RFC3339)
}

// lines are the exchanges.
func (t *Trace) lines() []Line {
	out := []Line{}
	for i := range t.Steps {
		s := &t.Steps[i]
		l := Line{With: "card", SW: s.SW, US: s.Took.Microseconds(), FieldUS: s.Field.Microseconds(), Note: s.Command.Title}
		switch s.Kind {
		case tap.Exchange:
		case tap.Module:
			l.With = "module"
		default:
			continue
		}
		l.Command, l.Response = strings.ReplaceAll(s.Command.Hex, "*", "0"), strings.ReplaceAll(s.Answer.Hex, "*", "0")
		l.Masked = l.Command != s.Command.Hex || l.Response != s.Answer.Hex
		if s.Lost != nil {
			l.Note += ": " + tap.Why(s.Lost)
		}
		out = append(out, l)
	}
	return out
}

// flagNames are the bits of a row's flags in words.
var flagNames = []struct {
	flag txn.Flags
	name string
}{
	{txn.LastRecordRead, "last_record_read"}, {txn.ODAVerified, "oda_verified"}, {txn.Tag9F69Checked, "9f69_checked"},
	{txn.ServiceGiven, "service_given"}, {txn.ClosedByProve, "closed_by_proof"}, {txn.ClosedByRetap, "closed_by_retap"},
	{txn.EvidenceKept, "evidence_kept"}, {txn.EntryUnread, "entry_unread"}, {txn.MonthUnread, "month_unread"},
}

func rowOf(r *txn.Row) Row {
	out := Row{
		Kind: r.Kind.String(), Reason: r.Flags.Reason().String(), Flags: []string{}, Terminal: uint32(r.Terminal), Sequence: r.Sequence, Time: clock(r.Time),
		PAN: r.Card.PAN.Masked(), PSN: fmt.Sprintf("%02X", r.Card.PSN), Scheme: r.Scheme.String(), ATC: int(r.ATC), Cryptogram: fmt.Sprintf("%X", r.AC),
		DF60: int(r.DF60), Amount: int64(r.Amount), FullFare: int64(r.FullFare), Held: int64(r.Held), FareRule: int(r.FareRule), Concession: int(r.Concession),
		Month: month(r.Month), MonthSum: int64(r.MonthSum), EntryTerminal: uint32(r.EntryTerminal), EntryTime: clock(r.EntryTime), EntryATC: int(r.EntryATC),
		Route: int(r.Route), Stop: int(r.Stop), Direction: int(r.Direction),
	}
	for _, f := range flagNames {
		if r.Flags.Has(f.flag) {
			out.Flags = append(out.Flags, f.name)
		}
	}
	if r.DF63 != txn.DF63Unread {
		out.DF63 = known(int64(r.DF63))
	}
	if p, ok := r.Purse(); ok {
		out.Purse = &Purse{
			Type: fmt.Sprintf("%02X", r.Type), Algorithm: algorithms[p.Algorithm], KeyVersion: int(p.KeyVersion), Random: fmt.Sprintf("%X", p.Random),
			Before: int64(p.Before), Overdraft: int64(p.Overdraft), MAC1: fmt.Sprintf("%X", p.MAC1), MAC2: fmt.Sprintf("%X", p.MAC2),
			TAC: fmt.Sprintf("%X", p.TAC), Terminal: fmt.Sprintf("%X", p.Terminal), Number: p.TerminalSequence,
		}
	} else {
		out.Chip = &Chip{
			IAD: fmt.Sprintf("%X", r.IAD), UN: fmt.Sprintf("%X", r.UN), AIP: fmt.Sprintf("%X", r.AIP), TVR: fmt.Sprintf("%X", r.TVR),
			Tag9F69: fmt.Sprintf("%X", r.Tag9F69), Tag9F6C: fmt.Sprintf("%X", r.Tag9F6C), Expiry: fmt.Sprintf("%X", r.Expiry),
		}
	}
	if r.CAPPFile != 0 {
		out.File, out.Record = fmt.Sprintf("%02X", r.CAPPFile), fmt.Sprintf("%04X", r.CAPPRecord)
	}
	return out
}

// algorithms of a purse.
var algorithms = map[byte]string{0x00: "3DES", 0x04: "SM4"}

func month(m [2]byte) string {
	if m == [2]byte{} {
		return ""
	}
	return fmt.Sprintf("%X", m)
}

// JourneyOf is a journey record with the names of its stations.
func JourneyOf(r *journey.Record, book *fare.Book) Journey {
	out := Journey{
		Trade: "metro", State: r.State.String(), Locked: r.Locked, Entry: endOf(&r.Entry, book), Exit: endOf(&r.Exit, book),
		Amount: int64(r.Amount), Metres: int(r.Distance) * journey.DistanceUnit, Month: month(r.Month), MonthSum: int64(r.MonthSum), Held: int64(r.Held),
		Overdue: int64(r.Overdue), EntryATC: int(r.EntryATC), Concession: int(r.Concession), Rides: int(r.Rides),
	}
	if r.ID == journey.Bus || r.ID == unionBus {
		out.Trade = "bus"
	}
	return out
}

// unionBus is the compound record of buses in a City Union purse (file 17).
const unionBus = 0x01

func endOf(p *journey.Place, book *fare.Book) *End {
	if p.Time == 0 {
		return nil
	}
	return &End{Station: name(p.Station, book), Line: int(p.Line), Stop: int(p.Stop), Terminal: p.Terminal, Time: clock(p.Time)}
}

func name(station uint16, book *fare.Book) string {
	if station == 0 {
		return ""
	}
	return book.Name(fare.StationID(station))
}

// TripOf is a line of the log with the name of its station.
func TripOf(t *journey.Trip, book *fare.Book) Trip {
	out := Trip{
		Type: fmt.Sprintf("%02X", byte(t.Type)), Trade: "metro", Station: name(t.Station, book), Line: int(t.Line), Terminal: t.Terminal,
		Time: clock(t.Time), Amount: int64(t.Amount), Balance: known(int64(t.Balance)), ATC: int(t.ATC),
	}
	if t.Trade == journey.TradeBus {
		out.Trade, out.Station = "bus", ""
	}
	return out
}
