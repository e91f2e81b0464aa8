package emv_test

import (
	"testing"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
)

// BenchmarkMachine is a purchase at the till without the card's time: its answers
// were recorded. Without signatures it is the machine alone.
func BenchmarkMachine(b *testing.B) {
	for _, c := range []struct {
		name, profile string
		oda           byte
		cash          bool
	}{{"no-signatures", "dev-3des", 0x00, false}, {"CDA-RSA", "dev-3des", 0xC8, false}, {"CDA-SM2", "dev-sm", 0xC8, false}, {"cash-CDA-SM2", "dev-sm", 0xC8, true}} {
		b.Run(c.name, func(b *testing.B) {
			s := newShop(b, c.profile)
			s.config.Capabilities[2], s.config.ElectronicCash = c.oda, c.cash
			for i := range s.config.Applications {
				s.config.Applications[i].Actions = emv.ActionCodes{}
			}
			var answers [][]byte
			m, err := emv.New(s.config)
			noError(b, err)
			in := shopInput(2500)
			if c.oda == 0 {
				in.Type = emv.TypePurchase
			}
			s.sell(in)
			noError(b, m.Reset(in))
			ready := m.Step(emv.Event{Kind: emv.Start})
			for ready.Outcome == nil {
				ev := s.act(ready)
				if ev.Kind == emv.Answer {
					answers = append(answers, ev.Data)
				}
				ready = m.Step(ev)
			}
			b.ReportAllocs()
			for b.Loop() {
				if out := again(m, in, answers); out.Result != ready.Outcome.Result || out.Result == kernel.Failed {
					b.Fatal(out.Result, out.Fault)
				}
			}
		})
	}
}

// again plays recorded answers.
func again(m *emv.Machine, in emv.Input, answers [][]byte) *emv.Outcome {
	if err := m.Reset(in); err != nil {
		panic(err)
	}
	ready := m.Step(emv.Event{Kind: emv.Start})
	for ready.Outcome == nil {
		switch {
		case ready.Send != nil:
			ready = m.Step(emv.Answered(answers[0]))
			answers = answers[1:]
		case ready.Online != nil:
			ready = m.Step(emv.Event{Kind: emv.HostUnreachable})
		default:
			ready = m.Step(emv.Event{Kind: emv.CardRemoved})
		}
	}
	return ready.Outcome
}
