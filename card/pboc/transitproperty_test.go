package pboc_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

// rider is a naive card with the extension: what it has, where, and what a terminal
// would be told.
type rider struct {
	quota         bool
	balance, used money.Fen
	deposit       money.Fen
	holds         map[uint16]money.Fen
	records       map[uint16]string
	ring          []string
	committed     int // counter of the last payment of the extension, 0 for none
	proofZero     bool
	atc           int
	push          int
}

// answer is what GET PROCESSING OPTIONS has to say; next is called when the payment
// is committed.
func (r *rider) answer(trade int, id uint16, amount money.Fen) (want string, next func()) {
	held, open := r.holds[id]
	worth := r.balance + r.deposit - r.used
	switch {
	case trade != 0 && id == 0 && r.quota:
		return "AAC", nil
	case trade != 0 && id == 0:
		return "6985", nil
	case trade == 0 && r.quota:
		return "ARQC", nil
	case trade == 0 && amount <= r.balance && amount <= 50000:
		return "TC", func() { r.balance -= amount }
	case trade == 0:
		return "AAC", nil
	case trade == 2 && open:
		return "6972", nil
	case trade == 2 && len(r.holds) == 3:
		return "6971", nil
	case trade == 3 && !open:
		return "6973", nil
	case trade == 2 && amount <= r.balance:
		return "TC without 9F26", func() { r.balance -= amount; r.holds[id] = amount }
	case trade == 1 && amount <= worth:
		return "TC", func() { r.take(amount) }
	case trade == 3 && amount-held <= worth:
		return "TC", func() {
			delete(r.holds, id)
			r.take(amount - held)
		}
	}
	return "AAC", nil
}

// take pays, or gives back what is negative.
func (r *rider) take(amount money.Fen) {
	net := r.balance - r.used - amount
	r.balance, r.used = max(0, net), max(0, -net)
}

var riderIDs = map[uint16]byte{0x0110: 0x15, 0x0210: 0x15, 0x0710: 0x17, 0x0711: 0x17, 0x0712: 0x17, 0x0713: 0x17}

// TestTransitProperty plays random journeys, shops, parking, loads, pushes and lost
// fields against the naive rider.
func TestTransitProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		alg := rapid.SampledFrom(scriptAlgs).Draw(rt, "alg")
		r := &rider{quota: rapid.Bool().Draw(rt, "quota"), balance: money.Fen(rapid.IntRange(0, 3000).Draw(rt, "balance")),
			deposit: money.Fen(rapid.IntRange(0, 1000).Draw(rt, "deposit")), holds: map[uint16]money.Fen{}, ring: []string{"issued"},
			records: map[uint16]string{0x0110: "ready...", 0x0210: "other...", 0x0710: "park....", 0x0711: "park...1", 0x0712: "park...2", 0x0713: "park...3"}}
		g := newGate(t, transitCard{alg: alg, quota: r.quota, balance: r.balance, deposit: r.deposit})
		for n := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				r.load(rt, g)
			default:
				r.travel(rt, g, fmt.Sprintf("step..%02d", n))
			}
			r.compare(rt, g)
		}
	})
}

func (r *rider) load(rt *rapid.T, g *gate) {
	value := money.Fen(rapid.IntRange(0, 4000).Draw(rt, "value"))
	if !r.quota {
		g.script(func(i *issuer) []string { return []string{i.load(value)} })
		r.atc++
	} else {
		atc := rapid.IntRange(0, 6).Draw(rt, "push")
		want := apdu.SWOK
		if atc <= r.push {
			want = apdu.SWSecurity
		}
		g.ok(g.selects())
		object := append([]byte{0x9F, 0x79, 6}, hexBytes(g.t, n12(value))...)
		if _, sw := g.send(g.push(uint16(atc), object, 4)); sw != want {
			rt.Fatalf("push %d after %d: %v", atc, r.push, sw)
		}
		if want != apdu.SWOK {
			return
		}
		r.push = atc
	}
	net := value - r.used
	r.balance, r.used = max(0, net), max(0, -net)
}

