package emv_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// load runs a load of 200.00 on a card that has 10.00.
func load(t *testing.T, host string, faults ...meddling) (*emv.Outcome, *shop) {
	t.Helper()
	s := newShop(t, "dev-3des")
	s.host, s.faults = strings.Fields(host), faults
	in := shopInput(20000)
	in.Type = emv.TypeLoad
	return s.sell(in), s
}

// TestFateOfALoad: a load is approved if the card has taken the new balance, undone
// only if it surely has not, and asked about (ScriptUnknown) in between.
func TestFateOfALoad(t *testing.T) {
	const other = "72-limit=03" // a script that moves no money
	swap := func(nth int, answer string) meddling {
		return meddling{kind: "swap", ins: "DA", nth: nth, bytes: unhex(t, answer)}
	}
	aac := meddling{kind: "swap", ins: "AE", nth: 2, bytes: unhex(t, "800B 00 0001 1122334455667788 9000")}
	unsigned := meddling{kind: "swap", ins: "AE", nth: 2, bytes: unhex(t, "800B 40 0001 1122334455667788 9000")}
	for name, c := range map[string]struct {
		host     string
		faults   []meddling
		result   kernel.Result
		reversal emv.Reversal
	}{
		"carried out":                          {"00 72-load=21000", nil, kernel.Approved, emv.NoReversal},
		"carried out before the second":        {"00 71-load=21000", nil, kernel.Approved, emv.NoReversal},
		"refused":                              {"00 72-load=21000", []meddling{swap(1, "6A80")}, kernel.Declined, emv.CardRefusedLate},
		"refused by a wrong MAC":               {"00 72-wrong 72-load=21000", []meddling{swap(2, "6985")}, kernel.Declined, emv.CardRefusedLate},
		"half an answer":                       {"00 72-load=21000", []meddling{swap(1, "90")}, kernel.Failed, emv.ScriptUnknown},
		"memory failure":                       {"00 72-load=21000", []meddling{swap(1, "6581")}, kernel.Failed, emv.ScriptUnknown},
		"no diagnosis":                         {"00 72-load=21000", []meddling{swap(1, "6F00")}, kernel.Failed, emv.ScriptUnknown},
		"warning":                              {"00 72-load=21000", []meddling{swap(1, "6300")}, kernel.Failed, emv.ScriptUnknown},
		"lost":                                 {"00 72-load=21000", []meddling{{kind: "lost", ins: "DA", nth: 1}}, kernel.Torn, emv.ScriptUnknown},
		"gone before it":                       {"00 " + other + " 72-load=21000", []meddling{{kind: "gone", ins: "DA", nth: 1}}, kernel.Torn, emv.CardGone},
		"gone after it":                        {"00 72-load=21000 " + other, []meddling{{kind: "gone", ins: "DA", nth: 2}}, kernel.Approved, emv.NoReversal},
		"another script refused":               {"00 72-load=21000 72-wrong", nil, kernel.Approved, emv.NoReversal},
		"set, and setting again refused":       {"00 72-load=21000 72-load=21000", []meddling{swap(2, "6A80")}, kernel.Failed, emv.ScriptUnknown},
		"before the second, which is an AAC":   {"00 71-load=21000", []meddling{aac}, kernel.Declined, emv.ScriptUnknown},
		"before the second, which is unsigned": {"00 71-load=21000", []meddling{unsigned}, kernel.Declined, emv.ScriptUnknown},
		"before the second, which is nothing":  {"00 71-load=21000", []meddling{{kind: "sw", ins: "AE", nth: 2, bytes: unhex(t, "6985")}}, kernel.Failed, emv.ScriptUnknown},
		"before the second, refused, then AAC": {"00 71-load=21000", []meddling{swap(1, "6A80"), aac}, kernel.Declined, emv.CardRefusedLate},
		"before the second, which is lost":     {"00 71-load=21000", []meddling{{kind: "lost", ins: "AE", nth: 2}}, kernel.Torn, emv.ScriptUnknown},
		"no script":                            {"00", nil, kernel.Failed, emv.BadCompletion},
		"a script without a command":           {"00 raw=72079F180411223344", nil, kernel.Failed, emv.BadCompletion},
		"a script that does something else":    {"00 " + other, nil, kernel.Failed, emv.BadCompletion},
		"held back":                            {"00 72-load=21000", []meddling{aac}, kernel.Declined, emv.CardRefusedLate},
		"the issuer declines":                  {"51 71-load=21000", nil, kernel.Declined, emv.NoReversal},
	} {
		out, s := load(t, c.host, c.faults...)
		if out.Result != c.result || out.Reversal != c.reversal {
			t.Errorf("%s: %v (%v), reversal %d; want %v, reversal %d\n%s", name, out.Result, out.Fault, out.Reversal, c.result, c.reversal, s.out.String())
		}
	}
}

