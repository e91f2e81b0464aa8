package gate_test

import (
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// TestTransitWay takes every kind of card through one journey at gates with a security
// module: the fare is the same, and only cards that cannot carry their journey leave
// station records.
func TestTransitWay(t *testing.T) {
	for _, profile := range []string{
		"transit-sm", "transit-3des", "quota-sm", "quota-3des", "dev-transit-sm", "dev-transit-3des", "dev-quota",
		"tunion", "tunion-bare", "dev-tunion", "dev-cityunion", "dev-tunion+dev-cityunion", "livelihood", "sm", "3des",
	} {
		t.Run(profile, func(t *testing.T) {
			w := newWorld(t)
			w.transit = &gate.Transit{}
			entry := w.addGate("in", "a", gate.Config{Terminal: 1, Mode: gate.Entry, Station: w.mustStation("建国门"), Medium: fare.MunicipalCard})
			exit := w.addGate("out", "b", gate.Config{Terminal: 2, Mode: gate.Exit, Station: w.mustStation("北京南站"), Medium: fare.MunicipalCard, LookUpByCard: true})
			spec := goodSpec(profile)
			spec.balance = 5000
			r := w.makeCard("rider", spec)
			in := w.tap(entry, r, noCut, nil)
			if !in.Opened || len(in.Records) != 1 || in.Records[0].Row.Kind != txn.Entry {
				t.Fatalf("entry: %v %v", in.Display, in.Fault)
			}
			inATC, carried := in.Records[0].Row.ATC, in.Entered == nil
			w.now += 1800
			out := w.tap(exit, r, noCut, nil)
			left := money.Fen(4600)
			if profile == "livelihood" { // its purse comes first, and has a balance of its own
				left = 9600
			}
			if !out.Opened || out.Amount != 400 || out.Balance != left || len(out.Records) != 1 {
				t.Fatalf("exit: %v %v, paid %v, left %v", out.Display, out.Fault, out.Amount, out.Balance)
			}
			row := &out.Records[0].Row
			if row.EntryTerminal != 1 || row.EntryATC != inATC || row.EntryTime != w.now-1800 || row.Month != [2]byte{0x26, 0x03} {
				t.Errorf("row %+v", row)
			}
			if carried != (out.Closed == nil) || carried != (row.CAPPFile != 0) || carried == (profile == "sm" || profile == "3des") {
				t.Errorf("carried %v, closed %v, file %02X", carried, out.Closed, row.CAPPFile)
			}
			if want := map[bool]int{true: 0, false: 1}[carried]; len(w.records.closed) != want {
				t.Errorf("%d station records", len(w.records.closed))
			}
		})
	}
}
