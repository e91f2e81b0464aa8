package emv_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// has says whether there is a finding of this code.
func has(m *emv.Machine, code emv.NoteCode) bool {
	for _, n := range m.Notes() {
		if n.Code == code {
			return true
		}
	}
	return false
}

// TestFindingsInWords: what the flow found is said with its detail, in both languages.
func TestFindingsInWords(t *testing.T) {
	for _, c := range []struct {
		note   emv.Note
		en, zh string
	}{
		{emv.Note{Code: emv.NoteProfile, Value: []byte{0x7D, 0}}, "82 = 7D00 SDA, DDA, cardholder verification, terminal risk management, issuer authentication, CDA", "82 = 7D00 SDA, DDA, 持卡人验证, 终端风险管理, 发卡行认证, CDA"},
		{emv.Note{Code: emv.NoteCryptogram, Value: []byte{0x40}}, "9F27 = 40 TC, approved", "TC，批准"},
		{emv.Note{Code: emv.NoteCryptogram, Value: []byte{0x08}}, "9F27 = 08 AAC, declined", "AAC，拒绝"},
		{emv.Note{Code: emv.NoteAdvice, Value: []byte{0x0A}}, "PIN tries exceeded", "PIN 重试次数超限"},
		{emv.Note{Code: emv.NoteAdvice, Value: []byte{0x0F}}, "reserved reason", "保留原因"},
		{emv.Note{Code: emv.NoteHostAnswer, Tag: tlv.TagARC, Value: []byte("51")}, `8A = 3531 ("51")`, `8A = 3531 ("51")`},
		{emv.Note{Code: emv.NotePINTries, Tag: tlv.TagPINTryCounter, Value: []byte{2}}, "2", "2"},
		{emv.Note{Code: emv.NoteScriptDone, Value: []byte{0x72, 3}}, "template 72, 3 commands", "模板 72，3 条命令"},
		{emv.Note{Code: emv.NoteScriptStopped, Value: []byte{0x71, 1, 0x69, 0x88}}, "template 71, command 1: 6988 ", "模板 71，第 1 条命令: 6988 "},
		{emv.Note{Code: emv.NoteScriptStopped, Value: []byte{0x71, 1, 0, 0}}, "template 71, command 1", "模板 71，第 1 条命令"},
		{emv.Note{Code: emv.NoteSelected, Tag: tlv.TagDFName, Value: []byte{0xA0}}, "84 Dedicated File (DF) Name = A0", "= A0"},
	} {
		if en, zh := c.note.Text("en"), c.note.Text("zh"); !strings.Contains(en, ": "+c.en) || !strings.Contains(zh, c.zh) {
			t.Errorf("%q, %q; want %q, %q", en, zh, c.en, c.zh)
		}
	}
}

// TestVelocityIsUnknown: a card with 9F14 and 9F23 that does not tell its counters
// has exceeded both (EMV Book 3, 10.6.3), and lacks data.
func TestVelocityIsUnknown(t *testing.T) {
	_, m, _ := play(t, map[string]string{"80CA9F36": "6A88"}, nil)
	if got := m.Data().TVR; got != [5]byte{0x20, 0, 0, 0xE0, 0x40} {
		t.Errorf("TVR %X", got)
	}
	_, m, _ = play(t, map[string]string{"80CA9F36": "9F360200209000", "80CA9F13": "9F130200019000"}, nil)
	if got := m.Data().TVR[3]; got != 0x80 {
		t.Errorf("TVR byte 4 is %02X with 31 offline since online and limits 127 and 255", got)
	}
	_, m, _ = play(t, map[string]string{"80CA9F36": "9F360200A09000", "80CA9F13": "9F130200009000"}, nil)
	if tvr := m.Data().TVR; tvr[3] != 0xC0 || tvr[1]&0x08 == 0 {
		t.Errorf("TVR %X with 160 offline and no online ever: lower limit and new card", tvr)
	}
}

