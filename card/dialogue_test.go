package card_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

var profiles = []string{"sm", "3des"}

func readRecord(n, sfi byte) string { return fmt.Sprintf("00B2%02X%02X00", n, sfi<<3|4) }

// readAll reads the records that the AFL names, in its order, and gives the data
// objects and the static data of EMV Book 3, 10.3.
func (s *session) readAll(afl []byte) (values map[tlv.Tag][]byte, static []byte, last []byte) {
	values = map[tlv.Tag][]byte{}
	for ; len(afl) > 0; afl = afl[4:] {
		for n := afl[1]; n <= afl[2]; n++ {
			last = s.ok(readRecord(n, afl[0]>>3))
			_, v := tags(s.t, tlv.TagRecordTemplate, last)
			for tag, value := range v {
				if values[tag] != nil {
					s.t.Fatalf("%v is in two records", tag)
				}
				values[tag] = value
			}
			if n < afl[1]+afl[3] {
				body, _ := tlv.Find(last, tlv.TagRecordTemplate)
				static = append(static, body...)
			}
		}
	}
	return values, static, last
}

// authenticate checks certificates and 9F4B as a reader does.
func (s *session) authenticate(p purchase, gpo map[tlv.Tag][]byte) oda.Reason {
	records, static, _ := s.readAll(gpo[tlv.TagAFL])
	return s.judge(p, gpo, records, static)
}

// judge checks what a reader has got of a card.
func (s *session) judge(p purchase, gpo, records map[tlv.Tag][]byte, static []byte) oda.Reason {
	cas, err := devkeys.CAKeys()
	check(s.t, err)
	verifier, err := oda.NewVerifier(cas, 4)
	check(s.t, err)
	data := &oda.CardData{
		RID: devkeys.RID, CAIndex: records[tlv.TagCAKeyIndex][0], PAN: s.k.id.PAN, AIP: [2]byte(gpo[tlv.TagAIP]),
		IssuerCert: records[tlv.TagIssuerCertificate], IssuerRest: records[tlv.TagIssuerKeyRemainder], IssuerExponent: records[tlv.TagIssuerKeyExponent],
		CardCert: records[tlv.TagICCCertificate], CardRest: records[tlv.TagICCKeyRemainder], CardExponent: records[tlv.TagICCKeyExponent],
		StaticData: static, StaticTags: records[tlv.TagSDATagList],
	}
	version := byte(0)
	if records[tlv.TagCardAuthenticationData] != nil {
		version = 1
	}
	in := p.terminal(s.t)
	covered := oda.FDDATerminalData(nil, version, in.UN, in.Amount, in.Currency, records[tlv.TagCardAuthenticationData])
	atc := uint16(gpo[tlv.TagATC][0])<<8 | uint16(gpo[tlv.TagATC][1])
	return verifier.Verify(data, gpo[tlv.TagSDAD], atc, covered, month).Reason
}

// TestSequenceNumberIsSigned: what the answer to GET PROCESSING OPTIONS says about
// 5F34 stands in a signed record too, so nobody in between can make the card
// another one of the same account, which no list denies.
func TestSequenceNumberIsSigned(t *testing.T) {
	for _, name := range profiles {
		k := newSample(t, name, 10000)
		s := k.insert(t, nil)
		s.ok(selectApp)
		p := gate(300)
		_, answer := tags(t, tlv.TagResponseFormat2, s.ok(s.gpo(p)))
		records, static, _ := s.readAll(answer[tlv.TagAFL])
		if got := records[tlv.TagPANSequence]; !bytes.Equal(got, answer[tlv.TagPANSequence]) || !bytes.Equal(got, []byte{k.id.PSN}) {
			t.Fatalf("%s: record says %X, answer %X", name, got, answer[tlv.TagPANSequence])
		}
		if r := s.judge(p, answer, records, static); r != oda.OK {
			t.Fatalf("%s: the genuine card: %v", name, r)
		}
		object := []byte{0x5F, 0x34, 0x01, k.id.PSN}
		if bytes.Count(static, object) != 1 {
			t.Fatalf("%s: static data %X", name, static)
		}
		for what, forged := range map[string][]byte{
			"changed":  bytes.Replace(static, object, []byte{0x5F, 0x34, 0x01, k.id.PSN + 1}, 1),
			"left out": bytes.Replace(static, object, nil, 1),
		} {
			if r := s.judge(p, answer, records, forged); r == oda.OK {
				t.Errorf("%s: 5F34 %s: the reader takes the card", name, what)
			}
		}
	}
}

