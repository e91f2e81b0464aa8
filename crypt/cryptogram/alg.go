package cryptogram

import (
	"crypto/cipher"
	"crypto/des"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm4"
)

// Alg is the algorithm byte of tag 9F10 (JR/T 0025.5): which block cipher made
// the cryptogram.
type Alg byte

const (
	TDES Alg = 0x01 // double length triple DES, ISO 9797-1 MAC algorithm 3
	SM4  Alg = 0x04 // SM4 (GM/T 0002), CBC-MAC
)

// Valid tells whether the package knows the algorithm.
func (a Alg) Valid() bool { return a == TDES || a == SM4 }

// BlockSize is 8 bytes for triple DES and 16 for SM4; 0 for any other algorithm.
func (a Alg) BlockSize() int {
	switch a {
	case TDES:
		return des.BlockSize
	case SM4:
		return sm4.BlockSize
	}
	return 0
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

// ErrAlgorithm says that an algorithm byte is neither 01 (3DES) nor 04 (SM4).
var ErrAlgorithm = errors.New("unknown cryptogram algorithm, want 01 (3DES) or 04 (SM4)")

// Block encrypts one block at a time; cipher.Block of the standard library and
// a keystore's handle of a key that must not be seen both satisfy it. Encrypt
// must be safe for use by several goroutines and dst may be src.
type Block interface {
	BlockSize() int
	Encrypt(dst, src []byte)
}

// NewBlock prepares a 16-byte key: K1 K2 K1 for triple DES, or SM4. It fails
// with ErrAlgorithm, or if the runtime forbids DES (FIPS 140-only mode).
func NewBlock(alg Alg, key Key) (Block, error) {
	switch alg {
	case TDES:
		var k [24]byte
		copy(k[:], key[:])
		copy(k[16:], key[:8])
		b, err := des.NewTripleDESCipher(k[:])
		if err != nil {
			return nil, fmt.Errorf("prepare triple DES key: %w", err)
		}
		return b, nil
	case SM4:
		b, err := sm4.NewCipher(key[:])
		if err != nil {
			return nil, fmt.Errorf("prepare SM4 key: %w", err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("prepare key for %v: %w", alg, ErrAlgorithm)
}

// schedule is one 16-byte key made ready. Triple DES is kept as its two single
// DES halves: the MAC needs them apart, and setting up two costs a third less
// than the three of the standard library's triple DES.
type schedule struct {
	left, right cipher.Block // right is nil for SM4
}

// newSchedule prepares key; see the package comment for the panic.
func newSchedule(alg Alg, key *Key) schedule {
	switch alg {
	case TDES:
		return schedule{mustBlock(des.NewCipher(key[:8])), mustBlock(des.NewCipher(key[8:]))}
	case SM4:
		return schedule{left: mustBlock(sm4.NewCipher(key[:]))}
	}
	panic("cryptogram: " + alg.String() + " is neither 3DES nor SM4")
}

func mustBlock(b cipher.Block, err error) cipher.Block {
	if err != nil {
		panic("cryptogram: a key of the right length was refused: " + err.Error())
	}
	return b
}

// encrypt turns one block: E_L(D_R(E_L(x))) for triple DES, one SM4 block else.
func (s *schedule) encrypt(dst, src []byte) {
	s.left.Encrypt(dst, src)
	if s.right != nil {
		s.finish(dst)
	}
}

// finish is the output transformation of MAC algorithm 3: E_L(D_R(x)).
func (s *schedule) finish(x []byte) {
	s.right.Decrypt(x, x)
	s.left.Encrypt(x, x)
}

// encrypt16 turns the 16 bytes of a derivation input: two triple DES blocks
// (ECB) or one SM4 block.
func (s *schedule) encrypt16(dst, src []byte) {
	s.encrypt(dst, src)
	if s.right != nil {
		s.encrypt(dst[8:16], src[8:16])
	}
}
