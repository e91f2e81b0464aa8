package scp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/cryptogram"
)

func mustBlock(b cipher.Block, err error) cipher.Block {
	if err != nil {
		panic("scp: a key of the right length was refused: " + err.Error())
	}
	return b
}

func newAES(k cryptogram.Key) cipher.Block { return mustBlock(aes.NewCipher(k[:])) }

func newTDES(k cryptogram.Key) cipher.Block {
	var long [24]byte
	copy(long[:], k[:])
	copy(long[16:], k[:8])
	return mustBlock(des.NewTripleDESCipher(long[:]))
}

// cbcEncrypt enciphers data in place; iv holds the last block afterwards.
func cbcEncrypt(b cipher.Block, iv, data []byte) {
	n := b.BlockSize()
	for ; len(data) > 0; data = data[n:] {
		subtle.XORBytes(iv, iv, data[:n])
		b.Encrypt(iv, iv)
		copy(data, iv)
	}
}

// pad appends 80 00.. up to a whole number of blocks of n bytes, at least one byte
// (ISO/IEC 9797-1, padding method 2).
func pad(b []byte, start, n int) []byte {
	b = append(b, 0x80)
	for (len(b)-start)%n != 0 {
		b = append(b, 0)
	}
	return b
}

// unpad finds the length without padding. What it reads was deciphered before its
// MAC is known (SCP02), so it looks at every byte of the last block.
func unpad(b []byte, n int) (length int, ok bool) {
	if len(b) < n {
		return 0, false
	}
	found, bad, at := 0, 0, 0
	last := b[len(b)-n:]
	for i := n - 1; i >= 0; i-- {
		mark := subtle.ConstantTimeByteEq(last[i], 0x80) &^ found
		zero := subtle.ConstantTimeByteEq(last[i], 0)
		bad |= (1 ^ found) & (1 ^ mark) & (1 ^ zero)
		at = subtle.ConstantTimeSelect(mark, i, at)
		found |= mark
	}
	return len(b) - n + at, found == 1 && bad == 0
}

// cmac is AES-CMAC (NIST SP 800-38B, RFC 4493) under one key.
type cmac struct {
	block  cipher.Block
	k1, k2 [16]byte // subkeys for a whole and a padded last block
	x      [16]byte // chaining value
}

func newCMAC(k cryptogram.Key) cmac {
	c := cmac{block: newAES(k)}
	c.block.Encrypt(c.x[:], c.x[:])
	c.k1 = double(c.x)
	c.k2 = double(c.k1)
	return c
}

// double multiplies by x in GF(2^128).
func double(in [16]byte) (out [16]byte) {
	carry := in[0] >> 7
	for i := range 15 {
		out[i] = in[i]<<1 | in[i+1]>>7
	}
	out[15] = in[15]<<1 ^ 0x87*carry
	return out
}

func (c *cmac) sum(msg []byte) [16]byte {
	clear(c.x[:])
	for len(msg) > 16 {
		subtle.XORBytes(c.x[:], c.x[:], msg[:16])
		c.block.Encrypt(c.x[:], c.x[:])
		msg = msg[16:]
	}
	subtle.XORBytes(c.x[:], c.x[:], msg)
	if len(msg) == 16 {
		subtle.XORBytes(c.x[:], c.x[:], c.k1[:])
	} else {
		c.x[len(msg)] ^= 0x80
		subtle.XORBytes(c.x[:], c.x[:], c.k2[:])
	}
	c.block.Encrypt(c.x[:], c.x[:])
	return c.x
}

// Derivation constants of SCP03 (Amendment D, 4.1.5 and table 4-1).
const (
	deriveCardCryptogram = 0x00
	deriveHostCryptogram = 0x01
	deriveChallenge      = 0x02
	deriveENC            = 0x04
	deriveMAC            = 0x06
	deriveRMAC           = 0x07
)

// derive is the key derivation function of SCP03, NIST SP 800-108 in counter mode
// with CMAC, for up to one block of output:
//
//	11 zero bytes | constant | 00 | length in bits (2) | 01 | context
func (c *cmac) derive(constant byte, bits byte, context ...[]byte) [16]byte {
	var buf [64]byte
	m := append(buf[:0], make([]byte, 11)...)
	m = append(m, constant, 0, 0, bits, 1)
	for _, part := range context {
		m = append(m, part...)
	}
	return c.sum(m)
}
