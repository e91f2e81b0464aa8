package keystore

import (
	"sync"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// isPublic tells whether this program can make a secret itself. Secrets are looked
// up by a hash, so that neither comparing nor the table tells anything of a key that
// is secret.
func isPublic(secret []byte) bool { return publicKeys()[fingerprint(secret)] }

// fingerprint is the SM3 hash of a scalar, or of a symmetric key without its DES
// parity bits: with another parity it would be the same triple DES key.
func fingerprint(secret []byte) [sm3.Size]byte {
	if len(secret) != len(cryptogram.Key{}) {
		return sm3.Sum(secret)
	}
	var k cryptogram.Key
	for i, b := range secret {
		k[i] = b &^ 1
	}
	return sm3.Sum(k[:])
}

// publicKeys are the fingerprints of every key of Development and of the simulated
// participants in file exchange. Making them takes some 20 ms, once.
var publicKeys = sync.OnceValue(func() map[[sm3.Size]byte]bool {
	known := map[[sm3.Size]byte]bool{}
	symmetric := func(names ...string) {
		for _, n := range names {
			k := DevelopmentKey(n)
			known[fingerprint(k[:])] = true
		}
	}
	scalar := func(d [32]byte) { known[fingerprint(d[:])] = true }
	symmetric(KEK3DESName, KEKSM4Name)
	scalar(devkeys.SM2CA())
	scalar(devkeys.SM2FilesNetwork())
	for _, name := range []string{TerminalSignName, AcquirerWrapName, AcquirerSignName} {
		scalar(devkeys.SM2Key(name))
	}
	for _, alg := range []epurse.Alg{epurse.TDES, epurse.SM4} {
		names := PurseMasters(alg).list()
		symmetric(names[:]...)
	}
	for i := range uint(MaxDevelopmentIssuers) {
		for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
			n := IssuerMasters(i, alg)
			symmetric(n.AC, n.MAC, n.ENC)
		}
		scalar(devkeys.SM2Issuer(i))
		scalar(devkeys.SM2Files(i))
	}
	return known
})
