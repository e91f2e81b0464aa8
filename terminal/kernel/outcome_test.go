package kernel

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// cut replaces bytes in an answer; it must find them.
func cut(t *testing.T, b []byte, old, new string) []byte {
	t.Helper()
	o := unhex(old)
	if !bytes.Contains(b, o) {
		t.Fatalf("%X does not contain %s", b, old)
	}
	return bytes.Replace(b, o, unhex(new), 1)
}

// malformedCards is a catalogue: each card is good but for one thing.
var malformedCards = []struct {
	name   string
	spoil  func(t *testing.T, c *paperCard)
	result Result
	commit Commit
	reason txn.DoubtReason
	fault  Fault
}{
	{"no directory", func(t *testing.T, c *paperCard) { c.ppse = unhex("6A82") }, Failed, NotCommitted, 0, Fault{Code: BadStatus, SW: 0x6A82, Tag: 0x84}},
	{"directory without BF0C", func(t *testing.T, c *paperCard) { c.ppse = unhex("6F02 A500 9000") }, Failed, NotCommitted, 0, Fault{Code: Missing, Tag: 0xBF0C}},
	{"directory of another scheme", func(t *testing.T, c *paperCard) { c.ppse = cut(t, c.ppse, "A000000333", "A000000003") }, Failed, NotCommitted, 0, Fault{Code: NoApplication}},
	{"answer of one byte", func(t *testing.T, c *paperCard) { c.ppse = unhex("90") }, Failed, NotCommitted, 0, Fault{Code: BadAnswer}},
	{"blocked application", func(t *testing.T, c *paperCard) { c.fci = append(c.fci[:len(c.fci)-2], 0x62, 0x83) }, Failed, NotCommitted, 0, Fault{Code: BadStatus, SW: apdu.SWInvalidated, Tag: 0x4F}},
	{"FCI of another application", func(t *testing.T, c *paperCard) {
		c.fci = cut(t, c.fci, "8408A000000333010101", "8408A000000333010102")
	}, Failed, NotCommitted, 0, Fault{Code: Mismatch, Tag: 0x84}},
	{"PDOL without 9F66", func(t *testing.T, c *paperCard) { c.fci = cut(t, c.fci, "9F6604", "9F6704") }, Failed, NotCommitted, 0, Fault{Code: NotQPBOC, Tag: 0x9F66}},
	{"no PDOL", func(t *testing.T, c *paperCard) { c.fci = cut(t, c.fci, "9F38", "9F39") }, Failed, NotCommitted, 0, Fault{Code: Missing, Tag: 0x9F38}},
	{"PDOL asks for too much", func(t *testing.T, c *paperCard) { c.fci = cut(t, c.fci, "9F0306", "9F03FF") }, Failed, NotCommitted, 0, Fault{Code: TooMuchData, Tag: 0x9F38}},
	{"6985 at GPO", func(t *testing.T, c *paperCard) { c.gpo = unhex("6985") }, OtherInterface, NotCommitted, 0, Fault{Code: BadStatus, SW: 0x6985, Tag: 0x77}},
	{"6700 at GPO", func(t *testing.T, c *paperCard) { c.gpo = unhex("6700") }, Failed, NotCommitted, 0, Fault{Code: BadStatus, SW: 0x6700, Tag: 0x77}},
	{"format 1 at GPO", func(t *testing.T, c *paperCard) { c.gpo = unhex("8006 7C00 08010100 9000") }, Failed, NotCommitted, 0, Fault{Code: NotQPBOC, Tag: 0x80}},
	{"empty answer at GPO", func(t *testing.T, c *paperCard) { c.gpo = unhex("9000") }, Failed, NotCommitted, 0, Fault{Code: Missing, Tag: 0x77}},
	{"length beyond the answer", func(t *testing.T, c *paperCard) { c.gpo = gpoTLV("82027C00 9F36FF") }, Failed, NotCommitted, 0, Fault{Code: BadTLV, Tag: 0x77}},
	{"ATC of three bytes", func(t *testing.T, c *paperCard) { c.gpo = gpoTLV("82027C00 9F3603000001") }, Failed, NotCommitted, 0, Fault{Code: BadValue, Tag: 0x9F36}},
	{"no cryptogram", func(t *testing.T, c *paperCard) { c.gpo = cut(t, c.gpo, "9F2608", "9F2708") }, Failed, NotCommitted, 0, Fault{Code: Missing, Tag: 0x9F26}},
	{"no 9F10", func(t *testing.T, c *paperCard) { c.gpo = cut(t, c.gpo, "9F1013", "9F2013") }, Failed, NotCommitted, 0, Fault{Code: Missing, Tag: 0x9F10}},
	{"CVR reserved", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("B0", paperAFL) }, Failed, NotCommitted, 0, Fault{Code: BadValue, Tag: 0x9F10}},
	{"track 2 without separator", func(t *testing.T, c *paperCard) { c.gpo = cut(t, c.gpo, "D301220100", "1301220100") }, Failed, NotCommitted, 0, Fault{Code: BadValue, Tag: 0x57}},
	{"ATC twice, different", func(t *testing.T, c *paperCard) { c.gpo = gpoTLV("9F36020001 9F36020002") }, Failed, NotCommitted, 0, Fault{Code: Repeated, Tag: 0x9F36}},
	{"TC without AFL", func(t *testing.T, c *paperCard) { c.gpo = cut(t, c.gpo, "9408", "9508") }, Failed, NotCommitted, 0, Fault{Code: Missing, Tag: 0x94}},
	{"AFL of five bytes", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("90", "0801010008") }, Failed, NotCommitted, 0, Fault{Code: BadValue, Tag: 0x94}},
	{"AFL with SFI 0", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("90", "00010100") }, Failed, NotCommitted, 0, Fault{Code: BadValue, Tag: 0x94}},
	{"AFL backwards", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("90", "08020100") }, Failed, NotCommitted, 0, Fault{Code: BadValue, Tag: 0x94}},
	{"AFL signs more than it has", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("90", "08010102") }, Failed, NotCommitted, 0, Fault{Code: BadValue, Tag: 0x94}},
	{"AFL of 255 records", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("90", "0801FF00") }, Failed, NotCommitted, 0, Fault{Code: TooMuchData, Tag: 0x94}},
	{"AAC", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("80", paperAFL) }, Declined, NotCommitted, txn.CardDeclined, Fault{Code: CardRefused, Tag: 0x9F10}},
	{"ARQC", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("A0", "") }, OnlineRequired, NotCommitted, txn.OnlineAsked, Fault{Code: CardAsksOnline, Tag: 0x9F10}},
	{"ARQC with a file locator", func(t *testing.T, c *paperCard) { c.gpo = paperGPO("A0", paperAFL) }, Failed, NotCommitted, txn.MissingCardData, Fault{Code: WrongOrder, Tag: 0x94}},
	{"TC with an online PIN", func(t *testing.T, c *paperCard) { c.gpo = cut(t, c.gpo, "9F6C020000", "9F6C028000") }, Failed, NotCommitted, txn.MissingCardData, Fault{Code: WrongOrder, Tag: 0x9F6C}},
	{"signature that the gate does not take", func(t *testing.T, c *paperCard) { c.gpo = cut(t, c.gpo, "9F6C020000", "9F6C024000") }, Failed, NotCommitted, txn.MissingCardData, Fault{Code: WrongOrder, Tag: 0x9F6C}},
	{"expiry other than on track 2", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x0C}] = cut(t, c.records[[2]byte{1, 0x0C}], "301231", "301131")
	}, Failed, NotCommitted, txn.MissingCardData, Fault{Code: Mismatch, Tag: 0x5F24}},
	{"service code other than on track 2", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{2, 0x0C}] = record("8F0139 9003111111 9F4603222222 5F30020220")
	}, Failed, NotCommitted, txn.MissingCardData, Fault{Code: Mismatch, Tag: 0x5F30}},
	{"record not found", func(t *testing.T, c *paperCard) { c.records[[2]byte{2, 0x0C}] = unhex("6A83") }, Failed, NotCommitted, txn.MissingCardData, Fault{Code: BadStatus, SW: 0x6A83, Tag: 0x70}},
	{"record without template 70", func(t *testing.T, c *paperCard) { c.records[[2]byte{2, 0x0C}] = unhex("5F24033012319000") }, Failed, NotCommitted, txn.MissingCardData, Fault{Code: BadTLV, Tag: 0x70}},
	{"record with a tail", func(t *testing.T, c *paperCard) { c.records[[2]byte{2, 0x0C}] = unhex("7000 8F0139 9000") }, Failed, NotCommitted, txn.MissingCardData, Fault{Code: BadTLV, Tag: 0x70}},
	{"PAN of another card", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x0C}] = cut(t, c.records[[2]byte{1, 0x0C}], paperPAN, "6228000100001125")
	}, Failed, NotCommitted, txn.MissingCardData, Fault{Code: Mismatch, Tag: 0x5A}},
	{"PSN of another card", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x0C}] = cut(t, c.records[[2]byte{1, 0x0C}], "5F340101", "5F340102")
	}, Failed, NotCommitted, txn.MissingCardData, Fault{Code: Repeated, Tag: 0x5F34}},
	{"expired", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x0C}] = cut(t, c.records[[2]byte{1, 0x0C}], "301231", "251120")
	}, Declined, NotCommitted, txn.Expired, Fault{Code: Restricted, Tag: 0x5F24}},
	{"not yet effective", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x0C}] = cut(t, c.records[[2]byte{1, 0x0C}], "5F2503200101", "5F2503251122")
	}, Declined, NotCommitted, txn.NotYetValid, Fault{Code: Restricted, Tag: 0x5F25}},
	{"expiry that is no date", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x0C}] = cut(t, c.records[[2]byte{1, 0x0C}], "301231", "30FF31")
	}, Failed, NotCommitted, txn.MissingCardData, Fault{Code: BadValue, Tag: 0x5F24}},
	{"services not allowed", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{2, 0x0C}] = record("9F0702F700 5F28020156")
	}, Declined, NotCommitted, txn.CardDeclined, Fault{Code: Restricted, Tag: 0x9F07}},
	{"expiry only in the last record, expired", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x0C}] = record("5A08" + paperPAN)
		c.records[[2]byte{1, 0x14}] = record("5F2403251120")
	}, Declined, CommitUnknown, txn.Expired, Fault{Code: Restricted, Tag: 0x5F24}},
	{"no expiry at all", func(t *testing.T, c *paperCard) { c.records[[2]byte{1, 0x0C}] = record("5A08" + paperPAN) }, Failed, CommitUnknown, txn.MissingCardData, Fault{Code: Missing, Tag: 0x5F24}},
	{"no 5A", func(t *testing.T, c *paperCard) { c.records[[2]byte{1, 0x0C}] = record("5F2403301231") }, Failed, CommitUnknown, txn.MissingCardData, Fault{Code: Missing, Tag: 0x5A}},
	{"last record refused", func(t *testing.T, c *paperCard) { c.records[[2]byte{1, 0x14}] = unhex("6581") }, Failed, CommitUnknown, txn.LastAnswerLost, Fault{Code: BadStatus, SW: 0x6581, Tag: 0x70}},
	{"last record spoiled", func(t *testing.T, c *paperCard) { c.records[[2]byte{1, 0x14}] = unhex("7005 9F69 9000") }, Failed, CommitUnknown, txn.MissingCardData, Fault{Code: BadTLV, Tag: 0x70}},
	{"no CA index", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{2, 0x0C}] = cut(t, c.records[[2]byte{2, 0x0C}], "8F0139", "9D0139")
	}, Declined, CommitUnknown, txn.ODAFailed, Fault{Code: NotGenuine, ODA: oda.MissingData}},
	{"9F69 that contradicts 9F6C", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x14}] = cut(t, c.records[[2]byte{1, 0x14}], "A1A2A3A40000", "A1A2A3A48000")
	}, Declined, CommitUnknown, txn.ODAFailed, Fault{Code: NotGenuine, ODA: oda.Format}},
	{"9F69 taken out of the last record", func(t *testing.T, c *paperCard) { c.records[[2]byte{1, 0x14}] = record("9F7406454343303031") },
		Declined, CommitUnknown, txn.ODAFailed, Fault{Code: NotGenuine, ODA: oda.MissingData, Tag: 0x9F69}},
	{"9F69 taken out, and an unsigned 9F08 of an old card put in", func(t *testing.T, c *paperCard) {
		c.gpo = cut(t, c.gpo, "9F4B03333333", "9F080200209F4B03333333")
		c.gpo[1] += 5
		c.records[[2]byte{1, 0x14}] = record("")
	}, Failed, NotCommitted, txn.MissingCardData, Fault{Code: Repeated, Tag: 0x9F08}},
	{"9F69 too short", func(t *testing.T, c *paperCard) { c.records[[2]byte{1, 0x14}] = record("9F690701A1A2A3A40000") },
		Failed, CommitUnknown, txn.MissingCardData, Fault{Code: BadValue, Tag: 0x9F69}},
	{"5F24 of the last record contradicts", func(t *testing.T, c *paperCard) {
		c.records[[2]byte{1, 0x14}] = record("5F2403491231 9F690801A1A2A3A4000000")
	}, Failed, CommitUnknown, txn.MissingCardData, Fault{Code: Repeated, Tag: 0x5F24}},
	{"signed 5F34 of the last record contradicts", func(t *testing.T, c *paperCard) {
		c.gpo = paperGPO("90", "0801020210010101")
		c.records[[2]byte{1, 0x14}] = record("5F340102 9F690801A1A2A3A4000000")
	}, Failed, CommitUnknown, txn.MissingCardData, Fault{Code: Repeated, Tag: 0x5F34}},
	{"gone before GPO answers", func(t *testing.T, c *paperCard) { c.gpo = nil }, Torn, NotCommitted, 0, Fault{}},
	{"gone before the last record", func(t *testing.T, c *paperCard) { c.records[[2]byte{2, 0x0C}] = nil }, Torn, NotCommitted, txn.LeftBeforeLast, Fault{}},
	{"gone after the last record was asked for", func(t *testing.T, c *paperCard) { c.records[[2]byte{1, 0x14}] = nil }, Torn, CommitUnknown, txn.LastAnswerLost, Fault{}},
}

