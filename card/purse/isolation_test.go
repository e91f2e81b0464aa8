package purse_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// TestIsolation puts both purses into one chip and tries every ordered pair: what
// happens in one is not seen in the other's memory, and nothing that was shown,
// begun or given in one counts in the other.
func TestIsolation(t *testing.T) {
	names := []string{"dev-tunion", "dev-cityunion"}
	for _, from := range names {
		for _, to := range names {
			if from != to {
				t.Run(from+" against "+to, func(t *testing.T) { isolate(t, from, to) })
			}
		}
	}
}

func isolate(t *testing.T, from, to string) {
	p, q := profile(t, from), profile(t, to)
	a, b := template(t, p.Spec(p.Card())), template(t, q.Spec(q.Card()))
	r := insert(t, a, b)
	other := func() []byte {
		m := r.chip.Memory().Settled(nil)
		return m[a.MemorySize() : a.MemorySize()+b.MemorySize()]
	}
	before := other()

	// PIN and authentication of one do not count in the other.
	r.choose(p.AID())
	r.want("0020000003123456", "9000")
	r.choose(q.AID())
	r.want("805000020B0100000064"+terminal+"10", "6982")
	// A trade and a cache that were begun in one are over in the other.
	r.choose(p.AID())
	r.send("805001020B0100000064" + terminal + "0F")
	r.choose(q.AID())
	r.want("805401000F0000012320260115101112 00000000 08", "6901")
	// Neither serves a challenge.
	r.choose(p.AID())
	r.send("0084000004")
	r.choose(q.AID())
	r.want("04D6951C0601021C1C1C1C", "6984")
	// A key of one is wrong in the other.
	r.choose(q.AID())
	challenge, _ := r.send("0084000008")
	x := epurse.Authentication(epurse.TDES, host{p.Spec(p.Card())}.key(purse.UseExternal, 1).Value, challenge)
	if _, sw := r.send(fmt.Sprintf("0082000108%X", x)); sw != 0x63C2 {
		t.Errorf("the other card's key gives %v", sw)
	}
	r.choose(q.AID())
	challenge, _ = r.send("0084000008")
	x = epurse.Authentication(epurse.TDES, host{q.Spec(q.Card())}.key(purse.UseExternal, 1).Value, challenge)
	r.want(fmt.Sprintf("0082000108%X", x), "9000")

	// All kinds of trades in one, then its end: the other is as it was.
	r.choose(p.AID())
	r.want("0020000003123456", "9000")
	spend(t, r, host{p.Spec(p.Card())})
	for range 3 {
		r.send("0020000003999999")
	}
	for range 15 {
		r.send("0084000004")
		r.send("04D6951C06010200000000")
	}
	if s := r.state(); !s.Locked || !s.Blocked {
		t.Errorf("fifteen wrong MACs on the line leave %+v", s)
	}
	if !bytes.Equal(before, other()) {
		t.Error("memory of the other purse has changed")
	}
	r.choose(q.AID())
	r.want("0020000003123456", "9000")
	spend(t, r, host{q.Spec(q.Card())})
}

// spend pays one fen from EP.
func spend(t testing.TB, r *reader, h host) {
	t.Helper()
	answer, sw := r.send("805001020B0100000001" + terminal + "0F")
	if sw != apdu.SWOK {
		t.Fatalf("INITIALIZE FOR PURCHASE: %v", sw)
	}
	tr := trade(epurse.PurchaseEP, 1)
	tr.AuthCode = h.spec.AuthCode
	data, want := h.debit(h.key(purse.UsePurchase, 1), answer, tr)
	if got, sw := r.send("805401000F" + hexOf(data) + "08"); sw != apdu.SWOK || !bytes.Equal(got, want) {
		t.Fatalf("DEBIT FOR PURCHASE: %X %v", got, sw)
	}
}

// TestKeyUses tries every key of a card in every place where another belongs: the
// card takes a key for its own use only.
func TestKeyUses(t *testing.T) {
	p := profile(t, "dev-tunion")
	spec := p.Spec(p.Card())
	spec.AID = bytes.Clone(spec.AID)
	for i := range spec.Keys {
		spec.Keys[i].Tries = 0
	}
	r := insert(t, template(t, spec))
	taken := 0
	for _, k := range spec.Keys {
		if k.Alg != epurse.TDES {
			continue
		}
		r.choose(spec.AID)
		challenge, _ := r.send("0084000008")
		x := epurse.Authentication(k.Alg, k.Value, challenge)
		_, external := r.send(fmt.Sprintf("0082000108%X", x))
		challenge, _ = r.send("0084000004")
		l := epurse.NewLine(k.Alg, k.Value, challenge)
		field, err := l.Protect(nil, epurse.Header{0x04, 0xD6, 0x95, 0x1C}, []byte{1, 2}, false)
		if err != nil {
			t.Fatal(err)
		}
		_, line := r.send(fmt.Sprintf("04D6951C06%X", field))
		answer, _ := r.send("805001020B0100000001" + terminal + "0F")
		data, _ := host{spec}.debit(k, answer, trade(epurse.PurchaseEP, 1))
		_, pay := r.send("805401000F" + hexOf(data) + "08")
		mac := epurse.ReloadMAC(k.Alg, k.Value, []byte{0x12, 0x34, 0x56})
		_, reload := r.send(fmt.Sprintf("805E000007123456%X", mac))
		for use, sw := range map[purse.Use]apdu.SW{purse.UseExternal: external, purse.UseMaintenance: line, purse.UsePurchase: pay, purse.UseReloadPIN: reload} {
			if (sw == apdu.SWOK) != (k.Use == use) {
				t.Errorf("key of use %02X where %02X belongs: %v", byte(k.Use), byte(use), sw)
			}
			if sw == apdu.SWOK {
				taken++
			}
		}
	}
	if taken != 4 {
		t.Errorf("%d keys were taken in their own places, want 4", taken)
	}
}
