package oda_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// Example makes an SM2 card under the development CA and lets a reader check it.
func Example() {
	ca, err := oda.NewSM2Private(devkeys.SM2CA())
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, err := oda.NewSM2Private(devkeys.SM2Issuer(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	pan := [10]byte{0x62, 0x28, 0, 1, 0, 0, 0x11, 0x17, 0xFF, 0xFF}
	card, err := oda.NewSM2Private(devkeys.SM2Card(pan, 1))
	if err != nil {
		fmt.Println(err)
		return
	}
	entropy := seeded(1) // a real issuer reads crypto/rand
	data := oda.CardData{RID: devkeys.RID, CAIndex: devkeys.SM2CAIndex, PAN: pan}
	expiry := [2]byte{0x12, 0x30}
	if data.IssuerCert, err = ca.CertifyIssuer(entropy, oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0, 0xFF}, Expiry: expiry}, issuer.Public()); err != nil {
		fmt.Println(err)
		return
	}
	if data.CardCert, err = issuer.CertifyCard(entropy, oda.CardCert{PAN: pan, Expiry: expiry}, card.Public()); err != nil {
		fmt.Println(err)
		return
	}
	// The tap: the reader's number and amount, the card's counter and signature.
	reader := oda.FDDATerminalData(nil, 1, [4]byte{1, 2, 3, 4}, [6]byte{5: 0x30}, [2]byte{0x01, 0x56}, []byte{1, 0xA1, 0xA2, 0xA3, 0xA4, 0, 0, 1})
	sdad, err := card.SignDynamic(nil, entropy, 7, reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	cas, err := devkeys.CAKeys()
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := oda.NewVerifier(cas, 16)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Verify(&data, sdad, 7, reader, oda.MonthOf(2026, 1)).Reason)
	fmt.Println(v.Verify(&data, sdad, 8, reader, oda.MonthOf(2026, 1)).Reason)
	// Output:
	// ok
	// ATC mismatch
}

func TestAGenuineCardVerifies(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		v := verifier(t, 4)
		for _, round := range []string{"cold", "issuer cached"} {
			got := v.Verify(&c.data, c.sign(t), atc, termData, january)
			if got.Reason != oda.OK || got.Key == nil || got.Key.Expiry() != oda.MonthOf(2029, 6) {
				t.Fatalf("%s: %v, key %+v", round, got.Reason, got.Key)
			}
		}
		dac, r := v.VerifyStatic(&c.data, january)
		if r != oda.OK || dac != [2]byte{0xDA, 0xC0} {
			t.Errorf("static data: %v, code %X", r, dac)
		}
	})
}