func (r *rider) travel(rt *rapid.T, g *gate, body string) {
	ids := []uint16{0, 0x0110, 0x0210, 0x0710, 0x0711, 0x0712, 0x0713}
	id := rapid.SampledFrom(ids).Draw(rt, "record")
	trade := rapid.IntRange(0, 3).Draw(rt, "trade")
	amount := money.Fen(rapid.IntRange(0, 2500).Draw(rt, "amount"))
	lost := rapid.IntRange(0, 9).Draw(rt, "lost") // after so many commands
	want, next := r.answer(trade, id, amount)
	g.powerOn(card.Contactless)
	g.ok(g.selects())
	sfi := riderIDs[id]
	if id != 0 {
		if got := string(g.ok(g.read(sfi, id, false, false))[3:]); got != r.records[id] {
			rt.Fatalf("record %04X is %q, want %q", id, got, r.records[id])
		}
	}
	data, sw := g.send(g.options(gateTTQ, amount, "0156", byte(trade)))
	got := sw.String()
	if sw == apdu.SWOK {
		r.atc++
		got = g.paid(data)
		got = got[:min(len(got), len(want))]
	}
	if got != want {
		rt.Fatalf("DF60 %d, %v of record %04X: %s, want %s", trade, amount, id, got, want)
	}
	if next == nil || lost == 0 {
		return
	}
	if trade != 0 {
		g.ok(g.update(sfi, recordKey(sfi, id), journeyRecord(id, body)))
		if lost == 1 {
			return
		}
		g.ok(g.update(0x1E, recordKey(0x1E, 0), []byte(body)))
		if lost == 2 {
			return
		}
	}
	g.ok(g.last())
	next()
	if trade == 0 {
		return
	}
	r.records[id], r.committed, r.proofZero = body, r.atc, trade == 2
	r.ring = append(r.ring, body)
}

// compare looks at everything that a terminal can see.
func (r *rider) compare(rt *rapid.T, g *gate) {
	s := g.state()
	sum := money.Fen(0)
	for _, v := range r.holds {
		sum += v
	}
	held := money.Fen(0)
	for _, h := range s.Holds {
		held += h.Amount
	}
	if s.Balance != r.balance || s.Used != r.used || held != sum || int(s.ATC) != r.atc || int(s.ProofATC) != r.committed || int(s.PushATC) != r.push {
		rt.Fatalf("%+v, want %+v", s, r)
	}
	g.ok(g.selects())
	for n := 1; n <= 3; n++ {
		got, sw := g.send([]byte{0, 0xB2, byte(n), 0xF4, 0})
		if want := n <= len(r.ring); (sw == apdu.SWOK) != want || want && string(got) != r.ring[len(r.ring)-n] {
			rt.Fatalf("journey %d is %q %v, want %q", n, got, sw, r.ring)
		}
	}
	proof, sw := g.send(g.prove(uint16(r.atc)))
	if (sw == apdu.SWOK) != (r.committed == r.atc && r.atc != 0) {
		rt.Fatalf("GET TRANS PROVE of %d: %v, committed %d", r.atc, sw, r.committed)
	}
	if sw == apdu.SWOK && ([8]byte(proof) == [8]byte{}) != r.proofZero {
		rt.Fatalf("GET TRANS PROVE of %d: %X, pre-authorisation %v", r.atc, proof, r.proofZero)
	}
}