func gpoTLV(body string) []byte {
	return append(tlv.Append(nil, tlv.TagResponseFormat2, unhex(body)), 0x90, 0)
}

func TestMalformedCards(t *testing.T) {
	for _, c := range malformedCards {
		t.Run(c.name, func(t *testing.T) {
			card := newPaperCard()
			c.spoil(t, card)
			out := tap(t, testConfig(&verdict{reason: oda.OK}), card)
			if out.Result != c.result || out.Commit != c.commit || out.Reason != c.reason || out.Fault != c.fault {
				t.Errorf("got %v, %v, %v, %v\nwant %v, %v, %v, %v", out.Result, out.Commit, out.Reason, out.Fault, c.result, c.commit, c.reason, c.fault)
			}
			if out.Reason != txn.NoDoubt && !out.Identified {
				t.Error("a reason for a row, but the card is not identified")
			}
		})
	}
}

func TestCandidatesByPriorityAndFallBack(t *testing.T) {
	// Three applications; the credit one has the best priority but is missing.
	card := newPaperCard()
	entries := unhex("610D 4F08A000000333010101 870102" + "610E 4F09A00000033301010201 870101" + "610A 4F08A000000003101010")
	bf0c := tlv.Append(nil, tlv.TagFCIIssuerDiscretionary, entries)
	card.ppse = append(tlv.Append(nil, tlv.TagFCITemplate, tlv.Append(nil, tlv.TagFCIProprietary, bf0c)), 0x90, 0)
	good := card.fci
	card.fci = unhex("6A82")
	m := newMachine(t, testConfig(&verdict{reason: oda.OK}), testInput())
	m.Step(Event{Kind: Start})
	r := m.Step(Answered(card.ppse))
	if !bytes.Equal(r.Send, unhex("00A4040009A0000003330101020100")) {
		t.Fatalf("first SELECT is %X", r.Send)
	}
	r = m.Step(Answered(unhex("6A82")))
	if !bytes.Equal(r.Send, unhex("00A4040008A00000033301010100")) {
		t.Fatalf("second SELECT is %X", r.Send)
	}
	card.fci = good
	if out := converse(m, r, card, Continue); out.Result != Approved {
		t.Fatalf("outcome %v, %v", out.Result, out.Fault)
	}
}