// TestPurchase is a whole qPBOC payment, checked as reader and as issuer.
func TestPurchase(t *testing.T) {
	for _, name := range profiles {
		t.Run(name, func(t *testing.T) {
			k := newSample(t, name, 10000)
			s := k.insert(t, nil)

			dir := s.ok(selectPPSE)
			aid, found := tlv.Find(dir, 0x6F, 0xA5, 0xBF0C, 0x61, 0x4F)
			if !found || !bytes.Equal(aid, k.profile.Product().AID) {
				t.Fatalf("directory %X names %X", dir, aid)
			}
			fci := s.ok(selectApp)
			order, _ := tags(t, tlv.TagFCITemplate, fci)
			if !slices.Equal(order, []tlv.Tag{0x84, 0xA5}) {
				t.Fatalf("FCI holds %v", order)
			}
			pdol, _ := tlv.Find(fci, 0x6F, 0xA5, tlv.TagPDOL)
			if d, err := tlv.ParseDOL(pdol); err != nil || !slices.Equal(d, k.profile.Product().PDOL) {
				t.Fatalf("PDOL %X: %v", pdol, err)
			}

			p := gate(300)
			order, v := tags(t, tlv.TagResponseFormat2, s.ok(s.gpo(p)))
			want := []tlv.Tag{0x82, 0x94, 0x9F36, 0x9F26, 0x9F10, 0x57, 0x5F34, 0x9F4B, 0x9F6C, 0x9F5D}
			if !slices.Equal(order, want) {
				t.Fatalf("TC answer holds %v, want %v", order, want)
			}
			iad := s.verify(p, v, true)
			if b, ok := iad.Balance(); iad.Result() != cryptogram.TC || !ok || b != 9700 || iad.CVR != [3]byte{0x90, 0, 0} {
				t.Fatalf("9F10 is %+v", iad)
			}
			if got := v[tlv.TagTrack2Equivalent]; !bytes.Equal(got, unhex(t, "6228000100001117D3012220")) {
				t.Fatalf("track 2 %X", got)
			}
			if got := v[tlv.TagAvailableOffline]; !bytes.Equal(got, unhex(t, "000000009700")) {
				t.Fatalf("9F5D %X", got)
			}
			if st := s.chip.Inspect(); st.Balance != 10000 || st.ATC != 1 {
				t.Fatalf("before the last record: %+v", st)
			}
			if r := s.authenticate(p, v); r != oda.OK {
				t.Fatalf("the reader finds the card %v", r)
			}
			if st := s.chip.Inspect(); st.Balance != 9700 || st.ATC != 1 || st.LogRecords != 1 || st.LastATC != 1 || !st.LastAnswer {
				t.Fatalf("after the last record: %+v", st)
			}
		})
	}
}

// TestCryptogramVector repeats values computed outside this program: master keys
// and PAN of the fixture, triple DES, CVN 17, ATC 0012, 400 fen of 12000, 9F37
// 11223312 (worked example of the reconciliation rules).
func TestCryptogramVector(t *testing.T) {
	k := newSample(t, "3des", 12000)
	nvm := unhex(t, "01 0011 00 03 0000 00 00 00 00 0000000120")
	s := k.insert(t, nvm)
	s.ok(selectApp)
	p := gate(400)
	p.un = "11223312"
	_, v := tags(t, tlv.TagResponseFormat2, s.ok(s.gpo(p)))
	if got := v[tlv.TagAC]; !bytes.Equal(got, unhex(t, "BE3A851BD64361D3")) {
		t.Errorf("9F26 is %X", got)
	}
	if got := v[tlv.TagIAD]; !bytes.Equal(got, unhex(t, "07011103 900000 01 0A01 0000011600 AE047B27")) {
		t.Errorf("9F10 is %X", got)
	}
}

