package gate_test

import (
	"testing"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
)

// BenchmarkTap is a whole bus tap, both sides: chip with its memory, kernel, gate,
// signature made and checked. The issuer certificate is in the verifier's cache.
func BenchmarkTap(b *testing.B) {
	for _, profile := range []string{"sm", "3des"} {
		b.Run(profile, func(b *testing.B) {
			w := newWorld(b)
			st := w.addGate("bus", "bus", gate.Config{Terminal: 1, Mode: gate.Bus, Medium: fare.MunicipalCard})
			r := w.makeCard("rider", goodSpec(profile))
			var answer []byte
			var err error
			un := [4]byte{}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%90 == 0 {
					w.must(r.chip.Insert(r.image, nil))
				}
				w.must(r.chip.PowerOn(r.random))
				un[0], un[1], un[2] = byte(i), byte(i>>8), byte(i>>16)
				a := st.gate.Begin(w.now, gate.Field{Cards: 1, UID: r.uid}, un)
				for a.Done == nil {
					if a.Remove {
						r.chip.PowerOff()
						a = st.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
						continue
					}
					answer, err = r.chip.Transmit(answer[:0], a.Send)
					w.must(err)
					a = st.gate.Step(kernel.Event{Kind: kernel.Answer, Data: answer})
				}
				if !a.Done.Opened {
					b.Fatal(a.Done.Fault)
				}
			}
		})
	}
}
