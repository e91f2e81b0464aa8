package pboc_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

var scriptAlgs = []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4}

// TestScriptVectors repeats values computed twice outside this program: for the
// masters of this card, PAN 6228000100001117, PSN 01, ATC 0001 and the
// transaction of scriptTerm, the ARQC of the first GENERATE AC, the MAC of PUT DATA
// 9F79 = 000000019900, and an enciphered new PIN with its MAC.
func TestScriptVectors(t *testing.T) {
	for _, v := range []struct {
		alg    cryptogram.Alg
		arqc   string
		load   string
		change string
	}{
		{cryptogram.TDES, "D702BF5A6D7A8C7E", "04DA9F790A000000019900C2C918CF", "8424000214 2EDCEDD0A4892BA791AD0F43393CFA08 AABB28BD"},
		{cryptogram.SM4, "0E76869470BF3653", "04DA9F790A000000019900B0938ECD", ""},
	} {
		i := newIssuer(t, v.alg)
		noError(t, i.first())
		if !bytes.Equal(i.ac[:], hexBytes(t, v.arqc)) {
			t.Fatalf("%v: ARQC %X, want %s", v.alg, i.ac, v.arqc)
		}
		noError(t, i.second())
		i.ok(v.load)
		if st := i.state(); st.Balance != 19900 || st.LoadRecords != 1 || st.Scripts != 1 {
			t.Errorf("%v: after the load: %+v", v.alg, st)
		}
		if v.change != "" {
			i.ok(v.change)
		}
	}
}

const (
	oldPIN = "26123456FFFFFFFF"
)

// TestScriptWindow: scripts are taken after the first GENERATE AC only, and no more
// after a wrong MAC, failed issuer authentication, or in another transaction.
func TestScriptWindow(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	i.ok(selectDC)
	i.want(i.load(20000), apdu.SWConditions)
	i.ok(scriptGPO)
	i.want(i.load(20000), apdu.SWConditions)

	noError(t, i.online())
	right := i.load(20000)
	i.damaged = true
	i.want(i.load(20000), apdu.SWMACWrong)
	i.damaged = false
	i.want(right, apdu.SWConditions)
	if st := i.state(); st.Balance != 10000 || st.LoadRecords != 0 || st.Memory&pboc.ScriptFailed == 0 || st.Scripts != 0 {
		t.Errorf("after a wrong MAC: %+v", st)
	}
	noError(t, i.first())
	i.want(right, apdu.SWMACWrong) // a script of an earlier transaction

	noError(t, i.first())
	i.want("008200000A 0000000000000000 3030", apdu.SWFailed)
	i.want(i.load(20000), apdu.SWConditions)

	// Scripts of template 71 come before the second GENERATE AC and do not count.
	noError(t, i.first())
	i.ok(i.load(20000))
	if st := i.state(); st.Balance != 20000 || st.Scripts != 0 {
		t.Errorf("a script before the second GENERATE AC: %+v", st)
	}
	noError(t, i.second())
	i.ok(i.load(20001))
	i.ok(i.load(20002))
	if st := i.state(); st.Balance != 20002 || st.Scripts != 2 || st.Memory&pboc.ScriptFailed != 0 {
		t.Errorf("scripts after the second GENERATE AC: %+v", st)
	}
	// Over the air with qPBOC there are none at all.
	i.chip.UseInterface(card.Contactless)
	noError(t, i.chip.PowerOn(randomFrom(4)))
	i.ok(selectDC)
	i.want(i.load(20000), apdu.SWConditions)
}

// TestScriptForms: what is looked at before the MAC.
func TestScriptForms(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	noError(t, i.online())
	for _, c := range []struct {
		cmd  string
		want apdu.SW
	}{
		{"00DA9F790A00000001990000000000", apdu.SWUnknownCLA},
		{"84DA9F790A00000001990000000000", 0x6882},
		{"041E00000400000000", 0x6882},
		{"801E00000400000000", apdu.SWUnknownCLA},
		{"841E0000", apdu.SWWrongLength},
		{"841E000003000000", apdu.SWWrongLength},
		{"841E0000040000000000", apdu.SWWrongLength},
	} {
		i.want(c.cmd, c.want)
	}
	if st := i.state(); st.Memory&pboc.ScriptFailed != 0 {
		t.Error("a command without a MAC counts as a failed script")
	}
	i.ok(i.load(20000))
}

