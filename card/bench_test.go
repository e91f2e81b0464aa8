package card_test

import (
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
)

// benchPayment is a whole payment on the card's side: power on, SELECT PPSE,
// SELECT, GPO, four records.
func benchPayment(b *testing.B, profile string) {
	k := newSample(b, profile, 100000)
	s := k.insert(b, nil)
	cmds := [][]byte{unhex(b, selectPPSE), unhex(b, selectApp), unhex(b, s.gpo(gate(1))),
		unhex(b, readRecord(1, 1)), unhex(b, readRecord(2, 1)), unhex(b, readRecord(1, 2)), unhex(b, readLast)}
	nvm := s.chip.Snapshot(nil)
	rand := random(1)
	chip := card.New()
	out := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		check(b, chip.Insert(k.image, nvm))
		check(b, chip.PowerOn(rand))
		for _, cmd := range cmds {
			var err error
			if out, err = chip.Transmit(out[:0], cmd); err != nil {
				b.Fatal(err)
			}
		}
		nvm = chip.Snapshot(nvm[:0])
		if st := chip.Inspect(); st.Balance == 0 || st.Blocked {
			nvm = s.chip.Snapshot(nvm[:0])
		}
	}
}

func BenchmarkPaymentSM2(b *testing.B) { benchPayment(b, "sm") }
func BenchmarkPaymentRSA(b *testing.B) { benchPayment(b, "3des") }

// BenchmarkBuild makes one card's image, without any cryptography.
func BenchmarkBuild(b *testing.B) {
	for _, name := range profiles {
		k := newSample(b, name, 0)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := perso.Build(k.profile, k.id, k.keys, k.certs, k.signer, 100); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
