package kernel

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// newTransitPaperCard is the paper card with the low-value extension: DF61 in BF0C, DF60
// in its PDOL, and DF61 in its 9F69.
func newTransitPaperCard(df61, df60 string) *paperCard {
	c := newPaperCard()
	a5 := tlv.Append(nil, tlv.TagPDOL, unhex(paperPDOL+df60))
	a5 = tlv.Append(a5, tlv.TagFCIIssuerDiscretionary, unhex(df61))
	fci := tlv.Append(nil, tlv.TagDFName, unhex("A000000333010101"))
	fci = tlv.Append(fci, tlv.TagFCIProprietary, a5)
	c.fci = append(tlv.Append(nil, tlv.TagFCITemplate, fci), 0x90, 0x00)
	c.records[[2]byte{1, 0x14}] = record("9F74064543433030 31 9F690801A1A2A3A4000002")
	return c
}

func transitConfig() *Config {
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.Transit = true
	return cfg
}

// ask is any command of the host's own.
var ask = apdu.Command{CLA: 0x80, INS: 0xB4, P2: 0xA8, Data: []byte{0x01, 0x10}, Le: apdu.MaxShortLe}

// pausedAt runs a conversation to Ready.Transit, or to its outcome.
func pausedAt(m *Machine, r Ready, card *paperCard) Ready {
	for r.Send != nil {
		r = m.Step(Answered(card.answer(r.Send)))
	}
	return r
}

// TestSupport: only a card that says 01 or 02, and asks for DF60, has the extension.
func TestSupport(t *testing.T) {
	for _, c := range []struct {
		name, df61, df60 string
		off              bool
		want             byte
	}{
		{"section fare", "DF610101", "DF6001", false, 1}, {"pre-authorisation", "DF610102", "DF6001", false, 2},
		{"behind other objects", "9F4D020B0A DF610102", "DF6001", false, 2},
		{"none", "9F4D020B0A", "DF6001", false, 0}, {"zero", "DF610100", "DF6001", false, 0}, {"unknown", "DF610103", "DF6001", false, 0},
		{"of two bytes", "DF61020102", "DF6001", false, 0}, {"a PDOL without DF60", "DF610102", "", false, 0},
		{"DF60 of two bytes", "DF610102", "DF6002", false, 0}, {"a terminal without", "DF610102", "DF6001", true, 0},
	} {
		cfg := transitConfig()
		cfg.Transit = !c.off
		m := newMachine(t, cfg, testInput())
		r := pausedAt(m, m.Step(Event{Kind: Start}), newTransitPaperCard(c.df61, c.df60))
		if r.Transit != (c.want != 0) || m.Support() != c.want || !m.AsksSM() {
			t.Errorf("%s: %+v, DF61 %02X, want %02X", c.name, r, m.Support(), c.want)
		}
	}
	m := newMachine(t, transitConfig(), testInput())
	card := newTransitPaperCard("DF610101", "DF6001")
	card.fci = bytes.Replace(card.fci, unhex("DF6901"), unhex("DF6801"), 1)
	if pausedAt(m, m.Step(Event{Kind: Start}), card); m.AsksSM() {
		t.Error("a card that does not ask for DF69")
	}
}

// TestTransitTap: the card is told what the gate says after the pause, not before it.
func TestTransitTap(t *testing.T) {
	card := newTransitPaperCard("DF610102", "DF6001")
	m := newMachine(t, transitConfig(), testInput())
	r := pausedAt(m, m.Step(Event{Kind: Start}), card)
	if !r.Transit || m.Identified() {
		t.Fatalf("%+v", r)
	}
	r = pausedAt(m, m.Ask(ask), card)
	if r.Reply == nil || r.Reply.SW != 0x6D00 || len(r.Reply.Data) != 0 {
		t.Fatalf("reply %+v", r.Reply)
	}
	r = pausedAt(m, m.Trade(250, 1), card)
	if !r.Identified {
		t.Fatalf("%+v", r.Outcome)
	}
	gpo := card.sent[len(card.sent)-1]
	if !bytes.Contains(gpo, unhex("28000080 000000000250 000000000000")) || gpo[len(gpo)-2] != 1 {
		t.Errorf("GPO %X", gpo)
	}
	update := apdu.Command{CLA: 0x84, INS: 0xDE, P2: 0xA8, Data: []byte{1, 2, 3, 4, 5}, Le: apdu.NoLe}
	if r = pausedAt(m, m.Ask(update), card); r.Reply == nil || r.Identified {
		t.Fatalf("%+v", r)
	}
	out := converse(m, m.Step(Event{Kind: Continue}), card, Continue)
	d := out.Data
	if out.Result != Approved || !out.CADChecked || d.Amount != 250 || d.DF60 != 1 || d.Support != 2 {
		t.Fatalf("%v, %v: %v fen, DF60 %02X", out.Result, out.Fault, d.Amount, d.DF60)
	}
}

