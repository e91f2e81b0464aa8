package oda

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

const redacted = "[private key withheld]"

// signatureSize is r || s.
const signatureSize = 64

// SM2Private is an SM2 private key (GM/T 0003). It prints a fixed text.
type SM2Private struct {
	key *sm2.PrivateKey
	pub [64]byte
	z   [32]byte // hash of identity, curve and public key, GM/T 0003.2, 5.5
}

// NewSM2Private takes the private scalar d, big endian, from 1 to n-2.
func NewSM2Private(d [32]byte) (*SM2Private, error) {
	key, err := sm2.NewPrivateKey(d[:])
	if err != nil {
		return nil, fmt.Errorf("take SM2 private key: %w", err)
	}
	k := &SM2Private{key: key}
	key.X.FillBytes(k.pub[:32])
	key.Y.FillBytes(k.pub[32:])
	k.z = identityHash(k.pub)
	return k, nil
}

// Public gives the public point, X || Y.
func (k *SM2Private) Public() [64]byte { return k.pub }

// Format answers every verb of fmt with a fixed text.
func (SM2Private) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// Decrypt opens an SM2 ciphertext (GM/T 0003.4) in the form 04 C1 C3 C2.
func (k *SM2Private) Decrypt(ciphertext []byte) ([]byte, error) {
	plain, err := k.key.Decrypt(nil, ciphertext, sm2.NewPlainDecrypterOpts(sm2.C1C3C2))
	if err != nil {
		return nil, fmt.Errorf("open SM2 ciphertext of %d bytes: %w", len(ciphertext), err)
	}
	return plain, nil
}

// Sign appends the signature r || s, 64 bytes, over the parts of a message, one
// after the other, under the default user identity 1234567812345678 (GM/T 0009).
// It reads 32 bytes from rand; the same bytes give the same signature.
func (k *SM2Private) Sign(dst []byte, rand io.Reader, parts ...[]byte) ([]byte, error) {
	digest := messageHash(&k.z, parts)
	der, err := sm2.SignASN1(rand, k.key, digest[:], nil)
	if err != nil {
		return nil, fmt.Errorf("sign with SM2: %w", err)
	}
	var sig [signatureSize]byte
	if !fromDER(&sig, der) {
		return nil, errors.New("sign with SM2: the library's signature cannot be read")
	}
	return append(dst, sig[:]...), nil
}

// SM2Public is an SM2 public key made ready for verification.
type SM2Public struct {
	key *ecdsa.PublicKey
	xy  [64]byte
	z   [32]byte
}

// NewSM2Public checks that X || Y is a point of the curve.
func NewSM2Public(xy [64]byte) (*SM2Public, error) {
	var point [65]byte
	point[0] = 4
	copy(point[1:], xy[:])
	key, err := sm2.NewPublicKey(point[:])
	if err != nil {
		return nil, fmt.Errorf("take SM2 public key: %w", err)
	}
	return &SM2Public{key: key, xy: xy, z: identityHash(xy)}, nil
}

// XY gives the public point, X || Y.
func (k *SM2Public) XY() [64]byte { return k.xy }

// Verify tells whether sig, r || s, signs the parts of a message, one after the
// other, under the default user identity.
func (k *SM2Public) Verify(sig []byte, parts ...[]byte) bool {
	if len(sig) != signatureSize {
		return false
	}
	digest := messageHash(&k.z, parts)
	var buf [72]byte
	return sm2.VerifyASN1(k.key, digest[:], appendDER(buf[:0], sig))
}

// Encrypt encrypts a short message, such as a data key, for the owner of the key
// (GM/T 0003.4), in the form 04 C1 C3 C2 that Decrypt takes. The same bytes from
// rand give the same ciphertext.
func (k *SM2Public) Encrypt(rand io.Reader, plain []byte) ([]byte, error) {
	c, err := sm2.Encrypt(rand, k.key, plain, sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2))
	if err != nil {
		return nil, fmt.Errorf("encrypt %d bytes with SM2: %w", len(plain), err)
	}
	return c, nil
}

func messageHash(z *[32]byte, parts [][]byte) (digest [32]byte) {
	h := sm3.New()
	h.Write(z[:])
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(digest[:0])
	return digest
}

// identityPrefix is what identityHash covers before the public key: identity
// length in bits, identity, curve coefficients a and b, base point (GM/T 0003.2,
// 5.5; GM/T 0003.5).
const identityPrefix = "\x00\x80" + "1234567812345678" +
	"\xFF\xFF\xFF\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFC" +
	"\x28\xE9\xFA\x9E\x9D\x9F\x5E\x34\x4D\x5A\x9E\x4B\xCF\x65\x09\xA7\xF3\x97\x89\xF5\x15\xAB\x8F\x92\xDD\xBC\xBD\x41\x4D\x94\x0E\x93" +
	"\x32\xC4\xAE\x2C\x1F\x19\x81\x19\x5F\x99\x04\x46\x6A\x39\xC9\x94\x8F\xE3\x0B\xBF\xF2\x66\x0B\xE1\x71\x5A\x45\x89\x33\x4C\x74\xC7" +
	"\xBC\x37\x36\xA2\xF4\xF6\x77\x9C\x59\xBD\xCE\xE3\x6B\x69\x21\x53\xD0\xA9\x87\x7C\xC6\x2A\x47\x40\x02\xDF\x32\xE5\x21\x39\xF0\xA0"

func identityHash(xy [64]byte) [32]byte {
	var in [len(identityPrefix) + 64]byte
	copy(in[:], identityPrefix)
	copy(in[len(identityPrefix):], xy[:])
	return sm3.Sum(in[:])
}

// appendDER writes r || s as the ASN.1 sequence that the library takes. A zero r
// or s becomes an empty integer, which the library refuses.
func appendDER(dst, sig []byte) []byte {
	dst = append(dst, 0x30, 0)
	start := len(dst)
	for _, n := range [2][]byte{sig[:32], sig[32:]} {
		for len(n) > 0 && n[0] == 0 {
			n = n[1:]
		}
		if len(n) > 0 && n[0]&0x80 != 0 {
			dst = append(dst, 0x02, byte(len(n)+1), 0)
		} else {
			dst = append(dst, 0x02, byte(len(n)))
		}
		dst = append(dst, n...)
	}
	dst[start-1] = byte(len(dst) - start)
	return dst
}

// fromDER reads the library's ASN.1 sequence of two integers below 2^256.
func fromDER(sig *[signatureSize]byte, der []byte) bool {
	if len(der) < 2 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return false
	}
	der = der[2:]
	for i := range 2 {
		if len(der) < 2 || der[0] != 0x02 || len(der) < 2+int(der[1]) {
			return false
		}
		n := der[2 : 2+int(der[1])]
		der = der[2+int(der[1]):]
		for len(n) > 0 && n[0] == 0 {
			n = n[1:]
		}
		if len(n) > 32 {
			return false
		}
		copy(sig[32*(i+1)-len(n):], n)
	}
	return len(der) == 0
}
