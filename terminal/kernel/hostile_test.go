package kernel

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
)

// lastAsked says whether the card was asked for its last record, which pays.
func (c *paperCard) lastAsked() bool {
	for _, cmd := range c.sent {
		if bytes.Equal(cmd[:4], []byte{0x00, 0xB2, 1, 0x14}) {
			return true
		}
	}
	return false
}

// TestProofComesWithTheLastRecordOnly: a 9F69 that is there earlier would let any answer
// to the last record pass for the card's.
func TestProofComesWithTheLastRecordOnly(t *testing.T) {
	const cad = "9F690801A1A2A3A4000000"
	early := func() *paperCard {
		c := newPaperCard()
		c.records[[2]byte{2, 0x0C}] = record("8F0139 9003111111 9F4603222222 9F08020030" + cad)
		c.records[[2]byte{1, 0x14}] = record("9F7406454343303031")
		return c
	}
	inOptions := newPaperCard()
	inOptions.gpo = cut(t, inOptions.gpo, "9F6C020000", "9F6C020000"+cad)
	inOptions.gpo[1] += 11
	for _, card := range []*paperCard{early(), inOptions} {
		out := tap(t, testConfig(&verdict{reason: oda.OK}), card)
		if out.Result != Failed || out.Commit != NotCommitted || (out.Fault != Fault{Code: WrongOrder, Tag: 0x9F69}) || card.lastAsked() {
			t.Errorf("%v, %v, %v", out.Result, out.Commit, out.Fault)
		}
	}
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.TTQ[3] = 0 // who does not ask for version 01 takes no proof from it
	if out := tap(t, cfg, early()); out.Result != Approved || out.CADChecked {
		t.Errorf("terminal of version 00: %v, %v", out.Result, out.Fault)
	}
	// Stored data of such a tap are no data of this kernel.
	torn := tornPaperCard(t)
	torn.objects[objCAD] = unhex(cad)[3:]
	if _, err := DecodeData(torn.Append(nil)); err == nil || !strings.Contains(err.Error(), "9F69") {
		t.Errorf("stored 9F69: %v", err)
	}
}

// TestLastRecordNamedTwice: the first reading of it would pay while the terminal holds
// that nothing is paid.
func TestLastRecordNamedTwice(t *testing.T) {
	for _, afl := range []string{"10010100 08010202 10010100", "08010202 10010200 10010100"} {
		card := newPaperCard()
		card.gpo = paperGPO("90", afl)
		out := tap(t, testConfig(&verdict{reason: oda.OK}), card)
		if out.Result != Failed || out.Commit != NotCommitted || (out.Fault != Fault{Code: BadValue, Tag: 0x94}) || len(card.sent) != 3 {
			t.Errorf("%s: %v, %v after %d commands", afl, out.Result, out.Fault, len(card.sent))
		}
	}
}

// TestExpiredByTrack2: where 5F24 comes with the last record, the month of track 2 must
// refuse the card before it pays.
func TestExpiredByTrack2(t *testing.T) {
	for _, c := range []struct {
		track2, record string
		want           Result
		commit         Commit
	}{
		{"D2510220", "251031", Declined, NotCommitted}, {"D2511220", "251130", Approved, Committed}, {"D2513220", "251330", Declined, NotCommitted},
	} {
		card := newPaperCard()
		card.gpo = cut(t, card.gpo, "D3012201", c.track2[:7]+"1")
		card.records[[2]byte{1, 0x0C}] = record("5A08" + paperPAN)
		card.records[[2]byte{1, 0x14}] = record("5F2403" + c.record + "9F690801A1A2A3A4000000")
		out := tap(t, testConfig(&verdict{reason: oda.OK}), card)
		if out.Result != c.want || out.Commit != c.commit || c.want == Declined && out.Reason != txn.Expired {
			t.Errorf("%s: %v, %v, %v", c.track2, out.Result, out.Commit, out.Fault)
		}
	}
}

// TestTornCardThatStatesNoBalance: the signature over 9F69 proves the payment of a card
// whose 9F10 has no balance. It must not be charged again.
func TestTornCardThatStatesNoBalance(t *testing.T) {
	for _, version01 := range []bool{true, false} {
		cfg := testConfig(&verdict{reason: oda.OK})
		if !version01 {
			cfg.TTQ[3] = 0
		}
		m := newMachine(t, cfg, testInput())
		card := newPaperCard()
		card.gpo = cut(t, card.gpo, "9F1013 07010103900000010A010000009600AABBCCDD", "9F1008 0701010390000001")
		card.gpo[1] -= 11
		last := card.records[[2]byte{1, 0x14}]
		card.records[[2]byte{1, 0x14}] = nil
		torn := converse(m, m.Step(Event{Kind: Start}), card, Continue).Data.Clone()
		if _, known := torn.BalanceBefore(); known {
			t.Fatal("the card states a balance")
		}
		card.records[[2]byte{1, 0x14}] = last
		converse(m, m.Probe(torn), card, Continue)
		if v := m.probe.Verdict(torn); v != Finishable {
			t.Errorf("verdict %v", v)
		}
		if out := m.Resume(torn).Outcome; (out.Result == Approved) != version01 || out.CADChecked != version01 {
			t.Errorf("version 01 %v: %v, %v", version01, out.Result, out.Fault)
		}
	}
}