// TestEntry: an amount of 0 at an offline-only reader is a TC over 0.
func TestEntry(t *testing.T) {
	for _, name := range profiles {
		k := newSample(t, name, 0)
		s := k.insert(t, nil)
		s.pay(gate(0))
		if st := s.chip.Inspect(); st.ATC != 1 || st.Balance != 0 || st.LogRecords != 1 {
			t.Errorf("%s: %+v", name, st)
		}
	}
}

// TestVersion00: a reader without fDDA version 01 gets a last record without
// 9F69, and a signature over 9F37 only.
func TestVersion00(t *testing.T) {
	for _, name := range profiles {
		k := newSample(t, name, 1000)
		s := k.insert(t, nil)
		s.ok(selectApp)
		p := gate(1)
		p.ttq = "28000000"
		_, v := tags(t, tlv.TagResponseFormat2, s.ok(s.gpo(p)))
		if r := s.authenticate(p, v); r != oda.OK {
			t.Errorf("%s: the reader finds the card %v", name, r)
		}
		if _, last := tags(t, tlv.TagRecordTemplate, s.ok(readLast)); last[tlv.TagCardAuthenticationData] != nil {
			t.Errorf("%s: 9F69 without fDDA version 01", name)
		}
	}
}

// TestRefusal: the answers to AAC and ARQC have their own order and no AFL, and
// the last record cannot be read after them.
func TestRefusal(t *testing.T) {
	want := []tlv.Tag{0x82, 0x9F36, 0x57, 0x9F10, 0x9F26, 0x9F63, 0x5F34, 0x9F6C, 0x9F5D, 0x5F20}
	for _, name := range profiles {
		for _, c := range []struct {
			ttq    string
			result cryptogram.Result
		}{{"28000080", cryptogram.AAC}, {"20000080", cryptogram.ARQC}} {
			k := newSample(t, name, 1000)
			s := k.insert(t, nil)
			s.ok(selectApp)
			p := gate(1001)
			p.ttq = c.ttq
			order, v := tags(t, tlv.TagResponseFormat2, s.ok(s.gpo(p)))
			if !slices.Equal(order, want) {
				t.Errorf("%s: answer holds %v, want %v", name, order, want)
			}
			iad := s.verify(p, v, true)
			if b, ok := iad.Balance(); iad.Result() != c.result || !ok || b != 1000 || iad.CVR[1] != 0x20 {
				t.Errorf("%s: 9F10 is %+v, want %v", name, iad, c.result)
			}
			s.want(readLast, apdu.SWConditions)
			if st := s.chip.Inspect(); st.ATC != 1 || st.Balance != 1000 || st.LogRecords != 0 {
				t.Errorf("%s: %+v", name, st)
			}
		}
	}
}

// TestLog: the log keeps the last ten payments, the newest as record 1.
func TestLog(t *testing.T) {
	k := newSample(t, "sm", 10000)
	s := k.insert(t, nil)
	s.ok(selectApp)
	log := func(n byte) string { return readRecord(n, 11) }
	s.want(log(1), apdu.SWRecordNotFound)
	for i := range 12 {
		s.pay(gate(money.Fen(i + 1)))
	}
	// 9A 9F02 9F03 9F1A 5F2A 9C 9F36
	if got := s.ok(log(1)); !bytes.Equal(got, unhex(t, "261121 000000000012 000000000000 0156 0156 00 000C")) {
		t.Errorf("newest record %X", got)
	}
	if got := s.ok(log(10)); !bytes.Equal(got, unhex(t, "261121 000000000003 000000000000 0156 0156 00 0003")) {
		t.Errorf("oldest record %X", got)
	}
	s.want(log(11), apdu.SWRecordNotFound)
	if got := s.ok("80CA9F4F00"); !bytes.Equal(got, unhex(t, "9F4F13 9A03 9F0206 9F0306 9F1A02 5F2A02 9C01 9F3602")) {
		t.Errorf("log format %X", got)
	}
}

