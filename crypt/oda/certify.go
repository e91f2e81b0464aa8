package oda

import (
	"fmt"
	"io"
)

// Profile is the three bytes of an SM2 certificate before the key length: which
// signature algorithm, key algorithm and curve. No public text gives their
// values; certificates are made with DefaultProfile and read with any (our
// choice), since the format byte and the CA index already fix the algorithm.
type Profile struct{ Signature, Key, Curve byte }

// DefaultProfile marks the certificates made here (our choice).
var DefaultProfile = Profile{Signature: 0x04, Key: 0x04, Curve: 0x11}

// IssuerCert says what a CA certifies about an issuer.
type IssuerCert struct {
	IssuerID [4]byte // leftmost 3 to 8 digits of the PAN, filled up with F
	Expiry   [2]byte // MMYY, BCD; valid to the end of that month
	Serial   [3]byte
	Profile  Profile // SM2 only; the zero value means DefaultProfile
}

// CardCert says what an issuer certifies about a card.
type CardCert struct {
	PAN        [10]byte // BCD, left justified, filled up with F
	Expiry     [2]byte  // MMYY, BCD
	Serial     [3]byte
	Profile    Profile // SM2 only; the zero value means DefaultProfile
	StaticData []byte  // static data to be authenticated, ending with the AIP if 9F4A is 82; empty for a PIN key (9F2D)
}

// RSACertificate is a certificate with what does not fit into it.
type RSACertificate struct {
	Certificate []byte // tag 90 or 9F46
	Remainder   []byte // tag 92 or 9F48, empty if the key fits
	Exponent    []byte // tag 9F32 or 9F47
}

// Format bytes of certificates and signatures; SM2 ones are higher by 10 hex.
const (
	formatIssuer  = 0x02
	formatStatic  = 0x03
	formatCard    = 0x04
	formatDynamic = 0x05
	formatSM2     = 0x10
)

// Fixed bytes of RSA blocks (EMV Book 2, 5 and 6).
const (
	rsaHeader  = 0x6A
	rsaTrailer = 0xBC
	rsaPad     = 0xBB
	sha1Code   = 0x01 // hash algorithm indicator
	rsaCode    = 0x01 // public key algorithm indicator
	sha1Size   = 20
)

// How much of an RSA certificate is not key: EMV Book 2, tables 10 and 14.
const (
	issuerOverhead = 36
	cardOverhead   = 42
)

// CertifyIssuer makes tag 90 in SM2 format, 142 bytes (JR/T 0025.17): 12, issuer
// identifier(4), expiry(2), serial(3), three algorithm bytes, key length 40,
// key(64), signature(64) over all before it.
func (k *SM2Private) CertifyIssuer(rand io.Reader, c IssuerCert, issuer [64]byte) ([]byte, error) {
	b := make([]byte, 0, sm2IssuerSize)
	b = append(b, formatSM2|formatIssuer)
	b = append(b, c.IssuerID[:]...)
	b = append(b, c.Expiry[:]...)
	b = append(b, c.Serial[:]...)
	return k.certify(rand, b, c.Profile, issuer, nil)
}

// CertifyCard makes tag 9F46 in SM2 format, 148 bytes (JR/T 0025.17): as
// CertifyIssuer with 14 and the PAN(10); the signature also covers StaticData.
func (k *SM2Private) CertifyCard(rand io.Reader, c CardCert, card [64]byte) ([]byte, error) {
	b := make([]byte, 0, sm2CardSize)
	b = append(b, formatSM2|formatCard)
	b = append(b, c.PAN[:]...)
	b = append(b, c.Expiry[:]...)
	b = append(b, c.Serial[:]...)
	return k.certify(rand, b, c.Profile, card, c.StaticData)
}

func (k *SM2Private) certify(rand io.Reader, b []byte, p Profile, key [64]byte, static []byte) ([]byte, error) {
	if _, err := NewSM2Public(key); err != nil {
		return nil, fmt.Errorf("certify: %w", err)
	}
	if p == (Profile{}) {
		p = DefaultProfile
	}
	b = append(b, p.Signature, p.Key, p.Curve, byte(len(key)))
	b = append(b, key[:]...)
	return k.Sign(b, rand, b, static)
}