func TestPreprocessing(t *testing.T) {
	online := [4]byte{0x26, 0, 0, 0x80}
	for _, c := range []struct {
		name   string
		set    func(*Config)
		amount money.Fen
		result Result // 0: goes on
		ttq    [4]byte
	}{
		{"nothing set", func(*Config) {}, 0, 0, GateTTQ},
		{"at the transaction limit", func(c *Config) { c.ContactlessLimit = 1000 }, 1000, OtherInterface, GateTTQ},
		{"below the transaction limit", func(c *Config) { c.ContactlessLimit = 1000 }, 999, 0, GateTTQ},
		{"at the floor limit", func(c *Config) { c.TTQ, c.FloorLimit = online, 1000 }, 1000, 0, online},
		{"above the floor limit", func(c *Config) { c.TTQ, c.FloorLimit = online, 1000 }, 1001, 0, [4]byte{0x26, 0x80, 0, 0x80}},
		{"above the floor limit, offline only", func(c *Config) { c.FloorLimit = 1000 }, 1001, OtherInterface, GateTTQ},
		{"at the CVM limit", func(c *Config) { c.TTQ, c.CVMLimit = online, 1000 }, 1000, 0, [4]byte{0x26, 0x40, 0, 0x80}},
		{"amount 0", func(c *Config) { c.TTQ, c.ZeroAmountCheck = online, true }, 0, 0, [4]byte{0x26, 0x80, 0, 0x80}},
		{"amount 0, offline only", func(c *Config) { c.ZeroAmountCheck = true }, 0, OtherInterface, GateTTQ},
		{"status check", func(c *Config) { c.TTQ, c.StatusCheck = online, true }, 100, 0, [4]byte{0x26, 0x80, 0, 0x80}},
		{"no status check", func(c *Config) { c.TTQ, c.StatusCheck = online, true }, 101, 0, online},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(&verdict{})
			c.set(cfg)
			m := newMachine(t, cfg, Input{Amount: c.amount})
			r := m.Step(Event{Kind: Start})
			var got Result
			if r.Outcome != nil {
				got = r.Outcome.Result
			}
			if got != c.result || m.Data().TTQ != c.ttq {
				t.Errorf("result %v TTQ %X, want %v %X", got, m.Data().TTQ, c.result, c.ttq)
			}
		})
	}
}

