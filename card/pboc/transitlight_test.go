package pboc_test

import (
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/wire/apdu"
)

// TestExtensionWithoutContactSide: such a card has what a gate and the issuer's Push PUT
// DATA need, and nothing of what scripts over the contacts could change.
func TestExtensionWithoutContactSide(t *testing.T) {
	g := newGate(t, transitCard{light: true, quota: true, balance: 5000, deposit: 500})
	g.run(journeySteps(0x15, 0x0110, 5200, 1, "at.exit."), -1)
	if s := g.state(); s.Balance != 0 || s.Used != 200 || s.ProofATC != 1 || s.LogRecords != 1 {
		t.Fatalf("after a fare beyond the quota: %+v", s)
	}
	g.powerOn(card.Contactless)
	g.ok(g.selects())
	if got := fmt.Sprintf("%X", g.ok(g.prove(1))); got != fmt.Sprintf("%X", g.tc) {
		t.Errorf("proof %s", got)
	}
	for i, c := range []struct {
		object string
		sw     apdu.SW
		check  func(pboc.State) bool
	}{
		{"9F79 06 000000004000", apdu.SWOK, func(s pboc.State) bool { return s.Balance == 3800 && s.Used == 0 }},
		{"DF62 06 000000001000", apdu.SWOK, func(s pboc.State) bool { return s.Deposit == 1000 }},
		{"DF61 01 01", apdu.SWOK, func(s pboc.State) bool { return s.Support == 1 }},
		{"9F79 06 999999999999", apdu.SWWrongData, nil}, // above 9F77, the product's own
		{"DF62 06 999999999999", apdu.SWWrongData, nil},
		{"9F77 06 000000009000", apdu.SWDataNotFound, nil},
		{"DF79 06 000000000100", apdu.SWDataNotFound, nil},
		{"9F58 01 05", apdu.SWDataNotFound, nil},
	} {
		before := g.state()
		if _, sw := g.send(g.push(uint16(i+1), hexBytes(t, c.object), 4)); sw != c.sw {
			t.Errorf("%s: %v, want %v", c.object, sw, c.sw)
		}
		switch after := g.state(); {
		case c.check == nil && after != before:
			t.Errorf("%s: %+v, was %+v", c.object, after, before)
		case c.check != nil && !c.check(after):
			t.Errorf("%s: %+v", c.object, after)
		}
	}
	for tag, sw := range map[uint16]apdu.SW{0xDF61: apdu.SWOK, 0xDF62: apdu.SWOK, 0xDF63: apdu.SWOK, 0xDF79: apdu.SWDataNotFound, 0xDF4F: apdu.SWDataNotFound} {
		if _, got := g.send([]byte{0x80, 0xCA, byte(tag >> 8), byte(tag), 0}); got != sw {
			t.Errorf("GET DATA %04X: %v, want %v", tag, got, sw)
		}
	}
}
