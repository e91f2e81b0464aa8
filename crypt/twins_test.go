package crypt_test

import (
	"crypto/des"
	"crypto/elliptic"
	"crypto/sha1"
	"math/big"
	"math/bits"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// retailMAC is ISO 9797-1 algorithm 3 without padding, written from the standard
// with plain single DES.
func retailMAC(t *testing.T, key cryptogram.Key, data []byte) (x [8]byte) {
	t.Helper()
	left, err := des.NewCipher(key[:8])
	if err != nil {
		t.Fatal(err)
	}
	right, err := des.NewCipher(key[8:])
	if err != nil {
		t.Fatal(err)
	}
	if len(data)%8 != 0 {
		t.Fatalf("%d bytes are not whole blocks", len(data))
	}
	for ; len(data) > 0; data = data[8:] {
		for i := range x {
			x[i] ^= data[i]
		}
		left.Encrypt(x[:], x[:])
	}
	right.Decrypt(x[:], x[:])
	left.Encrypt(x[:], x[:])
	return x
}

// emvCommonSessionKey is EMV Book 2, A1.3.1, which PBOC does not use: two blocks
// of the diversifier with F0 and 0F in its third byte.
func emvCommonSessionKey(t *testing.T, card cryptogram.Key, r []byte) (out cryptogram.Key) {
	t.Helper()
	b, err := cryptogram.NewBlock(cryptogram.TDES, card)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []byte{0xF0, 0x0F} {
		x := append([]byte(nil), r...)
		x[2] = c
		b.Encrypt(out[8*i:8*i+8], x)
	}
	return out
}

// cardKeyB is option B of EMV Book 2, A1.4.2, which PBOC does not use: PANs of up
// to 16 digits as with option A; longer ones give 16 decimal digits of the SHA-1
// of PAN and sequence number, letters A to F standing in as 0 to 5 when there are
// too few.
func cardKeyB(t *testing.T, alg cryptogram.Alg, master cryptogram.Key, pan, psn string) cryptogram.Key {
	t.Helper()
	if len(pan) <= 16 {
		return cardKey(t, alg, master, pan, psn)
	}
	if len(pan)%2 == 1 {
		pan = "0" + pan
	}
	sum := sha1.Sum(unhex(t, pan+psn))
	var digits, letters string
	for _, c := range hexOf(sum[:]...) {
		if c <= '9' {
			digits += string(c)
		} else {
			letters += string(c - 'A' + '0')
		}
	}
	y := unhex(t, (digits + letters)[:16])
	for _, b := range y[:8] {
		y = append(y, ^b)
	}
	block, err := cryptogram.NewBlock(alg, master)
	if err != nil {
		t.Fatal(err)
	}
	var out cryptogram.Key
	block.Encrypt(out[:8], y)
	block.Encrypt(out[8:], y[8:])
	return out
}

// oddParity sets the parity bit of every byte, as most key listings show DES keys.
func oddParity(k cryptogram.Key) cryptogram.Key {
	for i, b := range k {
		if bits.OnesCount8(b)%2 == 0 {
			k[i] = b ^ 1
		}
	}
	return k
}

// sm2Twin signs with a given k by the text of GM/T 0003.2, 6.1, on math/big. It
// exists so that signatures made with a fixed k can be made again; nothing but a
// test may ever choose k.
type sm2Twin struct {
	d    *big.Int
	z    []byte
	x, y []byte
}

func newSM2Twin(d []byte) *sm2Twin {
	c := sm2.P256().Params()
	x, y := scalarMult(c, c.Gx, c.Gy, new(big.Int).SetBytes(d))
	s := &sm2Twin{d: new(big.Int).SetBytes(d), x: x.FillBytes(make([]byte, 32)), y: y.FillBytes(make([]byte, 32))}
	a := new(big.Int).Sub(c.P, big.NewInt(3))
	in := append([]byte{0, 128}, "1234567812345678"...)
	for _, n := range []*big.Int{a, c.B, c.Gx, c.Gy, x, y} {
		in = append(in, n.FillBytes(make([]byte, 32))...)
	}
	z := sm3.Sum(in)
	s.z = z[:]
	return s
}

func (s *sm2Twin) public() (xy [64]byte) {
	copy(xy[:], s.x)
	copy(xy[32:], s.y)
	return xy
}

func (s *sm2Twin) sign(k *big.Int, message []byte) []byte {
	c := sm2.P256().Params()
	digest := sm3.Sum(append(append([]byte(nil), s.z...), message...))
	x, _ := scalarMult(c, c.Gx, c.Gy, k)
	r := new(big.Int).SetBytes(digest[:])
	r.Add(r, x).Mod(r, c.N)
	inv := new(big.Int).Add(s.d, big.NewInt(1))
	inv.ModInverse(inv, c.N)
	sv := new(big.Int).Mul(r, s.d)
	sv.Sub(k, sv).Mul(sv, inv).Mod(sv, c.N)
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	sv.FillBytes(out[32:])
	return out
}

// scalarMult is affine double-and-add on y² = x³ - 3x + b.
func scalarMult(c *elliptic.CurveParams, px, py, k *big.Int) (x, y *big.Int) {
	for i := k.BitLen() - 1; i >= 0; i-- {
		if x != nil {
			x, y = affineAdd(c, x, y, x, y)
		}
		if k.Bit(i) == 1 {
			if x == nil {
				x, y = px, py
			} else {
				x, y = affineAdd(c, x, y, px, py)
			}
		}
	}
	return x, y
}

// affineAdd adds two points whose sum is not the point at infinity.
func affineAdd(c *elliptic.CurveParams, x1, y1, x2, y2 *big.Int) (x, y *big.Int) {
	num, den := new(big.Int).Sub(y2, y1), new(big.Int).Sub(x2, x1)
	if x1.Cmp(x2) == 0 {
		num.Mul(x1, x1)
		num.Sub(num, big.NewInt(1)).Mul(num, big.NewInt(3)) // 3x² + a with a = -3
		den.Lsh(y1, 1)
	}
	den.Mod(den, c.P)
	slope := num.Mul(num, den.ModInverse(den, c.P))
	x = new(big.Int).Mul(slope, slope)
	x.Sub(x, x1).Sub(x, x2).Mod(x, c.P)
	y = new(big.Int).Sub(x1, x)
	y.Mul(y, slope).Sub(y, y1).Mod(y, c.P)
	return x, y
}
