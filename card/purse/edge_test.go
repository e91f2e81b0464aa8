package purse_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// TestOptions: the number that GET TRANSACTION PROVE takes, and what SELECT says of a
// blocked purse, are options of the card.
func TestOptions(t *testing.T) {
	p := profile(t, "dev-tunion")
	spec := p.Spec(p.Card())
	spec.ProofBefore, spec.Invalidated = true, true
	r := insert(t, template(t, spec))
	r.choose(p.AID())
	spend(t, r, host{spec})
	if data, sw := r.send("805A000602000008"); sw != apdu.SWOK || len(data) != 8 {
		t.Errorf("proof by the counter before: %X %v", data, sw)
	}
	r.want("805A000602000108", "9406")
	r.rand.set = unhex(t, "12345678")
	r.want("0084000004", "12345678 9000")
	r.want("841E000004 6DED48C5", "9000")
	if data, sw := r.send("00A4040008" + tunionAID + "00"); sw != apdu.SWInvalidated || len(data) == 0 {
		t.Errorf("SELECT gives %X %v", data, sw)
	}
}

// TestCounterEnd: a counter at its end ends its kind of trade and no other.
func TestCounterEnd(t *testing.T) {
	r := tunion(t)
	r.counters(1000, 0, 0xFFFF)
	r.choose(unhex(t, tunionAID))
	r.want("0020000003123456", "9000")
	r.want("805001020B0100000001"+terminal+"0F", "9402")
	if _, sw := r.send("805000020B0100000001" + terminal + "10"); sw != apdu.SWOK {
		t.Errorf("load: %v", sw)
	}
	r.counters(1000, 0xFFFE, 0)
	r.choose(unhex(t, tunionAID))
	r.want("0020000003123456", "9000")
	p := profile(t, "dev-tunion")
	h := host{p.Spec(p.Card())}
	answer, _ := r.send("805000020B0100000001" + terminal + "10")
	data, _ := h.credit(h.key(purse.UseLoad, 1), answer, trade(epurse.LoadEP, 1))
	if _, sw := r.send("805200000B" + hexOf(data) + "04"); sw != apdu.SWOK {
		t.Errorf("the last load: %v", sw)
	}
	r.want("805000020B0100000001"+terminal+"10", "9402")
}

// TestGreatestCompound: four records of the greatest length fit into the journal, with
// two new records of one ring among other trades, until the ring is full and over.
func TestGreatestCompound(t *testing.T) {
	p := profile(t, "dev-tunion")
	spec := p.Spec(p.Card())
	long := func(n int) [][]byte {
		var out [][]byte
		for i := range n {
			out = append(out, append([]byte{byte(i + 1)}, make([]byte, 199)...))
		}
		return out
	}
	spec.Files = append(spec.Files,
		purse.File{SFI: 3, Kind: cos.Variable, Records: long(4), Compound: true, Update: cos.Never},
		purse.File{SFI: 4, Kind: cos.Cyclic, RecordLength: 200, Capacity: 3, Compound: true, Update: cos.Never})
	r := insert(t, template(t, spec))
	r.choose(p.AID())
	h := host{spec}
	pay := func(cache ...string) {
		t.Helper()
		answer, _ := r.send("805003020B0100000001" + terminal + "0F")
		for _, c := range cache {
			r.want(c, "9000")
		}
		data, want := h.debit(h.key(purse.UsePurchase, 1), answer, trade(epurse.Compound, 1))
		r.want("805401000F"+hexOf(data)+"08", hexOf(want)+"9000")
	}
	record := func(first, rest byte) string {
		return hexOf(append([]byte{first}, bytes.Repeat([]byte{rest}, 199)...))
	}
	pay("80DC011CC8"+record(1, 0x11), "80DC021CC8"+record(2, 0x22), "80DC031CC8"+record(3, 0x33), "80DC041CC8"+record(4, 0x44))
	for i := byte(1); i <= 4; i++ {
		r.want(fmt.Sprintf("00B2%02X1CC8", i), record(i, i*0x11)+"9000")
	}
	// The same record twice takes the last; the identifier may change where the
	// file has none of its own.
	pay("80DC0118C8"+record(1, 0x77), "80DC011CC8"+record(9, 0x78))
	r.want("00B20918C8", record(9, 0x78)+"9000")
	for n := byte(0); n < 5; n++ {
		pay("80DC0020C8"+record(2*n, 0x66), "80DC0020C8"+record(2*n+1, 0x66))
		for back := byte(0); back < 3; back++ {
			if 2*n+1 < back {
				r.want(fmt.Sprintf("00B2%02X24C8", back+1), "6A83")
				continue
			}
			r.want(fmt.Sprintf("00B2%02X24C8", back+1), record(2*n+1-back, 0x66)+"9000")
		}
	}
}

// TestOverdraftLimit: a limit goes down again only as far as nothing of it is spent.
func TestOverdraftLimit(t *testing.T) {
	p := profile(t, "dev-tunion")
	spec := p.Spec(p.Card())
	spec.EP = &purse.Account{Opening: 1000, Limit: 1000, Max: 5000}
	h := host{spec}
	r := insert(t, template(t, spec))
	r.choose(p.AID())
	k := h.key(purse.UseOverdraft, 1)
	set := func(limit uint32, want apdu.SW) {
		t.Helper()
		answer, sw := r.send("805004020701" + terminal + "13")
		if sw != apdu.SWOK {
			t.Fatal(sw)
		}
		tr := trade(epurse.Overdraft, limit)
		s := epurse.LoadSession(k.Alg, k.Value, [4]byte(answer[11:]), uint16(answer[4])<<8|uint16(answer[5]))
		if _, sw := r.send(fmt.Sprintf("805800000E%06X%X%X04", limit, tr.Stamp, epurse.OverdraftMAC2(s, tr))); sw != want {
			t.Errorf("limit %d: %v, want %v", limit, sw, want)
		}
	}
	spend(t, r, h)
	set(0, apdu.SWPurseFunds)
	set(1, apdu.SWOK)
	if s := r.state().EP; s.Balance != 0 || s.Limit != 1 || s.Online != 1 || s.Offline != 1 {
		t.Errorf("a limit of 1 with 1 spent leaves %+v", s)
	}
	set(5002, apdu.SWConditions)
	set(5001, apdu.SWOK)
	if s := r.state().EP; s.Balance != 5000 || s.Limit != 5001 {
		t.Errorf("a limit of 5001 leaves %+v", s)
	}
}

// TestNoRandom: a card without a random source begins no trade.
func TestNoRandom(t *testing.T) {
	p := profile(t, "dev-tunion")
	r := insert(t, p.Template(p.Card()))
	r.chip.PowerOff()
	if err := r.chip.PowerOn(bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	r.choose(p.AID())
	r.want("0084000004", "6F00")
	r.want("805001020B0100000001"+terminal+"0F", "6F00")
	r.want("805401000F00000123202601151011120000000008", "6901")
}