func TestDenyListBeforeTheCardPays(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.Denied = func(k txn.CardKey) bool { return k.PAN.Digits() == paperPAN && k.PSN == 1 }
	card := newPaperCard()
	out := tap(t, cfg, card)
	if out.Result != Declined || out.Commit != NotCommitted || out.Reason != txn.DenyListed {
		t.Fatalf("outcome %v %v %v", out.Result, out.Commit, out.Reason)
	}
	if len(card.sent) != 3 {
		t.Errorf("%d commands, want 3: no record may be read", len(card.sent))
	}
}

func TestStopAtIdentified(t *testing.T) {
	card := newPaperCard()
	m := newMachine(t, testConfig(&verdict{reason: oda.OK}), testInput())
	out := converse(m, m.Step(Event{Kind: Start}), card, Stop)
	if out.Result != Stopped || out.Commit != NotCommitted || out.Reason != txn.LeftBeforeLast || len(card.sent) != 3 {
		t.Fatalf("outcome %v %v %v after %d commands", out.Result, out.Commit, out.Reason, len(card.sent))
	}
}

func TestODAFailureFollows9F6C(t *testing.T) {
	for _, c := range []struct {
		ttq  byte
		ctq  string
		want Result
	}{
		{0x28, "0000", Declined}, {0x28, "2000", Declined}, {0x20, "2000", OnlineRequired},
		{0x30, "1000", OtherInterface}, {0x20, "1000", Declined}, {0x30, "3000", OnlineRequired},
	} {
		cfg := testConfig(&verdict{reason: oda.SDADBad})
		cfg.TTQ[0] = c.ttq
		card := newPaperCard()
		card.gpo = cut(t, card.gpo, "9F6C020000", "9F6C02"+c.ctq)
		card.records[[2]byte{1, 0x14}] = record("9F690801A1A2A3A4" + c.ctq + "00")
		out := tap(t, cfg, card)
		if out.Result != c.want || out.Commit != CommitUnknown || out.Reason != txn.ODAFailed || out.Fault.Tag != tlv.TagSDAD {
			t.Errorf("TTQ1 %02X, 9F6C %s: %v %v %v %v, want %v", c.ttq, c.ctq, out.Result, out.Commit, out.Reason, out.Fault, c.want)
		}
	}
}

