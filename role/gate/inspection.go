package gate

import (
	"encoding/json"
	"fmt"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/inspect"
	"github.com/citycard/citycard/txn"
)

// Inspection is what an inspector has found, as JSON, in the manner of Report.
type Inspection struct {
	Outcome     string   `json:"outcome"` // Outcome in words
	Mode        string   `json:"mode"`    // inspect or inspect-bus
	Time        string   `json:"time"`
	Verdict     string   `json:"verdict"` // by what the card says, proved or not
	VerdictZH   string   `json:"verdict_zh"`
	Verified    bool     `json:"verified"`
	Why         string   `json:"why"` // why it is not verified
	WhyZH       string   `json:"why_zh"`
	Application string   `json:"application"` // finance, tunion or cityunion
	PAN         string   `json:"pan_masked"`  // of a purse
	Metro       *Journey `json:"metro"`
	Bus         *Journey `json:"bus"`
	Trips       []Trip   `json:"trips"` // newest first
	LogAgrees   bool     `json:"log_agrees"`
	TC          string   `json:"tc"` // of the last journey, for the issuer
	Module      string   `json:"module_error"`

	Steps       []Line      `json:"steps"`
	APDUs       int         `json:"apdus"`
	Sent        int         `json:"bytes_sent"`
	Received    int         `json:"bytes_received"`
	FieldMS     json.Number `json:"field_ms"`
	MeasuredMS  json.Number `json:"measured_ms"`
	ModuleMS    json.Number `json:"module_ms"`
	CPU         int64       `json:"cpu_us"`
	ReaderError string      `json:"reader_error"`
}

var applicationNames = map[gate.ApplicationKind]string{
	gate.FinanceApplication: "finance", gate.TUnionPurse: "tunion", gate.CityUnionPurse: "cityunion",
}

// Inspection makes the JSON form of an inspection; bus says where it was made.
func (t *Trace) Inspection(bus bool, book *fare.Book) *Inspection {
	r := t.Inspected
	out := &Inspection{
		Outcome: t.Outcome().String(), Mode: "inspect", Time: clock(t.Time), Verdict: r.Verdict.EN(), VerdictZH: r.Verdict.ZH(), Verified: r.Verified,
		Application: applicationNames[r.Application], Trips: []Trip{}, LogAgrees: r.LogAgrees, Steps: t.lines(),
		APDUs: t.Used.APDUs, Sent: t.Used.Sent, Received: t.Used.Received,
		FieldMS: milliseconds(t.Field), MeasuredMS: milliseconds(t.Measured), ModuleMS: milliseconds(t.Module), CPU: t.Computed.Microseconds(),
	}
	if bus {
		out.Mode = "inspect-bus"
	}
	if r.Why != inspect.Proved {
		out.Why, out.WhyZH = r.Why.EN(), r.Why.ZH()
	}
	if r.Card != (txn.CardKey{}) {
		out.PAN = r.Card.PAN.Masked()
	}
	if r.Metro != nil {
		j := JourneyOf(r.Metro, book)
		out.Metro = &j
	}
	if r.Bus != nil {
		j := JourneyOf(r.Bus, book)
		j.Trade = "bus"
		out.Bus = &j
	}
	for i := range r.Trips {
		out.Trips = append(out.Trips, TripOf(&r.Trips[i], book))
	}
	if r.HasTC {
		out.TC = fmt.Sprintf("%X", r.TC)
	}
	if r.Err != nil {
		out.Module = r.Err.Error()
		if t.Mute != nil {
			out.Module += ": " + tap.Why(t.Mute)
		}
	}
	if t.Broken != nil {
		out.ReaderError = t.Broken.Error()
	}
	return out
}
