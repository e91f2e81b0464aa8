package emv_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// replay is the recorded UnionPay test card with some answers replaced. A card of
// paper answers every command by its first bytes: the longest prefix in edits, else
// what was recorded.
type replay struct {
	session []exchange
	edits   map[string]string // prefix of the command, or of its nth coming as "80AE#2"
	came    map[string]int
	host    *txn.OnlineAnswer
	online  *emv.Online
	sent    []string
}

func (r *replay) answer(t *testing.T, cmd []byte) emv.Event {
	t.Helper()
	c := strings.ToUpper(hexOf(cmd))
	r.sent = append(r.sent, c)
	r.came[c[:4]]++
	best, answer := -1, ""
	for prefix, a := range r.edits {
		head, nth, counted := strings.Cut(prefix, "#")
		if strings.HasPrefix(c, head) && len(prefix) > best && (!counted || int(nth[0]-'0') == r.came[c[:4]]) {
			best, answer = len(prefix), a
		}
	}
	if best < 0 {
		answer = "6A82"
		// The nth of equal commands gets the nth answer, and the last one from then on.
		// Both GENERATE AC are known by P1: an edit may have changed their data.
		n := 0
		r.came[c]++
		for _, x := range r.session {
			if n < r.came[c] && (x.command == c || c[:4] == "80AE" && x.command[:6] == c[:6]) {
				n, answer = n+1, x.answer
			}
		}
	}
	if answer == "" {
		return emv.Event{Kind: emv.CardLeft}
	}
	return emv.Answered(unhex(t, answer))
}

func hexOf(b []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 2*len(b))
	for _, v := range b {
		out = append(out, digits[v>>4], digits[v&15])
	}
	return string(out)
}

// play runs the session with edits; change alters the terminal before.
func play(t *testing.T, edits map[string]string, change func(*emv.Config, *emv.Input)) (*emv.Outcome, *emv.Machine, *replay) {
	t.Helper()
	v, err := oda.NewVerifier(unionPayKeys(t), 4)
	noError(t, err)
	cfg := shopConfig(t)
	cfg.Country, cfg.Currency, cfg.Authenticate, cfg.Merchant = [2]byte{0, 0x36}, [2]byte{0, 0x36}, v, nil
	cfg.Additional, cfg.Capabilities = [5]byte{}, [3]byte{0xE0, 0xF0, 0xC8}
	cfg.Applications = cfg.Applications[1:2] // A000000333010102
	for i := range cfg.Applications {
		cfg.Applications[i].Version, cfg.Applications[i].FloorLimit = [2]byte{0, 0x20}, 5000
	}
	in := emv.Input{Amount: 6580, Time: 1426492896, UN: [4]byte{0x35, 0x10, 0x54, 0x0E}, CardUN: [4]byte{0x78, 0x63, 0xAF, 0xC6}}
	if change != nil {
		change(cfg, &in)
	}
	m, err := emv.New(cfg)
	noError(t, err)
	noError(t, m.Reset(in))
	r := &replay{session: recorded(t, "upi-contact"), edits: edits, came: map[string]int{}}
	r.host = &txn.OnlineAnswer{Code: [2]byte{'0', '0'}, ICC: unhex(t, "91081122334455667788")}
	ready := m.Step(emv.Event{Kind: emv.Start})
	for range 500 {
		switch {
		case ready.Outcome != nil:
			return ready.Outcome, m, r
		case ready.Send != nil:
			ready = m.Step(r.answer(t, ready.Send))
		case ready.Online != nil:
			r.online = ready.Online
			ready = m.Step(emv.Event{Kind: emv.HostAnswered, Host: r.host})
		case ready.RemoveCard:
			ready = m.Step(emv.Event{Kind: emv.CardRemoved})
		case ready.PIN != nil:
			ready = m.Step(emv.Event{Kind: emv.PINBypassed})
		default:
			t.Fatalf("unexpected %v", ready)
		}
	}
	t.Fatal("no end")
	return nil, nil, nil
}

// The recorded records that the edits are about.
const (
	chosen = "00A4040008A000000333010102"
	gpo    = "80A8"
	data51 = "00B20114" // SFI 2 record 1: dates, PAN, CVM list, action codes, CDOLs
	head51 = "5F24033010315A0862109480000000115F3401019F0702FF008E0E00000000000000005E0342031F009F0D05D8609CA8009F0E0500100000009F0F05D8689CF8005F28020156"
	cdol1  = "8C1E9F02069F03069F1A0295055F2A029A039C019F37049F21039F4E149F3403"
	cdol2  = "8D1C8A029F02069F03069F1A0295055F2A029A039C019F37049F21039B02"
	auth51 = "9F4A0182"
)

