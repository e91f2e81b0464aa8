package devkeys_test

import (
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// TestEveryEmbeddedRSAKeyWorksAndIsDifferent loads the whole pool.
func TestEveryEmbeddedRSAKeyWorksAndIsDifferent(t *testing.T) {
	seen := map[string]bool{}
	check := func(name string, c oda.RSAComponents, bits int) {
		k, err := oda.NewRSAPrivate(c)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pub := k.Public()
		if len(pub.Modulus)*8 != bits || pub.Exponent != 3 || seen[string(pub.Modulus)] {
			t.Errorf("%s: %d bits, exponent %d, seen before %v", name, len(pub.Modulus)*8, pub.Exponent, seen[string(pub.Modulus)])
		}
		seen[string(pub.Modulus)] = true
	}
	check("ca", devkeys.RSACA(), 1408)
	for i := range uint(devkeys.RSAIssuers) {
		check("issuer", devkeys.RSAIssuer(i), 1280)
	}
	for i := range uint(devkeys.RSACards) {
		check("card", devkeys.RSACard(i), 1024)
	}
	if string(devkeys.RSACard(devkeys.RSACards).P) != string(devkeys.RSACard(0).P) {
		t.Error("the pool of card keys does not wrap around")
	}
}

func TestSM2KeysFollowFromTheirLabels(t *testing.T) {
	pan := [10]byte{0x62}
	keys := [][32]byte{devkeys.SM2CA(), devkeys.SM2Issuer(0), devkeys.SM2Issuer(1), devkeys.SM2Card(pan, 0), devkeys.SM2Card(pan, 1)}
	for i, a := range keys {
		for j, b := range keys {
			if (a == b) != (i == j) {
				t.Errorf("keys %d and %d: equal %v", i, j, a == b)
			}
		}
	}
	if devkeys.SM2CA() != devkeys.SM2Key("ca") {
		t.Error("one label gives two keys")
	}
}