// TestEachReasonIsGivenForItsCause changes one thing at a time.
func TestEachReasonIsGivenForItsCause(t *testing.T) {
	flip := func(b []byte, at int) []byte {
		out := append([]byte(nil), b...)
		out[(at+len(out))%len(out)] ^= 1
		return out
	}
	cases := []struct {
		name   string
		change func(d *oda.CardData)
		at     oda.Month
		sm2rsa [2]oda.Reason
	}{
		{"no issuer certificate", func(d *oda.CardData) { d.IssuerCert = nil }, january, [2]oda.Reason{oda.MissingData, oda.MissingData}},
		{"no card certificate", func(d *oda.CardData) { d.CardCert = nil }, january, [2]oda.Reason{oda.MissingData, oda.MissingData}},
		{"another CA index", func(d *oda.CardData) { d.CAIndex = 0x58 }, january, [2]oda.Reason{oda.NoCAKey, oda.NoCAKey}},
		{"another RID", func(d *oda.CardData) { d.RID[4] = 3 }, january, [2]oda.Reason{oda.NoCAKey, oda.NoCAKey}},
		{"issuer certificate body", func(d *oda.CardData) { d.IssuerCert = flip(d.IssuerCert, 8) }, january, [2]oda.Reason{oda.IssuerCertBad, oda.IssuerCertBad}},
		{"issuer certificate end", func(d *oda.CardData) { d.IssuerCert = flip(d.IssuerCert, -1) }, january, [2]oda.Reason{oda.IssuerCertBad, oda.IssuerCertBad}},
		{"issuer certificate short", func(d *oda.CardData) { d.IssuerCert = d.IssuerCert[1:] }, january, [2]oda.Reason{oda.Format, oda.IssuerCertBad}},
		{"issuer certificate too long", func(d *oda.CardData) { d.IssuerCert = make([]byte, 300) }, january, [2]oda.Reason{oda.Format, oda.Format}},
		{"another issuer's PAN", func(d *oda.CardData) { d.PAN = pan("6228010100001117") }, january, [2]oda.Reason{oda.IssuerMismatch, oda.IssuerMismatch}},
		{"issuer expired", func(*oda.CardData) {}, oda.MonthOf(2031, 1), [2]oda.Reason{oda.IssuerCertExpired, oda.IssuerCertExpired}},
		{"card expired", func(*oda.CardData) {}, oda.MonthOf(2029, 7), [2]oda.Reason{oda.CardCertExpired, oda.CardCertExpired}},
		{"card certificate body", func(d *oda.CardData) { d.CardCert = flip(d.CardCert, 15) }, january, [2]oda.Reason{oda.CardCertBad, oda.CardCertBad}},
		{"card certificate too long", func(d *oda.CardData) { d.CardCert = make([]byte, 300) }, january, [2]oda.Reason{oda.Format, oda.Format}},
		{"another card's PAN", func(d *oda.CardData) { d.PAN = pan("6228000100001125") }, january, [2]oda.Reason{oda.PANMismatch, oda.PANMismatch}},
		{"static data", func(d *oda.CardData) { d.StaticData = flip(d.StaticData, 3) }, january, [2]oda.Reason{oda.CardCertBad, oda.StaticDataBad}},
		{"AIP", func(d *oda.CardData) { d.AIP[0] = 0x5C }, january, [2]oda.Reason{oda.CardCertBad, oda.StaticDataBad}},
		{"9F4A left out", func(d *oda.CardData) { d.StaticTags = nil }, january, [2]oda.Reason{oda.CardCertBad, oda.StaticDataBad}},
		{"9F4A unknown", func(d *oda.CardData) { d.StaticTags = []byte{0x82, 0x5A} }, january, [2]oda.Reason{oda.Format, oda.Format}},
		{"endless static data", func(d *oda.CardData) { d.StaticData = make([]byte, oda.MaxStaticData+1) }, january, [2]oda.Reason{oda.Format, oda.Format}},
	}
	index := 0
	families(t, func(t *testing.T, c chain) {
		sdad := c.sign(t)
		for _, tc := range cases {
			v := verifier(t, 4)
			if r := v.Verify(&c.data, sdad, atc, termData, january).Reason; r != oda.OK {
				t.Fatalf("before %q: %v", tc.name, r)
			}
			d := c.data
			tc.change(&d)
			if got := v.Verify(&d, sdad, atc, termData, tc.at); got.Reason != tc.sm2rsa[index] || got.Key != nil {
				t.Errorf("%s: %v, want %v", tc.name, got.Reason, tc.sm2rsa[index])
			}
		}
		index++
	})
}

func TestDynamicSignatureReasons(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		key, r := verifier(t, 1).VerifyCardCert(&c.data, january)
		if r != oda.OK {
			t.Fatal(r)
		}
		sdad := c.sign(t)
		if got := key.VerifyDynamic(sdad, atc, termData); got != oda.OK {
			t.Errorf("genuine: %v", got)
		}
		if got := key.VerifyDynamic(sdad, atc+1, termData); got != oda.ATCMismatch {
			t.Errorf("another counter: %v", got)
		}
		if got := key.VerifyDynamic(nil, atc, termData); got != oda.MissingData {
			t.Errorf("no signature: %v", got)
		}
		if got := key.VerifyDynamic(sdad, atc, append(termData[:3:3], 0)); got != oda.SDADBad {
			t.Errorf("other terminal data: %v", got)
		}
		for i := range sdad {
			bad := append([]byte(nil), sdad...)
			bad[i] ^= 0x10
			if got := key.VerifyDynamic(bad, atc, termData); got != oda.SDADBad && got != oda.Format {
				t.Errorf("byte %d changed: %v", i, got)
			}
		}
	})
}

