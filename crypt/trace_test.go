package crypt_test

import (
	"crypto/sha1"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// testCard is a card that was read once by others: what its session holds for
// offline data authentication.
type testCard struct {
	ca      oda.CAKey
	card    oda.CardData
	ddol    []byte            // 9F49
	answers map[string][]byte // by command, without status word
}

// readTrace puts a card together from the bare exchanges of a session, as a
// terminal does: the answer to GET PROCESSING OPTIONS names the records and says
// which are static data (EMV Book 3, 10.2 and 10.3).
func readTrace(t *testing.T, file, pdol string) testCard {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		RID        string
		CAIndex    string `json:"ca_index"`
		CAModulus  string `json:"ca_modulus"`
		CAExponent string `json:"ca_exponent"`
		CAChecksum string `json:"ca_checksum"`
		Exchanges  []struct{ Command, Response string }
	}
	if err := json.Unmarshal(raw, &trace); err != nil {
		t.Fatal(err)
	}
	exponent := uint32(0)
	for _, b := range unhex(t, trace.CAExponent) {
		exponent = exponent<<8 | uint32(b)
	}
	out := testCard{
		ca: oda.CAKey{
			RID: [5]byte(unhex(t, trace.RID)), Index: unhex(t, trace.CAIndex)[0],
			RSA: &oda.RSAPublic{Modulus: unhex(t, trace.CAModulus), Exponent: exponent},
		},
		answers: map[string][]byte{},
	}
	if trace.CAChecksum != "" {
		sum := sha1.Sum(unhex(t, trace.RID+trace.CAIndex+trace.CAModulus+trace.CAExponent))
		same(t, "checksum of the CA key", sum[:], unhex(t, trace.CAChecksum))
	}
	for _, x := range trace.Exchanges {
		a := unhex(t, x.Response)
		out.answers[x.Command] = a[:len(a)-2]
	}
	out.readRecords(t, pdol)
	return out
}

// readRecords fills the card data from GET PROCESSING OPTIONS and the records.
func (c *testCard) readRecords(t *testing.T, pdol string) {
	t.Helper()
	options, ok := tlv.Find(c.answers["80A80000"+pdol+"00"], 0x80)
	if !ok || len(options) < 6 || len(options)%4 != 2 {
		t.Fatalf("GET PROCESSING OPTIONS answers %X", options)
	}
	objects := map[tlv.Tag][]byte{}
	wanted := []tlv.Tag{0x5A, 0x8F, 0x90, 0x92, 0x93, 0x9F32, 0x9F46, 0x9F47, 0x9F48, 0x9F49, 0x9F4A}
	for afl := options[2:]; len(afl) > 0; afl = afl[4:] {
		for n := afl[1]; n <= afl[2]; n++ {
			record, ok := tlv.Find(c.answers[hexOf(0x00, 0xB2, n, afl[0]|4, 0)], 0x70)
			if !ok {
				t.Fatalf("record %d of SFI %d has no template 70", n, afl[0]>>3)
			}
			if n < afl[1]+afl[3] {
				c.card.StaticData = append(c.card.StaticData, record...)
			}
			for _, tag := range wanted {
				if v, ok := tlv.Find(record, tag); ok {
					objects[tag] = v
				}
			}
		}
	}
	static := c.card.StaticData
	c.card = oda.CardData{
		RID: c.ca.RID, CAIndex: objects[0x8F][0], PAN: pan10(t, strings.TrimRight(hexOf(objects[0x5A]...), "F")), AIP: [2]byte(options),
		IssuerCert: objects[0x90], IssuerRest: objects[0x92], IssuerExponent: objects[0x9F32],
		CardCert: objects[0x9F46], CardRest: objects[0x9F48], CardExponent: objects[0x9F47],
		SignedStatic: objects[0x93], StaticData: static, StaticTags: objects[0x9F4A],
	}
	c.ddol = objects[0x9F49]
}

// unionPayCard is testdata/upi_test_card.json.
func unionPayCard(t *testing.T) testCard {
	t.Helper()
	return readTrace(t, "testdata/upi_test_card.json", "028300")
}