// SignStatic makes tag 93 in SM2 format, 68 bytes: 13, signature algorithm, data
// authentication code(2), signature over these and the static data. The layout
// follows the other SM2 formats; no public text shows it (our choice).
func (k *SM2Private) SignStatic(rand io.Reader, dac [2]byte, static []byte) ([]byte, error) {
	b := append(make([]byte, 0, sm2StaticSize), formatSM2|formatStatic, DefaultProfile.Signature, dac[0], dac[1])
	return k.Sign(b, rand, b, static)
}

// CertifyIssuer makes tags 90, 92 and 9F32 (EMV Book 2, 5.1, table 2): block 6A
// 02, identifier(4), expiry(2), serial(3), 01, 01, key length, exponent length,
// leftmost part of the key, SHA-1(20), BC. The issuer's modulus must not be
// longer than the CA's.
func (k *RSAPrivate) CertifyIssuer(rand io.Reader, c IssuerCert, issuer RSAPublic) (RSACertificate, error) {
	head := append([]byte{rsaHeader, formatIssuer}, c.IssuerID[:]...)
	head = append(head, c.Expiry[:]...)
	head = append(head, c.Serial[:]...)
	return k.certify(rand, head, issuer, issuerOverhead, nil)
}

// CertifyCard makes tags 9F46, 9F48 and 9F47 (EMV Book 2, 6.1, table 8): as
// CertifyIssuer with 6A 04 and the PAN(10); the hash also covers StaticData.
func (k *RSAPrivate) CertifyCard(rand io.Reader, c CardCert, card RSAPublic) (RSACertificate, error) {
	head := append([]byte{rsaHeader, formatCard}, c.PAN[:]...)
	head = append(head, c.Expiry[:]...)
	head = append(head, c.Serial[:]...)
	return k.certify(rand, head, card, cardOverhead, c.StaticData)
}

func (k *RSAPrivate) certify(rand io.Reader, head []byte, key RSAPublic, overhead int, static []byte) (RSACertificate, error) {
	if _, err := key.prepare(); err != nil {
		return RSACertificate{}, fmt.Errorf("certify: %w", err)
	}
	n := len(key.Modulus)
	if n > k.Size() {
		return RSACertificate{}, fmt.Errorf("certify: key of %d bytes under a key of %d, EMV Book 2, D1 wants it no longer", n, k.Size())
	}
	out := RSACertificate{Exponent: key.exponentBytes()}
	room := k.Size() - overhead
	block := append(head, sha1Code, rsaCode, byte(n), byte(len(out.Exponent)))
	block = append(block, key.Modulus[:min(n, room)]...)
	if n > room {
		out.Remainder = append([]byte(nil), key.Modulus[room:]...)
	}
	var err error
	out.Certificate, err = k.seal(rand, block, out.Remainder, out.Exponent, static)
	return out, err
}

// SignStatic makes tag 93 (EMV Book 2, 5.1, table 3): 6A 03 01, data
// authentication code(2), BB.., SHA-1, BC; the hash also covers the static data.
func (k *RSAPrivate) SignStatic(rand io.Reader, dac [2]byte, static []byte) ([]byte, error) {
	return k.seal(rand, []byte{rsaHeader, formatStatic, sha1Code, dac[0], dac[1]}, static)
}

// seal fills block up with BB, appends hash and trailer, and signs it. The hash
// covers the block without its header, then the further parts.
func (k *RSAPrivate) seal(rand io.Reader, block []byte, parts ...[]byte) ([]byte, error) {
	end := k.Size() - sha1Size - 1
	if len(block) > end {
		return nil, fmt.Errorf("sign block of %d bytes: a key of %d bytes has room for %d", len(block), k.Size(), end)
	}
	for len(block) < end {
		block = append(block, rsaPad)
	}
	block = appendSHA1(block, block[1:], parts)
	return k.power(rand, append(block, rsaTrailer))
}
