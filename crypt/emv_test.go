package crypt_test

import (
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
)

// pan10 packs a PAN in decimal digits as this project carries it.
func pan10(t *testing.T, digits string) [10]byte {
	t.Helper()
	return [10]byte(unhex(t, digits+strings.Repeat("F", 20-len(digits))))
}

func cardKey(t *testing.T, alg cryptogram.Alg, master cryptogram.Key, pan, psn string) cryptogram.Key {
	t.Helper()
	block, err := cryptogram.NewBlock(alg, master)
	if err != nil {
		t.Fatal(err)
	}
	return cryptogram.DeriveCardKey(alg, block, pan10(t, pan), unhex(t, psn)[0])
}

// checkEMV: card key of option A or B (B of this test), EMV common session key
// (of this test), cryptogram, and the issuer's answer of method 1 or 2. What PBOC
// does not use (option B, zero padding) is put together here from the primitives,
// so that these are tried with values of a security module.
func checkEMV(t *testing.T, in, want fields) {
	derive := cardKey
	if in.text(t, "option") == "B" {
		derive = cardKeyB
	}
	card := derive(t, cryptogram.TDES, in.key(t, "issuer_master_key"), in.text(t, "pan"), in.text(t, "psn"))
	parity := oddParity(card)
	same(t, "card key", parity[:], want.bytes(t, "icc_master_key"))
	session := emvCommonSessionKey(t, card, in.bytes(t, "diversifier"))
	parity = oddParity(session)
	same(t, "session key", parity[:], want.bytes(t, "session_key"))
	checkKCV2(t, card, want, "icc_mk_kcv2")
	checkKCV2(t, session, want, "session_key_kcv2")

	arqc := emvCryptogram(t, session, in)
	same(t, "cryptogram", arqc[:], want.bytes(t, "arqc"))
	if method, _ := in["arpc_method"].(float64); method == 2 {
		// EMV Book 2, 8.2.2: four bytes over cryptogram, card status update and
		// whatever the issuer adds.
		data := append(append(arqc[:], in.bytes(t, "csu")...), in.bytes(t, "proprietary_authentication_data")...)
		arpc := cryptogram.MAC(cryptogram.TDES, session, data)
		same(t, "ARPC", arpc[:4], want.bytes(t, "arpc"))
		return
	}
	arpcKey := session
	if in.text(t, "arpc_key") == "ICC master key" {
		arpcKey = card
	}
	checkARPC1(t, arpcKey, arqc, [2]byte(in.bytes(t, "arpc_response_code")), want)
}

// checkEMVDirect: the card key makes cryptogram and answer, without a session key.
func checkEMVDirect(t *testing.T, in, want fields) {
	card := cardKey(t, cryptogram.TDES, in.key(t, "issuer_master_key"), in.text(t, "pan"), in.text(t, "psn"))
	checkKCV2(t, card, want, "icc_mk_kcv2")
	arqc := emvCryptogram(t, card, in)
	same(t, "cryptogram", arqc[:], want.bytes(t, "arqc"))
	checkARPC1(t, card, arqc, [2]byte(in.bytes(t, "arpc_response_code")), want)
}

// emvCryptogram pads as the vector says.
func emvCryptogram(t *testing.T, key cryptogram.Key, in fields) [8]byte {
	t.Helper()
	data := in.bytes(t, "data")
	switch padding := in.text(t, "padding"); padding {
	case "80 00..":
		return cryptogram.MAC(cryptogram.TDES, key, data)
	case "00..":
		return retailMAC(t, key, append(data, make([]byte, (8-len(data)%8)%8)...))
	default:
		t.Fatalf("unknown padding %q", padding)
		return [8]byte{}
	}
}

// checkKCV2 compares two bytes of a key check value, if the vector has one.
func checkKCV2(t *testing.T, key cryptogram.Key, want fields, name string) {
	t.Helper()
	if _, ok := want[name]; ok {
		got := cryptogram.KCV(cryptogram.TDES, key)
		same(t, name, got[:2], want.bytes(t, name))
	}
}

func checkARPC1(t *testing.T, key cryptogram.Key, arqc [8]byte, arc [2]byte, want fields) {
	t.Helper()
	arpc := cryptogram.ARPC(cryptogram.TDES, key, arqc, arc)
	same(t, "ARPC", arpc[:], want.bytes(t, "arpc"))
	if !cryptogram.VerifyARPC(cryptogram.TDES, key, arqc, arc, arpc) {
		t.Error("VerifyARPC refuses the right answer")
	}
	arpc[7] ^= 1
	if cryptogram.VerifyARPC(cryptogram.TDES, key, arqc, arc, arpc) {
		t.Error("VerifyARPC takes a wrong answer")
	}
}

