package civic_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/civic"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// TestSocialSecurityAuthentication: the worked example of the process factor, in
// both directions, with triple DES; and a wrong cryptogram costs a try.
func TestSocialSecurityAuthentication(t *testing.T) {
	text := strings.ReplaceAll(source(t, "partitions/social-security.yaml"), "algorithm: sm4", "algorithm: 3des")
	challenge := unhex(t, "1122334455667788")
	s := insert(t, parse(t, text), issue(t), bytes.NewReader(bytes.Repeat(challenge, 4)))
	if k := cardKey(t, epurse.TDES, "area", "atr"); !bytes.Equal(k[:], unhex(t, "9ABF5615C355090B99DF77A6A46A9C41")) {
		t.Error("the card's key is not that of the example")
	}
	s.want(apdu.SWDataInvalidated, "0082000710706FCE2C30BB50EFA1A2A3A4A5A6A7A8")
	if got := s.want(apdu.SWOK, "0084000008"); !bytes.Equal(got, challenge) {
		t.Fatalf("the challenge is %X", got)
	}
	s.want(apdu.SWOK, "0082000710706FCE2C30BB50EFA1A2A3A4A5A6A7A8")
	s.want(apdu.SWOK, "0084000008")
	s.want(0x63CE, "0082000710706FCE2C30BB50EEA1A2A3A4A5A6A7A8")
	got := s.want(apdu.SWOK, "0088000110A1A2A3A4A5A6A7A81122334455667788")
	if !bytes.Equal(got, unhex(t, "706FCE2C30BB50EF")) {
		t.Errorf("the card answered %X", got)
	}
	s.want(apdu.SWDataNotFound, "0088000710A1A2A3A4A5A6A7A81122334455667788") // UK is for the other direction
}

// TestSocialSecurityDirectories: PIN opens every directory, nothing else does, and
// keys of one directory are not those of another.
func TestSocialSecurityDirectories(t *testing.T) {
	p, err := civic.Embedded("social-security")
	check(t, err)
	s := insert(t, p, issue(t), random(1))
	ids := []string{"DF01", "DF02", "DF03", "DF04"}
	for _, id := range ids {
		s.want(apdu.SWOK, "00A4000002"+id)
		s.want(apdu.SWSecurity, "00B2012C00")
		s.selects(p.AID())
	}
	s.want(apdu.SWSecurity, "00B0870000") // fingerprints
	s.want(0x63C5, "0020000003123457")
	s.want(apdu.SWOK, "0020000003123456")
	if got := s.want(apdu.SWOK, "00B08700F0"); len(got) != 0xF0 {
		t.Errorf("%d bytes of fingerprints", len(got))
	}
	for i, id := range ids {
		name := append(unhex(t, "D156000005"), byte(i))
		s.selects(name)
		if got := s.want(apdu.SWOK, "00B2012C00"); len(got) < 3 || int(got[1]) != len(got)-2 {
			t.Errorf("%s: record %X", id, got)
		}
	}
	s.selects(p.AID())
	s.want(apdu.SWSecurity, "00B0870000") // a new session
}

// TestSocialSecurityUpdate: with UK and the MAC of STK, and with nothing less.
func TestSocialSecurityUpdate(t *testing.T) {
	p := parse(t, strings.ReplaceAll(source(t, "partitions/social-security.yaml"), "algorithm: sm4, factor: true", "algorithm: sm4"))
	s := insert(t, p, issue(t), random(1))
	k := cardKey(t, epurse.SM4, "area", "atr")
	record := append([]byte{0x28, 15}, "13900000000\x00\x00\x00\x00"...)
	update := epurse.Header{0x04, 0xDC, 3, 6<<3 | 4}
	s.selects(unhex(t, "D15600000500"))
	s.want(apdu.SWSecurity, "00DC0334", record...)
	if sw := s.protected(epurse.SM4, k, update, record); sw != apdu.SWSecurity {
		t.Errorf("without authentication: %v", sw)
	}
	s.authenticate(epurse.SM4, k, 7)
	s.want(apdu.SWClassLine, "00DC0334", record...)
	wrong := k
	wrong[0] ^= 1
	if sw := s.protected(epurse.SM4, wrong, update, record); sw != apdu.SWMACWrong {
		t.Errorf("with a wrong MAC: %v", sw)
	}
	if sw := s.protected(epurse.SM4, k, update, record); sw != apdu.SWOK {
		t.Fatalf("with key and MAC: %v", sw)
	}
	s.want(apdu.SWOK, "0020000003123456")
	if got := s.want(apdu.SWOK, "00B2033400"); !bytes.Equal(got, record) {
		t.Errorf("the record is %X", got)
	}
	// UK of DF01 is not that of DF04.
	s.selects(unhex(t, "D15600000503"))
	if sw := s.protected(epurse.SM4, k, epurse.Header{0x04, 0xE2, 0, 8 << 3}, make([]byte, 28)); sw != apdu.SWSecurity {
		t.Errorf("DF04 after authentication to DF01: %v", sw)
	}
	s.authenticate(epurse.SM4, k, 7)
	if sw := s.protected(epurse.SM4, k, epurse.Header{0x04, 0xE2, 0, 8 << 3}, make([]byte, 28)); sw != apdu.SWOK {
		t.Errorf("a treatment: %v", sw)
	}
}

