package kernel

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// stripeTTQ is 9F66 of a terminal that reads magnetic stripe data only.
var stripeTTQ = [4]byte{TTQ1MSD | TTQ1OnlinePIN}

// stripeCards is a catalogue of cards with magnetic stripe data, each good but for one
// thing.
var stripeCards = []struct {
	name        string
	gpo, record string
	result      Result
	reason      txn.DoubtReason
	fault       Fault
}{
	{"good", "8006 0000 08010100 9000", "", OnlineRequired, txn.OnlineAsked, Fault{Code: CardAsksOnline, Tag: 0x57}},
	{"template 80 of one byte", "8001 00 9000", "", Failed, 0, Fault{Code: BadValue, Tag: 0x80}},
	{"no file locator", "8002 0000 9000", "", Failed, 0, Fault{Code: BadValue, Tag: 0x94}},
	{"file locator of five bytes", "8007 0000 0801010000 9000", "", Failed, 0, Fault{Code: BadValue, Tag: 0x94}},
	{"file 0", "8006 0000 00010100 9000", "", Failed, 0, Fault{Code: BadValue, Tag: 0x94}},
	{"6985", "6985", "", OtherInterface, 0, Fault{Code: BadStatus, SW: 0x6985, Tag: 0x77}},
	{"an unknown template", "8103 000000 9000", "", Failed, 0, Fault{Code: NotQPBOC, Tag: 0x81}},
	{"record not found", "8006 0000 08010100 9000", "6A83", Failed, 0, Fault{Code: BadStatus, SW: 0x6A83, Tag: 0x70}},
	{"record without template", "8006 0000 08010100 9000", "57019000", Failed, 0, Fault{Code: BadTLV, Tag: 0x70}},
	{"service code of no digits", "8006 0000 08010100 9000", "7003 5F3000 9000", Failed, 0, Fault{Code: BadValue, Tag: 0x5F30}},
	{"no 57", "8006 0000 08010100 9000", "7000 9000", Failed, 0, Fault{Code: Missing, Tag: 0x57}},
	{"track 2 without separator", "8006 0000 08010100 9000", "700A 5708 6228000100001117 9000", Failed, 0, Fault{Code: BadValue, Tag: 0x57}},
	{"expiry not decimal", "8006 0000 08010100 9000", "700E 570C 6228000100001117 D3A12201 9000", Failed, 0, Fault{Code: BadValue, Tag: 0x57}},
	{"no such month", "8006 0000 08010100 9000", "700E 570C 6228000100001117 D3013201 9000", Declined, txn.Expired, Fault{Code: Restricted, Tag: 0x57}},
	{"expired last month", "8006 0000 08010100 9000", "700E 570C 6228000100001117 D2510220 9000", Declined, txn.Expired, Fault{Code: Restricted, Tag: 0x57}},
	{"expires this month", "8006 0000 08010100 9000", "700E 570C 6228000100001117 D2511220 9000", OnlineRequired, txn.OnlineAsked, Fault{Code: CardAsksOnline, Tag: 0x57}},
	{"no service code", "8006 0000 08010100 9000", "700D 570B 6228000100001117 D3012F 9000", OnlineRequired, txn.OnlineAsked, Fault{Code: CardAsksOnline, Tag: 0x57}},
	{"5A of another card", "8006 0000 08010100 9000", "7018 570C 6228000100001117 D3012220 5A08 6228000100001125 9000", Failed, txn.MissingCardData, Fault{Code: Mismatch, Tag: 0x5A}},
	{"5F30 of another card", "8006 0000 08010100 9000", "7013 570C 6228000100001117 D3012220 5F30020201 9000", Failed, txn.MissingCardData, Fault{Code: Mismatch, Tag: 0x5F30}},
	{"gone", "8006 0000 08010100 9000", "gone", Torn, 0, Fault{}},
}

func TestStripeCards(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.SDADBad})
	cfg.TTQ = stripeTTQ
	for _, c := range stripeCards {
		card := newPaperCard()
		card.gpo = unhex(c.gpo)
		switch c.record {
		case "":
			card.records[[2]byte{1, 0x0C}] = unhex("7012 570C 6228000100001117 D3012220 5F340101 9000")
		case "gone":
			card.records[[2]byte{1, 0x0C}] = nil
		default:
			card.records[[2]byte{1, 0x0C}] = unhex(c.record)
		}
		m := newMachine(t, cfg, testInput())
		out := converse(m, m.Step(Event{Kind: Start}), card, Continue)
		if out.Result != c.result || out.Commit != NotCommitted || out.Reason != c.reason || out.Fault != c.fault {
			t.Errorf("%s: %v, %v, %v, %v; want %v, %v, %v", c.name, out.Result, out.Commit, out.Reason, out.Fault, c.result, c.reason, c.fault)
		}
		if out.Result == OnlineRequired && (!out.MSD || out.Data.Track2() == nil || len(m.ICC(nil)) != 0 || m.LastSent()) {
			t.Errorf("%s: %v", c.name, out.Data)
		}
	}
}

