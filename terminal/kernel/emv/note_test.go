package emv

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// TestEveryFindingHasItsTexts: an English and a Chinese sentence for every bit of TVR
// and TSI that may be set, and for every other code.
func TestEveryFindingHasItsTexts(t *testing.T) {
	seen := map[string]NoteCode{}
	for code, pair := range noteTexts {
		if unicode.Is(unicode.Han, []rune(pair[0])[0]) || !strings.ContainsFunc(pair[1], func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("code %d: %q", code, pair)
		}
		for _, s := range pair {
			if old, ok := seen[s]; ok {
				t.Errorf("codes %d and %d are both %q", old, code, s)
			}
			seen[s] = code
		}
	}
	for _, others := range [][2]NoteCode{{NoteODAMethod, NoteScriptsLong}, {NoteDirectory, NoteCombinedRefused}} {
		for code := others[0]; code <= others[1]; code++ {
			if _, ok := noteTexts[code]; !ok {
				t.Errorf("code %d has no text", code)
			}
		}
	}
	// EMV Book 3, annexes C5 and C6: the bits that are not reserved.
	for code, bit := range map[NoteCode]string{
		NoteODANotPerformed: "1.8", NoteSDAFailed: "1.7", NoteDataMissing: "1.6", NoteExceptionFile: "1.5", NoteDDAFailed: "1.4", NoteCDAFailed: "1.3",
		NoteVersionsDiffer: "2.8", NoteExpired: "2.7", NoteNotYetEffective: "2.6", NoteServiceRefused: "2.5", NoteNewCard: "2.4",
		NoteCVMFailed: "3.8", NoteCVMUnknown: "3.7", NotePINTriesExceeded: "3.6", NotePINPadMissing: "3.5", NotePINNotEntered: "3.4", NoteOnlinePIN: "3.3",
		NoteFloorLimit: "4.8", NoteLowerLimit: "4.7", NoteUpperLimit: "4.6", NoteRandomlySelected: "4.5", NoteMerchantOnline: "4.4",
		NoteDefaultTDOL: "5.8", NoteIssuerAuthFailed: "5.7", NoteScriptFailed71: "5.6", NoteScriptFailed72: "5.5",
	} {
		by, b, ok := code.TVRBit()
		i, mask := code.bit()
		if got := fmt.Sprintf("%d.%d", by, b); !ok || got != bit || i != by-1 || mask != 1<<(b-1) {
			t.Errorf("code %d is TVR byte.bit %s, want %s", code, got, bit)
		}
		if _, ok := noteTexts[code]; !ok {
			t.Errorf("TVR %s has no text", bit)
		}
	}
	for code, bit := range map[NoteCode]string{
		NoteODAPerformed: "1.8", NoteCVMPerformed: "1.7", NoteCardRiskPerformed: "1.6", NoteIssuerAuthPerformed: "1.5", NoteRiskPerformed: "1.4", NoteScriptPerformed: "1.3",
	} {
		by, b, ok := code.TSIBit()
		i, mask := code.bit()
		if got := fmt.Sprintf("%d.%d", by, b); !ok || got != bit || i != by-1 || mask != 1<<(b-1) {
			t.Errorf("code %d is TSI byte.bit %s, want %s", code, got, bit)
		}
		if _, _, ok := code.TVRBit(); ok {
			t.Errorf("code %d is of the TVR too", code)
		}
		if _, ok := noteTexts[code]; !ok {
			t.Errorf("TSI %s has no text", bit)
		}
	}
	for r := oda.NotVerified; r <= oda.TransactionMismatch; r++ {
		if reasonText(r, "zh") == reasonText(r, "en") {
			t.Errorf("reason %v has no Chinese text", r)
		}
	}
}

