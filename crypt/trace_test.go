package crypt_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// testCard is a UnionPay test card as it was read once (testdata/upi_test_card.json).
type testCard struct {
	ca       []byte
	card     oda.CardData
	un, sdad []byte // of its INTERNAL AUTHENTICATE
}

// unionPayCard puts the card together from the bare exchanges of the trace.
func unionPayCard(t *testing.T) testCard {
	t.Helper()
	raw, err := os.ReadFile("testdata/upi_test_card.json")
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		CAModulus string `json:"ca_modulus"`
		Exchanges []struct{ Command, Response string }
	}
	if err := json.Unmarshal(raw, &trace); err != nil {
		t.Fatal(err)
	}
	answers := map[string][]byte{}
	for _, x := range trace.Exchanges {
		a := unhex(t, x.Response)
		answers[x.Command] = a[:len(a)-2]
	}
	record := func(command string, tag tlv.Tag) []byte {
		v, ok := tlv.Find(answers[command], 0x70, tag)
		if !ok {
			t.Fatalf("no tag %X in the answer to %s", uint32(tag), command)
		}
		return v
	}
	out := testCard{ca: unhex(t, trace.CAModulus)}
	// AFL 08010300 10010501: record 1 of SFI 2 is the static data.
	static, ok := tlv.Find(answers["00B2011400"], 0x70)
	if !ok {
		t.Fatal("record 1 of SFI 2 has no template 70")
	}
	out.card = oda.CardData{
		RID: unionPay, CAIndex: record("00B2051400", 0x8F)[0], PAN: pan10(t, "6210948000000011"),
		AIP:        [2]byte(answers["80A8000002830000"][2:4]),
		IssuerCert: record("00B2021400", 0x90), IssuerRest: record("00B2051400", 0x92), IssuerExponent: record("00B2051400", 0x9F32),
		CardCert: record("00B2041400", 0x9F46), CardRest: record("00B2051400", 0x9F48), CardExponent: record("00B2051400", 0x9F47),
		SignedStatic: record("00B2031400", 0x93), StaticData: static, StaticTags: record("00B2011400", 0x9F4A),
	}
	auth := "00880000047863AFC600"
	out.un = unhex(t, auth)[5:9]
	out.sdad, ok = tlv.Find(answers[auth], 0x80)
	if !ok {
		t.Fatal("INTERNAL AUTHENTICATE has no template 80")
	}
	return out
}

// TestUnionPayTestCard verifies a card that we did not make: certificates,
// signed static data and a dynamic signature.
func TestUnionPayTestCard(t *testing.T) {
	c := unionPayCard(t)
	v := unionPayVerifier(t, c.ca)
	march := oda.MonthOf(2016, 3)
	key, r := v.VerifyCardCert(&c.card, march)
	if r != oda.OK {
		t.Fatalf("certificates: %v", r)
	}
	data, r := key.DynamicData(c.sdad, c.un)
	if r != oda.OK {
		t.Fatalf("dynamic signature: %v", r)
	}
	if len(data) == 0 || int(data[0]) != len(data)-1 {
		t.Errorf("dynamic data %X is not a length and a number", data)
	}
	// GET DATA told counter 0006; the dynamic number is that and five more bytes.
	if got := key.VerifyDynamic(c.sdad, 6, c.un); got != oda.OK {
		t.Errorf("dynamic number %X against counter 0006: %v", data, got)
	}
	if got := key.VerifyDynamic(c.sdad, 7, c.un); got != oda.ATCMismatch {
		t.Errorf("dynamic number %X against counter 0007: %v", data, got)
	}
	if _, r := key.DynamicData(c.sdad, []byte{0x78, 0x63, 0xAF, 0xC7}); r != oda.SDADBad {
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
}
