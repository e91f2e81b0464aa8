package gate_test

import (
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/rf"
)

// TestExitBudget: an exit of a card that carries its journey takes nine commands at most
// and less than 300 ms of the field at 106 kbit/s, where the card's cryptography takes
// 100 ms; a purse takes eight. What the security module takes is told beside it.
func TestExitBudget(t *testing.T) {
	for _, c := range []struct {
		profile  string
		commands int
		module   int // commands
	}{
		{"transit-sm", 9, 7}, {"transit-3des", 9, 7}, {"quota-sm", 9, 7}, {"quota-3des", 9, 7}, {"dev-transit-sm", 9, 7}, {"dev-transit-3des", 9, 7}, {"dev-quota", 9, 7},
		{"tunion", 7, 4}, {"dev-cityunion", 8, 6},
	} {
		t.Run(c.profile, func(t *testing.T) {
			w := newWorld(t)
			in, _ := w.book.StationByName("建国门")
			out, _ := w.book.StationByName("北京南站")
			entry := w.addGate("in", "in", gate.Config{Terminal: 1, Mode: gate.Entry, Station: in, Medium: fare.MunicipalCard, Transit: &gate.Transit{}})
			exit := w.addGate("out", "out", gate.Config{Terminal: 2, Mode: gate.Exit, Station: out, Medium: fare.MunicipalCard, Transit: &gate.Transit{}})
			r := w.makeCard("rider", cardSpec{profile: c.profile, balance: 5000})
			w.tap(entry, r, noCut, nil)
			w.tap(exit, w.makeCard("first", cardSpec{profile: "tunion"}), noCut, nil) // the module is started
			w.now += 1800
			field := rf.NewMeter(rf.NewLink(rf.TypeA, rf.Rate106), rf.DefaultCard(100*time.Millisecond))
			slot := rf.NewMeter(rf.NewContact(), rf.DefaultCard(0))
			started := slot.Used().Time
			w.must(r.chip.PowerOn(r.random))
			a := exit.gate.Begin(w.now, gate.Field{Cards: 1, UID: r.uid}, w.nextUN())
			for a.Done == nil {
				switch {
				case a.Remove:
					a = exit.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
				case a.SAM != nil:
					answer, err := exit.sam.Transmit(nil, a.SAM)
					w.must(err)
					slot.Exchange(a.SAM, answer)
					a = exit.gate.StepSAM(answer)
				default:
					answer, err := r.chip.Transmit(nil, a.Send)
					w.must(err)
					field.Exchange(a.Send, answer)
					a = exit.gate.Step(kernel.Answered(answer))
				}
			}
			u := field.Used()
			module := (slot.Used().Time - started).Duration()
			t.Logf("%d commands, %v in the field; %d commands, %v for the module", u.APDUs, u.Time.Duration(), slot.Used().APDUs, module)
			if !a.Done.Opened || u.APDUs > c.commands || u.Time.Duration() >= 300*time.Millisecond || slot.Used().APDUs > c.module {
				t.Errorf("%v: %d commands, %v; module %d commands", a.Done.Display, u.APDUs, u.Time.Duration(), slot.Used().APDUs)
			}
		})
	}
}