// TestPINOfSocialSecurity blocks after six tries and comes back with its unblock
// key alone.
func TestPINOfSocialSecurity(t *testing.T) {
	p, err := civic.Embedded("social-security")
	check(t, err)
	s := insert(t, p, issue(t), random(1))
	for left := apdu.SW(0x63C5); left >= 0x63C0; left-- {
		s.want(left, "0020000003654321")
	}
	s.want(apdu.SWBlocked, "0020000003123456")
	k := cardKey(t, epurse.SM4, "area", "atr")
	l := epurse.NewLine(epurse.SM4, k, s.want(apdu.SWOK, "0084000008"))
	field, err := l.Protect(nil, epurse.Header{0x04, 0x2C, 2, 0}, unhex(t, "246810"), true)
	check(t, err)
	s.want(apdu.SWOK, "042C0200", field...)
	s.want(0x63C5, "0020000003123456")
	s.want(apdu.SWOK, "0020000003246810")
}

// TestBlockedPartition says so when it is selected, and gives nothing until it is
// unblocked.
func TestBlockedPartition(t *testing.T) {
	p, err := civic.Embedded("disabled-persons")
	check(t, err)
	s := insert(t, p, issue(t), random(1))
	k := cardKey(t, epurse.SM4, "region", "number")
	s.want(apdu.SWOK, "00B0950000")
	s.selects(p.AID()) // the command is about the directory, not the file
	s.authenticate(epurse.SM4, k, 3)
	if sw := s.protected(epurse.SM4, k, epurse.Header{0x04, 0x04, 0, 0}, nil); sw != apdu.SWOK {
		t.Fatalf("block: %v", sw)
	}
	fci := s.want(apdu.SWInvalidated, "00A40400", p.AID()...)
	if !bytes.Contains(fci, p.AID()) {
		t.Errorf("the FCI of a blocked partition is %X", fci)
	}
	s.want(apdu.SWConditions, "00B0950000")
	s.want(apdu.SWConditions, "0020000103123456")
	// The keys that unblock are reached from above.
	s.want(apdu.SWOK, "00A40000023F00")
	unblock, adf := epurse.Header{0x04, 0x44, 0, 0}, unhex(t, "DF40")
	if sw := s.protected(epurse.SM4, k, unblock, adf); sw != apdu.SWSecurity {
		t.Errorf("unblock without authentication: %v", sw)
	}
	s.authenticate(epurse.SM4, k, 3)
	if sw := s.protected(epurse.SM4, k, unblock, adf); sw != apdu.SWOK {
		t.Errorf("unblock: %v", sw)
	}
	s.selects(p.AID())
	s.want(apdu.SWOK, "00B0950000")
}

// TestFCIShowsTheInformationFile as the purse's does.
func TestFCIShowsTheInformationFile(t *testing.T) {
	for _, name := range []string{"beijing-tong", "civil-affairs", "disabled-persons"} {
		p, err := civic.Embedded(name)
		check(t, err)
		s := insert(t, p, issue(t), random(1))
		info := s.want(apdu.SWOK, "00B0950000")
		fci := s.selects(p.AID())
		if len(info) != 30 || !bytes.Contains(fci, append(unhex(t, "9F0C1E"), info...)) || !bytes.Contains(fci, unhex(t, "9F080101")) {
			t.Errorf("%s: file %X, FCI %X", name, info, fci)
		}
	}
}

// TestNewPartitionIsData: a partition of a data file that the program does not
// know works with all its kinds of file.
func TestNewPartitionIsData(t *testing.T) {
	p := parse(t, source(t, "testdata/library.yaml"))
	in := issue(t)
	in.Values = map[string]string{"number": "0000000000000042", "name": "C0EECBC4"} // 李四
	s := insert(t, p, in, random(1))
	if got := s.want(apdu.SWOK, "00B0950000"); !bytes.Equal(got, unhex(t, "0000000000000042C0EECBC4000000000000")) {
		t.Errorf("the information file is %X", got)
	}
	k := cardKey(t, epurse.TDES, "number")
	s.want(apdu.SWSecurity, "00B201C400")
	s.want(apdu.SWOK, "0020000102"+"1234")
	s.want(apdu.SWRecordNotFound, "00B201C400")
	s.authenticate(epurse.TDES, k, 1)
	for i := range byte(5) {
		s.want(apdu.SWOK, "00E200C0", 0, 0, 0, i, 0x20, 0x26, 0x11, 0x22)
	}
	for n, want := range []byte{4, 3, 2} {
		if got := s.want(apdu.SWOK, fmt.Sprintf("00B2%02XC400", n+1)); got[3] != want {
			t.Errorf("record %d is %X", n+1, got)
		}
	}
	s.want(apdu.SWRecordNotFound, "00B204C400")
	s.selects(p.Names()[1])
	s.want(apdu.SWOK, "00A40200020001")
	s.want(apdu.SWSecurity, "00B2010400") // key 1 of the directory is another one
	s.authenticate(epurse.SM4, cardKey(t, epurse.SM4, "number"), 1)
	if got := s.want(apdu.SWOK, "00B2010400"); !bytes.Equal(got, unhex(t, "01024131")) {
		t.Errorf("the record of the directory is %X", got)
	}
}
