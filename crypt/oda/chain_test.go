package oda_test

import (
	"encoding/hex"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// seeded is a reader of reproducible bytes.
func seeded(seed uint64) io.Reader {
	var s [32]byte
	s[0], s[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(s)
}

func pan(digits string) (p [10]byte) {
	b, err := hex.DecodeString(digits + strings.Repeat("F", 20-len(digits)))
	if err != nil || len(b) != 10 {
		panic("test PAN " + digits)
	}
	return [10]byte(b)
}

// chain is a whole card of one family under the development CA.
type chain struct {
	data   oda.CardData
	signer oda.DynamicSigner
}

var (
	testPAN  = pan("6228000100001117")
	issuer   = oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0x00, 0xFF}, Expiry: [2]byte{0x12, 0x30}, Serial: [3]byte{0, 0, 1}}
	static   = []byte{0x5A, 0x08, 0x62, 0x28, 0, 1, 0, 0, 0x11, 0x17}
	aip      = [2]byte{0x7C, 0x00}
	january  = oda.MonthOf(2026, 1)
	termData = []byte{0x11, 0x22, 0x33, 0x44}
)

const atc = 0x0102

func cardCert() oda.CardCert {
	return oda.CardCert{PAN: testPAN, Expiry: [2]byte{0x06, 0x29}, Serial: [3]byte{0, 0, 2}, StaticData: append(append([]byte(nil), static...), aip[:]...)}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func sm2Chain(tb testing.TB) chain {
	tb.Helper()
	ca := must(oda.NewSM2Private(devkeys.SM2CA()))(tb)
	iss := must(oda.NewSM2Private(devkeys.SM2Issuer(0)))(tb)
	card := must(oda.NewSM2Private(devkeys.SM2Card(testPAN, 1)))(tb)
	return chain{
		signer: card,
		data: oda.CardData{
			RID: devkeys.RID, CAIndex: devkeys.SM2CAIndex, PAN: testPAN, AIP: aip, StaticData: static, StaticTags: []byte{0x82},
			IssuerCert:   must(ca.CertifyIssuer(seeded(1), issuer, iss.Public()))(tb),
			CardCert:     must(iss.CertifyCard(seeded(2), cardCert(), card.Public()))(tb),
			SignedStatic: must(iss.SignStatic(seeded(3), [2]byte{0xDA, 0xC0}, cardCert().StaticData))(tb),
		},
	}
}

func rsaChain(tb testing.TB) chain {
	tb.Helper()
	ca := must(oda.NewRSAPrivate(devkeys.RSACA()))(tb)
	iss := must(oda.NewRSAPrivate(devkeys.RSAIssuer(0)))(tb)
	card := must(oda.NewRSAPrivate(devkeys.RSACard(0)))(tb)
	i := must(ca.CertifyIssuer(seeded(1), issuer, iss.Public()))(tb)
	c := must(iss.CertifyCard(seeded(2), cardCert(), card.Public()))(tb)
	return chain{
		signer: card,
		data: oda.CardData{
			RID: devkeys.RID, CAIndex: devkeys.RSACAIndex, PAN: testPAN, AIP: aip, StaticData: static, StaticTags: []byte{0x82},
			IssuerCert: i.Certificate, IssuerRest: i.Remainder, IssuerExponent: i.Exponent,
			CardCert: c.Certificate, CardRest: c.Remainder, CardExponent: c.Exponent,
			SignedStatic: must(iss.SignStatic(seeded(3), [2]byte{0xDA, 0xC0}, cardCert().StaticData))(tb),
		},
	}
}

// families runs a test for both.
func families(t *testing.T, f func(t *testing.T, c chain)) {
	t.Run("SM2", func(t *testing.T) { f(t, sm2Chain(t)) })
	t.Run("RSA", func(t *testing.T) { f(t, rsaChain(t)) })
}

func verifier(tb testing.TB, issuers int) *oda.Verifier {
	tb.Helper()
	return must(oda.NewVerifier(must(devkeys.CAKeys())(tb), issuers))(tb)
}

func (c *chain) sign(tb testing.TB) []byte {
	tb.Helper()
	return must(c.signer.SignDynamic(nil, seeded(9), atc, termData))(tb)
}