func TestRecovery(t *testing.T) {
	v := &verdict{reason: oda.OK}
	cfg := testConfig(v)
	m := newMachine(t, cfg, testInput())
	card := newPaperCard()
	last := card.records[[2]byte{1, 0x14}]
	card.records[[2]byte{1, 0x14}] = nil
	out := converse(m, m.Step(Event{Kind: Start}), card, Continue)
	if out.Result != Torn || out.Commit != CommitUnknown {
		t.Fatalf("outcome %v %v", out.Result, out.Commit)
	}
	torn := out.Data.Clone()

	probe := func(record, atc, balance string) Probe {
		card.records[[2]byte{1, 0x14}], card.atc, card.balance = unhex(record), unhex(atc), unhex(balance)
		card.sent = nil
		converse(m, m.Probe(torn), card, Continue)
		return *m.Step(Event{Kind: Answer}).Probe
	}
	const before, after, counter = "9F79060000000100009000", "9F79060000000096009000", "9F3602001C9000"
	record := hex.EncodeToString(last)
	for _, c := range []struct {
		name, record, atc, balance string
		want                       Verdict
	}{
		{"paid", record, counter, after, Finishable},
		{"paid and gone after the record", record, "", "", Finishable},
		{"paid and gone after the counter", record, counter, "", Finishable},
		{"paid, 9F36 refused", record, "6A88", after, Finishable},
		{"paid, record forgotten", "6985", counter, after, LooksPaid},
		{"not paid", "6985", counter, before, LooksUnpaid},
		{"not paid, the record is free to read", "7009 9F7406454343303031 9000", counter, before, LooksUnpaid},
		{"paid from something else than 9F79", record, counter, before, Finishable},
		{"used since", "6985", "9F3602001D9000", after, OtherCard},
		{"another card that has paid", record, "9F3602001D9000", after, OtherCard},
		{"9F36 refused", "6985", "6A88", after, VerdictUnknown},
		{"9F79 not decimal", "6985", counter, "9F79060000000096FF9000", VerdictUnknown},
		{"gone at once", "", "", "", VerdictUnknown},
	} {
		p := probe(c.record, c.atc, c.balance)
		if got := p.Verdict(torn); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if out := converse(m, m.Resume(torn), card, Continue); (out.Result == Approved) != (c.want == Finishable) || out.Result != Approved && out.Commit != CommitUnknown {
			if c.want != OtherCard && c.want != VerdictUnknown { // a signature proves, whatever counter and balance say
				t.Errorf("%s: resumed %v, %v, %v", c.name, out.Result, out.Commit, out.Fault)
			}
		}
	}
	card.fci = unhex("6A82")
	if p := probe(record, counter, after); p.Verdict(torn) != OtherCard || len(card.sent) != 1 {
		t.Errorf("no such application: %v after %d commands", p.Verdict(torn), len(card.sent))
	}
	card.fci = unhex("6D00")
	if p := probe(record, counter, after); p.Verdict(torn) != VerdictUnknown {
		t.Errorf("SELECT answered 6D00: %v", p.Verdict(torn))
	}
	card.fci = newPaperCard().fci
	card.fci = append(card.fci[:len(card.fci)-2], 0x62, 0x83)
	if p := probe(record, counter, after); p.Verdict(torn) != Finishable {
		t.Errorf("application blocked since: %v", p.Verdict(torn))
	}
	card.fci = newPaperCard().fci
	probe(record, counter, after)
	want := []string{"00A4040008A00000033301010100", "00B2011400", "80CA9F3600", "80CA9F7900"}
	for i, cmd := range card.sent {
		if got := strings.ToUpper(hex.EncodeToString(cmd)); len(card.sent) != len(want) || got != want[i] {
			t.Errorf("command %d of %d is %s", i+1, len(card.sent), got)
		}
	}
	out = converse(m, m.Resume(torn), card, Continue)
	if out.Result != Approved || out.Commit != Committed || !out.CADChecked || len(card.sent) != len(want) {
		t.Fatalf("resumed: %v, 9F69 checked %v, %d commands", out.Result, out.CADChecked, len(card.sent))
	}
	if out.Data.ATC != torn.ATC || len(v.card.StaticData) == 0 || v.sdad[0] != 0x33 {
		t.Errorf("resumed with ATC %X, static data %X, SDAD %X", out.Data.ATC, v.card.StaticData, v.sdad)
	}
}