// TestGetData: what GET DATA gives, and that it leaves a payment alone.
func TestGetData(t *testing.T) {
	k := newSample(t, "sm", 5000)
	s := k.insert(t, nil)
	s.ok(selectApp)
	for cmd, want := range map[string]string{
		"80CA9F3600": "9F36020000", "80CA9F1300": "9F13020000", "80CA9F1700": "9F170103", "80CA9F7900": "9F7906000000005000",
		"80CA9F5D00": "9F5D06000000005000", "80CA9F6800": "9F680481109000", "80CA9F5100": "9F51020156", "80CA9F7700": "9F7706000000100000",
		"80CA9F7800": "9F7806000000050000", "80CA9F6D00": "9F6D06000000000000", "80CA9F6B00": "9F6B06000000050000", "80CA9F5700": "9F57020156",
	} {
		if got := s.ok(cmd); !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s: %X, want %s", cmd, got, want)
		}
	}
	for _, cmd := range []string{"80CA9F1000", "80CA9F2600", "80CA005700", "80CADF6200", "80CA000000", "80CA9F7400"} {
		s.want(cmd, apdu.SWDataNotFound)
	}
	s.ok(s.gpo(gate(100)))
	if got := s.ok("80CA9F7900"); !bytes.Equal(got, unhex(t, "9F7906000000005000")) {
		t.Errorf("9F79 before the commit: %X", got)
	}
	s.ok(readLast)
	if got := s.ok("80CA9F7900"); !bytes.Equal(got, unhex(t, "9F7906000000004900")) {
		t.Errorf("9F79 after the commit: %X", got)
	}
}

// TestStatusWords: what a reader gets for commands that are not in order.
func TestStatusWords(t *testing.T) {
	k := newSample(t, "sm", 5000)
	for _, c := range []struct {
		name, before, cmd string
		want              apdu.SW
	}{
		{"command before SELECT", "", "80CA9F3600", apdu.SWConditions},
		{"SELECT of an unknown name", "", "00A4040007 A0000000031010 00", apdu.SWFileNotFound},
		{"SELECT by file identifier", "", "00A4000002 3F00 00", apdu.SWWrongP1P2},
		{"SELECT, previous occurrence", "", "00A4040305 A000000333 00", apdu.SWWrongP1P2},
		{"SELECT without a name", "", "00A4040000", apdu.SWWrongLength},
		{"SELECT, no next application", selectApp, "00A4040205 A000000333 00", apdu.SWFileNotFound},
		{"SELECT in class 80", "", "80A4040005 A000000333 00", apdu.SWUnknownCLA},
		{"READ RECORD to the directory", selectPPSE, "00B2010C00", apdu.SWUnknownINS},
		{"unknown instruction", selectApp, "0012000000", apdu.SWUnknownINS},
		{"unknown class", selectApp, "F0B2010C00", apdu.SWUnknownCLA},
		{"class of security modules", selectApp, "BFDE480700", apdu.SWUnknownCLA},
		{"GPO in class 00", selectApp, "00A8000002830000", apdu.SWUnknownCLA},
		{"GET DATA in class 00", selectApp, "00CA9F3600", apdu.SWUnknownCLA},
		{"logical channel", selectApp, "01B2010C00", 0x6881},
		{"secure messaging", selectApp, "04B2010C00", 0x6882},
		{"extended length", selectApp, "00B2010C000000", apdu.SWWrongLength},
		{"half a header", selectApp, "00B2", apdu.SWWrongLength},
		{"Lc too long", selectApp, "80A8000005 8303", apdu.SWWrongLength},
		{"GPO, P1", selectApp, "80A8010002 8300 00", apdu.SWWrongP1P2},
		{"GPO without template 83", selectApp, "80A8000002 7700 00", apdu.SWWrongLength},
		{"GPO without the PDOL's data", selectApp, "80A8000002 8300 00", apdu.SWWrongLength},
		{"READ RECORD without Le", selectApp, "00B2010C", apdu.SWWrongLength},
		{"READ RECORD, P2 not a number", selectApp, "00B2010D00", apdu.SWWrongP1P2},
		{"READ RECORD, record 0", selectApp, "00B2000C00", apdu.SWWrongP1P2},
		{"READ RECORD, file 31", selectApp, "00B201FC00", apdu.SWWrongP1P2},
		{"READ RECORD, no such file", selectApp, "00B2012C00", apdu.SWFileNotFound},
		{"READ RECORD, no such record", selectApp, "00B2030C00", apdu.SWRecordNotFound},
		{"READ RECORD, last record without a payment", selectApp, readLast, apdu.SWConditions},
		{"READ RECORD, Le too short", selectApp, "00B2010C10", 0x6C97},
		{"GET DATA with data", selectApp, "80CA9F3601AA00", apdu.SWWrongLength},
	} {
		s := k.insert(t, nil)
		if c.before != "" {
			s.ok(c.before)
		}
		if _, sw := s.send(c.cmd); sw != c.want {
			t.Errorf("%s: %v, want %v", c.name, sw, c.want)
		}
		if st := s.chip.Inspect(); st.ATC != 0 || s.chip.Memory().Writes() != 0 {
			t.Errorf("%s: the memory was written", c.name)
		}
	}
}