// TestStripeIsForTerminalsThatAskForIt: template 80 of a terminal that has not told of
// magnetic stripe data, or has told of full debit/credit, is something else.
func TestStripeIsForTerminalsThatAskForIt(t *testing.T) {
	for _, ttq := range []byte{TTQ1QPBOC, TTQ1QPBOC | TTQ1MSD | TTQ1Debit, TTQ1MSD | TTQ1Debit} {
		cfg := testConfig(&verdict{reason: oda.OK})
		cfg.TTQ[0] = ttq
		card := newPaperCard()
		card.gpo = unhex("8006 0000 08010100 9000")
		if out := tap(t, cfg, card); out.Result != Failed || out.Fault.Code != NotQPBOC || out.MSD || len(card.sent) != 3 {
			t.Errorf("TTQ byte 1 %02X: %v, %v", ttq, out.Result, out.Fault)
		}
	}
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.TTQ = stripeTTQ
	card := newPaperCard()
	if out := tap(t, cfg, card); out.Result != Failed || out.Fault != (Fault{Code: WrongOrder, Tag: tlv.TagIAD}) || out.Commit != NotCommitted {
		t.Errorf("a TC over a magnetic stripe: %v, %v", out.Result, out.Fault)
	}
}

// TestFieldOfAnOnlinePIN: the objects that depend on the terminal.
func TestFieldOfAnOnlinePIN(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.TTQ = [4]byte{TTQ1QPBOC | TTQ1OnlinePIN | TTQ1Signature}
	cfg.Serial = [8]byte{'1', '2', '3', '4', '5', '6', '7', '8'}
	cfg.TerminalType = 0x22
	card := newPaperCard()
	card.gpo = cut(t, paperGPO("A0", ""), "9F6C020000", "9F6C02C000")
	in := testInput()
	in.Sequence = 12345678
	m := newMachine(t, cfg, in)
	out := converse(m, m.Step(Event{Kind: Start}), card, Continue)
	if out.Result != OnlineRequired || out.CVM != OnlinePIN {
		t.Fatalf("%v, %v, %v", out.Result, out.Fault, out.CVM)
	}
	want := unhex(`9F2608 1122334455667788 9F270180 9F1013 07010103A00000010A010000009600AABBCCDD 9F3704 11223344 9F3602 001C
		9505 0000000000 9A03 251121 9C01 00 9F0206 000000000400 5F2A02 0156 8202 7C00 9F1A02 0156 9F0306 000000000000
		9F3403 020000 9F3501 22 9F1E08 3132333435363738 8408 A000000333010101 9F0902 0030 9F4104 12345678`)
	if got := m.ICC(nil); !bytes.Equal(got, want) {
		t.Errorf("field 55 %X\nwant     %X", got, want)
	}
	if got := m.ICC([]byte{1}); got[0] != 1 || !bytes.Equal(got[1:], want) {
		t.Error("ICC does not append")
	}
	declined := newPaperCard()
	declined.gpo = paperGPO("80", "")
	if out := again(m, declined); out.Result != Declined || !bytes.Contains(m.ICC(nil), unhex("9F270100")) {
		t.Errorf("%v, field 55 %X", out.Result, m.ICC(nil))
	}
	if err := m.Reset(in); err != nil || len(m.ICC(nil)) != 0 {
		t.Errorf("field 55 before the card said anything: %X, %v", m.ICC(nil), err)
	}
}

// again runs another transaction with the same machine.
func again(m *Machine, card *paperCard) *Outcome {
	if err := m.Reset(testInput()); err != nil {
		panic(err)
	}
	return converse(m, m.Step(Event{Kind: Start}), card, Continue)
}

// TestProbeOfGarbage: answers to GET DATA that are none.
func TestProbeOfGarbage(t *testing.T) {
	torn := tornPaperCard(t)
	m := newMachine(t, testConfig(&verdict{reason: oda.OK}), testInput())
	for _, c := range []struct{ atc, balance string }{
		{"9000", ""}, {"9F3601019000", ""}, {"FF", ""}, {"9F3602001C9000", "9000"}, {"9F3602001C9000", "9F7905000000009600"}, {"9F3602001C9000", "6A88"},
		{"9F3602001C9000", "9F79050000000096009000"},
	} {
		card := newPaperCard()
		card.records[[2]byte{1, 0x14}] = unhex("6985")
		card.atc, card.balance = unhex(c.atc), unhex(c.balance)
		converse(m, m.Probe(torn), card, Continue)
		if p := m.probe; p.OK || p.Left || p.Verdict(torn) != VerdictUnknown {
			t.Errorf("%s, %s: %+v", c.atc, c.balance, p)
		}
		if out := m.Resume(torn).Outcome; out.Result != Failed || out.Commit != CommitUnknown || out.Fault.Code == NoFault {
			t.Errorf("%s, %s: resumed %v, %v", c.atc, c.balance, out.Result, out.Fault)
		}
	}
	other := torn.Clone()
	other.last.number++
	if torn.SameProbe(other) || !torn.SameProbe(torn.Clone()) || m.probe.Verdict(other) != VerdictUnknown {
		t.Error("a Probe of one record serves another")
	}
}
