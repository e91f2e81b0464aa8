package purse_test

import (
	"testing"

	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
)

// BenchmarkCompound is a compound purchase with one trip record, card's side and the
// PSAM's MACs together, three APDUs.
func BenchmarkCompound(b *testing.B) {
	for _, index := range []byte{0x01, 0x41} {
		p := profile(b, "dev-tunion")
		spec := p.Spec(p.Card())
		h := host{spec}
		k := h.key(purse.UsePurchase, index)
		b.Run(k.Alg.String(), func(b *testing.B) {
			r := insert(b, template(b, spec))
			r.choose(p.AID())
			nvm := r.chip.Snapshot(nil)
			begin := unhex(b, "805003020B0100000000"+terminal+"0F")
			begin[5] = index
			cache := append(unhex(b, "80DC02D080 27027D"), make([]byte, 125)...)
			debit := append(unhex(b, "805401000F"), make([]byte, 16)...)
			debit[20] = 8
			tr := trade(epurse.Compound, 0)
			var room [64]byte
			send := func(cmd []byte) []byte {
				out, err := r.chip.Transmit(room[:0], cmd)
				if err != nil || out[len(out)-2] != 0x90 {
					b.Fatalf("%X gives %X, %v", cmd, out, err)
				}
				return out
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n++; n == 60000 {
					n = 0
					r.load(nvm)
					r.choose(p.AID())
				}
				data, _ := h.debit(k, send(begin), tr)
				send(cache)
				copy(debit[5:], data)
				send(debit)
			}
		})
	}
}