// TestGPORefused: commands that must not consume a counter.
func TestGPORefused(t *testing.T) {
	k := newSample(t, "sm", 5000)
	s := k.insert(t, nil)
	s.ok(selectApp)
	p := gate(100)
	p.ttq = "48000080" // contactless debit/credit only
	s.want(s.gpo(p), apdu.SWConditions)
	p = gate(100)
	p.sm = 0 // a reader without SM2 and SM4
	s.want(s.gpo(p), apdu.SWConditions)
	p = gate(100)
	bad := unhex(t, s.gpo(p))
	bad[11] = 0x0A // 9F02
	if _, sw := s.send(fmt.Sprintf("%X", bad)); sw != apdu.SWWrongData {
		t.Errorf("amount that is not decimal: %v", sw)
	}
	if st := s.chip.Inspect(); st.ATC != 0 {
		t.Errorf("a counter was consumed: %+v", st)
	}
	s.ok(s.gpo(p))
	s.want(s.gpo(p), apdu.SWConditions) // a second one in the same session
	if st := s.chip.Inspect(); st.ATC != 1 {
		t.Errorf("ATC %d, want 1", st.ATC)
	}
	s.ok(readLast) // the first payment is still there
}

// TestPartialName: the beginning of a name selects; P2 02 goes on.
func TestPartialName(t *testing.T) {
	s := newSample(t, "sm", 0).insert(t, nil)
	first := s.ok("00A4040005 A000000333 00")
	if !bytes.Equal(first, s.ok(selectApp)) {
		t.Error("the beginning of the name gives another answer than the whole")
	}
	s.want("00A4040205 A000000334 00", apdu.SWFileNotFound)
	if got := s.ok("80CA9F3600"); len(got) == 0 {
		t.Error("a SELECT that found nothing ended the session")
	}
}

// TestCounterEnd: FFFF blocks the application for good and signs nothing.
func TestCounterEnd(t *testing.T) {
	k := newSample(t, "3des", 100)
	s := k.insert(t, unhex(t, "01 FFFD 00 03 0000 00 00 00 00 0000000001"))
	s.pay(gate(1))
	s.ok(selectApp)
	s.want(s.gpo(gate(1)), apdu.SWConditions)
	if st := s.chip.Inspect(); st.ATC != 0xFFFF || !st.Blocked || st.Balance != 99 {
		t.Fatalf("%+v", st)
	}
	data, sw := s.send(selectApp)
	if sw != apdu.SWInvalidated || !bytes.Equal(data, k.profile.Product().FCI) {
		t.Errorf("SELECT of a blocked application: %X %v", data, sw)
	}
	s.want(s.gpo(gate(1)), apdu.SWConditions)
	nvm := s.chip.Snapshot(nil)
	s = k.insert(t, nvm)
	s.want(selectApp, apdu.SWInvalidated)
	s.want(s.gpo(gate(1)), apdu.SWConditions)
}