func (c *testCard) verifier(t *testing.T) *oda.Verifier {
	t.Helper()
	v, err := oda.NewVerifier([]oda.CAKey{c.ca}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestUnionPayTestCard verifies a card that we did not make: certificates,
// signed static data and the dynamic signature of INTERNAL AUTHENTICATE.
func TestUnionPayTestCard(t *testing.T) {
	c := unionPayCard(t)
	v := c.verifier(t)
	march := oda.MonthOf(2016, 3)
	key, r := v.VerifyCardCert(&c.card, march)
	if r != oda.OK {
		t.Fatalf("certificates: %v", r)
	}
	same(t, "DDOL (9F49)", c.ddol, []byte{0x9F, 0x37, 0x04})
	auth := "00880000047863AFC600"
	un := unhex(t, auth)[5:9]
	sdad, ok := tlv.Find(c.answers[auth], 0x80)
	if !ok {
		t.Fatal("INTERNAL AUTHENTICATE has no template 80")
	}
	data, r := key.DynamicData(sdad, un)
	if r != oda.OK {
		t.Fatalf("dynamic signature: %v", r)
	}
	if len(data) == 0 || int(data[0]) != len(data)-1 {
		t.Errorf("dynamic data %X is not a length and a number", data)
	}
	// GET DATA told counter 0006; the dynamic number is that and five more bytes.
	same(t, "counter before the signature", c.answers["80CA9F3600"], unhex(t, "9F36020006"))
	if got := key.VerifyDynamic(sdad, 6, un); got != oda.OK {
		t.Errorf("dynamic number %X against counter 0006: %v", data, got)
	}
	if got := key.VerifyDynamic(sdad, 7, un); got != oda.ATCMismatch {
		t.Errorf("dynamic number %X against counter 0007: %v", data, got)
	}
	if _, r := key.DynamicData(sdad, []byte{0x78, 0x63, 0xAF, 0xC7}); r != oda.SDADBad {
		t.Errorf("another unpredictable number: %v", r)
	}
	dac, r := v.VerifyStatic(&c.card, march)
	if r != oda.OK {
		t.Errorf("signed static data: %v", r)
	}
	t.Logf("data authentication code %X, dynamic data %X", dac, data)
	if _, r := v.VerifyCardCert(&c.card, oda.MonthOf(2031, 1)); r != oda.IssuerCertExpired {
		t.Errorf("in 2031: %v, want issuer certificate expired", r)
	}
	if key, r := v.VerifyPINKey(&c.card, march); r != oda.OK || key == nil {
		t.Errorf("a card without 9F2D takes PINs under its signature key: %v", r)
	}
}

// TestCombinedSignatureOfATestCard verifies CDA of a card that we did not make: a
// test card of another scheme, since no public session of a PBOC card has one.
func TestCombinedSignatureOfATestCard(t *testing.T) {
	c := readTrace(t, "testdata/amex_cda_card.json", "038301EA")
	key, r := c.verifier(t).VerifyCardCert(&c.card, oda.MonthOf(2014, 10))
	if r != oda.OK {
		t.Fatalf("certificates: %v", r)
	}
	if dac, r := c.verifier(t).VerifyStatic(&c.card, oda.MonthOf(2014, 10)); r != oda.OK || dac != [2]byte{0xDA, 0xC1} {
		t.Errorf("signed static data: %v, code %X, want DAC1", r, dac)
	}
	command := "80AE90001D00000001200000000000000000360000048000003614103100327273B900"
	cdol1 := unhex(t, command)[5 : 5+0x1D]
	answer := c.answers[command]
	object := func(tag tlv.Tag) []byte {
		v, ok := tlv.Find(answer, 0x77, tag)
		if !ok {
			t.Fatalf("GENERATE AC has no tag %X", uint32(tag))
		}
		return v
	}
	// PDOL value EA, CDOL1 values, then 9F27, 9F36 and 9F10 around 9F4B.
	transaction := append([]byte{0xEA}, cdol1...)
	for _, tag := range []tlv.Tag{0x9F27, 0x9F36, 0x9F10} {
		v := object(tag)
		transaction = append(append(transaction, byte(tag>>8), byte(tag), byte(len(v))), v...)
	}
	in := oda.Combined{ATC: 6, CID: object(0x9F27)[0], UN: [4]byte(cdol1[0x19:]), Transaction: transaction}
	number, ac, r := key.CombinedData(object(0x9F4B), in)
	if r != oda.OK {
		t.Fatalf("combined signature: %v", r)
	}
	same(t, "ICC dynamic number", number, unhex(t, "B1BD198460DEBA64"))
	same(t, "cryptogram", ac[:], unhex(t, "51F4F65DDE43732D"))
	if _, r := key.VerifyCombined(object(0x9F4B), in); r != oda.ATCMismatch {
		t.Errorf("its dynamic number is not the counter: %v", r)
	}
	for name, c := range map[string]struct {
		change func(in *oda.Combined)
		want   oda.Reason
	}{
		"unpredictable number": {func(in *oda.Combined) { in.UN[0] ^= 1 }, oda.SDADBad},
		"CID":                  {func(in *oda.Combined) { in.CID = 0x40 }, oda.CIDMismatch},
		"amount":               {func(in *oda.Combined) { in.Transaction[5] ^= 1 }, oda.TransactionMismatch},
	} {
		bad := in
		bad.Transaction = append([]byte(nil), transaction...)
		c.change(&bad)
		if _, _, r := key.CombinedData(object(0x9F4B), bad); r != c.want {
			t.Errorf("another %s: %v, want %v", name, r, c.want)
		}
	}
}