// TestRecoveryUnderVersion00: the signature of fDDA version 00 covers nothing of the
// last record, so counter and balance must agree.
func TestRecoveryUnderVersion00(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	cfg.TTQ[3] = 0
	m := newMachine(t, cfg, testInput())
	card := newPaperCard()
	card.records[[2]byte{1, 0x14}] = nil
	torn := converse(m, m.Step(Event{Kind: Start}), card, Continue).Data.Clone()
	for _, c := range []struct {
		atc, balance string
		approved     bool
	}{
		{"9F3602001C9000", "9F79060000000096009000", true}, {"9F3602001C9000", "9F79060000000100009000", false},
		{"9F3602001D9000", "9F79060000000096009000", false}, {"", "", false},
	} {
		card := newPaperCard()
		card.atc, card.balance = unhex(c.atc), unhex(c.balance)
		converse(m, m.Probe(torn), card, Continue)
		out := m.Resume(torn).Outcome
		if (out.Result == Approved) != c.approved || out.CADChecked {
			t.Errorf("%s %s: %v, %v", c.atc, c.balance, out.Result, out.Fault)
		}
		if want := txn.LastAnswerLost; !c.approved && (out.Reason != want || out.Commit != CommitUnknown) {
			t.Errorf("%s %s: %v, %v", c.atc, c.balance, out.Reason, out.Commit)
		}
	}
}

