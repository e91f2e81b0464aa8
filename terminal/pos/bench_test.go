package pos_test

import (
	"testing"

	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
)

// BenchmarkSale is a whole qPBOC purchase, card and till in one process.
func BenchmarkSale(b *testing.B) {
	for _, c := range []struct{ name, profile string }{{"SM2", "dev-sm"}, {"RSA-1024", "dev-3des"}} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b)
			h := w.addCard("card", c.profile, 500_000)
			var answer []byte
			b.ReportAllocs()
			for b.Loop() {
				w.must(h.chip.PowerOn(h.random))
				a := w.till.Begin(w.newSale(pos.Purchase, pos.Contactless, 1))
				for a.Send != nil {
					var err error
					answer, err = h.chip.Transmit(answer[:0], a.Send)
					w.must(err)
					a = w.till.Step(emv.Answered(answer))
				}
				h.chip.PowerOff()
				a = w.till.Step(emv.Event{Kind: emv.CardRemoved})
				if a.Done == nil || a.Done.Outcome != pos.OfflineApproved {
					b.Fatalf("%v", a)
				}
			}
		})
	}
}