func TestStaticSignatureReasons(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		v := verifier(t, 1)
		d := c.data
		d.StaticData = []byte("other")
		if _, r := v.VerifyStatic(&d, january); r != oda.StaticDataBad {
			t.Errorf("other static data: %v", r)
		}
		d = c.data
		d.SignedStatic = nil
		if _, r := v.VerifyStatic(&d, january); r != oda.MissingData {
			t.Errorf("no tag 93: %v", r)
		}
		d = c.data
		d.StaticTags = []byte{0x5A}
		if _, r := v.VerifyStatic(&d, january); r != oda.Format {
			t.Errorf("unknown 9F4A: %v", r)
		}
		d = c.data
		d.CAIndex++
		if _, r := v.VerifyStatic(&d, january); r != oda.NoCAKey {
			t.Errorf("unknown CA: %v", r)
		}
		d = c.data
		d.AIP[1] ^= 1
		if _, r := v.VerifyStatic(&d, january); r != oda.StaticDataBad {
			t.Errorf("other AIP: %v", r)
		}
		d = c.data
		d.SignedStatic = d.SignedStatic[1:]
		if _, r := v.VerifyStatic(&d, january); r != oda.StaticDataBad && r != oda.Format {
			t.Errorf("tag 93 cut: %v", r)
		}
		d = c.data
		for i := range d.SignedStatic {
			d.SignedStatic = append([]byte(nil), c.data.SignedStatic...)
			d.SignedStatic[i] ^= 0x10
			if _, r := v.VerifyStatic(&d, january); r != oda.StaticDataBad && r != oda.Format {
				t.Errorf("tag 93 byte %d changed: %v", i, r)
			}
		}
	})
}

// TestIssuerCacheIsBoundedAndHonest runs more issuers than the cache holds, then
// a forged certificate with a cached one's identifier.
func TestIssuerCacheIsBoundedAndHonest(t *testing.T) {
	ca := must(oda.NewSM2Private(devkeys.SM2CA()))(t)
	v := verifier(t, 2)
	c := sm2Chain(t)
	for round := range 2 {
		for i := range uint(5) {
			iss := must(oda.NewSM2Private(devkeys.SM2Issuer(i)))(t)
			d := c.data
			d.IssuerCert = must(ca.CertifyIssuer(seeded(uint64(i)), issuer, iss.Public()))(t)
			d.CardCert = must(iss.CertifyCard(seeded(7), cardCert(), iss.Public()))(t)
			if _, r := v.VerifyCardCert(&d, january); r != oda.OK {
				t.Fatalf("round %d issuer %d: %v", round, i, r)
			}
		}
	}
	rogue := must(oda.NewSM2Private(devkeys.SM2Key("rogue")))(t)
	d := c.data
	d.IssuerCert = must(rogue.CertifyIssuer(seeded(1), issuer, rogue.Public()))(t)
	d.CardCert = must(rogue.CertifyCard(seeded(1), cardCert(), rogue.Public()))(t)
	for range 2 {
		if _, r := v.VerifyCardCert(&d, january); r != oda.IssuerCertBad {
			t.Errorf("rogue issuer: %v", r)
		}
	}
}

// TestSM2SignaturesDependOnKeyMessageAndReader: the same reader bytes give the
// same signature; a constant reader still gives another nonce for another message.
func TestSM2SignaturesDependOnKeyMessageAndReader(t *testing.T) {
	key := must(oda.NewSM2Private(devkeys.SM2Key("test")))(t)
	sign := func(reader, message string) []byte {
		return must(key.Sign(nil, strings.NewReader(strings.Repeat(reader, 32)), []byte(message)))(t)
	}
	if !bytes.Equal(sign("a", "m"), sign("a", "m")) {
		t.Error("the same reader and message give two signatures")
	}
	if bytes.Equal(sign("a", "m"), sign("b", "m")) {
		t.Error("two readers give one signature")
	}
	// r = hash + x(kG): with one k for two messages, r1 - r2 would be e1 - e2.
	one, two := sign("a", "m"), sign("a", "n")
	if bytes.Equal(one[:32], two[:32]) || bytes.Equal(one[32:], two[32:]) {
		t.Error("a constant reader repeats itself for two messages")
	}
	if _, err := key.Sign(nil, iotest.ErrReader(errors.New("no entropy")), []byte("m")); err == nil {
		t.Error("a failing reader still signs")
	}
}

// TestRSASignaturesDoNotDependOnBlinding: the random bytes only hide the
// exponent.
func TestRSASignaturesDoNotDependOnBlinding(t *testing.T) {
	key := must(oda.NewRSAPrivate(devkeys.RSACard(3)))(t)
	rapid.Check(t, func(rt *rapid.T) {
		un := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(rt, "un")
		a, errA := key.SignDynamic(nil, seeded(rapid.Uint64().Draw(rt, "a")), atc, un)
		b, errB := key.SignDynamic(nil, strings.NewReader(strings.Repeat("\xff", 16)), atc, un)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			rt.Fatalf("two signatures of one block: %X and %X, %v %v", a, b, errA, errB)
		}
	})
	if _, err := key.SignDynamic(nil, iotest.ErrReader(errors.New("no entropy")), atc, termData); err == nil {
		t.Error("a failing reader still signs")
	}
}