// TestFirstJourneyOfCyclicFile: file 1E of a card that was issued without a record.
func TestFirstJourneyOfCyclicFile(t *testing.T) {
	for _, alg := range scriptAlgs {
		w := transitCard{alg: alg, balance: 1000}
		c := w.card(t)
		c.Transit.Records = c.Transit.Records[:7]
		g := &gate{t: t, want: w, card: c, image: scriptImage(t, c), chip: card.New()}
		g.chip.UseInterface(card.Contactless)
		noError(t, g.chip.Insert(g.image, nil))
		noError(t, g.chip.PowerOn(randomFrom(3)))
		steps := journeySteps(0x15, 0x0110, 100, 1, "at.exit.")
		g.run(steps[:4], -1)
		if _, sw := g.send(steps[4](g)); sw != apdu.SWRecordNotFound {
			t.Errorf("%v: UPDATE of 1E without a key: %v", alg, sw)
		}
		g.ok(g.selects())
		open := g.appends(0x1E, recordKey(0x1E, 0), []byte("first"))
		g.ok(open)
		g.ok(open)
		if _, sw := g.send(g.appends(0x1E, recordKey(0x1E, 1), []byte("first"))); sw != apdu.SWConditions {
			t.Errorf("%v: a second key of 1E: %v", alg, sw)
		}
		g.run(steps, -1)
		if got := string(g.ok([]byte{0, 0xB2, 1, 0xF4, 0})); got != "at.exit." {
			t.Errorf("%v: newest journey %q", alg, got)
		}
	}
}