// TestCVROfScripts: the next transaction tells the issuer how many scripts the card
// took and whether one failed.
func TestCVROfScripts(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	noError(t, i.online())
	for n := range 17 {
		i.ok(i.load(20000 + 1))
		if st := i.state(); int(st.Scripts) != min(n+1, 15) {
			t.Fatalf("script %d: counter %d", n+1, st.Scripts)
		}
	}
	i.want(i.putData("9F79", "000000500001"), apdu.SWWrongData)
	i.ok(selectDC)
	i.ok(scriptGPO)
	data := i.ok(generateAC(t, 0x80, ""))
	iad, err := cryptogram.ParseIAD(data[2+11:])
	noError(t, err)
	if iad.CVR[2] != 0xF8 {
		t.Errorf("CVR %X, want 15 scripts and a failure in its last byte", iad.CVR)
	}
	if b, ok := iad.Balance(); !ok || b != 20001 {
		t.Errorf("9F10 states %v", b)
	}
}

// TestScriptSentAgain: a load that was carried out, then a payment of electronic cash
// in the same transaction, which a terminal that claims not to have reached the issuer
// can get, and the load once more: it would give the money back.
func TestScriptSentAgain(t *testing.T) {
	i := newIssuer(t, cryptogram.TDES)
	i.ok(selectDC)
	i.ok("80A800000B 8309 01 000000000100 0156 00") // 9F7A = 01
	data := i.ok(generateAC(t, 0x80, ""))
	i.atc, i.ac = uint16(data[3])<<8|uint16(data[4]), [8]byte(data[5:])
	load := i.load(20000)
	i.ok(load)
	if data := i.ok(generateAC(t, 0x40, "Y3")); data[2]&0xC0 != 0x40 {
		t.Fatalf("9F27 %02X, want a TC", data[2])
	}
	i.want(load, apdu.SWConditions)
	if st := i.state(); st.Balance != 19900 || st.LoadRecords != 1 {
		t.Errorf("%+v", st)
	}
}

// TestScriptsOfSecondSet: a transaction with the second set of algorithms (DF69 = 01)
// takes scripts under that set's keys, and none under the other's.
func TestScriptsOfSecondSet(t *testing.T) {
	for _, sm := range []bool{false, true} {
		s := newTill(t, bothCard(t, bothProduct(t)), card.Contact, nil)
		s.sm = sm
		s.ok(selectDC)
		s.ok(s.options(false))
		data := s.ok(s.generate(0x80, ""))
		under := func(alg cryptogram.Alg) *issuer {
			return &issuer{t: t, chip: s.chip, card: scriptCard(t, alg), atc: uint16(data[3])<<8 | uint16(data[4]), ac: [8]byte(data[5:])}
		}
		right, wrong := under(cryptogram.TDES), under(cryptogram.SM4)
		if sm {
			right, wrong = wrong, right
		}
		right.ok(right.script("84240001", right.changeBlock("9753", "123456")))
		right.ok(right.load(30000))
		right.want(wrong.load(40000), apdu.SWMACWrong)
		if st := right.state(); st.Balance != 30000 {
			t.Errorf("DF69 %v: %+v", sm, st)
		}
	}
}

// TestSmallProduct: no load log, no memory for changed records, no transaction log.
func TestSmallProduct(t *testing.T) {
	c := scriptCard(t, cryptogram.TDES)
	p, k := c.Product, c.Product.Contact
	p.LogSFI, p.LogCount, k.LoadLogSFI, k.LoadLogCount, k.Updatable = 0, 0, 0, 0, 0
	noError(t, p.Prepare())
	i := (&issuer{t: t, card: c, image: scriptImage(t, c)}).insert(nil)
	noError(t, i.online())
	i.ok(i.load(30000))
	i.want(i.script("04DC0224", hexBytes(t, "7000")), apdu.SWNoSpace)
	for cmd, want := range map[string]apdu.SW{
		"00B2016400": apdu.SWFileNotFound, "00B2006400": apdu.SWWrongP1P2, "00B2015C00": apdu.SWFileNotFound, "00B2000400": apdu.SWWrongP1P2,
		"80CADF4F00": apdu.SWDataNotFound, "80CA9F4F00": apdu.SWDataNotFound,
	} {
		i.want(cmd, want)
	}
	if got := i.ok("00B2022400"); !bytes.Equal(got, hexBytes(t, "7005 9F08020030")) {
		t.Errorf("record %X", got)
	}
	if st := i.state(); st.Balance != 30000 || st.LoadRecords != 0 {
		t.Errorf("%+v", st)
	}
}

// BenchmarkLoad is a load by script with its log record.
func BenchmarkLoad(b *testing.B) {
	for _, alg := range scriptAlgs {
		b.Run(alg.String(), func(b *testing.B) {
			i := newIssuer(b, alg)
			noError(b, i.online())
			cmd := hexBytes(b, i.load(30000))
			var out [16]byte
			b.ReportAllocs()
			for b.Loop() {
				if _, err := i.chip.Transmit(out[:0], cmd); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
