package emv_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// TestListsOfTheCard: a PDOL asks for all that the terminal has, and something that
// nobody has; formats and padding are those of EMV Book 3, 5.4 and annex A.
func TestListsOfTheCard(t *testing.T) {
	rows := []struct{ entry, want string }{
		{"9F0206", "000000006580"}, {"9F0306", "000000000100"}, {"8104", "000019B4"}, {"9F0404", "00000064"},
		{"9A03", "150316"}, {"9F2103", "160136"}, {"9C01", "00"}, {"9F3704", "3510540E"}, {"9F4104", "00001234"},
		{"9505", "0000000000"}, {"9B02", "0000"}, {"9F3403", "000000"}, {"8A02", "0000"},
		{"9F1A02", "0036"}, {"5F2A02", "0036"}, {"5F3601", "02"}, {"9F3501", "22"}, {"9F3303", "E0F0C8"}, {"9F4005", "0000000000"},
		{"9F4E05", "4349545920"[:10]}, {"9F160F", hexOf([]byte("SHOP00000000001"))}, {"9F1C08", hexOf([]byte("CITY0001"))},
		{"9F1502", "5411"}, {"9F0106", "000000123456"}, {"9F1E08", hexOf([]byte("IFD00001"))}, {"9F6604", "00000000"}, {"9F7A01", "00"}, {"DF6901", "01"},
		{"9F0608", "A000000333010102"}, {"9F0902", "0020"}, {"9F1B04", "00001388"}, {"9F7B06", "000000100000"}, {"DF7F02", "0000"},
		{"9F3801", "00"}, {"9F0204", "00006580"},
	}
	var pdol, values string
	for _, r := range rows {
		pdol, values = pdol+r.entry, values+r.want
	}
	body := tlv.Append(nil, tlv.TagDFName, unhex(t, "A000000333010102"))
	body = tlv.Append(body, tlv.TagFCIProprietary, tlv.Append(nil, tlv.TagPDOL, unhex(t, pdol)))
	fci := hexOf(tlv.Append(nil, tlv.TagFCITemplate, body)) + "9000"
	_, _, r := play(t, map[string]string{chosen: fci, gpo: "6700"}, func(c *emv.Config, in *emv.Input) {
		in.Other, in.Sequence = 100, 1234
		c.Merchant, c.Category, c.Acquirer, c.Serial = []byte("CITY SHOP"), [2]byte{0x54, 0x11}, [6]byte{0, 0, 0, 0x12, 0x34, 0x56}, [8]byte([]byte("IFD00001"))
	})
	n := len(values) / 2
	want := hexOf([]byte{0x80, 0xA8, 0, 0, byte(n + 3), 0x83, 0x81, byte(n)}) + values + "00"
	if got := r.sent[len(r.sent)-1]; got != want {
		t.Errorf("GET PROCESSING OPTIONS\n%s, want\n%s", got, want)
	}
}

// TestField55 has what the issuer needs, with the values that the card was told, and
// the results of scripts once there are any.
func TestField55(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.pins, s.host = []string{"123456"}, []string{"00", "71-limit=03", "72-wrong"}
	out := s.sell(shopInput(100000))
	var tags []string
	it := tlv.Iterate(s.online.ICC)
	for it.Next() {
		tags = append(tags, it.Tag.String())
	}
	want := "9F26 9F27 9F10 9F37 9F36 95 9A 9C 9F02 5F2A 82 9F1A 9F03 9F33 9F34 9F35 9F1E 84 9F09 9F41 5F34"
	if it.Err() != nil || strings.Join(tags, " ") != want {
		t.Errorf("field 55 is %v (%v), want %v", tags, it.Err(), want)
	}
	after := out.Data.ICC(nil)
	if v := find(t, after, tlv.TagIssuerScriptResult); !bytes.Equal(v, []byte{0x20, 0, 0, 0, 1, 0x11, 0, 0, 0, 1}) {
		t.Errorf("DF31 is %X", v)
	}
	// The TVR that the second cryptogram covers knows nothing of the script after it.
	if v := find(t, after, tlv.TagTVR); !bytes.Equal(v, []byte{0, 0, 0, 0x80, 0}) || out.Data.TVR[4] != 0x10 {
		t.Errorf("95 in field 55 is %X, TVR at the end %X", v, out.Data.TVR)
	}
	if !bytes.Equal(find(t, after, tlv.TagCID), []byte{0x40}) || out.Data.Application() == nil {
		t.Error("field 55 after the sale is not that of the second cryptogram")
	}
}

