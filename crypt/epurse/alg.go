package epurse

import (
	"crypto/cipher"
	"crypto/des"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/emmansun/gmsm/sm4"
)

// Key is a 16-byte secret key, two-key triple DES or SM4; it never prints itself.
type Key = cryptogram.Key

// Alg is the algorithm byte in the answer of INITIALIZE FOR LOAD and FOR PURCHASE.
type Alg byte

// The algorithms.
const (
	TDES Alg = 0x00 // two-key triple DES
	SM4  Alg = 0x04 // SM4 (GM/T 0002)
)

// AlgOf reads an algorithm byte; false for one that is not known.
func AlgOf(b byte) (Alg, bool) { return Alg(b), Alg(b).Valid() }

// Valid tells whether the algorithm is known.
func (a Alg) Valid() bool { return a == TDES || a == SM4 }

// BlockSize is 8 bytes for triple DES and 16 for SM4.
func (a Alg) BlockSize() int {
	if a.known() == TDES {
		return des.BlockSize
	}
	return sm4.BlockSize
}

// String gives "3DES", "SM4" or the byte in hexadecimal.
func (a Alg) String() string {
	switch a {
	case TDES:
		return "3DES"
	case SM4:
		return "SM4"
	}
	return fmt.Sprintf("algorithm %02X", byte(a))
}

func (a Alg) known() Alg {
	if !a.Valid() {
		panic("epurse: " + a.String() + " is neither 3DES nor SM4")
	}
	return a
}

func must(b cipher.Block, err error) cipher.Block {
	if err != nil {
		panic("epurse: a key of the right length was refused: " + err.Error())
	}
	return b
}

// whole prepares a key as a whole cipher: K1 K2 K1 for triple DES, or SM4.
func whole(alg Alg, key *Key) cipher.Block {
	if alg.known() == SM4 {
		return must(sm4.NewCipher(key[:]))
	}
	var k [24]byte
	copy(k[:], key[:])
	copy(k[16:], key[:8])
	return must(des.NewTripleDESCipher(k[:]))
}

// cbcMAC chains message, padded with 80 00.., from the start value in x with chain,
// and leaves the last block in x; last ciphers that block.
func cbcMAC(x, message []byte, chain, last cipher.Block) {
	size := len(x)
	for len(message) >= size {
		for i := range x {
			x[i] ^= message[i]
		}
		chain.Encrypt(x, x)
		message = message[size:]
	}
	for i, b := range message {
		x[i] ^= b
	}
	x[len(message)] ^= 0x80
	last.Encrypt(x, x)
}
