package pboc_test

import (
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
)

// BenchmarkContact is a payment of electronic cash over the contacts without a
// signature, on the card's side: SELECT, GET PROCESSING OPTIONS, GENERATE AC.
func BenchmarkContact(b *testing.B) {
	c := bothCard(b, bothProduct(b))
	s := newTill(b, c, card.Contact, nil)
	var cmds [3][]byte
	for i, w := range [][]string{line("select"), line("gpo", "cash"), line("gac", "tc")} {
		cmds[i] = hexBytes(b, s.command(w))
	}
	fresh := s.chip.Snapshot(nil)
	out := make([]byte, 0, 512)
	left := 0
	b.ReportAllocs()
	for b.Loop() {
		if left == 0 {
			s.insert(fresh)
			left = 100
		}
		left--
		for _, cmd := range cmds {
			var err error
			if out, err = s.chip.Transmit(out[:0], cmd); err != nil {
				b.Fatal(err)
			}
		}
	}
	var st pboc.State = s.chip.Inspect()
	if int(c.Opening-st.Balance) != (100-left)*100 {
		b.Fatalf("balance %v after %d payments", st.Balance, 100-left)
	}
}
