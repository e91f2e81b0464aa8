package oda

import (
	"crypto/subtle"
	"fmt"
	"io"
)

// PINBlock is the clear PIN block of VERIFY, ISO 9564 format 2 (EMV Book 3,
// 6.5.12, table 24). It prints a fixed text.
type PINBlock [8]byte

// PINDecipherer opens the enciphered PIN of VERIFY with P2 88, on the card's side
// (EMV Book 2, 7.2). challenge is what the card gave to the GET CHALLENGE just
// before; the card forgets it whatever comes out, so that no ciphertext is tried
// twice. A ciphertext that is malformed, made with another key or for another
// challenge gives false and nothing else: the card answers every one alike. The
// block itself is not judged: that is the card's PIN check.
type PINDecipherer interface {
	DecipherPIN(rand io.Reader, enciphered []byte, challenge [8]byte) (PINBlock, bool)
}

var (
	_ PINDecipherer = (*SM2Private)(nil)
	_ PINDecipherer = (*RSAPrivate)(nil)
)

// Layout of the data to be enciphered (EMV Book 2, 7.2, table 25): header, PIN
// block, challenge; RSA adds random bytes up to the modulus' size.
const (
	pinHeader    = 0x7F
	pinDataSize  = 1 + 8 + 8
	sm2PINSize   = 1 + 64 + 32 + pinDataSize // 04 C1 C3 C2
	pinChallenge = 1 + 8                     // where the challenge stands
)

// EncipherPIN appends the data of VERIFY with an enciphered PIN, on the terminal's
// side: the block 7F, PIN block(8), challenge(8) raised to the RSA public exponent
// with random padding (EMV Book 2, 7.2), or these 17 bytes as an SM2 ciphertext 04
// C1 C3 C2 of 114 bytes (GM/T 0003.4; no public text says how an SM2 card takes
// its PIN: our choice). The key is what VerifyPINKey gave.
func (k *CardKey) EncipherPIN(dst []byte, rand io.Reader, pin PINBlock, challenge [8]byte) ([]byte, error) {
	size := pinDataSize
	if k.rsa != nil {
		size = k.rsa.size
	}
	block := make([]byte, size)
	defer clear(block)
	block[0] = pinHeader
	copy(block[1:], pin[:])
	copy(block[pinChallenge:], challenge[:])
	if k.sm2 != nil {
		out, err := k.sm2.Encrypt(rand, block)
		if err != nil {
			return nil, fmt.Errorf("encipher PIN: %w", err)
		}
		return append(dst, out...), nil
	}
	if _, err := io.ReadFull(rand, block[pinDataSize:]); err != nil {
		return nil, fmt.Errorf("encipher PIN: read padding: %w", err)
	}
	// The header's first bit is 0 and the modulus' is 1: the block is below it.
	out, ok := k.rsa.recover(block)
	if !ok {
		panic("oda: a PIN block with header 7F is not below the modulus")
	}
	return append(dst, out...), nil
}

// DecipherPIN opens an enciphered PIN of the modulus' size (EMV Book 2, 7.2). It
// reads 16 bytes from rand to blind the exponents.
func (k *RSAPrivate) DecipherPIN(rand io.Reader, enciphered []byte, challenge [8]byte) (PINBlock, bool) {
	block, err := k.power(rand, enciphered)
	if err != nil {
		return PINBlock{}, false
	}
	defer clear(block)
	return openPIN(block, &challenge)
}

// DecipherPIN opens an enciphered PIN of 114 bytes; rand is not read.
func (k *SM2Private) DecipherPIN(_ io.Reader, enciphered []byte, challenge [8]byte) (PINBlock, bool) {
	if len(enciphered) != sm2PINSize || enciphered[0] != 4 {
		return PINBlock{}, false
	}
	block, err := k.Decrypt(enciphered)
	if err != nil || len(block) != pinDataSize {
		return PINBlock{}, false
	}
	defer clear(block)
	return openPIN(block, &challenge)
}

// openPIN takes the same time whether header, challenge, both or neither are
// wrong.
func openPIN(block []byte, challenge *[8]byte) (pin PINBlock, ok bool) {
	good := subtle.ConstantTimeByteEq(block[0], pinHeader) & subtle.ConstantTimeCompare(block[pinChallenge:pinDataSize], challenge[:])
	subtle.ConstantTimeCopy(good, pin[:], block[1:pinChallenge])
	return pin, good == 1
}

// VerifyPINKey checks the certificate of the card's PIN encipherment key, tags
// 9F2D, 9F2E and 9F2F (EMV Book 2, 7.1), or, for a card without one, that of its
// signature key, and gives the key for EncipherPIN. The certificate of a PIN key
// covers no static data.
func (v *Verifier) VerifyPINKey(card *CardData, at Month) (*CardKey, Reason) {
	if len(card.PINCert) == 0 {
		return v.VerifyCardCert(card, at)
	}
	d := *card
	d.CardCert, d.CardRest, d.CardExponent = card.PINCert, card.PINRest, card.PINExponent
	d.StaticData, d.StaticTags = nil, nil
	key, r := v.VerifyCardCert(&d, at)
	if r == StaticDataBad {
		r = CardCertBad
	}
	return key, r
}
