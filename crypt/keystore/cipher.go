package keystore

import (
	"crypto/cipher"
	"crypto/des"

	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// newCipher prepares a key that must also decrypt, which a cryptogram.Block does
// not.
func newCipher(alg cryptogram.Alg, k cryptogram.Key) (cipher.Block, error) {
	switch alg {
	case cryptogram.TDES:
		return des.NewTripleDESCipher(append(append(make([]byte, 0, 24), k[:]...), k[:8]...))
	case cryptogram.SM4:
		return sm4.NewCipher(k[:])
	}
	return nil, ErrKey
}