// TestNames that a cardholder is shown: 9F12 if the terminal has its code table (9F11),
// else 50, else the DF name.
func TestNames(t *testing.T) {
	entry := func(about string) string {
		b := tlv.Append(nil, tlv.TagADFName, unhex(t, "A000000333010102"))
		b = append(b, unhex(t, about)...)
		b = tlv.Append(nil, tlv.TagApplicationTemplate, b)
		b = append(b, unhex(t, "610D 4F08A000000333010101 870102")...)
		return hexOf(tlv.Append(nil, tlv.TagRecordTemplate, b)) + "9000"
	}
	for about, want := range map[string]string{
		"5003414243 9F1101 01 9F1203 585958": "XYX",
		"5003414243 9F1101 02 9F1203 585958": "ABC",
		"5003414243 9F1101 0A 9F1203 585958": "XYX",
		"5003414243 9F1101 09 9F1203 585958": "ABC",
		"5003414243 9F1101 0B 9F1203 585958": "ABC",
		"5003202020":                         "A000000333010102",
	} {
		v, err := emv.New(namesConfig(t))
		noError(t, err)
		noError(t, v.Reset(shopInput(100)))
		ready := v.Step(emv.Event{Kind: emv.Start})
		for _, a := range []string{"6F15840E315041592E5359532E4444463031A5038801019000", entry(about), "6A83"} {
			ready = v.Step(emv.Answered(unhex(t, a)))
		}
		if ready.Choose == nil || !slices.Equal(ready.Choose.Names, []string{"A000000333010101", want}) && !slices.Equal(ready.Choose.Names, []string{want, "A000000333010101"}) {
			t.Errorf("%s: %v", about, ready.Choose)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a choice that was not offered: taken")
				}
			}()
			v.Step(emv.Event{Kind: emv.Chosen, Choice: 2})
		}()
	}
}

// namesConfig has code tables 1 and 10.
func namesConfig(t *testing.T) *emv.Config {
	c := shopConfig(t)
	c.Additional = [5]byte{0x60, 0, 0xF0, 0xF2, 0x01}
	return c
}

// TestEndlessCards: a card cannot keep the terminal for ever.
func TestEndlessCards(t *testing.T) {
	// A directory whose every record is there, the last one 255.
	out, _, r := play(t, map[string]string{"00B2": "701C611A4F08A000000333010102500B55494343204352454449548701019000"}, nil)
	if out.Result != kernel.Failed || len(r.sent) < 255 {
		t.Errorf("%v after %d commands", out.Result, len(r.sent))
	}
	// A PIN that is always wrong, with two tries left.
	s := newShop(t, "dev-3des")
	for n := 1; n < 500; n++ {
		s.faults = append(s.faults, meddling{kind: "swap", ins: "20", nth: n, bytes: []byte{0x63, 0xC2}})
		s.pins = append(s.pins, "0000")
	}
	if out := s.sell(shopInput(60000)); out.Result != kernel.Failed || out.Fault.Code != kernel.TooMuchData {
		t.Errorf("%v %v", out.Result, out.Fault)
	}
	// Answers of 40000 bytes.
	long := strings.Repeat("00", 40000) + "9000"
	out, _, _ = play(t, map[string]string{"00B2": long, "00A4040008": long}, nil)
	if out.Result != kernel.Failed || out.Fault.Code != kernel.TooMuchData {
		t.Errorf("%v %v", out.Result, out.Fault)
	}
}

