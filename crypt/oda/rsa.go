package oda

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/bits"

	"filippo.io/bigmod"
)

// Sizes of an RSA modulus in bytes. EMV Book 2, D1 ends at 248 so that a
// certificate fits a record; below 64 no certificate fits the key.
const (
	minModulus = 64
	maxModulus = 248
)

// RSAPublic is an RSA public key, modulus big endian without leading zeros.
type RSAPublic struct {
	Modulus  []byte
	Exponent uint32 // 3 or 65537 (EMV Book 2, 5.1)
}

// ErrRSAKey says that RSA key numbers do not fit EMV or each other.
var ErrRSAKey = errors.New("unusable RSA key")

// exponentBytes gives tag 9F32 or 9F47: one byte for 3, three for 65537.
func (k RSAPublic) exponentBytes() []byte {
	if k.Exponent == 3 {
		return []byte{3}
	}
	return []byte{1, 0, 1}
}

// parseExponent reads tag 9F32 or 9F47.
func parseExponent(b []byte) (uint32, bool) {
	switch string(b) {
	case "\x03":
		return 3, true
	case "\x01\x00\x01":
		return 65537, true
	}
	return 0, false
}

// rsaPublic is an RSA public key made ready.
type rsaPublic struct {
	pub  RSAPublic
	n    *bigmod.Modulus
	e    uint
	size int
}

func (k RSAPublic) prepare() (*rsaPublic, error) {
	size := len(k.Modulus)
	switch {
	case size < minModulus || size > maxModulus:
		return nil, fmt.Errorf("modulus of %d bytes, want %d to %d: %w", size, minModulus, maxModulus, ErrRSAKey)
	case k.Modulus[0]&0x80 == 0 || k.Modulus[size-1]&1 == 0:
		return nil, fmt.Errorf("modulus is even or its first bit is 0: %w", ErrRSAKey)
	case k.Exponent != 3 && k.Exponent != 65537:
		return nil, fmt.Errorf("public exponent %d, want 3 or 65537: %w", k.Exponent, ErrRSAKey)
	}
	n, err := bigmod.NewModulus(k.Modulus)
	if err != nil {
		return nil, fmt.Errorf("modulus: %w: %w", err, ErrRSAKey)
	}
	return &rsaPublic{pub: k, n: n, e: uint(k.Exponent), size: size}, nil
}

// recover undoes a signature: the block of the modulus' size that was signed.
func (k *rsaPublic) recover(sig []byte) ([]byte, bool) {
	if len(sig) != k.size {
		return nil, false
	}
	x, err := bigmod.NewNat().SetBytes(sig, k.n)
	if err != nil {
		return nil, false
	}
	return bigmod.NewNat().ExpShortVarTime(x, k.e, k.n).Bytes(k.n), true
}

// RSAComponents are the secret numbers of an RSA key as a card is given them
// (DGI 8201 to 8205), big endian. DP, DQ and QInv may be left empty: they follow
// from the primes. It prints a fixed text.
type RSAComponents struct {
	P, Q     []byte // the primes, of equal length
	DP, DQ   []byte // private exponent modulo P-1 and Q-1
	QInv     []byte // inverse of Q modulo P
	Exponent uint32 // public exponent, 3 or 65537
}

// Format answers every verb of fmt with a fixed text.
func (RSAComponents) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText gives a fixed text to encoding/json and others.
func (RSAComponents) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// RSAPrivate is an RSA private key that computes by the Chinese remainder
// theorem with blinded exponents. It prints a fixed text.
type RSAPrivate struct {
	check  *rsaPublic
	p, q   *bigmod.Modulus
	qn     *bigmod.Nat // q modulo n
	qInv   *bigmod.Nat
	dp, dq blindable
}

// NewRSAPrivate checks that the numbers belong together and prepares them.
func NewRSAPrivate(c RSAComponents) (*RSAPrivate, error) {
	c, n, err := c.complete()
	if err != nil {
		return nil, fmt.Errorf("take RSA private key: %w", err)
	}
	k := new(RSAPrivate)
	if k.check, err = (RSAPublic{Modulus: n, Exponent: c.Exponent}).prepare(); err != nil {
		return nil, fmt.Errorf("take RSA private key: %w", err)
	}
	if k.p, err = bigmod.NewModulus(c.P); err != nil {
		return nil, fmt.Errorf("take RSA private key: prime P: %w", err)
	}
	if k.q, err = bigmod.NewModulus(c.Q); err != nil {
		return nil, fmt.Errorf("take RSA private key: prime Q: %w", err)
	}
	if k.qInv, err = bigmod.NewNat().SetBytes(c.QInv, k.p); err != nil {
		return nil, fmt.Errorf("take RSA private key: QInv: %w", err)
	}
	k.qn = k.q.Nat().ExpandFor(k.check.n)
	k.dp, k.dq = newBlindable(c.DP, c.P), newBlindable(c.DQ, c.Q)
	return k, nil
}