func TestKeysThatCannotBeUsedAreRefused(t *testing.T) {
	good := devkeys.RSACard(1)
	bad := map[string]oda.RSAComponents{
		"equal primes":        {P: good.P, Q: good.P, Exponent: 3},
		"unequal lengths":     {P: good.P, Q: good.Q[1:], Exponent: 3},
		"even prime":          {P: append(good.P[:len(good.P)-1:len(good.P)-1], 2), Q: good.Q, Exponent: 3},
		"exponent 5":          {P: good.P, Q: good.Q, Exponent: 5},
		"wrong DP":            {P: good.P, Q: good.Q, DP: []byte{1}, Exponent: 3},
		"wrong DQ":            {P: good.P, Q: good.Q, DQ: []byte{1}, Exponent: 3},
		"wrong QInv":          {P: good.P, Q: good.Q, QInv: []byte{1}, Exponent: 3},
		"nothing":             {},
		"too short a modulus": {P: []byte{0xFB}, Q: []byte{0xF1}, Exponent: 3},
	}
	for name, c := range bad {
		if _, err := oda.NewRSAPrivate(c); !errors.Is(err, oda.ErrRSAKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, d := range map[string][32]byte{"zero": {}, "too large": [32]byte(bytes.Repeat([]byte{0xFF}, 32))} {
		if _, err := oda.NewSM2Private(d); err == nil {
			t.Errorf("SM2 scalar %s is taken", name)
		}
	}
	if _, err := oda.NewSM2Public([64]byte{1}); err == nil {
		t.Error("a point off the curve is taken")
	}
	xy := [64]byte{1}
	for name, keys := range map[string][]oda.CAKey{
		"neither": {{}}, "off the curve": {{SM2: &xy}}, "short RSA": {{RSA: &oda.RSAPublic{Modulus: []byte{0x8F}, Exponent: 3}}},
		"twice": append(must(devkeys.CAKeys())(t), must(devkeys.CAKeys())(t)[0]),
	} {
		if _, err := oda.NewVerifier(keys, 1); err == nil {
			t.Errorf("CA key %s is taken", name)
		}
	}
	if _, err := oda.NewVerifier(nil, 0); err == nil {
		t.Error("a cache of no size is taken")
	}
}

func TestAnIssuerIdentifierMustBeTheStartOfThePAN(t *testing.T) {
	ca := must(oda.NewSM2Private(devkeys.SM2CA()))(t)
	iss := must(oda.NewSM2Private(devkeys.SM2Issuer(0)))(t)
	c := sm2Chain(t)
	for id, want := range map[[4]byte]oda.Reason{
		{0x62, 0x2F, 0xFF, 0xFF}: oda.OK, {0x62, 0x28, 0x00, 0x01}: oda.OK,
		{0x62, 0xFF, 0xFF, 0xFF}: oda.IssuerMismatch, // two digits only
		{0x62, 0x28, 0x00, 0x02}: oda.IssuerMismatch,
		{0x62, 0x28, 0xF0, 0x01}: oda.IssuerMismatch, // digits after the filler
		{0x62, 0x28, 0x0A, 0xFF}: oda.IssuerMismatch,
	} {
		in := issuer
		in.IssuerID = id
		d := c.data
		d.IssuerCert = must(ca.CertifyIssuer(seeded(1), in, iss.Public()))(t)
		if _, r := verifier(t, 1).VerifyCardCert(&d, january); r != want {
			t.Errorf("identifier %X: %v, want %v", id, r, want)
		}
	}
}

func TestMonths(t *testing.T) {
	for in, want := range map[[2]byte]string{{0x26, 0x01}: "2026-01", {0x49, 0x12}: "2049-12", {0x50, 0x01}: "1950-01", {0x99, 0x12}: "1999-12", {0x00, 0x01}: "2000-01"} {
		if m, err := oda.ParseYYMM(in); err != nil || m.String() != want {
			t.Errorf("%X: %v, %v, want %s", in, m, err, want)
		}
	}
	for _, in := range [][2]byte{{0x26, 0x00}, {0x26, 0x13}, {0x2A, 0x01}, {0x26, 0x0A}} {
		if m, err := oda.ParseYYMM(in); err == nil {
			t.Errorf("%X is taken as %v", in, m)
		}
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := oda.NotVerified; r <= oda.TransactionMismatch; r++ {
		if s := r.String(); seen[s] || strings.HasPrefix(s, "reason ") {
			t.Errorf("reason %d is named %q", byte(r), s)
		} else {
			seen[s] = true
		}
	}
	if oda.Reason(200).String() != "reason 200" {
		t.Error(oda.Reason(200).String())
	}
}