func TestNoteTexts(t *testing.T) {
	for _, row := range []struct {
		note   Note
		en, zh string
	}{
		{Note{Restrictions, NoteExpired, tlv.TagExpirationDate, []byte{0x20, 1, 1}},
			"the application has expired: 5F24 Application Expiration Date = 200101", "应用已过期：5F24 应用失效日期 = 200101"},
		{Note{Verification, NoteRuleApplies, 0, []byte{0x42, 3}},
			"rule applies: 4203 online PIN, if the terminal supports it, else the next rule", "采用该规则：4203 联机加密 PIN 验证，终端支持时，失败则用下一规则"},
		{Note{Verification, NoteCVMUnknown, 0, []byte{0x06, 0x0B}},
			"the CVM list asks for a method that nobody knows: 060B unknown method, unknown condition", "未知的持卡人验证方法：060B 未知方法，未知条件"},
		{Note{ActionAnalysis, NoteOnlineCodes, 0, []byte{0, 0, 0, 0x81, 0}},
			"action codes for online are met: the amount, with earlier ones of this card, reaches the floor limit; byte 4 b1",
			"符合联机行为代码：交易金额（含同卡先前交易）达到最低限额；字节 4 位 1"},
		{Note{ActionAnalysis, NoteCashLow, 0, []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x20, 0}},
			"the electronic cash balance falls below the reset threshold: 100.00 / 20.00", "电子现金余额扣款后低于重置阈值：100.00 / 20.00"},
		{Note{RiskManagement, NoteRandomlySelected, 0, []byte{7, 20}}, "chosen at random for online processing: drew 7, below 20 is chosen", "交易被随机选择联机处理：随机数 7，小于 20 则选中"},
		{Note{Authentication, NoteODAMethod, 0, []byte{3}}, "method of offline data authentication: CDA, signature within the cryptogram", "脱机数据认证方法：CDA 复合动态数据认证"},
		{Note{ActionAnalysis, NoteAskARQC, 0, nil}, "the terminal asks for an ARQC: go online", "终端请求 ARQC：联机"},
		{Note{Completion, 255, 0, nil}, "finding 255", "记录 255"},
	} {
		if en := row.note.Text("en"); en != row.en {
			t.Errorf("%q, want %q", en, row.en)
		}
		if zh := row.note.Text("zh"); zh != row.zh {
			t.Errorf("%q, want %q", zh, row.zh)
		}
	}
	for p := Selection; p <= Completion; p++ {
		if p.Name("en") == p.Name("zh") || p.String() == "invalid" {
			t.Errorf("phase %d is %q, %q", p, p.Name("en"), p.Name("zh"))
		}
	}
	if Phase(99).String() != "invalid" {
		t.Error("phase 99 has a name")
	}
}

// TestNotesKeepAccountNumbersOut: whatever way they are printed.
func TestNotesKeepAccountNumbersOut(t *testing.T) {
	for _, tag := range []tlv.Tag{tlv.TagPAN, tlv.TagTrack2Equivalent, tlv.TagPINData} {
		n := Note{ReadData, NoteDataMissing, tag, []byte{0x62, 0x28, 0, 1, 0, 0, 0x11, 0x17}}
		b, err := json.Marshal([]Note{n})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{n.Text("en"), n.Text("zh"), fmt.Sprint(n), fmt.Sprintf("%+v %#v %x", n, n, n), string(b), n.LogValue().String()} {
			if strings.Contains(s, "6228") || strings.Contains(s, "98 40") || strings.Contains(s, "0x62") {
				t.Errorf("%v: %s", tag, s)
			}
		}
	}
}

// TestABitIsExplainedOncePerObject.
func TestABitIsExplainedOncePerObject(t *testing.T) {
	m := partMachine(t, nil)
	m.raise(Authentication, NoteDataMissing, tlv.TagICCCertificate, nil)
	m.raise(Authentication, NoteDataMissing, tlv.TagICCCertificate, nil)
	m.raise(RiskManagement, NoteDataMissing, tlv.TagLastOnlineATC, nil)
	m.perform(RiskManagement, NoteRiskPerformed)
	m.perform(RiskManagement, NoteRiskPerformed)
	if n := m.Notes(); len(n) != 3 {
		t.Errorf("%d notes: %v", len(n), n)
	}
	m.found.clear()
	if len(m.Notes()) != 0 {
		t.Error("notes are left")
	}
}