// TestTamperedDecision: electronic cash was asked to pay, and 9F27 says ARQC where the
// signed one says TC. What the card says to the AAC that follows is no news: it may
// have paid.
func TestTamperedDecision(t *testing.T) {
	for name, more := range map[string][]meddling{
		"6985":  nil,
		"AAC":   {{kind: "swap", ins: "AE", nth: 2, bytes: unhex(t, "800B 00 0001 1122334455667788 9000")}},
		"gone":  {{kind: "gone", ins: "AE", nth: 2}},
		"empty": {{kind: "swap", ins: "AE", nth: 2, bytes: []byte{0x90}}},
	} {
		s := newShop(t, "dev-3des")
		s.config.ElectronicCash = true
		s.faults = append(more, meddling{kind: "flip", ins: "AE", nth: 1, at: 6, bytes: []byte{0xC0}})
		before := s.chip.Inspect().Balance
		out := s.sell(shopInput(2500))
		if s.chip.Inspect().Balance != before-2500 {
			t.Fatalf("%s: this case is about a card that has paid\n%s", name, s.out.String())
		}
		if out.Result != kernel.Declined || out.Fault.Code != kernel.NotGenuine || out.Commit != kernel.CommitUnknown || out.Reason != txn.ODAFailed || !out.Cash {
			t.Errorf("%s: %v (%v), %v, %v\n%s", name, out.Result, out.Fault, out.Commit, out.Reason, s.out.String())
		}
	}
}

// TestBadListBehindAScript: a card whose list for tag 98 is none, which only the second
// GENERATE AC needs, ends the transaction before anything is asked of card or issuer.
func TestBadListBehindAScript(t *testing.T) {
	hashed := "8D048A029814"
	for tdol, want := range map[string]kernel.FaultCode{"97029F02": kernel.BadTLV, "97059F02FF5AFF": kernel.TooMuchData} {
		out, _, r := play(t, map[string]string{data51: record70(head51 + cdol1 + hashed + auth51 + tdol)}, nil)
		if out.Result != kernel.Failed || out.Fault.Code != want || out.Fault.Tag != tlv.TagTDOL || r.online != nil || r.came["80AE"] != 0 {
			t.Errorf("%s: %v (%v)", tdol, out.Result, out.Fault)
		}
	}
	// A list that nobody asks for may be anything.
	if out, _, _ := play(t, map[string]string{data51: record70(head51 + cdol1 + cdol2 + auth51 + "97029F02")}, nil); out.Result != kernel.Approved {
		t.Errorf("%v (%v)", out.Result, out.Fault)
	}
}

// TestCardFullOfObjects: a card that fills the terminal's memory to the brim still has
// its cryptogram in field 55.
func TestCardFullOfObjects(t *testing.T) {
	for n := 256; n > 0; n-- { // as many as fit
		edits := map[string]string{gpo: "80127C00 08010300 10010501 20010100 78010A00 9000"}
		for record, i := 1, 0; record <= 10; record++ {
			var body strings.Builder
			for ; i < min(n, 26*record); i++ {
				fmt.Fprintf(&body, "DF%02X%02X0100", 0x81+i/64, i%64)
			}
			edits[fmt.Sprintf("00B2%02X7C", record)] = record70(body.String())
		}
		out, m, r := play(t, edits, nil)
		if out.Fault.Code == kernel.TooMuchData {
			continue
		}
		if n < 100 || out.Result != kernel.Approved || r.online == nil {
			t.Fatalf("%d objects: %v (%v)", n, out.Result, out.Fault)
		}
		find(t, m.Data().ICC(nil), tlv.TagAC)
		find(t, m.Data().ICC(nil), tlv.TagCID)
		return
	}
}

// TestCardSpeaksForTerminal: what is the terminal's or the issuer's to say is not taken
// from a record of the card.
func TestCardSpeaksForTerminal(t *testing.T) {
	list := "8A02 9F4E14 910A 9814 9F6604 9F0206 9F3704 9A03 9C01 5F2A02 9505"
	lies := "8A023030 9F4E0141 910A11111111111111111111 98141111111111111111111111111111111111111111 9F660411111111 9F0206111111111111"
	body := head51 + hexOf(tlv.Append(nil, tlv.TagCDOL1, unhex(t, list))) + cdol2 + auth51 + strings.ReplaceAll(lies, " ", "")
	_, _, r := play(t, map[string]string{data51: record70(body)}, nil)
	i := slices.IndexFunc(r.sent, func(c string) bool { return strings.HasPrefix(c, "80AE") })
	if i < 0 {
		t.Fatal(r.sent)
	}
	want := "0000" + strings.Repeat("00", 20) + strings.Repeat("00", 10)
	if got := r.sent[i][10:]; !strings.HasPrefix(got, want) || strings.Contains(got, "1111") {
		t.Errorf("GENERATE AC says %s", got)
	}
}