// TestEncipheredPINFails: without a challenge, and without a key that can be trusted,
// the method fails and the list goes on.
func TestEncipheredPINFails(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.pins = []string{"123456", "123456"}
	s.faults = []meddling{{kind: "swap", ins: "84", nth: 1, bytes: []byte{0x6D, 0x00}}}
	out := s.sell(shopInput(60000))
	if out.Data.CVMResults != [3]byte{0x41, 3, 2} || out.Data.TVR[2] != 0 {
		t.Errorf("CVM results %X, TVR %X", out.Data.CVMResults, out.Data.TVR)
	}
	s = newShop(t, "dev-sm")
	s.pins = []string{"123456", "123456"}
	in := shopInput(60000)
	in.Rand = bytes.NewReader(nil) // no randomness for the padding
	out = s.sell(in)
	if out.Data.CVMResults != [3]byte{0x41, 3, 2} {
		t.Errorf("CVM results %X without random numbers", out.Data.CVMResults)
	}
}

// TestOfflineTerminalAsked: a card that answers ARQC to a terminal that cannot go
// online gets the default decision, and nobody is asked or reversed.
func TestOfflineTerminalAsked(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.config.Type = 0x23
	for i := range s.config.Applications {
		s.config.Applications[i].FloorLimit = 1000000
	}
	s.faults = []meddling{{kind: "swap", ins: "AE", nth: 1, bytes: unhex(t, "800B 80 0001 1122334455667788 9000")}}
	s.config.Capabilities[2] = 0xC0
	out := s.sell(shopInput(2500))
	if s.online != nil || out.Reversal != emv.NoReversal || out.Online || string(out.Data.ARC[:]) != "Y3" {
		t.Errorf("%v, ARC %s, reversal %d", out.Result, out.Data.ARC[:], out.Reversal)
	}
}

// TestScriptAnsweredByNothing: an answer that is none fails the script, and the
// payment stands; CardLeft instead of CardRemoved at the end is as good.
func TestScriptAnsweredByNothing(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.pins, s.host = []string{"123456"}, []string{"00", "72-limit=03"}
	s.faults = []meddling{{kind: "swap", ins: "DA", nth: 1, bytes: []byte{0x90}}}
	out := s.sell(shopInput(100000))
	if out.Result != kernel.Approved || len(out.Scripts) != 1 || out.Scripts[0].Outcome != 1 || out.Scripts[0].Number != 1 || out.Reversal != emv.NoReversal {
		t.Errorf("%+v", out)
	}
	m, err := emv.New(shopConfig(t))
	noError(t, err)
	noError(t, m.Reset(shopInput(1)))
	m.Step(emv.Event{Kind: emv.Start})
	if r := m.Step(emv.Answered([]byte{0x6A, 0x81})); !r.RemoveCard {
		t.Fatal(r)
	}
	if r := m.Step(emv.Event{Kind: emv.CardLeft}); r.Outcome == nil || r.Outcome.Result != kernel.Failed {
		t.Fatal(r)
	}
	if r := m.Step(emv.Event{Kind: emv.Start}); r.Outcome == nil {
		t.Error("an event after the end does something")
	}
}

// TestCashAfterAll: electronic cash whose second cryptogram pays, because the issuer
// was not reached, and is lost.
func TestCashAfterAll(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.config.ElectronicCash = true
	for i := range s.config.Applications {
		s.config.Applications[i].Actions = emv.ActionCodes{}
	}
	s.faults = []meddling{{kind: "swap", ins: "CA", nth: 3, bytes: unhex(t, "9F6D06 000000100000 9000")}, {kind: "lost", ins: "AE", nth: 2}}
	s.pins = []string{"bypass"}
	before := s.chip.Inspect().Balance
	out := s.sell(shopInput(500))
	if out.Result != kernel.Torn || out.Commit != kernel.CommitUnknown || out.Reason != txn.LastAnswerLost || out.Reversal != emv.AnswerLost || !out.Cash {
		t.Errorf("%+v", out)
	}
	if after := s.chip.Inspect().Balance; after != before-500 {
		t.Errorf("the card has %v, want 5.00 less than %v: this case is about a card that has paid", after, before)
	}
}