func TestResumeWithoutItsProbePanics(t *testing.T) {
	torn := tornPaperCard(t)
	m := newMachine(t, testConfig(&verdict{reason: oda.OK}), testInput())
	defer func() {
		if recover() == nil {
			t.Error("Resume of a transaction that was not probed")
		}
	}()
	m.Resume(torn)
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Config)
	}{
		{"TTQ", func(c *Config) { c.TTQ[0] = 0x40 }},
		{"goes online", func(c *Config) { c.TTQ[0] = 0x88 }},
		{"AIDs", func(c *Config) { c.AIDs = nil }},
		{"AIDs[0]", func(c *Config) { c.AIDs = []AID{{Name: []byte{1}}} }},
		{"Verify", func(c *Config) { c.Verify = nil }},
		{"Merchant", func(c *Config) { c.Merchant = make([]byte, 21) }},
		{"RequireFDDA01", func(c *Config) { c.RequireFDDA01, c.TTQ[3] = true, 0 }},
		{"limits", func(c *Config) { c.FloorLimit = -1 }},
	} {
		cfg := testConfig(&verdict{})
		c.spoil(cfg)
		if _, err := New(cfg); err == nil || !bytes.Contains([]byte(err.Error()), []byte(c.name)) {
			t.Errorf("%s: error %v should name it", c.name, err)
		}
	}
	m, _ := New(testConfig(&verdict{}))
	if err := m.Reset(Input{Amount: -1}); err == nil {
		t.Error("a negative amount was taken")
	}
}