// complete fills in or checks DP, DQ and QInv and computes the modulus. It runs
// once a key, outside the signing path, on math/big.
func (c RSAComponents) complete() (RSAComponents, []byte, error) {
	p, q := new(big.Int).SetBytes(c.P), new(big.Int).SetBytes(c.Q)
	if len(c.P) != len(c.Q) || len(c.P) > maxModulus/2 || p.Bit(0) == 0 || q.Bit(0) == 0 || p.Cmp(q) == 0 {
		return c, nil, fmt.Errorf("primes of %d and %d bytes must differ, be odd and equally long: %w", len(c.P), len(c.Q), ErrRSAKey)
	}
	one, e := big.NewInt(1), big.NewInt(int64(c.Exponent))
	dp := new(big.Int).ModInverse(e, new(big.Int).Sub(p, one))
	dq := new(big.Int).ModInverse(e, new(big.Int).Sub(q, one))
	qInv := new(big.Int).ModInverse(q, p)
	if dp == nil || dq == nil || qInv == nil {
		return c, nil, fmt.Errorf("public exponent %d does not fit the primes: %w", c.Exponent, ErrRSAKey)
	}
	for _, f := range []struct {
		name string
		got  *[]byte
		want *big.Int
	}{{"DP", &c.DP, dp}, {"DQ", &c.DQ, dq}, {"QInv", &c.QInv, qInv}} {
		want := f.want.FillBytes(make([]byte, len(c.P)))
		if len(*f.got) != 0 && new(big.Int).SetBytes(*f.got).Cmp(f.want) != 0 {
			return c, nil, fmt.Errorf("%s does not fit the primes: %w", f.name, ErrRSAKey)
		}
		*f.got = want
	}
	return c, new(big.Int).Mul(p, q).Bytes(), nil
}

// Public gives the public key; the modulus is shared and must not be changed.
func (k *RSAPrivate) Public() RSAPublic { return k.check.pub }

// Size is the length of modulus and signature in bytes.
func (k *RSAPrivate) Size() int { return k.check.size }

// Format answers every verb of fmt with a fixed text.
func (RSAPrivate) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

var errFault = errors.New("the RSA result does not verify under its own public key: computing fault or damaged key")

// power raises a block of the modulus' size to the private exponent: a signature,
// or a ciphertext opened. It reads 16 bytes from rand to blind the exponents; the
// result does not depend on them.
func (k *RSAPrivate) power(rand io.Reader, block []byte) ([]byte, error) {
	m, err := bigmod.NewNat().SetBytes(block, k.check.n)
	if err != nil || len(block) != k.check.size {
		return nil, fmt.Errorf("block of %d bytes is not below the modulus of %d", len(block), k.check.size)
	}
	var blind [16]byte
	if _, err := io.ReadFull(rand, blind[:]); err != nil {
		return nil, fmt.Errorf("read blinding bytes: %w", err)
	}
	var bufP, bufQ [maxExponent]byte
	dp := k.dp.blinded(bufP[:], binary.BigEndian.Uint64(blind[:8]))
	dq := k.dq.blinded(bufQ[:], binary.BigEndian.Uint64(blind[8:]))
	t := bigmod.NewNat()
	m1 := bigmod.NewNat().Exp(t.Mod(m, k.p), dp, k.p)
	m2 := bigmod.NewNat().Exp(t.Mod(m, k.q), dq, k.q)
	// Garner: s = m2 + q * (qInv * (m1 - m2) mod p).
	h := m1.Sub(t.Mod(m2, k.p), k.p).Mul(k.qInv, k.p).ExpandFor(k.check.n)
	s := h.Mul(k.qn, k.check.n).Add(m2.ExpandFor(k.check.n), k.check.n).Bytes(k.check.n)
	if back, ok := k.check.recover(s); !ok || subtle.ConstantTimeCompare(back, block) != 1 {
		return nil, errFault
	}
	return s, nil
}

// blindable is a private exponent d modulo p-1, in 64-bit limbs, lowest first.
type blindable struct{ d, order []uint64 }

func newBlindable(d, p []byte) blindable {
	b := blindable{d: limbs(d), order: limbs(p)}
	b.order[0]-- // p is odd
	return b
}

func limbs(b []byte) []uint64 {
	out := make([]uint64, (len(b)+7)/8)
	for i, c := range b {
		at := len(b) - 1 - i
		out[at/8] |= uint64(c) << (at % 8 * 8)
	}
	return out
}

// maxExponent is the size of a blinded exponent under the longest modulus: half
// of it in whole limbs and one limb more.
const maxExponent = 8 * ((maxModulus/2+7)/8 + 1)

// blinded gives d + r*(p-1) in buf, big endian, which is the same exponent modulo
// p but other bits every time. Its running time does not depend on the numbers.
func (b *blindable) blinded(buf []byte, r uint64) []byte {
	out := buf[:8*(len(b.d)+1)]
	var carry uint64
	for i := range b.d {
		hi, lo := bits.Mul64(b.order[i], r)
		lo, c1 := bits.Add64(lo, b.d[i], 0)
		lo, c2 := bits.Add64(lo, carry, 0)
		carry = hi + c1 + c2
		binary.BigEndian.PutUint64(out[8*(len(b.d)-i):], lo)
	}
	binary.BigEndian.PutUint64(out, carry)
	return out
}
