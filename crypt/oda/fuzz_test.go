package oda_test

import (
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// FuzzVerify lets the fuzzer be the card, for both families. Whatever it gives,
// there must be a reason, and a card that counts as genuine must be the one that
// was issued.
func FuzzVerify(f *testing.F) {
	chains := map[bool]chain{false: sm2Chain(f), true: rsaChain(f)}
	for rsa, c := range chains {
		d := c.data
		f.Add(rsa, d.IssuerCert, d.IssuerRest, d.IssuerExponent, d.CardCert, d.CardRest, d.CardExponent, d.StaticData, c.sign(f))
		f.Add(!rsa, d.IssuerCert, d.IssuerRest, []byte{3}, d.CardCert, d.CardRest, []byte{3}, d.StaticData, c.sign(f))
		f.Add(rsa, d.IssuerCert, d.IssuerRest, d.IssuerExponent, d.IssuerCert, d.CardRest, d.CardExponent, d.StaticData, d.CardCert)
	}
	v := verifier(f, 2)
	f.Fuzz(func(t *testing.T, rsa bool, cert90, tag92, tag9F32, cert9F46, tag9F48, tag9F47, static, sdad []byte) {
		d := oda.CardData{
			RID: devkeys.RID, CAIndex: devkeys.SM2CAIndex, PAN: testPAN, AIP: aip, StaticData: static, StaticTags: []byte{0x82},
			IssuerCert: cert90, IssuerRest: tag92, IssuerExponent: tag9F32, CardCert: cert9F46, CardRest: tag9F48, CardExponent: tag9F47, SignedStatic: sdad,
		}
		if rsa {
			d.CAIndex = devkeys.RSACAIndex
		}
		got := v.Verify(&d, sdad, atc, termData, january)
		if got.Reason == oda.NotVerified || got.Reason > oda.TransactionMismatch {
			t.Fatalf("reason %v", got.Reason)
		}
		genuine := chains[rsa].data
		if got.Key != nil && (string(cert90) != string(genuine.IssuerCert) || string(static) != string(genuine.StaticData)) {
			t.Fatalf("a card that was never issued is genuine: %+v", d)
		}
		if _, r := v.VerifyStatic(&d, january); r == oda.NotVerified {
			t.Fatal("no reason for static data")
		}
	})
}

// FuzzDynamicData is the dynamic signature alone, under a good card key, with
// terminal data chosen by the fuzzer too.
func FuzzDynamicData(f *testing.F) {
	keys := map[bool]*oda.CardKey{}
	for rsa, c := range map[bool]chain{false: sm2Chain(f), true: rsaChain(f)} {
		key, r := verifier(f, 1).VerifyCardCert(&c.data, january)
		if r != oda.OK {
			f.Fatal(r)
		}
		keys[rsa] = key
		f.Add(rsa, c.sign(f), termData)
		f.Add(rsa, c.data.CardCert, termData)
	}
	f.Add(false, []byte{0x15, 0x00}, []byte(nil))
	f.Fuzz(func(t *testing.T, rsa bool, sdad, terminalData []byte) {
		data, r := keys[rsa].DynamicData(sdad, terminalData)
		if (data != nil) != (r == oda.OK) {
			t.Fatalf("data %X with reason %v", data, r)
		}
		if r == oda.OK && string(terminalData) != string(termData) {
			t.Fatalf("a signature over %X counts for %X", termData, terminalData)
		}
	})
}