// TestSignedRecordThatIsNone: a signed record of an issuer's file that is no template
// 70 makes authentication fail, and no more (EMV Book 3, 10.3).
func TestSignedRecordThatIsNone(t *testing.T) {
	out, m, _ := play(t, map[string]string{"80A8": "80127C00080103001001050120010100580101019000", "00B2015C": "FFEE019000"}, nil)
	if out.Result != kernel.Approved || m.Data().TVR[0] != 0x08 || !has(m, emv.NoteDDAFailed) {
		t.Errorf("%v, TVR %X", out.Result, m.Data().TVR)
	}
}

// TestReferral: a card that answers AAR goes online with a word to the issuer; the
// advice bit is found.
func TestReferral(t *testing.T) {
	out, m, r := play(t, map[string]string{"80AE80": "800BC8000611223344556677889000"}, nil)
	if out.Result != kernel.Approved || r.online == nil || !r.online.Referral || !has(m, emv.NoteAdvice) {
		t.Errorf("%v, online %v", out.Result, r.online)
	}
}

// TestHashOfTransaction: tag 98 is the SHA-1 of the data that 97 of the card names, or
// the terminal's own list, which the TVR reports (EMV Book 3, 9.2.2).
func TestHashOfTransaction(t *testing.T) {
	list := map[string]string{data51: record70(head51 + "8C029814" + cdol2 + auth51)}
	sum := sha1.Sum(unhex(t, "000000006580150316")) // 9F02 and 9A
	want := "80AE800014" + hexOf(sum[:]) + "00"
	out, m, r := play(t, list, func(c *emv.Config, _ *emv.Input) {
		for i := range c.Applications {
			c.Applications[i].TDOL = unhex(t, "9F02069A03")
		}
	})
	if out.Result != kernel.Approved || m.Data().TVR[4]&0x80 == 0 || !has(m, emv.NoteDefaultTDOL) {
		t.Errorf("%v, TVR %X", out.Result, m.Data().TVR)
	}
	if !slices.Contains(r.sent, want) {
		t.Errorf("no command %s in %v", want, r.sent)
	}
	list[data51] = record70(head51 + "8C029814" + cdol2 + auth51 + "97059F02069A03")
	_, m, r = play(t, list, nil)
	if m.Data().TVR[4]&0x80 != 0 || !slices.Contains(r.sent, want) {
		t.Errorf("TVR %X, sent %v", m.Data().TVR, r.sent)
	}
	list[data51] = record70(head51 + "8C029814" + cdol2 + auth51 + "97029F02")
	if out, _, _ := play(t, list, nil); out.Fault.Code != kernel.BadTLV || out.Fault.Tag != tlv.TagTDOL {
		t.Errorf("a TDOL that is none: %v", out.Fault)
	}
}

// TestNextOccurrence: next occurrence (P2 = 02) finds the second of two applications
// whose names begin alike; the first is blocked (EMV Book 1, 12.3.3).
func TestNextOccurrence(t *testing.T) {
	edits := map[string]string{
		"00A404000E":                 "6A82",
		"00A4040008A000000333010101": "6A82", "00A4040008A000000333010103": "6A82", "00A4040008A000000333010106": "6A82",
		"00A4040008A000000333010102":     "6F10840AA0000003330101020101A50250006283",
		"00A4040208A000000333010102":     "6F10840AA0000003330101020102A50250009000",
		"00A404000AA0000003330101020102": "6F3D840AA0000003330101020102A52F500B55494343204352454449548701015F2D02636E9F1101019F120B5549434320435245444954BF0C059F4D020B0A9000",
	}
	for _, x := range recorded(t, "upi-contact") { // without a directory the records of file 1 are the application's
		if strings.HasPrefix(x.command, "00B20") {
			edits[x.command] = x.answer
		}
	}
	out, m, r := play(t, edits, nil)
	if out.Result != kernel.Approved || hexOf(m.Data().AID()) != "A0000003330101020102" || !has(m, emv.NoteBlocked) {
		t.Errorf("%v (%v), application %X, sent %v", out.Result, out.Fault, m.Data().AID(), r.sent)
	}
}

