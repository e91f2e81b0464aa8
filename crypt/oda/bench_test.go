package oda_test

import (
	"testing"

	"github.com/citycard/citycard/crypt/oda"
)

func benchFamilies(b *testing.B, f func(b *testing.B, c chain)) {
	b.Run("SM2", func(b *testing.B) { f(b, sm2Chain(b)) })
	b.Run("RSA", func(b *testing.B) { f(b, rsaChain(b)) })
}

// BenchmarkSign is the card's part: one dynamic signature (RSA 1024 bits).
func BenchmarkSign(b *testing.B) {
	benchFamilies(b, func(b *testing.B, c chain) {
		entropy := seeded(1)
		var buf [128]byte
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.signer.SignDynamic(buf[:0], entropy, atc, termData); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkVerify is the gate's part: card certificate and dynamic signature, the
// issuer certificate being known already.
func BenchmarkVerify(b *testing.B) {
	benchFamilies(b, func(b *testing.B, c chain) {
		v, sdad := verifier(b, 1), c.sign(b)
		b.ReportAllocs()
		for b.Loop() {
			if r := v.Verify(&c.data, sdad, atc, termData, january); r.Reason != oda.OK {
				b.Fatal(r.Reason)
			}
		}
	})
}

// BenchmarkVerifyDynamic is the dynamic signature alone: a card seen before.
func BenchmarkVerifyDynamic(b *testing.B) {
	benchFamilies(b, func(b *testing.B, c chain) {
		key, r := verifier(b, 1).VerifyCardCert(&c.data, january)
		if r != oda.OK {
			b.Fatal(r)
		}
		sdad := c.sign(b)
		b.ReportAllocs()
		for b.Loop() {
			if r := key.VerifyDynamic(sdad, atc, termData); r != oda.OK {
				b.Fatal(r)
			}
		}
	})
}

// BenchmarkVerifyCold includes the issuer certificate.
func BenchmarkVerifyCold(b *testing.B) {
	benchFamilies(b, func(b *testing.B, c chain) {
		sdad := c.sign(b)
		for b.Loop() {
			b.StopTimer()
			v := verifier(b, 1)
			b.StartTimer()
			if r := v.Verify(&c.data, sdad, atc, termData, january); r.Reason != oda.OK {
				b.Fatal(r.Reason)
			}
		}
	})
}

// BenchmarkSignCombined is the card's part of CDA, with 150 bytes of transaction
// data.
func BenchmarkSignCombined(b *testing.B) {
	benchFamilies(b, func(b *testing.B, c chain) {
		signer, in, entropy := c.signer.(oda.CombinedSigner), benchPurchase(), seeded(1)
		var buf [256]byte
		b.ReportAllocs()
		for b.Loop() {
			if _, err := signer.SignCombined(buf[:0], entropy, in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkVerifyCombined is the terminal's part of CDA, the card key being known.
func BenchmarkVerifyCombined(b *testing.B) {
	benchFamilies(b, func(b *testing.B, c chain) {
		key, in := c.key(b), benchPurchase()
		sdad := c.signCombined(b, in)
		b.ReportAllocs()
		for b.Loop() {
			if _, r := key.VerifyCombined(sdad, in); r != oda.OK {
				b.Fatal(r)
			}
		}
	})
}

func benchPurchase() oda.Combined {
	in := purchase()
	in.Transaction = make([]byte, 150)
	return in
}

// BenchmarkDecipherPIN is the card's part of an enciphered PIN.
func BenchmarkDecipherPIN(b *testing.B) {
	benchFamilies(b, func(b *testing.B, c chain) {
		card, entropy := c.signer.(oda.PINDecipherer), seeded(1)
		enciphered := must(c.key(b).EncipherPIN(nil, seeded(2), pinBlock, challenge))(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := card.DecipherPIN(entropy, enciphered, challenge); !ok {
				b.Fatal("refused")
			}
		}
	})
}