// TestCountersInRecords: the card's counters and its electronic cash balance are those
// of GET DATA, whatever a record says; with 9F13 alone the card is known to be new (EMV
// Book 3, 10.6.3).
func TestCountersInRecords(t *testing.T) {
	records := record70(head51 + cdol1 + cdol2 + auth51 + "9F36020003" + "9F13020002")
	_, m, _ := play(t, map[string]string{data51: records, "80CA": "6A88"}, nil)
	if tvr := m.Data().TVR; tvr[3]&0x60 != 0x60 || tvr[0]&0x20 == 0 || tvr[1]&0x08 != 0 {
		t.Errorf("TVR %X", tvr)
	}
	_, m, _ = play(t, map[string]string{"80CA9F36": "6A88", "80CA9F13": "9F13020000 9000"}, nil)
	if tvr := m.Data().TVR; tvr[3]&0x60 != 0x60 || tvr[1]&0x08 == 0 {
		t.Errorf("9F13 is 0 and 9F36 is not there: TVR %X", tvr)
	}
}

// TestBlockedPINIsNotAskedAgain: after 6983 the list's next PIN method does not
// trouble the cardholder.
func TestBlockedPINIsNotAskedAgain(t *testing.T) {
	for _, sw := range []string{"6983", "6984", "63C0"} { // two PIN methods of the card, then one of the issuer
		s := newShop(t, "dev-3des")
		s.pins = []string{"123456", "123456", "123456"}
		s.faults = []meddling{{kind: "swap", ins: "20", nth: 1, bytes: unhex(t, sw)}}
		out := s.sell(shopInput(60000))
		if left := len(s.pins); left != 1 || s.seen["20"] != 1 || out.Data.TVR[2]&0x20 == 0 {
			t.Errorf("%s: %d PINs left of 3, %d VERIFY, TVR %X", sw, left, s.seen["20"], out.Data.TVR)
		}
	}
}

// TestLowCashAndNoPIN: the PIN for the issuer that low electronic cash wants is missing,
// and the TVR says why.
func TestLowCashAndNoPIN(t *testing.T) {
	for word, want := range map[string][2]byte{"broken": {0x10, 0}, "bypass": {0x08, 0}, "123456": {0x04, 0x40}} {
		s := newShop(t, "dev-3des")
		s.config.ElectronicCash = true
		s.faults = []meddling{{kind: "swap", ins: "CA", nth: 3, bytes: unhex(t, "9F6D06 000000100000 9000")}}
		s.pins, s.host = []string{word}, []string{"00"}
		out := s.sell(shopInput(500))
		if d := out.Data; d.TVR[2] != want[0] || d.TSI[0]&0x40 != 0x40 || (d.CVMResults == [3]byte{2, 0, 0}) != (want[1] != 0) {
			t.Errorf("%s: TVR %X, TSI %X, CVM results %X", word, d.TVR, d.TSI, d.CVMResults)
		}
	}
}

// TestPINThatCannotBeEnciphered: without randomness for the padding the method has failed
// before the cardholder is asked, as often as the list has it.
func TestPINThatCannotBeEnciphered(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.pins = []string{"123456"}
	in := shopInput(60000)
	in.Rand = nil
	out := s.sell(in)
	if out.Data.CVMResults != [3]byte{0x41, 3, 2} || s.seen["84"] != 0 || s.seen["20"] != 1 || strings.Count(s.out.String(), "? PIN") != 1 {
		t.Errorf("CVM results %X, %d challenges\n%s", out.Data.CVMResults, s.seen["84"], s.out.String())
	}
}

// TestNamesThatCannotBeShown: a card cannot write control characters or nonsense on the
// terminal's display.
func TestNamesThatCannotBeShown(t *testing.T) {
	for about, want := range map[string]string{
		"50031B5B4A":                         "A000000333010102",
		"5003410A42":                         "A000000333010102",
		"5002D6D0":                           "A000000333010102",
		"5003414243 9F1101 01 9F1203 C96269": "\u00c9bi",
		"5003414243 9F1101 01 9F1203 9B3141": "ABC",
		"5003414243 9F1101 0A 9F1203 C96269": "ABC",
		"5003414243 9F1101 0A 9F1203 58597F": "ABC",
	} {
		m, err := emv.New(namesConfig(t))
		noError(t, err)
		noError(t, m.Reset(shopInput(100)))
		ready := m.Step(emv.Event{Kind: emv.Start})
		entry := append(tlv.Append(nil, tlv.TagADFName, unhex(t, "A000000333010102")), unhex(t, about)...)
		entry = append(tlv.Append(nil, tlv.TagApplicationTemplate, entry), unhex(t, "610D 4F08A000000333010101 870102")...)
		for _, a := range []string{"6F15840E315041592E5359532E4444463031A5038801019000", hexOf(tlv.Append(nil, tlv.TagRecordTemplate, entry)) + "9000", "6A83"} {
			ready = m.Step(emv.Answered(unhex(t, a)))
		}
		if ready.Choose == nil || !slices.Contains(ready.Choose.Names, want) {
			t.Errorf("%s: %+q, want %q", about, ready.Choose.Names, want)
		}
	}
}