// TestNestedDirectory: an entry 9D leads to a further directory (EMV Book 1, 12.2.3).
func TestNestedDirectory(t *testing.T) {
	out, m, r := play(t, map[string]string{
		"00B2010C#1": "7010610E9D0C315041592E414141414141419000",
		"00B2020C":   "6A83",
		"00A404000C": "6F13840C315041592E41414141414141A5038801029000",
		"00B20114#2": "701C611A4F08A000000333010102500B55494343204352454449548701019000",
		"00B20214":   "6A83",
	}, nil)
	if len(r.sent) < 6 || r.sent[3] != "00A404000C315041592E4141414141414100" {
		t.Fatalf("sent %v", r.sent)
	}
	if hexOf(m.Data().AID()) != "A000000333010102" {
		t.Errorf("%v (%v), application %X", out.Result, out.Fault, m.Data().AID())
	}
}

// TestConfigs that no terminal can work with, and inputs.
func TestConfigs(t *testing.T) {
	for name, change := range map[string]func(*emv.Config){
		"no applications":     func(c *emv.Config) { c.Applications = nil },
		"many applications":   func(c *emv.Config) { c.Applications = make([]emv.Application, 17) },
		"merchant":            func(c *emv.Config) { c.Merchant = make([]byte, 21) },
		"type":                func(c *emv.Config) { c.Type = 0x27 },
		"nobody to verify":    func(c *emv.Config) { c.Authenticate = nil },
		"short name":          func(c *emv.Config) { c.Applications[0].Name = []byte{1, 2, 3, 4} },
		"floor limit":         func(c *emv.Config) { c.Applications[0].FloorLimit = -1 },
		"threshold":           func(c *emv.Config) { c.Applications[0].Random.Threshold = c.Applications[0].FloorLimit },
		"percentages":         func(c *emv.Config) { c.Applications[0].Random = emv.RandomSelection{Target: 50, Max: 49} },
		"cash limit":          func(c *emv.Config) { c.Applications[0].CashLimit = -1 },
		"default DDOL":        func(c *emv.Config) { c.Applications[0].DDOL = []byte{0x9F} },
		"default TDOL":        func(c *emv.Config) { c.Applications[0].TDOL = []byte{0x9F, 0x02} },
		"percentage of a 100": func(c *emv.Config) { c.Applications[0].Random.Max = 100 },
	} {
		c := shopConfig(t)
		change(c)
		if _, err := emv.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	m, err := emv.New(shopConfig(t))
	noError(t, err)
	for name, in := range map[string]emv.Input{
		"amount": {Amount: -1}, "other amount": {Other: 1e12}, "sequence": {Sequence: 1e8}, "percent": {Percent: 100},
	} {
		if err := m.Reset(in); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(name, "amount") && !errors.Is(err, money.ErrRange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEventsOutOfPlace are faults of the program around the machine.
func TestEventsOutOfPlace(t *testing.T) {
	m, err := emv.New(shopConfig(t))
	noError(t, err)
	noError(t, m.Reset(shopInput(100)))
	for _, ev := range []emv.Event{emv.Answered([]byte{0x90, 0}), {Kind: emv.PINEntered}, {Kind: emv.HostAnswered}, {Kind: emv.CardRemoved}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("event %v before Start: taken", ev.Kind)
				}
			}()
			m.Step(ev)
		}()
	}
}

// TestNothingSecretIsPrinted: account number, track 2 and PIN do not come out of
// anything that the package hands out.
func TestNothingSecretIsPrinted(t *testing.T) {
	s := newShop(t, "dev-3des")
	s.pins, s.host = []string{"123456"}, []string{"00"}
	out := s.sell(shopInput(100000))
	if out.Result != kernel.Approved || s.online == nil {
		t.Fatal(out.Result)
	}
	p, err := pin.New("987654")
	noError(t, err)
	var text bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&text, nil))
	track := out.Data.Track2(nil)
	for _, v := range []any{
		out, *out, out.Data, *out.Data, s.machine, *s.online, s.online, emv.Event{Kind: emv.PINEntered, PIN: p}, s.machine.Notes(),
		emv.Ready{Send: []byte("6228000100001117")}, emv.Ready{Online: s.online}, emv.Ready{Outcome: out}, emv.Ready{RemoveCard: true},
		emv.Ready{PIN: &emv.PINRequest{}}, emv.Ready{Choose: &emv.Choice{}},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			fmt.Fprintf(&text, verb+"\n", v)
		}
		log.Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			text.Write(b)
		}
	}
	if len(track) < 20 {
		t.Fatalf("track 2 %q", track)
	}
	for _, secret := range []string{"6228000100001117", "62280001000011", "987654", string(track[17:]), "36323238303030313030303031313137"} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}
}

