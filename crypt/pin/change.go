package pin

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"fmt"

	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// ChangeKeys are the two keys of a PIN change (JR/T 0025.5).
type ChangeKeys struct {
	Alg     cryptogram.Alg // cipher of both
	Card    cryptogram.Key // the card's own ENC key; four of its bytes go into the block
	Session cryptogram.Key // the ENC key of this transaction, cryptogram.DeriveSessionKey
}

// newPINAt is where the inner block begins: after its length, 08.
const newPINAt = 1

// ChangeBlock makes the 16 enciphered bytes of PIN CHANGE/UNBLOCK, to be followed
// by the script MAC (JR/T 0025.5; VIS):
//
//	D1 = 00000000 | bytes 5 to 8 of the card's ENC key
//	D2 = 0 N P P P P . . . . . . . . F F
//	D  = D1 xor D2                     P2 = 02, without the current PIN
//	D  = D1 xor D2 xor current PIN     P2 = 01, its digits from the left, then zeros
//
// and the block is 08 | D | 80 000000000000 under the session key: two blocks of
// 3DES-ECB, or one of SM4. current is nil for P2 = 02. Errors: ErrPIN for no PIN,
// cryptogram.ErrAlgorithm.
func ChangeBlock(k ChangeKeys, newPIN PIN, current *PIN) ([16]byte, error) {
	var b [16]byte
	if newPIN.n == 0 || current != nil && current.n == 0 {
		return b, ErrPIN
	}
	c, err := k.cipher()
	if err != nil {
		return b, err
	}
	b[0], b[9] = 8, 0x80
	inner := b[newPINAt : newPINAt+8]
	put(inner, 0, newPIN, []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	k.mask(inner, current)
	for at := 0; at < len(b); at += c.BlockSize() {
		c.Encrypt(b[at:], b[at:])
	}
	return b, nil
}

// OpenChange is the card's way back: the new PIN out of the first 16 bytes of the
// data of PIN CHANGE/UNBLOCK, whose script MAC the card has checked before. A
// wrong current PIN is not always noticed here: the MAC vouches for the issuer,
// who knows it. Errors: ErrBlock, ErrPIN for no current PIN,
// cryptogram.ErrAlgorithm.
func OpenChange(k ChangeKeys, enciphered []byte, current *PIN) (PIN, error) {
	c, err := k.cipher()
	switch {
	case err != nil:
		return PIN{}, err
	case current != nil && current.n == 0:
		return PIN{}, ErrPIN
	case len(enciphered) != 16:
		return PIN{}, ErrBlock
	}
	b := [16]byte(enciphered)
	for at := 0; at < len(b); at += c.BlockSize() {
		c.Decrypt(b[at:], b[at:])
	}
	inner := b[newPINAt : newPINAt+8]
	k.mask(inner, current)
	frame := [8]byte{8, 0x80}
	whole := subtle.ConstantTimeByteEq(b[0], frame[0]) & subtle.ConstantTimeCompare(b[9:], frame[1:])
	p, ok := take(inner, 0, 0xF, 0xF)
	if !ok || whole != 1 {
		return PIN{}, ErrBlock
	}
	return p, nil
}

// mask adds D1 and the current PIN, or takes them away again.
func (k *ChangeKeys) mask(inner []byte, current *PIN) {
	subtle.XORBytes(inner[4:], inner[4:], k.Card[4:8])
	if current == nil {
		return
	}
	var digits [8]byte
	for i, d := range current.digits {
		setNibble(digits[:], i, d)
	}
	subtle.XORBytes(inner, inner, digits[:])
}

func (k *ChangeKeys) cipher() (cipher.Block, error) {
	switch k.Alg {
	case cryptogram.TDES:
		var long [24]byte
		copy(long[:], k.Session[:])
		copy(long[16:], k.Session[:8])
		return des.NewTripleDESCipher(long[:])
	case cryptogram.SM4:
		return sm4.NewCipher(k.Session[:])
	}
	return nil, fmt.Errorf("prepare PIN change for %v: %w", k.Alg, cryptogram.ErrAlgorithm)
}