// checkEMVScript: another scheme's session key (card key xor ATC and its
// complement), a MAC of eight bytes over header, ATC and cryptogram.
func checkEMVScript(t *testing.T, in, want fields) {
	card := cardKey(t, cryptogram.TDES, in.key(t, "issuer_master_key_smi"), in.text(t, "pan"), in.text(t, "psn"))
	session := card
	atc := in.bytes(t, "atc")
	session[6] ^= atc[0]
	session[7] ^= atc[1]
	session[14] ^= ^atc[0]
	session[15] ^= ^atc[1]
	data := append(in.bytes(t, "command"), atc...)
	mac := cryptogram.MAC(cryptogram.TDES, session, append(data, in.bytes(t, "arqc")...))
	same(t, "script MAC", mac[:], want.bytes(t, "mac"))
}

var unionPay = [5]byte{0xA0, 0, 0, 3, 0x33}

func unionPayVerifier(t *testing.T, modulus []byte) *oda.Verifier {
	t.Helper()
	v, err := oda.NewVerifier([]oda.CAKey{{RID: unionPay, Index: 9, RSA: &oda.RSAPublic{Modulus: modulus, Exponent: 3}}}, 4)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// checkUnionPayIssuer: with the issuer certificate alone the card fails only for
// want of its own certificate; one changed byte and it fails at the issuer's.
func checkUnionPayIssuer(t *testing.T, in, want fields) {
	card := oda.CardData{
		RID: unionPay, CAIndex: 9, PAN: pan10(t, "6210948000000011"),
		IssuerCert: in.bytes(t, "certificate_90"), IssuerRest: in.bytes(t, "remainder_92"), IssuerExponent: in.bytes(t, "exponent_9F32"),
	}
	v := unionPayVerifier(t, in.bytes(t, "ca_modulus"))
	at := oda.MonthOf(2016, 3)
	if _, r := v.VerifyCardCert(&card, at); r != oda.MissingData {
		t.Errorf("reason %v, want missing data (9F46)", r)
	}
	if !strings.HasSuffix(want.text(t, "issuer_modulus"), in.text(t, "remainder_92")) {
		t.Error("the vector's modulus does not end with its remainder")
	}
	card.IssuerRest[0] ^= 1
	if _, r := v.VerifyCardCert(&card, at); r != oda.IssuerCertBad {
		t.Errorf("changed remainder: reason %v, want issuer certificate bad", r)
	}
}

// checkUnionPayCard takes the issuer modulus as a CA key would be taken: the
// card certificate must open under it and fail for its format only.
func checkUnionPayCard(t *testing.T, in, want fields) {
	modulus := in.bytes(t, "issuer_modulus")
	v, err := oda.NewVerifier([]oda.CAKey{{RID: unionPay, Index: 1, RSA: &oda.RSAPublic{Modulus: modulus, Exponent: 3}}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	card := oda.CardData{RID: unionPay, CAIndex: 1, IssuerCert: in.bytes(t, "certificate_9F46"), IssuerRest: in.bytes(t, "remainder_9F48"), IssuerExponent: in.bytes(t, "exponent_9F47")}
	if _, r := v.VerifyCardCert(&card, 0); r != oda.IssuerCertBad {
		t.Errorf("a card certificate in the place of an issuer's: %v, want issuer certificate bad", r)
	}
	chain := unionPayCard(t)
	key, r := chain.verifier(t).VerifyCardCert(&chain.card, oda.MonthOf(2016, 3))
	if r != oda.OK || key.SM2() != nil || key.Expiry() != oda.MonthOf(2030, 12) {
		t.Fatalf("reason %v, key %+v", r, key)
	}
	static := append(append([]byte(nil), chain.card.StaticData...), chain.card.AIP[:]...)
	same(t, "static data of the trace", static, in.bytes(t, "static_data"))
	same(t, "certificate of the trace", chain.card.CardCert, in.bytes(t, "certificate_9F46"))
	pub, ok := key.RSA()
	if !ok {
		t.Fatal("the card key is not RSA")
	}
	same(t, "card modulus", pub.Modulus, want.bytes(t, "icc_modulus"))
}