func record70(body string) string {
	b, err := hex.DecodeString(body)
	if err != nil {
		panic(err)
	}
	return hexOf(tlv.Append(nil, tlv.TagRecordTemplate, b)) + "9000"
}

// manyObjects is more objects than a card may have, in a record that no short answer
// could hold.
func manyObjects() string {
	var b strings.Builder
	for n := 0; n < 300; n++ {
		fmt.Fprintf(&b, "DF%02X%02X00", 0x81+n/128, n%128)
	}
	return b.String()
}

// TestEditedCards: one answer of a good card is replaced, and the outcome must follow
// from the clause.
func TestEditedCards(t *testing.T) {
	sw := func(fault kernel.FaultCode, tag tlv.Tag, edits ...string) editCase {
		return editCase{edits: edits, result: kernel.Failed, fault: fault, tag: tag}
	}
	late := func(c editCase, r emv.Reversal) editCase { c.reversal = r; return c }
	declined := func(c editCase) editCase { c.result = kernel.Declined; return c }
	good := func(edits ...string) editCase { return editCase{edits: edits, result: kernel.Approved} }
	const tag80, tag77, tag70 = tlv.TagResponseFormat1, tlv.TagResponseFormat2, tlv.TagRecordTemplate
	cases := map[string]editCase{
		"as recorded":                         good(),
		"GPO format 2 (Book 3, 6.5.8.4)":      good(gpo, "771282027C00940C08010300100105012001010090 00"),
		"GPO status word":                     sw(kernel.BadStatus, tlv.TagAIP, gpo, "6700"),
		"GPO empty":                           sw(kernel.BadTLV, tag80, gpo, "9000"),
		"GPO unknown template":                sw(kernel.BadTLV, 0x6F, gpo, "6F00 9000"),
		"GPO format 1 too short":              sw(kernel.BadValue, tag80, gpo, "8002 7C00 9000"),
		"GPO format 1 not in fours":           sw(kernel.BadValue, tag80, gpo, "8007 7C00 0801030010 9000"),
		"GPO format 2 without 94":             sw(kernel.Missing, tlv.TagAFL, gpo, "7704 82027C00 9000"),
		"GPO format 2 without 82":             sw(kernel.Missing, tlv.TagAIP, gpo, "7706 940408010300 9000"),
		"GPO format 2 twice 82":               sw(kernel.Repeated, tlv.TagAIP, gpo, "770E 82027C00 82027C00 940408010300 9000"),
		"GPO followed by something":           sw(kernel.BadTLV, tag80, gpo, "80067C0008010300 5A00 9000"),
		"AFL with SFI 0":                      sw(kernel.BadValue, tlv.TagAFL, gpo, "8006 7C00 00010100 9000"),
		"AFL with SFI 31":                     sw(kernel.BadValue, tlv.TagAFL, gpo, "8006 7C00 F8010100 9000"),
		"AFL with low bits":                   sw(kernel.BadValue, tlv.TagAFL, gpo, "8006 7C00 09010100 9000"),
		"AFL with record 0":                   sw(kernel.BadValue, tlv.TagAFL, gpo, "8006 7C00 08000100 9000"),
		"AFL backwards":                       sw(kernel.BadValue, tlv.TagAFL, gpo, "8006 7C00 08030200 9000"),
		"AFL signs more than it reads":        sw(kernel.BadValue, tlv.TagAFL, gpo, "8006 7C00 08010203 9000"),
		"AFL with too many records":           sw(kernel.TooMuchData, tlv.TagAFL, gpo, "8006 7C00 0801FF00 9000"),
		"record missing (10.2)":               sw(kernel.BadStatus, tag70, data51, "6A83"),
		"record of another template":          sw(kernel.BadTLV, tag70, data51, "7100 9000"),
		"record empty":                        sw(kernel.BadTLV, tag70, data51, "9000"),
		"record cut":                          sw(kernel.BadTLV, tag70, data51, "7004 5A08 6210 9000"),
		"record with a tail":                  sw(kernel.BadTLV, tag70, data51, "7003 5F3401 01 5A00 9000"),
		"not a response":                      sw(kernel.BadAnswer, 0, data51, "90"),
		"without PAN (7.2)":                   sw(kernel.Missing, tlv.TagPAN, data51, record70("5F2403301031"+cdol1+cdol2)),
		"without expiry":                      sw(kernel.Missing, tlv.TagExpirationDate, data51, record70("5A086210948000000011"+cdol1+cdol2)),
		"without CDOL1":                       sw(kernel.Missing, tlv.TagCDOL1, data51, record70(head51+cdol2+auth51)),
		"without CDOL2":                       sw(kernel.Missing, tlv.TagCDOL2, data51, record70(head51+cdol1+auth51)),
		"5F34 twice (7.5)":                    sw(kernel.Repeated, tlv.TagPANSequence, data51, record70(head51+cdol1+cdol2+auth51+"5F340101")),
		"another PAN than in 57":              sw(kernel.Mismatch, tlv.TagTrack2Equivalent, data51, record70("5F24033010315A086210948000000029"+cdol1+cdol2)),
		"PAN with a letter":                   sw(kernel.BadValue, tlv.TagPAN, data51, record70("5F24033010315A08621094800000001B"+cdol1+cdol2)),
		"PAN of eleven bytes":                 sw(kernel.BadValue, tlv.TagPAN, data51, record70("5F24033010315A0B6210948000000011FFFFFF"+cdol1+cdol2)),
		"month 13":                            sw(kernel.BadValue, tlv.TagExpirationDate, data51, record70("5F24033013315A086210948000000011"+cdol1+cdol2)),
		"FCI without 84 (Book 1, 11.3.4)":     sw(kernel.Missing, tlv.TagDFName, chosen, "6F02 A500 9000"),
		"FCI of another application":          sw(kernel.Mismatch, tlv.TagDFName, chosen, "6F0C 8408A000000333010101 A500 9000"),
		"FCI without A5":                      sw(kernel.Missing, tlv.TagFCIProprietary, chosen, "6F0A 8408A000000333010102 9000"),
		"FCI whose A5 is cut":                 sw(kernel.BadTLV, tlv.TagFCIProprietary, chosen, "6F0E 8408A000000333010102 A502 5005 9000"),
		"FCI with a PDOL that is none":        sw(kernel.BadTLV, tlv.TagPDOL, chosen, "6F11 8408A000000333010102 A505 9F3802 9F02 9000"),
		"PDOL of more than a command":         sw(kernel.TooMuchData, tlv.TagPDOL, chosen, "6F12 8408A000000333010102 A506 9F3803 9F02FF 9000"),
		"AFL of format 2 not in fours":        sw(kernel.BadValue, tlv.TagAFL, gpo, "770C 82027C00 9406080103001001 9000"),
		"more objects than any card has":      sw(kernel.TooMuchData, 0xDF8274, data51, record70(manyObjects())),
		"CVM list of odd length":              sw(kernel.BadValue, tlv.TagCVMList, data51, record70("5F24033010315A086210948000000011"+cdol1+cdol2+"8E0900000000000000005E")),
		"CDOL1 cut":                           sw(kernel.BadTLV, tlv.TagCDOL1, data51, record70(head51 + "8C039F0206" + cdol2)[:0]+record70(head51+"8C029F02"+cdol2)),
		"CDOL2 of more than a command":        sw(kernel.TooMuchData, tlv.TagCDOL2, data51, record70(head51+cdol1+"8D069F02FF9F03FF"+auth51)),
		"INTERNAL AUTHENTICATE refused":       sw(kernel.BadStatus, tlv.TagSDAD, "0088", "6985"),
		"INTERNAL AUTHENTICATE empty":         sw(kernel.BadTLV, tag80, "0088", "9000"),
		"INTERNAL AUTHENTICATE without 9F4B":  sw(kernel.Missing, tlv.TagSDAD, "0088", "7703 9F3600 9000"),
		"INTERNAL AUTHENTICATE other":         sw(kernel.BadTLV, 0x6F, "0088", "6F00 9000"),
		"INTERNAL AUTHENTICATE with a tail":   sw(kernel.BadTLV, tag80, "0088", "800100 5A00 9000"),
		"9F36 not told: velocity unknown":     good("80CA9F36", "6A88"),
		"9F13 of three bytes":                 good("80CA9F13", "9F1303000001 9000"),
		"GENERATE AC refused":                 sw(kernel.BadStatus, tlv.TagAC, "80AE80", "6985"),
		"GENERATE AC empty":                   sw(kernel.BadTLV, tag80, "80AE80", "9000"),
		"GENERATE AC other template":          sw(kernel.BadTLV, 0x6F, "80AE80", "6F00 9000"),
		"GENERATE AC format 1 short":          sw(kernel.BadValue, tag80, "80AE80", "8003 800006 9000"),
		"GENERATE AC format 1 long":           sw(kernel.BadValue, tag80, "80AE80", "802C 80 0006 1122334455667788"+strings.Repeat("00", 33)+" 9000"),
		"GENERATE AC format 1 without 9F10":   good("80AE80", "800B 80 0006 1122334455667788 9000"),
		"GENERATE AC format 2":                good("80AE80", "7714 9F270180 9F36020006 9F2608 1122334455667788 9000"),
		"GENERATE AC format 2 without 9F27":   sw(kernel.Missing, tlv.TagCID, "80AE80", "7710 9F36020006 9F2608 1122334455667788 9000"),
		"GENERATE AC format 2 without 9F36":   sw(kernel.Missing, tlv.TagATC, "80AE80", "770F 9F270180 9F2608 1122334455667788 9000"),
		"GENERATE AC format 2 without 9F26":   sw(kernel.Missing, tlv.TagAC, "80AE80", "7709 9F270180 9F36020006 9000"),
		"GENERATE AC format 2 twice 9F27":     sw(kernel.Repeated, tlv.TagCID, "80AE80", "7708 9F270180 9F270180 9000"),
		"GENERATE AC format 2 9F36 of a byte": sw(kernel.BadValue, tlv.TagATC, "80AE80", "7708 9F270180 9F360106 9000"),
		"GENERATE AC format 2 cut":            sw(kernel.BadTLV, tag77, "80AE80", "7704 9F270580 9000"),
		"TC for an ARQC (9.3)":                sw(kernel.WrongOrder, tlv.TagCID, "80AE80", "800B 40 0006 1122334455667788 9000"),
		"AAC for an ARQC":                     declined(sw(kernel.CardRefused, tlv.TagCID, "80AE80", "800B 00 0006 1122334455667788 9000")),
		"AAC at the second":                   declined(late(sw(kernel.CardRefused, tlv.TagCID, "80AE40", "800B 00 0006 1122334455667788 9000"), emv.CardRefusedLate)),
		"ARQC at the second":                  late(sw(kernel.WrongOrder, tlv.TagCID, "80AE40", "800B 80 0006 1122334455667788 9000"), emv.BadCompletion),
		"another counter at the second":       late(sw(kernel.Mismatch, tlv.TagATC, "80AE40", "800B 40 0007 1122334455667788 9000"), emv.BadCompletion),
		"nonsense at the second":              late(sw(kernel.BadTLV, tag80, "80AE40", "9000"), emv.BadCompletion),
		"status word at the second":           late(sw(kernel.BadStatus, tlv.TagAC, "80AE40", "6F00"), emv.BadCompletion),
		"no response at the second":           late(sw(kernel.BadAnswer, 0, "80AE40", "90"), emv.BadCompletion),
		"issuer authentication accepted":      good("0082", "9000"),
		"issuer file, not signed, no TLV":     good(gpo, "8012 7C00 08010300 10010501 20010100 58010100 9000", "00B2015C", "FFEE01 9000"),
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}

// editCase is one row: pairs of command prefix and answer, and what must follow.
type editCase struct {
	edits    []string
	result   kernel.Result
	fault    kernel.FaultCode
	tag      tlv.Tag
	reversal emv.Reversal
}

func (c editCase) run(t *testing.T) {
	edits := map[string]string{}
	for i := 0; i+1 < len(c.edits); i += 2 {
		edits[c.edits[i]] = strings.ReplaceAll(c.edits[i+1], " ", "")
	}
	out, _, _ := play(t, edits, nil)
	if out.Result != c.result || out.Fault.Code != c.fault || out.Fault.Tag != c.tag || out.Reversal != c.reversal {
		t.Errorf("%v (%v), reversal %d; want %v (%v %v), reversal %d", out.Result, out.Fault, out.Reversal, c.result, c.fault, c.tag, c.reversal)
	}
	if out.Commit != kernel.NotCommitted || out.Reason != txn.NoDoubt || out.Cash {
		t.Errorf("debit/credit: %v %v", out.Commit, out.Reason)
	}
}