// TestSelectByName: a host that knows the directory itself spares the kernel reading it.
func TestSelectByName(t *testing.T) {
	card := newTransitPaperCard("DF610101", "DF6001")
	m := newMachine(t, transitConfig(), testInput())
	r := pausedAt(m, m.Select(unhex("A000000333")), card)
	if !r.Transit || len(card.sent) != 1 || !bytes.Equal(card.sent[0], unhex("00A4040005 A000000333 00")) {
		t.Errorf("%+v, commands %X", r, card.sent)
	}
	if err := m.Reset(testInput()); err != nil {
		t.Fatal(err)
	}
	card.fci = unhex("6A82")
	if out := pausedAt(m, m.Select(unhex("A000000333010101")), card).Outcome; out == nil || out.Result != Failed || out.Fault.SW != apdu.SWFileNotFound {
		t.Errorf("a card that has it not: %+v", out)
	}
}

// TestCardMisbehavesInThePause: whatever a card answers to the host's own commands, it has
// paid nothing.
func TestCardMisbehavesInThePause(t *testing.T) {
	update := apdu.Command{CLA: 0x84, INS: 0xDE, P2: 0xA8, Data: []byte{1, 2, 3, 4, 5}, Le: apdu.NoLe}
	for _, identified := range []bool{false, true} {
		for _, c := range []struct {
			name   string
			answer []byte // nil: it leaves
			want   Result // 0: the host is told
		}{
			{"no status word", []byte{}, Failed}, {"one byte", []byte{0x90}, Failed}, {"leaves", nil, Torn},
			{"nothing but 9000", unhex("9000"), 0}, {"an error", unhex("6581"), 0}, {"data and an error", unhex("0102036A83"), 0},
			{"much data", append(bytes.Repeat([]byte{0x70}, 60000), 0x90, 0x00), 0},
		} {
			card := newTransitPaperCard("DF610102", "DF6001")
			m := newMachine(t, transitConfig(), testInput())
			pausedAt(m, m.Step(Event{Kind: Start}), card)
			command, reason := ask, txn.NoDoubt
			if identified {
				pausedAt(m, m.Trade(100, 1), card)
				command = update
			}
			m.Ask(command)
			r := m.Step(Event{Kind: CardLeft})
			if c.answer != nil {
				m = newMachine(t, transitConfig(), testInput())
				pausedAt(m, m.Step(Event{Kind: Start}), card)
				if identified {
					pausedAt(m, m.Trade(100, 1), card)
				}
				m.Ask(command)
				r = m.Step(Answered(c.answer))
			}
			if c.want == 0 {
				if r.Reply == nil || len(r.Reply.Data) != len(c.answer)-2 {
					t.Errorf("%s: %+v", c.name, r)
				}
				continue
			}
			switch {
			case identified && c.want == Torn:
				reason = txn.LeftBeforeLast
			case identified:
				reason = txn.MissingCardData
			}
			if o := r.Outcome; o == nil || o.Result != c.want || o.Commit != NotCommitted || o.Reason != reason || o.Identified != identified {
				t.Errorf("%s, identified %v: %+v", c.name, identified, o)
			}
		}
	}
}