// TestPrepareRefusesExtensions: products that could not keep what they promise.
func TestPrepareRefusesExtensions(t *testing.T) {
	for name, spoil := range map[string]func(p *pboc.Product){
		"DF61":                     func(p *pboc.Product) { p.Transit = 3 },
		"no check of the balance":  func(p *pboc.Product) { p.Options &^= pboc.OptECCheck },
		"PDOL without DF60":        func(p *pboc.Product) { p.PDOL = p.PDOL[:len(p.PDOL)-1] },
		"DF62 beyond its digits":   func(p *pboc.Product) { p.Extension.Deposit = money.MaxN12 },
		"negative DF62":            func(p *pboc.Product) { p.Extension.Deposit = -1 },
		"file twice":               func(p *pboc.Product) { p.Extension.Files = append(p.Extension.Files, p.Extension.Files[0]) },
		"file of the log":          func(p *pboc.Product) { p.LogSFI = 0x15 },
		"FCI without DF61":         func(p *pboc.Product) { p.FCI = fciWith(t, p.AID, transitPDOL) },
		"quota and prepaid online": func(p *pboc.Product) { p.Options |= pboc.OptPrepay; p.Extension.Quota = true; p.Contact.Cash.AFL = nil },
		"quota over the contacts":  func(p *pboc.Product) { p.Extension.Quota = true },
	} {
		p := (transitCard{alg: cryptogram.TDES}).product(t)
		again := *p
		x, k := *p.Extension, *p.Contact
		again.Extension, again.Contact = &x, &k
		spoil(&again)
		if again.Prepare() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c := (transitCard{alg: cryptogram.TDES}).card(t)
	for name, spoil := range map[string]func(c *pboc.Card){
		"no keys":       func(c *pboc.Card) { c.Transit = nil },
		"one key":       func(c *pboc.Card) { c.Transit.Opening = c.Transit.Opening[:1] },
		"record twice":  func(c *pboc.Card) { c.Transit.Records = append(c.Transit.Records, c.Transit.Records[0]) },
		"unknown file":  func(c *pboc.Card) { c.Transit.Records[0].SFI = 0x16 },
		"half a record": func(c *pboc.Card) { c.Transit.Records[0].Data = []byte{1, 2, 3} },
		"a plain record": func(c *pboc.Card) {
			c.Records = append(c.Records, pboc.RecordData{Record: pboc.Record{SFI: 0x17, Number: 1}})
		},
		"no extension": func(c *pboc.Card) { p := *c.Product; p.Extension = nil; c.Product = &p },
		"too many to fit": func(c *pboc.Card) {
			c.Transit.Records = append(c.Transit.Records, c.Transit.Records[6], c.Transit.Records[5])
		},
	} {
		again, data := *c, *c.Transit
		data.Records = append(data.Records[:0:0], data.Records...)
		again.Transit = &data
		spoil(&again)
		if again.Check() == nil {
			t.Errorf("card, %s: accepted", name)
		}
	}
}

// TestPushVectors: Push PUT DATA of 9F79 = 50.00 yuan with Push ATC 0001. Our own, no
// published ones are known: computed with another implementation of DES and SM4 from
// the session keys of the cryptogram vectors.
func TestPushVectors(t *testing.T) {
	for _, v := range []struct {
		alg cryptogram.Alg
		cmd string
	}{
		{cryptogram.TDES, "04DA00000F 0001 9F7906000000005000 7A3FEE94"},
		{cryptogram.TDES, "04DA000013 0001 9F7906000000005000 45728C10B647BA9D"},
		{cryptogram.SM4, "04DA00000F 0001 9F7906000000005000 B90CF844"},
		{cryptogram.SM4, "04DA000013 0001 9F7906000000005000 E28DDE8CFA0B9D89"},
	} {
		g := newGate(t, transitCard{alg: v.alg, quota: true})
		g.ok(g.selects())
		g.ok(hexBytes(t, v.cmd))
		if s := g.state(); s.Balance != 5000 || s.PushATC != 1 {
			t.Errorf("%v: %+v", v.alg, s)
		}
	}
}

// TestPushOnBlockedCard: a blocked application takes no push and no record.
func TestPushOnBlockedCard(t *testing.T) {
	g := newGate(t, transitCard{quota: true, balance: 5000})
	g.script(func(i *issuer) []string { return []string{i.script("841E0000", nil)} })
	if _, sw := g.send(g.selects()); sw != apdu.SWInvalidated {
		t.Fatalf("SELECT: %v", sw)
	}
	if _, sw := g.send(g.push(1, quotaObject, 4)); sw != apdu.SWNoFile {
		t.Errorf("push: %v, want 6986", sw)
	}
	if _, sw := g.send(g.appends(0x15, recordKey(0x15, 0x0310), journeyRecord(0x0310, "x"))); sw != apdu.SWConditions {
		t.Errorf("APPEND RECORD: %v, want 6985", sw)
	}
	if _, sw := g.send(g.options(gateTTQ, 100, "0156", 1)); sw != apdu.SWConditions {
		t.Errorf("GET PROCESSING OPTIONS: %v, want 6985", sw)
	}
}

// TestStandardCommands are the two commands of the extension whose codes are in the
// vectors of package capp, on a card with their keys.
func TestStandardCommands(t *testing.T) {
	w := transitCard{alg: cryptogram.TDES, balance: 1000}
	c := w.card(t)
	c.Transit.Records = nil
	c.Transit.Opening[0] = cryptogram.Key(hexBytes(t, "505152535455565758595A5B5C5D5E5F"))
	g := &gate{t: t, want: w, card: c, image: scriptImage(t, c), chip: card.New()}
	g.chip.UseInterface(card.Contactless)
	noError(t, g.chip.Insert(g.image, nil))
	noError(t, g.chip.PowerOn(randomFrom(3)))
	g.ok(g.selects())
	g.paid(g.ok(g.options(gateTTQ, 0, "0156", 0)))
	g.ok(g.last())
	g.ok(g.selects())
	g.ok(hexBytes(t, "04E200A824 C0CAA612DD3F49D6F841793D2F66AC68 27010D01010000112233445566778899 6C470F4C"))
	read := g.ok(hexBytes(t, "80B400A80A 2701 1122334455667788 00"))
	if got := fmt.Sprintf("%X", read); got != "27010D010100001122334455667788994876A6BA" {
		t.Errorf("READ CAPP DATA %s", got)
	}
}

// BenchmarkExit is a gate exit: select, read, pay, two records, last record.
func BenchmarkExit(b *testing.B) {
	for _, alg := range scriptAlgs {
		b.Run(alg.String(), func(b *testing.B) {
			g := newGate(b, transitCard{alg: alg, balance: 400000})
			steps := journeySteps(0x15, 0x0110, 0, 1, "at.exit.")
			for n := 0; b.Loop(); n++ {
				if n%60000 == 59999 { // before the counter ends
					noError(b, g.chip.Insert(g.image, nil))
					noError(b, g.chip.PowerOn(randomFrom(3)))
				}
				g.run(steps, -1)
			}
		})
	}
}
