package gate_test

import (
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
)

// BenchmarkTransitExit is a whole exit of a card that carries its journeys, both sides:
// chip with its memory, kernel, gate, rules, signature made and checked. What the
// security module takes, here a program in the same process, is told apart.
func BenchmarkTransitExit(b *testing.B) {
	for _, profile := range []string{"transit-sm", "transit-3des", "tunion"} {
		b.Run(profile, func(b *testing.B) {
			w := newWorld(b)
			in, _ := w.book.StationByName("建国门")
			out, _ := w.book.StationByName("北京南站")
			entry := w.addGate("in", "in", gate.Config{Terminal: 1, Mode: gate.Entry, Station: in, Medium: fare.MunicipalCard, Transit: &gate.Transit{}})
			exit := w.addGate("out", "out", gate.Config{Terminal: 2, Mode: gate.Exit, Station: out, Medium: fare.MunicipalCard, Transit: &gate.Transit{}})
			r := w.makeCard("rider", cardSpec{profile: profile, balance: 50000})
			w.tap(entry, r, noCut, nil)
			w.now += 1800
			inside := r.chip.Snapshot(nil)
			w.tap(exit, r, noCut, nil) // the module is started
			var answer []byte
			var err error
			var module time.Duration
			un := [4]byte{}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.must(r.chip.Insert(r.image, inside))
				w.must(r.chip.PowerOn(r.random))
				un[0], un[1], un[2] = byte(i), byte(i>>8), byte(i>>16)
				a := exit.gate.Begin(w.now, gate.Field{Cards: 1, UID: r.uid}, un)
				for a.Done == nil {
					switch {
					case a.Remove:
						r.chip.PowerOff()
						a = exit.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
					case a.SAM != nil:
						start := time.Now()
						answer, err = exit.sam.Transmit(answer[:0], a.SAM)
						module += time.Since(start)
						w.must(err)
						a = exit.gate.StepSAM(answer)
					default:
						answer, err = r.chip.Transmit(answer[:0], a.Send)
						w.must(err)
						a = exit.gate.Step(kernel.Event{Kind: kernel.Answer, Data: answer})
					}
				}
				if !a.Done.Opened || a.Done.Amount != 400 {
					b.Fatal(a.Done.Display, a.Done.Fault)
				}
			}
			b.ReportMetric(float64(module.Nanoseconds())/float64(b.N), "module-ns/op")
		})
	}
}
