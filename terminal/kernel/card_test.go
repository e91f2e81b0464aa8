package kernel

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// unhex reads hexadecimal with white space for the eye.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// verdict is a Verifier that answers the same always and keeps what it was asked.
type verdict struct {
	reason oda.Reason
	signed []byte
	card   oda.CardData
	sdad   []byte
}

func (v *verdict) Verify(card *oda.CardData, sdad []byte, _ uint16, terminalData []byte, _ oda.Month) oda.Result {
	v.card, v.sdad = *card, sdad
	v.signed = append(v.signed[:0], terminalData...)
	return oda.Result{Reason: v.reason}
}

// paperCard answers from hand-made bytes. Empty answers mean that the card left.
type paperCard struct {
	ppse, fci, gpo      []byte
	records             map[[2]byte][]byte // by record number and P2
	atc, balance, again []byte             // GET DATA 9F36, 9F79; last record repeated
	sent                [][]byte
}

const (
	paperPAN  = "6228000100001117"
	paperPDOL = "9F6604 9F0206 9F0306 9F1A02 9505 5F2A02 9A03 9C01 9F3704 DF6901"
)

// newPaperCard is a good card: TC, records 1.1 and 1.2 signed, 2.1 the last.
func newPaperCard() *paperCard {
	pdol := unhex(paperPDOL)
	a5 := tlv.Append(nil, tlv.TagApplicationLabel, []byte("PBOC DEBIT"))
	a5 = tlv.Append(a5, tlv.TagPDOL, pdol)
	fci := tlv.Append(nil, tlv.TagDFName, unhex("A000000333010101"))
	fci = tlv.Append(fci, tlv.TagFCIProprietary, a5)
	return &paperCard{
		ppse: unhex("6F30 840E 325041592E5359532E4444463031 A51E BF0C1B 6119 4F08A000000333010101 500A50424F43204445424954 870101 9000"),
		fci:  append(tlv.Append(nil, tlv.TagFCITemplate, fci), 0x90, 0x00),
		gpo:  paperGPO("90", paperAFL),
		records: map[[2]byte][]byte{
			{1, 0x0C}: record("5A08" + paperPAN + "5F2403301231 5F2503200101 5F340101"),
			{2, 0x0C}: record("8F0139 9003111111 9F4603222222 9F08020030"),
			{1, 0x14}: record("9F74064543433030 31 9F690801A1A2A3A4000000"),
		},
		atc: unhex("9F3602001C 9000"), balance: unhex("9F7906000000009600 9000"),
	}
}

const paperAFL = "0801020210010100"

// paperGPO is an answer with the first CVR byte and the AFL given; balance 96.00
// yuan.
func paperGPO(cvr, afl string) []byte {
	body := unhex("82027C00")
	if afl != "" {
		body = tlv.Append(body, tlv.TagAFL, unhex(afl))
	}
	body = append(body, unhex("9F3602001C 9F2608 1122334455667788 9F1013 07010103"+cvr+"000001 0A01 0000009600 AABBCCDD"+
		"5710"+paperPAN+"D3012201000000 0F"+"5F340101 9F6C020000 9F4B03333333")...)
	return append(tlv.Append(nil, tlv.TagResponseFormat2, body), 0x90, 0x00)
}

func record(body string) []byte {
	return append(tlv.Append(nil, tlv.TagRecordTemplate, unhex(body)), 0x90, 0x00)
}

func (c *paperCard) answer(cmd []byte) []byte {
	c.sent = append(c.sent, append([]byte(nil), cmd...))
	switch {
	case cmd[1] == 0xA4 && cmd[4] == 14:
		return c.ppse
	case cmd[1] == 0xA4:
		return c.fci
	case cmd[1] == 0xA8:
		return c.gpo
	case cmd[1] == 0xCA && cmd[3] == 0x36:
		return c.atc
	case cmd[1] == 0xCA:
		return c.balance
	case cmd[1] == 0xB2:
		return c.records[[2]byte{cmd[2], cmd[3]}]
	}
	return unhex("6D00")
}

// testConfig is a gate that knows the paper card.
func testConfig(v Verifier) *Config {
	return &Config{
		TTQ: GateTTQ, Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, AppVersion: [2]byte{0, 0x30},
		AIDs: DebitCredit(), SM: true, Verify: v,
	}
}

// testInput is 4 yuan on 2025-11-21.
func testInput() Input {
	return Input{Amount: 400, UN: [4]byte{0x11, 0x22, 0x33, 0x44}, Time: 1763690400}
}

func newMachine(t testing.TB, cfg *Config, in Input) *Machine {
	t.Helper()
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Reset(in); err != nil {
		t.Fatal(err)
	}
	return m
}

// converse runs a conversation to its outcome; identified answers Identified.
func converse(m *Machine, r Ready, card *paperCard, identified EventKind) *Outcome {
	for r.Outcome == nil && r.Probe == nil {
		switch {
		case r.Identified:
			r = m.Step(Event{Kind: identified})
		case r.RemoveCard:
			r = m.Step(Event{Kind: CardRemoved})
		default:
			if a := card.answer(r.Send); len(a) == 0 {
				r = m.Step(Event{Kind: CardLeft})
			} else {
				r = m.Step(Answered(a))
			}
		}
	}
	return r.Outcome
}

