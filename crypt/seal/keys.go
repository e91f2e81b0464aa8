package seal

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// PrivateKey is an SM2 private key of a terminal or an acquirer. It prints as
// "[secret]".
type PrivateKey struct {
	key    *sm2.PrivateKey
	public PublicKey
}

// PublicKey is the public half.
type PublicKey struct {
	key *ecdsa.PublicKey
	xy  [64]byte
}

// NewPrivateKey takes a scalar of 32 bytes, 1 to n-2.
func NewPrivateKey(d [32]byte) (*PrivateKey, error) {
	key, err := sm2.NewPrivateKey(d[:])
	if err != nil {
		return nil, errors.New("not an SM2 private key: want 32 bytes, 1 to n-2")
	}
	p := &PrivateKey{key: key, public: PublicKey{key: &key.PublicKey}}
	key.X.FillBytes(p.public.xy[:32])
	key.Y.FillBytes(p.public.xy[32:])
	return p, nil
}

// NewPublicKey takes X || Y and refuses what is no point of the curve.
func NewPublicKey(xy [64]byte) (*PublicKey, error) {
	key, err := sm2.NewPublicKey(append([]byte{4}, xy[:]...))
	if err != nil {
		return nil, fmt.Errorf("not an SM2 public key: %w", err)
	}
	return &PublicKey{key: key, xy: xy}, nil
}

// Public gives the public half.
func (k *PrivateKey) Public() *PublicKey { return &k.public }

// XY is X || Y, 64 bytes.
func (k *PublicKey) XY() [64]byte { return k.xy }

// Format hides the key for every verb.
func (k *PrivateKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[secret]") }

// LogValue hides the key from slog.
func (k *PrivateKey) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText hides the key from JSON.
func (k *PrivateKey) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Sign signs a message (SM2 with SM3, default identity). The signature is
// r || s, 32 bytes each.
func (k *PrivateKey) Sign(rand io.Reader, message []byte) ([64]byte, error) {
	var out [64]byte
	der, err := k.key.Sign(rand, message, sm2.DefaultSM2SignerOpts)
	if err != nil {
		return out, err
	}
	var r, s big.Int
	var inner cryptobyte.String
	input := cryptobyte.String(der)
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) {
		return out, errors.New("SM2 library gave a signature that is not DER")
	}
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

// Verify reports whether signature is the key's over message.
func (k *PublicKey) Verify(message, signature []byte) bool {
	if len(signature) != 64 {
		return false
	}
	digest, err := sm2.CalculateSM2Hash(k.key, message, nil)
	if err != nil {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return sm2.Verify(k.key, digest, r, s)
}
