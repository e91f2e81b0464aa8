package kernel

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
)

// TestProbeAfterRecognise: a card that is not the one that has paid may be the one of a
// torn transaction. What it has repeated is not asked for again.
func TestProbeAfterRecognise(t *testing.T) {
	cfg := testConfig(&verdict{reason: oda.OK})
	torn := tornPaperCard(t)
	seen := tap(t, cfg, newPaperCard()).Data.Seen()
	seen.CAD[1] ^= 1
	m := newMachine(t, cfg, testInput())
	card := newPaperCard()
	converse(m, m.Recognise(seen), card, Continue)
	if m.probe.OK || !m.probe.Repeated {
		t.Fatalf("recognised: %+v", m.probe)
	}
	converse(m, m.ProbeOn(torn), card, Continue)
	var sent []string
	for _, cmd := range card.sent {
		sent = append(sent, strings.ToUpper(hex.EncodeToString(cmd)))
	}
	want := "00A4040008A00000033301010100 00B2011400 80CA9F3600 80CA9F7900"
	if got := strings.Join(sent, " "); got != want {
		t.Errorf("commands %s\nwant     %s", got, want)
	}
	if v := m.probe.Verdict(torn); v != Finishable || m.Resume(torn).Outcome.Result != Approved {
		t.Errorf("verdict %v, %v", v, m.out.Fault)
	}
	// Of another record everything is asked anew.
	card.sent = nil
	seen.Last = 2
	card.records[[2]byte{2, 0x14}] = record("")
	converse(m, m.Recognise(seen), card, Continue)
	converse(m, m.ProbeOn(torn), card, Continue)
	if len(card.sent) != 6 || m.probe.Verdict(torn) != Finishable {
		t.Errorf("%d commands, %v", len(card.sent), m.probe.Verdict(torn))
	}
}

// TestInformativeObjects: what is only shown may have any form, and costs nobody the
// pass.
func TestInformativeObjects(t *testing.T) {
	const before = "9F6C020000"
	for _, c := range []struct {
		object    string
		available money.Fen
		known     bool
	}{
		{"9F5D06000000001234", 1234, true}, {"9F5D06000000001234 9F5D06000000009999", 1234, true}, {"9F5D0112", 0, false},
		{"9F5D0600000000123F", 0, false}, {"", 0, false}, {"5F2000 9F6301FF 9F740145", 0, false},
	} {
		card := newPaperCard()
		card.gpo = cut(t, card.gpo, before, before+c.object)
		n := len(unhex(c.object))
		card.gpo[1] += byte(n)
		out := tap(t, testConfig(&verdict{reason: oda.OK}), card)
		if got, known := out.Data.Available(); out.Result != Approved || got != c.available || known != c.known {
			t.Errorf("%s: %v %v, 9F5D %v %v", c.object, out.Result, out.Fault, got, known)
		}
	}
}

func TestFaultsHaveNamesInBothLanguages(t *testing.T) {
	for _, n := range []int{len(faultNames), len(faultNamesZH)} {
		if n != int(WrongOrder)+1 {
			t.Errorf("%d names of faults, want %d", n, WrongOrder+1)
		}
	}
	if n := len(reasonsZH); n != int(oda.TransactionMismatch)+1 {
		t.Errorf("%d reasons in Chinese, want %d", n, oda.TransactionMismatch+1)
	}
	for _, c := range []struct {
		f      Fault
		en, zh string
	}{
		{Fault{Code: Missing, Tag: 0x9F36}, "missing data: 9F36 Application Transaction Counter (ATC)", "数据缺失：9F36 应用交易计数器"},
		{Fault{Code: NotGenuine, ODA: oda.SDADBad}, "not genuine: dynamic signature bad", "脱机数据认证失败：动态签名错误"},
		{Fault{Code: BadStatus, SW: 0x6A83}, "status word 6A83", "状态字 6A83"},
	} {
		if c.f.String() != c.en || c.f.Text("zh") != c.zh {
			t.Errorf("%q, %q", c.f, c.f.Text("zh"))
		}
	}
	if FaultCode(99).Name("zh") != "invalid" || CVM(9).String() != "invalid" || Verdict(9).String() != "invalid" {
		t.Error("a number that is none has a name")
	}
}