func tap(t testing.TB, cfg *Config, card *paperCard) *Outcome {
	t.Helper()
	m := newMachine(t, cfg, testInput())
	return converse(m, m.Step(Event{Kind: Start}), card, Continue)
}

func TestApprovedTap(t *testing.T) {
	v := &verdict{reason: oda.OK}
	card := newPaperCard()
	out := tap(t, testConfig(v), card)
	if out.Result != Approved || out.Commit != Committed || !out.CADChecked || out.Reason != txn.NoDoubt {
		t.Fatalf("outcome %+v", out)
	}
	want := []string{
		"00A404000E325041592E5359532E444446303100", "00A4040008A00000033301010100",
		"80A8000024 8322 28000080 000000000400 000000000000 0156 0000000000 0156 251121 00 11223344 01 00",
		"00B2010C00", "00B2020C00", "00B2011400",
	}
	if len(card.sent) != len(want) {
		t.Fatalf("%d commands, want %d", len(card.sent), len(want))
	}
	for i, w := range want {
		if got := strings.ToUpper(hex.EncodeToString(card.sent[i])); got != strings.ReplaceAll(w, " ", "") {
			t.Errorf("command %d is %s, want %s", i+1, got, w)
		}
	}
	d := out.Data
	if got := d.Card.PAN.Digits(); got != paperPAN || d.Card.PSN != 1 || d.ATC != 0x1C || d.Expiry != [2]byte{0x30, 0x12} {
		t.Errorf("PAN %s PSN %d ATC %04X expiry %X", got, d.Card.PSN, d.ATC, d.Expiry)
	}
	if before, ok := d.BalanceBefore(); !ok || before != 10000 {
		t.Errorf("balance before %v, %v; want 100.00", before, ok)
	}
	// fDDA 01 (JR/T 0025.12): 9F37 9F02 5F2A 9F69.
	if got := hex.EncodeToString(v.signed); got != "11223344"+"000000000400"+"0156"+"01a1a2a3a4000000" {
		t.Errorf("terminal data %s", got)
	}
	static := append(unhex("5A08"+paperPAN+"5F2403301231 5F2503200101 5F340101"), unhex("8F0139 9003111111 9F4603222222 9F08020030")...)
	if hex.EncodeToString(v.card.StaticData) != hex.EncodeToString(static) {
		t.Errorf("static data %X, want %X (EMV Book 3, 10.3)", v.card.StaticData, static)
	}
	if v.card.CAIndex != 0x39 || v.card.RID != [5]byte{0xA0, 0, 0, 3, 0x33} {
		t.Errorf("CA key %X %02X", v.card.RID, v.card.CAIndex)
	}
}

func TestFDDA00WhenTheTerminalLacks01(t *testing.T) {
	v := &verdict{reason: oda.OK}
	cfg := testConfig(v)
	cfg.TTQ[3] = 0
	out := tap(t, cfg, newPaperCard())
	if out.Result != Approved || out.CADChecked || hex.EncodeToString(v.signed) != "11223344" {
		t.Fatalf("outcome %v, 9F69 checked %v, terminal data %X", out.Result, out.CADChecked, v.signed)
	}
}

// TestRecordedTerminalLog replays the commands of a public qPBOC terminal's run
// log (a debit card that answers ARQC; its account number is replaced by nines):
// GitHub neil-pan-s/qpboc-kernel, QPboc-Kata-Run-Log.txt.
func TestRecordedTerminalLog(t *testing.T) {
	card := newPaperCard()
	card.ppse = unhex("6F30840E325041592E5359532E4444463031A51EBF0C1B61194F08A000000333010101500A50424F43204445424954870101 9000")
	card.fci = unhex("6F598408A000000333010101A54D500A50424F432044454249548701019F38189F66049F02069F03069F1A0295055F2A029A039C019F37045F2D027A689F1101019F120A50424F43204445424954BF0C0A9F4D020B0ADF4D020C0A9000")
	card.gpo = unhex("774F82027C009F36020ADC57116299999999999999D201120101234567899F101307010103A00000010A010000038787868FD1FC9F2608AD03EE811AFAD4845F3401009F6C0200009F5D060000000387879000")
	cfg := testConfig(&verdict{})
	cfg.TTQ = [4]byte{0x36, 0x80, 0, 0}
	m := newMachine(t, cfg, Input{Amount: 1, UN: [4]byte{0x2B, 0x29, 0xEB, 0xE4}, Time: 1496275200})
	out := converse(m, m.Step(Event{Kind: Start}), card, Continue)
	const gpo = "80A8000023832136800000000000000001000000000000015600000000000156170601002B29EBE400"
	if got := strings.ToUpper(hex.EncodeToString(card.sent[2])); got != gpo {
		t.Errorf("GPO is %s\nwant   %s", got, gpo)
	}
	if out.Result != OnlineRequired || out.Reason != txn.OnlineAsked || out.Data.ATC != 0x0ADC {
		t.Errorf("outcome %v %v ATC %04X", out.Result, out.Reason, out.Data.ATC)
	}
	if b, ok := out.Data.BalanceBefore(); !ok || b != 38787 {
		t.Errorf("balance %v %v, want 387.87 (an ARQC debits nothing)", b, ok)
	}
}
