package purse_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// torn is a trade that the tests cut: what is sent before its last command, that
// command, the reads that show what has become of it, and its proof.
type torn struct {
	name   string
	before []string // selected card, PIN verified
	last   func(r *reader, answer []byte) string
	reads  []string
	proof  string
}

func tears(h host) []torn {
	pay := func(kind epurse.Type, amount uint32) func(*reader, []byte) string {
		return func(_ *reader, answer []byte) string {
			data, _ := h.debit(h.key(purse.UsePurchase, 1), answer, trade(kind, amount))
			return "805401000F" + hexOf(data) + "08"
		}
	}
	credit := func(head string, use purse.Use, kind epurse.Type) func(*reader, []byte) string {
		return func(r *reader, answer []byte) string {
			data, ok := h.credit(h.key(use, 1), answer, trade(kind, 700))
			if !ok {
				r.t.Error("MAC1 of the card is wrong")
			}
			return head + "0B" + hexOf(data) + "04"
		}
	}
	metro := "27027D" + fmt.Sprintf("%0250X", 0x5A)
	trip := fmt.Sprintf("06%094X", 0xA5)
	return []torn{
		{"purchase", []string{"805001020B01 000000C8" + terminal + "0F"}, pay(epurse.PurchaseEP, 200),
			[]string{"805C000204", "00B201C417", "00B202C417"}, "805A000602000108"},
		{"compound purchase", []string{"80DC02D080" + metro, "80DC00F030" + trip}, pay(epurse.Compound, 300),
			[]string{"805C000204", "00B201C417", "00B202D480", "00B201F430", "00B202F430"}, "805A000902000108"},
		{"load", []string{"805000020B01 000002BC" + terminal + "10"}, credit("80520000", purse.UseLoad, epurse.LoadEP),
			[]string{"805C000204", "00B201C417"}, "805A000202000108"},
		{"unload", []string{"805005020B01 000002BC" + terminal + "10"}, credit("80540300", purse.UseUnload, epurse.Unload),
			[]string{"805C000204", "00B201C417"}, "805A000302000108"},
		{"overdraft", []string{"805004020701" + terminal + "13"}, overdraft(h),
			[]string{"805C000204", "805C010204", "00B201C417"}, "805A000702000108"},
	}
}

func overdraft(h host) func(*reader, []byte) string {
	return func(_ *reader, answer []byte) string {
		k, tr := h.key(purse.UseOverdraft, 1), trade(epurse.Overdraft, 1000)
		s := epurse.LoadSession(k.Alg, k.Value, [4]byte(answer[11:]), uint16(answer[4])<<8|uint16(answer[5]))
		mac := epurse.OverdraftMAC2(s, tr)
		return fmt.Sprintf("805800000E%06X%X%X04", tr.Amount, tr.Stamp, mac)
	}
}

// begin brings the card up to the last command of the trade.
func (x *torn) begin(r *reader) string {
	r.choose(unhex(r.t, tunionAID))
	if _, sw := r.send("0020000003123456"); sw != apdu.SWOK {
		r.t.Fatalf("VERIFY: %v", sw)
	}
	var answer []byte
	if x.name == "compound purchase" {
		answer, _ = r.send("805003020B01 0000012C" + terminal + "0F")
	}
	for _, c := range x.before {
		data, sw := r.send(c)
		if sw != apdu.SWOK {
			r.t.Fatalf("%s: %v", c, sw)
		}
		if len(data) > 0 {
			answer = data
		}
	}
	return x.last(r, answer)
}

// shown is everything that a reader can learn of the trade afterwards.
func (x *torn) shown(r *reader) string {
	r.choose(unhex(r.t, tunionAID))
	out := ""
	for _, c := range append(x.reads, x.proof) {
		data, sw := r.send(c)
		out += fmt.Sprintf("%s %X %v\n", c, data, sw)
	}
	return out
}

// TestTears cuts the power at every write of every trade, in every way: afterwards
// the card is wholly as before or wholly as after, its proof says which, and what was
// answered holds. A card that is as before takes the whole trade anew.
func TestTears(t *testing.T) {
	p := profile(t, "dev-tunion")
	spec := p.Spec(p.Card())
	for _, x := range tears(host{spec}) {
		t.Run(x.name, func(t *testing.T) {
			r := insert(t, template(t, spec))
			old := x.shown(r)
			last := x.begin(r)
			writes := r.chip.Memory().Writes()
			if _, sw := r.send(last); sw != apdu.SWOK {
				t.Fatalf("the whole trade: %v", sw)
			}
			writes = r.chip.Memory().Writes() - writes
			r.chip.PowerOff() // the answer is lost, the trade is not
			if err := r.chip.PowerOn(r.rand); err != nil {
				t.Fatal(err)
			}
			after := x.shown(r)
			if after == old || writes < 4 {
				t.Fatalf("the trade makes %d writes and changes nothing: %s", writes, after)
			}
			seen := map[string]int{}
			for n := 1; n <= writes; n++ {
				for _, how := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
					seen[x.cut(t, spec, n, how, old, after)]++
				}
			}
			if seen[old] == 0 || seen[after] == 0 {
				t.Errorf("cuts left the old state %d times and the new one %d times", seen[old], seen[after])
			}
		})
	}
}

func (x *torn) cut(t *testing.T, spec purse.Spec, n int, how cos.Tear, old, after string) string {
	t.Helper()
	r := insert(t, template(t, spec))
	r.rand.next = 0
	x.shown(r)
	last := x.begin(r)
	m := r.chip.Memory()
	m.CutAt(m.Writes()+n, how)
	if _, _, err := r.try(unhex(t, last)); !errors.Is(err, card.ErrPowerCut) {
		t.Fatalf("cut %d: error %v", n, err)
	}
	if err := r.chip.PowerOn(r.rand); err != nil {
		t.Fatal(err)
	}
	got := x.shown(r)
	if got != old && got != after {
		t.Errorf("cut %d in way %d leaves\n%s", n, how, got)
	}
	if got == old {
		if _, sw := r.send(x.begin(r)); sw != apdu.SWOK {
			t.Errorf("cut %d in way %d: the trade anew gives %v", n, how, sw)
		}
	}
	return got
}

// TestTornTries cuts a wrong PIN and a wrong MAC of a trade: no cut gives a try more
// than there was, and an answer always costs one.
func TestTornTries(t *testing.T) {
	p := profile(t, "dev-tunion")
	spec := p.Spec(p.Card())
	for n := 1; ; n++ {
		r := insert(t, template(t, spec))
		r.choose(unhex(t, tunionAID))
		m := r.chip.Memory()
		m.CutAt(m.Writes()+n, cos.TearNone)
		_, sw, err := r.try(unhex(t, "0020000003999999"))
		m.CutAt(0, cos.TearNone)
		if err := r.chip.PowerOn(r.rand); err != nil {
			t.Fatal(err)
		}
		r.choose(unhex(t, tunionAID))
		_, left := r.send("00200000")
		switch {
		case err == nil && (sw != 0x63C2 || left != 0x63C2):
			t.Fatalf("wrong PIN gives %v and leaves %v", sw, left)
		case err == nil:
			if n < 4 {
				t.Errorf("a wrong PIN makes %d writes", n-1)
			}
			return
		case left != 0x63C2 && left != 0x63C3:
			t.Errorf("cut %d leaves %v", n, left)
		}
	}
}