// TestHoldWithoutCryptogram: a TC without 9F26 is an answer to a pre-authorisation, and to
// nothing else; a pre-authorisation with one is none.
func TestHoldWithoutCryptogram(t *testing.T) {
	const ac = "9F2608 1122334455667788"
	for _, c := range []struct {
		name   string
		df60   byte
		cvr    string
		ac     bool
		result Result // 0: identified
		fault  Fault
	}{
		{"hold", 2, "90", false, 0, Fault{}},
		{"hold with a cryptogram", 2, "90", true, Failed, Fault{Code: WrongOrder, Tag: tlv.TagAC}},
		{"fare", 1, "90", true, 0, Fault{}},
		{"fare without", 1, "90", false, Failed, Fault{Code: Missing, Tag: tlv.TagAC}},
		{"completion without", 3, "90", false, Failed, Fault{Code: Missing, Tag: tlv.TagAC}},
		{"hold sent online without", 2, "A0", false, Failed, Fault{Code: Missing, Tag: tlv.TagAC}},
		{"hold refused", 2, "80", true, Declined, Fault{Code: CardRefused, Tag: tlv.TagIAD}},
	} {
		card := newTransitPaperCard("DF610102", "DF6001")
		afl := ""
		if c.cvr == "90" {
			afl = paperAFL
		}
		card.gpo = paperGPO(c.cvr, afl)
		if !c.ac {
			card.gpo = cut(t, card.gpo, ac, "")
			card.gpo[1] -= byte(len(unhex(ac)))
		}
		m := newMachine(t, transitConfig(), testInput())
		pausedAt(m, m.Step(Event{Kind: Start}), card)
		r := pausedAt(m, m.Trade(400, c.df60), card)
		if c.result == 0 {
			if !r.Identified || (c.df60 == 2) != (m.Data().AC == [8]byte{}) {
				t.Errorf("%s: %+v, %X", c.name, r.Outcome, m.Data().AC)
			}
			continue
		}
		if o := r.Outcome; o == nil || o.Result != c.result || o.Fault != c.fault || o.Commit != NotCommitted {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

// TestSignedSupport: what the card signs of its extension is what it said before.
func TestSignedSupport(t *testing.T) {
	for _, df61 := range []string{"DF610101", "DF610102"} {
		card := newTransitPaperCard(df61, "DF6001")
		m := newMachine(t, transitConfig(), testInput())
		pausedAt(m, m.Step(Event{Kind: Start}), card)
		out := converse(m, m.Trade(400, 1), card, Continue)
		if want := df61 == "DF610102"; (out.Result == Approved) != want || !want && out.Commit != CommitUnknown {
			t.Errorf("FCI %s, 9F69 with 02: %v, %v", df61, out.Result, out.Fault)
		}
	}
}

// TestLimitsCountForTrade: pre-processing is for the amount that the card is asked for.
func TestLimitsCountForTrade(t *testing.T) {
	cfg := transitConfig()
	cfg.ContactlessLimit, cfg.CVMLimit, cfg.TTQ = 500, 300, [4]byte{0x22, 0, 0, 0x80}
	for amount, want := range map[money.Fen]string{200: "22000080", 300: "22400080", 500: ""} {
		card := newTransitPaperCard("DF610102", "DF6001")
		m := newMachine(t, cfg, Input{Amount: 400, Time: testInput().Time})
		pausedAt(m, m.Step(Event{Kind: Start}), card)
		r := m.Trade(amount, 1)
		switch {
		case want == "" && (r.Outcome == nil || r.Outcome.Result != OtherInterface || r.Outcome.Fault.Code != LimitReached):
			t.Errorf("%d fen: %+v", amount, r.Outcome)
		case want != "" && !bytes.Contains(r.Send, unhex(want)):
			t.Errorf("%d fen: %X, want %s", amount, r.Send, want)
		}
	}
	// The same without a directory, and after a Probe.
	dear := Input{Amount: 500, Time: testInput().Time}
	m := newMachine(t, cfg, dear)
	if o := m.Select(unhex("A000000333010101")).Outcome; o == nil || o.Fault.Code != LimitReached {
		t.Errorf("by name: %+v", o)
	}
	card := &provingCard{paperCard: newPaperCard(), proof: unhex("9406")}
	card.run(m, m.Probe(tornTransit(t, 1)))
	if o := m.TradeOn(dear).Outcome; o == nil || o.Fault.Code != LimitReached {
		t.Errorf("after a probe: %+v", o)
	}
}

// TestHostFaultsPanic: what no card can cause is a fault of the program.
func TestHostFaultsPanic(t *testing.T) {
	at := func(pause string) *Machine {
		card := newTransitPaperCard("DF610102", "DF6001")
		m := newMachine(t, transitConfig(), testInput())
		if pause == "idle" {
			return m
		}
		pausedAt(m, m.Step(Event{Kind: Start}), card)
		if pause == "identified" {
			pausedAt(m, m.Trade(1, 1), card)
		}
		return m
	}
	probed := func(spoil func(*provingCard)) *Machine {
		card := &provingCard{paperCard: newTransitPaperCard("DF610102", "DF6001"), proof: unhex("9406")}
		spoil(card)
		m := newMachine(t, transitConfig(), testInput())
		card.run(m, m.Probe(tornTransit(t, 1)))
		return m
	}
	elsewhere := tornTransit(t, 1)
	elsewhere.last.number++
	left, stranger := func(c *provingCard) { c.gone = true }, func(c *provingCard) { c.fci = unhex("6A82") }
	for name, do := range map[string]func(){
		"trade on with a card that left": func() { probed(left).TradeOn(testInput()) },
		"proof of a card that left":      func() { probed(left).ProveOn(tornTransit(t, 1)) },
		"proof of another card":          func() { probed(stranger).ProveOn(tornTransit(t, 1)) },
		"proof without the extension":    func() { probed(func(*provingCard) {}).ProveOn(tornTransit(t, 0)) },
		"proof of another record":        func() { probed(func(*provingCard) {}).ProveOn(elsewhere) },
		"ask before the card is there":   func() { at("idle").Ask(ask) },
		"select in the pause":            func() { at("transit").Ask(apdu.Command{INS: 0xA4, P1: 4, Data: unhex("A000000333"), Le: 256}) },
		"options in the pause":           func() { at("transit").Ask(apdu.Command{CLA: 0x80, INS: 0xA8, Data: unhex("8300"), Le: 256}) },
		"a record after identification":  func() { at("identified").Ask(apdu.Command{INS: 0xB2, P1: 1, P2: 0x14, Le: 256}) },
		"trade before the card":          func() { at("idle").Trade(1, 1) },
		"trade twice":                    func() { at("identified").Trade(1, 1) },
		"DF60 of 4":                      func() { at("transit").Trade(1, 4) },
		"an amount below zero":           func() { at("transit").Trade(-1, 1) },
		"continue in the pause":          func() { at("transit").Step(Event{Kind: Continue}) },
		"a short name":                   func() { at("idle").Select(unhex("A0000003")) },
		"select in the middle":           func() { at("transit").Select(unhex("A000000333")) },
		"trade on without a probe":       func() { at("transit").TradeOn(testInput()) },
		"proof without a probe":          func() { at("transit").ProveOn(tornTransit(t, 1)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do()
		}()
	}
}
