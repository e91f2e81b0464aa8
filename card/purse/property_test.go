package purse_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// book is what a purse should hold, kept as plainly as can be.
type book struct {
	balance, online, offline int
	log                      []string // newest first
	metro                    string
	proofs                   map[string]string // by command
}

// TestAgainstBook lets a card and a book live through the same random life.
func TestAgainstBook(t *testing.T) {
	p := profile(t, "dev-tunion")
	spec := p.Spec(p.Card())
	for i := range spec.Keys {
		spec.Keys[i].Tries = 0 // wrong MACs are counted in the dialogues
	}
	h := host{spec}
	rapid.Check(t, func(rt *rapid.T) {
		r := insert(t, template(t, spec))
		r.t = t
		b := book{balance: 10000, metro: "27027D" + fmt.Sprintf("%0250X", 0), proofs: map[string]string{}}
		begin := func() {
			r.choose(unhex(t, tunionAID))
			r.send("0020000003123456")
		}
		begin()
		rt.Repeat(map[string]func(*rapid.T){
			"load":     func(rt *rapid.T) { b.load(rt, r, h) },
			"purchase": func(rt *rapid.T) { b.pay(rt, r, h, false) },
			"compound": func(rt *rapid.T) { b.pay(rt, r, h, true) },
			"reset": func(rt *rapid.T) {
				r.load(r.chip.Snapshot(nil))
				begin()
			},
			"given up": func(rt *rapid.T) {
				r.send("805003020B01 00000000" + terminal + "0F")
				r.send("80DC02D080 27027D" + fmt.Sprintf("%0250X", 0xEE))
				r.send("805C000204")
				if _, sw := r.send("805401000F 00000001 20260115103000 00000000 08"); sw != apdu.SWWrongState {
					rt.Fatalf("a trade that was given up goes on: %v", sw)
				}
			},
			"": func(rt *rapid.T) { b.compare(rt, r) },
		})
	})
}

func (b *book) enter(rt *rapid.T, seq int, tr *epurse.Trade) {
	b.log = append([]string{fmt.Sprintf("%04X000000%08X%02X%X%X", seq, tr.Amount, byte(tr.Type), tr.Terminal, tr.Stamp)}, b.log...)
	b.log = b.log[:min(len(b.log), 10)]
}

func (b *book) load(rt *rapid.T, r *reader, h host) {
	amount := rapid.Uint32Range(0, 600000).Draw(rt, "amount")
	answer, sw := r.send(fmt.Sprintf("805000020B01%08X%s10", amount, terminal))
	switch {
	case amount == 0:
		if sw != apdu.SWWrongData {
			rt.Fatalf("load of nothing: %v", sw)
		}
		return
	case b.balance+int(amount) > 500000:
		if sw != apdu.SWConditions {
			rt.Fatalf("load of %d on %d: %v", amount, b.balance, sw)
		}
		return
	}
	tr := trade(epurse.LoadEP, amount)
	data, ok := h.credit(h.key(purse.UseLoad, 1), answer, tr)
	if !ok || int(binary.BigEndian.Uint32(answer)) != b.balance {
		rt.Fatalf("INITIALIZE FOR LOAD gives %X", answer)
	}
	tac, sw := r.send("805200000B" + hexOf(data) + "04")
	want := epurse.LoadTAC(epurse.TACSession(epurse.TDES, h.tac(epurse.TDES)), uint32(b.balance)+amount, uint16(b.online), tr)
	if sw != apdu.SWOK || string(tac) != string(want[:]) {
		rt.Fatalf("CREDIT FOR LOAD: %X %v", tac, sw)
	}
	b.balance += int(amount)
	b.online++
	b.enter(rt, b.online, tr)
	b.proofs["load"] = fmt.Sprintf("805A000202%04X08 %X%X9000", b.online, data[7:], tac)
}

func (b *book) pay(rt *rapid.T, r *reader, h host, compound bool) {
	amount := rapid.Uint32Range(0, 20000).Draw(rt, "amount")
	wrong := rapid.IntRange(0, 4).Draw(rt, "wrong MAC") == 0
	kind, p1 := epurse.PurchaseEP, 1
	if compound {
		kind, p1 = epurse.Compound, 3
	}
	answer, sw := r.send(fmt.Sprintf("8050%02X020B01%08X%s0F", p1, amount, terminal))
	switch {
	case amount == 0 && !compound:
		if sw != apdu.SWWrongData {
			rt.Fatalf("purchase of nothing: %v", sw)
		}
		return
	case int(amount) > b.balance:
		if sw != apdu.SWPurseFunds {
			rt.Fatalf("purchase of %d with %d: %v", amount, b.balance, sw)
		}
		return
	}
	record := ""
	if compound {
		record = fmt.Sprintf("27027D%0250X", rapid.Uint64().Draw(rt, "record"))
		if _, sw := r.send("80DC02D080" + record); sw != apdu.SWOK {
			rt.Fatalf("cache: %v", sw)
		}
	}
	tr := trade(kind, amount)
	data, want := h.debit(h.key(purse.UsePurchase, 1), answer, tr)
	if wrong {
		data[14] ^= 1
	}
	got, sw := r.send("805401000F" + hexOf(data) + "08")
	switch {
	case wrong && sw == apdu.SWPurseMAC:
		return
	case wrong || sw != apdu.SWOK || string(got) != string(want):
		rt.Fatalf("DEBIT: %X %v, want %X", got, sw, want)
	}
	b.balance -= int(amount)
	b.offline++
	b.enter(rt, b.offline, tr)
	if compound {
		b.metro = record
	}
	b.proofs["purchase"] = fmt.Sprintf("805A00%02X02%04X08 %X%X9000", byte(kind), b.offline, got[4:], got[:4])
}

func (b *book) compare(rt *rapid.T, r *reader) {
	s := r.state().EP
	if int(s.Balance) != b.balance || int(s.Online) != b.online || int(s.Offline) != b.offline {
		rt.Fatalf("the card says %+v, the book %d, %d, %d", s, b.balance, b.online, b.offline)
	}
	for i := range 10 {
		data, sw := r.send(fmt.Sprintf("00B2%02XC417", i+1))
		want, wantSW := "", apdu.SWRecordNotFound
		if i < len(b.log) {
			want, wantSW = b.log[i], apdu.SWOK
		}
		if hexOf(data) != want || sw != wantSW {
			rt.Fatalf("log record %d is %X %v, want %s", i+1, data, sw, want)
		}
	}
	if data, _ := r.send("00B202D480"); hexOf(data) != b.metro {
		rt.Fatalf("metro record %X, want %s", data, b.metro)
	}
	for name, line := range b.proofs {
		var cmd, want string
		if _, err := fmt.Sscan(line, &cmd, &want); err != nil {
			rt.Fatal(err)
		}
		data, sw := r.send(cmd)
		if hexOf(data)+sw.String() != want {
			rt.Fatalf("proof of %s: %X %v, want %s", name, data, sw, want)
		}
	}
}