// TestTrack2 is digits, D and digits.
func TestTrack2(t *testing.T) {
	for value, want := range map[string]string{
		"570F6210948000000011D301020100000F":   "6210948000000011D301020100000",
		"57106210948000000011D30102010000000F": "6210948000000011D3010201000000" + "0",
		"570E6210948000000011301020100000":     "", // no D
		"570F6210948000000011D30102D100000F":   "", // two
		"570F6210948000000011A301020100000F":   "", // a letter
		"570F62109480F0000011D301020100000F":   "", // padding in the middle
	} {
		_, m, _ := play(t, map[string]string{"00B2010C#5": record70(value)}, nil)
		if got := string(m.Data().Track2(nil)); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

// TestDoubtOfCash: every way to lose an electronic cash card has the reason that
// timeline rows know.
func TestDoubtOfCash(t *testing.T) {
	for name, c := range map[string]struct {
		fault  meddling
		result kernel.Result
		commit kernel.Commit
		reason txn.DoubtReason
	}{
		"gone before its records":   {meddling{kind: "gone", ins: "B2", nth: 4}, kernel.Torn, kernel.NotCommitted, txn.NoDoubt},
		"gone after its records":    {meddling{kind: "gone", ins: "CA", nth: 1}, kernel.Torn, kernel.NotCommitted, txn.LeftBeforeLast},
		"answer lost":               {meddling{kind: "lost", ins: "AE", nth: 1}, kernel.Torn, kernel.CommitUnknown, txn.LastAnswerLost},
		"answer that is none":       {meddling{kind: "swap", ins: "AE", nth: 1, bytes: []byte{0x90}}, kernel.Failed, kernel.CommitUnknown, txn.LastAnswerLost},
		"AAC":                       {meddling{kind: "swap", ins: "AE", nth: 1, bytes: unhex(t, "800B00000111223344556677889000")}, kernel.Declined, kernel.NotCommitted, txn.CardDeclined},
		"record that is none":       {meddling{kind: "swap", ins: "B2", nth: 5, bytes: unhex(t, "9000")}, kernel.Failed, kernel.NotCommitted, txn.NoDoubt},
		"signature does not verify": {meddling{kind: "flip", ins: "AE", nth: 1, at: 40}, kernel.Declined, kernel.CommitUnknown, txn.ODAFailed},
	} {
		s := newShop(t, "dev-sm")
		s.config.ElectronicCash = true
		s.faults = []meddling{c.fault}
		out := s.sell(shopInput(2500))
		if out.Result != c.result || out.Commit != c.commit || out.Reason != c.reason {
			t.Errorf("%s: %v, %v, %v", name, out.Result, out.Commit, out.Reason)
		}
	}
}