// TestTornCardThatSignsInItsLastRecord: under version 00 too the signature is the proof
// where it came with the last record.
func TestTornCardThatSignsInItsLastRecord(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.TTQ[3] = 0
	m := newMachine(t, cfg, testInput())
	card := newPaperCard()
	card.gpo = cut(t, card.gpo, "9F4B03333333", "9F5003333333")
	card.records[[2]byte{1, 0x14}] = nil
	torn := converse(m, m.Step(Event{Kind: Start}), card, Continue).Data.Clone()
	for _, c := range []struct {
		record   string
		approved bool
	}{{"9F4B03444444", true}, {"9F5003444444", false}} {
		card.records[[2]byte{1, 0x14}] = record(c.record)
		card.balance = unhex("9F7906000000007777 9000")
		converse(m, m.Probe(torn), card, Continue)
		if v := m.probe.Verdict(torn); (v == Finishable) != c.approved {
			t.Errorf("%s: verdict %v", c.record, v)
		}
		if c.approved && m.Resume(torn).Outcome.Result != Approved {
			t.Errorf("%s: %v", c.record, m.out.Fault)
		}
	}
}

// TestTornCardKeepsItsSignature: what the card asked of its holder holds when it is back.
func TestTornCardKeepsItsSignature(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.TTQ[0] |= TTQ1Signature
	m := newMachine(t, cfg, testInput())
	card := newPaperCard()
	card.gpo = cut(t, card.gpo, "9F6C020000", "9F6C024000")
	last := cut(t, card.records[[2]byte{1, 0x14}], "A1A2A3A40000", "A1A2A3A44000")
	card.records[[2]byte{1, 0x14}] = nil
	torn := converse(m, m.Step(Event{Kind: Start}), card, Continue).Data.Clone()
	card.records[[2]byte{1, 0x14}] = last
	converse(m, m.Probe(torn), card, Continue)
	if out := m.Resume(torn).Outcome; out.Result != Approved || out.CVM != Signature {
		t.Errorf("%v, %v, %v", out.Result, out.CVM, out.Fault)
	}
}

// TestProbeOfTheNextCardBeginsAnew: a card that was recognised leaves nothing for the
// next card's Probe.
func TestProbeOfTheNextCardBeginsAnew(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	torn := tornPaperCard(t)
	seen := tap(t, cfg, newPaperCard()).Data.Seen()
	for _, same := range []bool{true, false} {
		if !same {
			seen.CAD[1] ^= 1
		}
		m := newMachine(t, cfg, testInput())
		converse(m, m.Recognise(seen), newPaperCard(), Continue)
		if m.probe.OK != same || !m.probe.Repeated {
			t.Fatalf("recognised %v", m.probe.OK)
		}
		next := newPaperCard()
		next.records[[2]byte{1, 0x14}] = unhex("6985")
		converse(m, m.Probe(torn), next, Continue)
		if len(next.sent) != 4 || next.sent[0][1] != 0xA4 || m.probe.Repeated || m.probe.Verdict(torn) == Finishable {
			t.Errorf("%d commands, first %X, %v", len(next.sent), next.sent[0], m.probe.Verdict(torn))
		}
	}
}

// TestARQCThatLeavesTheCardholderOpen: nothing is paid, so the terminal verifies as it
// can, rather than to refuse the card.
func TestARQCThatLeavesTheCardholderOpen(t *testing.T) {
	for _, c := range []struct {
		ttq  byte
		cvr  string
		want Result
		cvm  CVM
	}{
		{0x26, "A0", OnlineRequired, OnlinePIN}, {0x22, "A0", OnlineRequired, Signature}, {0x20, "A0", Failed, NoCVM}, {0x26, "90", Failed, NoCVM},
	} {
		cfg := testConfig(&verdict{reason: oda.OK})
		cfg.TTQ[0], cfg.CVMLimit = c.ttq, 400
		card := newPaperCard()
		afl := ""
		if c.cvr == "90" {
			afl = paperAFL
		}
		card.gpo = paperGPO(c.cvr, afl)
		out := tap(t, cfg, card)
		if out.Result != c.want || out.Commit != NotCommitted || out.CVM != c.cvm {
			t.Errorf("TTQ %02X, CVR %s: %v, %v, %v", c.ttq, c.cvr, out.Result, out.CVM, out.Fault)
		}
	}
}

// TestEventsHideAnswers: an answer holds the account number.
func TestEventsHideAnswers(t *testing.T) {
	ev := Answered(unhex("5A08" + paperPAN))
	b, err := json.Marshal(map[string]any{"event": ev, "list": []Event{ev}})
	if err != nil || strings.Contains(string(b), "Wgh") || strings.Contains(strings.ToUpper(string(b)), hex.EncodeToString(ev.Data)) || !strings.Contains(string(b), "of 10 bytes") {
		t.Errorf("%s, %v", b, err)
	}
}