func TestTapDoesNotAllocate(t *testing.T) {
	m := newMachine(t, testConfig(&verdict{reason: oda.OK}), testInput())
	card := newPaperCard()
	n := testing.AllocsPerRun(100, func() {
		card.sent = card.sent[:0]
		if err := m.Reset(testInput()); err != nil {
			t.Fatal(err)
		}
		r := m.Step(Event{Kind: Start})
		for r.Outcome == nil {
			switch {
			case r.Identified:
				r = m.Step(Event{Kind: Continue})
			case r.RemoveCard:
				r = m.Step(Event{Kind: CardRemoved})
			default:
				r = m.Step(Event{Kind: Answer, Data: card.quiet(r.Send)})
			}
		}
		if r.Outcome.Result != Approved {
			t.Fatal(r.Outcome.Fault)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations a tap, want none", n)
	}
}

// quiet answers without keeping the command.
func (c *paperCard) quiet(cmd []byte) []byte {
	switch {
	case cmd[1] == 0xA4 && cmd[4] == 14:
		return c.ppse
	case cmd[1] == 0xA4:
		return c.fci
	case cmd[1] == 0xA8:
		return c.gpo
	}
	return c.records[[2]byte{cmd[2], cmd[3]}]
}

// FuzzHostileCard lets a card answer anything: the machine never panics, always
// ends, and never approves a card whose signature does not verify.
func FuzzHostileCard(f *testing.F) {
	good := newPaperCard()
	var seed []byte
	for _, a := range [][]byte{good.ppse, good.fci, good.gpo, good.records[[2]byte{1, 0x0C}], good.records[[2]byte{2, 0x0C}], good.records[[2]byte{1, 0x14}]} {
		seed = append(append(seed, byte(len(a))), a...)
	}
	f.Add(seed, false)
	f.Add(seed[:60], true)
	f.Add([]byte{2, 0x6A, 0x82}, false)
	f.Fuzz(func(t *testing.T, script []byte, stop bool) {
		m := newMachine(t, testConfig(&verdict{reason: oda.SDADBad}), testInput())
		r := m.Step(Event{Kind: Start})
		steps := 0
		for r.Outcome == nil {
			if steps++; steps > 2*MaxRecords+maxCandidates+8 {
				t.Fatal("the conversation does not end")
			}
			switch {
			case r.Identified && stop:
				r = m.Step(Event{Kind: Stop})
			case r.Identified:
				r = m.Step(Event{Kind: Continue})
			case r.RemoveCard:
				r = m.Step(Event{Kind: CardRemoved})
			case len(script) == 0:
				r = m.Step(Event{Kind: CardLeft})
			default:
				n := min(int(script[0]), len(script)-1)
				r = m.Step(Answered(script[1 : 1+n]))
				script = script[1+n:]
			}
		}
		if r.Outcome.Result == Approved {
			t.Fatal("approved without a signature")
		}
		if r.Outcome.Identified && r.Outcome.Data.Card.PAN.Validate() != nil {
			t.Fatal("identified without an account number")
		}
	})
}