// TestLongerNameThanTaken: a card that answers SELECT with a longer name than the
// terminal takes has not been selected.
func TestLongerNameThanTaken(t *testing.T) {
	longer := "6F0E 840A A0000003330101020102 A500"
	out, _, _ := play(t, map[string]string{chosen: longer + "9000"}, func(c *emv.Config, _ *emv.Input) {
		for i := range c.Applications {
			c.Applications[i].Partial = false
		}
	})
	if out.Result != kernel.Failed || out.Fault.Code != kernel.Mismatch || out.Fault.Tag != tlv.TagDFName {
		t.Errorf("%v (%v)", out.Result, out.Fault)
	}
}

// TestResetForgets: after a refused Reset the machine does not repeat its last outcome.
func TestResetForgets(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.pins, s.host = []string{"123456"}, []string{"00"}
	if out := s.sell(shopInput(100000)); out.Result != kernel.Approved {
		t.Fatal(out.Result)
	}
	if err := s.machine.Reset(emv.Input{Amount: -1}); err == nil {
		t.Fatal("a negative amount: taken")
	}
	r := s.machine.Step(emv.Event{Kind: emv.Start})
	if r.Outcome == nil || r.Outcome.Result != kernel.Failed || r.Outcome.Identified || s.machine.Data().Get(tlv.TagPAN) != nil {
		t.Errorf("%+v", r.Outcome)
	}
}

// TestNoSecretInJSON: what carries a PIN or an account number to and from the card
// does not write it into JSON, nor does a copy of the machine.
func TestNoSecretInJSON(t *testing.T) {
	p, err := pin.New("987654")
	noError(t, err)
	block := unhex(t, "0020008008 26987654FFFFFFFF")
	for _, v := range []any{emv.Ready{Send: block}, &emv.Ready{Send: block}, emv.Event{Kind: emv.PINEntered, PIN: p}, emv.Answered(block)} {
		b, err := json.Marshal(v)
		noError(t, err)
		if text := string(b); strings.Contains(text, base64.StdEncoding.EncodeToString(block)[:12]) || strings.Contains(text, "987654") {
			t.Errorf("%s", text)
		}
	}
	s := newShop(t, "dev-3des")
	s.sell(shopInput(2500))
	if text := fmt.Sprintf("%+v %#v", *s.machine, *s.machine); len(text) > 200 || strings.Contains(text, "62280000") {
		t.Errorf("a copy of the machine is printed: %.200s", text)
	}
}

// TestLostAtEveryCommand: whatever command is the last, or gets no good answer, a card whose balance has changed
// is never said to be untouched, and one that is out of doubt has it as the outcome says.
func TestLostAtEveryCommand(t *testing.T) {
	for _, profile := range []string{"dev-3des", "dev-sm"} {
		for _, host := range []string{"", "00 72-load=30000", "00 71-load=30000", "00 72-limit=03 72-load=30000 72-limit=04"} {
			for _, f := range []meddling{{kind: "gone"}, {kind: "lost"}, {kind: "swap", bytes: []byte{0x90}}, {kind: "swap", bytes: []byte{0x6F, 0}}} {
				for f.nth = 1; lostAt(t, profile, host, f); f.nth++ {
				}
			}
		}
	}
}

// lostAt runs electronic cash, or a load if there is an issuer; false says that the
// transaction was over before.
func lostAt(t *testing.T, profile, host string, f meddling) bool {
	r, err := devcard.Default(profile)
	noError(t, err)
	r.Balance = 10000
	s := newShopFor(t, r)
	in := shopInput(2500)
	if host != "" {
		in = shopInput(20000)
		in.Type, s.host = emv.TypeLoad, strings.Fields(host)
	}
	s.config.ElectronicCash, s.faults = host == "", []meddling{f}
	out := s.sell(in)
	changed := s.chip.Inspect().Balance != r.Balance
	open := out.Commit == kernel.CommitUnknown || out.Reversal == emv.ScriptUnknown
	done := out.Commit == kernel.Committed || host != "" && out.Result == kernel.Approved
	if changed != done && !open || done && open {
		t.Errorf("%s, host %q, %s at command %d: %v, %v, reversal %d, and the card's balance changed %v\n%s", profile, host, f.kind, f.nth, out.Result, out.Commit, out.Reversal, changed, s.out.String())
	}
	return s.sent >= f.nth
}
