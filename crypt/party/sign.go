package party

import (
	"encoding/asn1"
	"io"
	"math/big"

	"github.com/citycard/citycard/crypt/oda"
)

// maxSignature is the longest DER signature: two integers of 33 bytes.
const maxSignature = 72

// Sign signs a document with SM2 and SM3 under the default user identity (GM/T 0009).
// The signature is DER, as X.509 tools expect it beside a file. 32 bytes are read from
// rand.
func Sign(key *oda.SM2Private, document []byte, rand io.Reader) ([]byte, error) {
	return signer{key}.Sign(rand, document, messageOpts{})
}

// Signed reports whether a DER signature over a document is that of a certified key.
// There is one encoding of a signature and no other.
func (c *Certificate) Signed(document, signature []byte) bool {
	key, err := c.PublicKey()
	if err != nil || len(signature) > maxSignature {
		return false
	}
	var rs struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(signature, &rs)
	if err != nil || len(rest) != 0 || rs.R.Sign() <= 0 || rs.S.Sign() <= 0 || rs.R.BitLen() > 256 || rs.S.BitLen() > 256 {
		return false
	}
	var raw [64]byte
	rs.R.FillBytes(raw[:32])
	rs.S.FillBytes(raw[32:])
	return key.Verify(raw[:], document)
}
