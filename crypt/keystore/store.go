package keystore

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// MaxName is the longest name of a key in bytes.
const MaxName = 100

// Store is a set of named keys in memory. The zero value is not usable: New,
// Open and Development make one.
type Store struct {
	keys        map[string]*key
	development bool
}

// New makes an empty store.
func New() *Store { return &Store{keys: make(map[string]*key)} }

// Format answers every verb of fmt with a fixed text.
func (Store) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// AddSymmetric takes a triple DES or SM4 key under a new name. It fails with
// ErrExists, ErrUsage (an SM2 usage) or ErrKey (another algorithm, a name that is
// empty, longer than MaxName or holds control characters).
func (s *Store) AddSymmetric(name string, usage Usage, alg cryptogram.Alg, k cryptogram.Key) error {
	if err := s.admit(name); err != nil {
		return fmt.Errorf("add key %q: %w", name, err)
	}
	if !usage.symmetric() {
		return fmt.Errorf("add key %q of %v for %v: %w", name, alg, usage, ErrUsage)
	}
	block, err := cryptogram.NewBlock(alg, k)
	if err != nil {
		return fmt.Errorf("add key %q: %w: %w", name, err, ErrKey)
	}
	if k.Equal(DevelopmentKey(name)) || isPublic(k[:]) {
		s.development = true
	}
	s.keys[name] = &key{
		info:   Info{Name: name, Usage: usage, Algorithm: Algorithm(alg), KCV: cryptogram.KCV(alg, k)},
		secret: bytes.Clone(k[:]),
		block:  block,
	}
	return nil
}

// AddSM2 takes an SM2 private scalar under a new name, with errors as
// AddSymmetric.
func (s *Store) AddSM2(name string, usage Usage, d [32]byte) error {
	if err := s.admit(name); err != nil {
		return fmt.Errorf("add key %q: %w", name, err)
	}
	if usage == 0 || usage >= usageEnd || usage.symmetric() {
		return fmt.Errorf("add key %q of SM2 for %v: %w", name, usage, ErrUsage)
	}
	private, err := oda.NewSM2Private(d)
	if err != nil {
		return fmt.Errorf("add key %q: %w: %w", name, err, ErrKey)
	}
	if byName := devkeys.SM2Key(name); subtle.ConstantTimeCompare(d[:], byName[:]) == 1 || isPublic(d[:]) {
		s.development = true
	}
	s.keys[name] = &key{
		info:   Info{Name: name, Usage: usage, Algorithm: SM2, Public: private.Public()},
		secret: bytes.Clone(d[:]),
		sm2:    private,
	}
	return nil
}

func (s *Store) admit(name string) error {
	if name == "" || len(name) > MaxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\uFFFD' }) {
		return fmt.Errorf("name of %d bytes must be 1 to %d bytes of printable UTF-8: %w", len(name), MaxName, ErrKey)
	}
	if s.keys[name] != nil {
		return ErrExists
	}
	return nil
}

// IsDevelopment tells whether the store holds a key that is public because this
// program can make it: any key of Development, whatever name, usage, algorithm or
// DES parity it has here, the scalar of a simulated participant in file exchange, or
// what DevelopmentKey and devkeys.SM2Key make of the key's own name. A production configuration must refuse
// the store.
func (s *Store) IsDevelopment() bool { return s.development }

// List gives what may be known of every key, by name in order.
func (s *Store) List() []Info {
	out := make([]Info, 0, len(s.keys))
	for _, k := range s.keys {
		out = append(out, k.info)
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Lookup gives what may be known of one key, or ErrNotFound.
func (s *Store) Lookup(name string) (Info, error) {
	k := s.keys[name]
	if k == nil {
		return Info{}, fmt.Errorf("look up key %q: %w", name, ErrNotFound)
	}
	return k.info, nil
}

// use finds a key for one of the usages.
func (s *Store) use(name string, allowed ...Usage) (*key, error) {
	k := s.keys[name]
	if k == nil {
		return nil, fmt.Errorf("use key %q: %w", name, ErrNotFound)
	}
	if !slices.Contains(allowed, k.info.Usage) {
		return nil, fmt.Errorf("use key %q, which is for %v, as %v: %w", name, k.info.Usage, allowed[0], ErrUsage)
	}
	return k, nil
}

// Verifier makes a verifier for rows in bulk under an issuer's masters AC and MAC
// (ENC is not used). It judges and gives nothing away: a caller that could encrypt
// with a master would have every card's key (cryptogram.DeriveCardKey). Both
// masters must be of alg, else the error is ErrUsage.
func (s *Store) Verifier(masters MasterNames, alg cryptogram.Alg) (*cryptogram.Verifier, error) {
	ac, err := s.master(masters.AC, IssuerAC, alg)
	if err != nil {
		return nil, err
	}
	mac, err := s.master(masters.MAC, IssuerMAC, alg)
	if err != nil {
		return nil, err
	}
	return cryptogram.NewVerifier(alg, ac.block, mac.block), nil
}

// master finds an issuer master of one usage and algorithm.
func (s *Store) master(name string, usage Usage, alg cryptogram.Alg) (*key, error) {
	k, err := s.use(name, usage)
	if err != nil {
		return nil, err
	}
	if k.info.Algorithm != Algorithm(alg) {
		return nil, fmt.Errorf("use master %q, which is %v, with %v: %w", name, k.info.Algorithm, alg, ErrUsage)
	}
	return k, nil
}

// Sign appends an SM2 signature r || s over the parts of a message, see
// oda.SM2Private.Sign. The key must be for signing by a terminal, an acquirer or a clerk:
// certificates are made by CertifyCard and CertifyIssuer only.
func (s *Store) Sign(dst []byte, name string, rand io.Reader, parts ...[]byte) ([]byte, error) {
	k, err := s.use(name, TerminalSign, AcquirerSign, ClerkSign)
	if err != nil {
		return nil, err
	}
	return k.sm2.Sign(dst, rand, parts...)
}

// UnwrapSM2 opens what was encrypted to an acquirer's wrapping key, in the form
// 04 C1 C3 C2 (GM/T 0003.4).
func (s *Store) UnwrapSM2(name string, ciphertext []byte) ([]byte, error) {
	k, err := s.use(name, AcquirerWrap)
	if err != nil {
		return nil, err
	}
	return k.sm2.Decrypt(ciphertext)
}

// CertifyCard makes tag 9F46 with an issuer's signing key, see
// oda.SM2Private.CertifyCard.
func (s *Store) CertifyCard(name string, rand io.Reader, c oda.CardCert, card [64]byte) ([]byte, error) {
	k, err := s.use(name, IssuerSign)
	if err != nil {
		return nil, err
	}
	return k.sm2.CertifyCard(rand, c, card)
}

// CertifyIssuer makes tag 90 with a CA's signing key, see
// oda.SM2Private.CertifyIssuer.
func (s *Store) CertifyIssuer(name string, rand io.Reader, c oda.IssuerCert, issuer [64]byte) ([]byte, error) {
	k, err := s.use(name, CASign)
	if err != nil {
		return nil, err
	}
	return k.sm2.CertifyIssuer(rand, c, issuer)
}

// MasterNames names the three issuer masters of a card.
type MasterNames struct{ AC, MAC, ENC string }

// WrappedKey is a card key encrypted in ECB under a transport key, with the check
// value of the key inside.
type WrappedKey struct {
	Ciphertext [16]byte
	KCV        [3]byte
}

// WrappedCardKeys is what personalisation carries to a card.
type WrappedCardKeys struct {
	Alg          cryptogram.Alg // of the card keys inside
	AC, MAC, ENC WrappedKey
}

// CardKeys derives a card's three keys (cryptogram.DeriveCardKey) and gives them
// wrapped under the named transport key. The three masters must be of one
// algorithm; the transport key may be of the other.
func (s *Store) CardKeys(masters MasterNames, pan [10]byte, psn byte, kek string) (WrappedCardKeys, error) {
	wrap, err := s.use(kek, TransportKEK)
	if err != nil {
		return WrappedCardKeys{}, err
	}
	var out WrappedCardKeys
	for _, m := range []struct {
		name  string
		usage Usage
		to    *WrappedKey
	}{{masters.AC, IssuerAC, &out.AC}, {masters.MAC, IssuerMAC, &out.MAC}, {masters.ENC, IssuerENC, &out.ENC}} {
		k, err := s.use(m.name, m.usage)
		if err != nil {
			return WrappedCardKeys{}, err
		}
		alg := cryptogram.Alg(k.info.Algorithm)
		if out.Alg != 0 && out.Alg != alg {
			return WrappedCardKeys{}, fmt.Errorf("derive card keys: master %q is %v, the one before is %v: %w", m.name, alg, out.Alg, ErrUsage)
		}
		out.Alg = alg
		card := cryptogram.DeriveCardKey(alg, k.block, pan, psn)
		m.to.KCV = cryptogram.KCV(alg, card)
		ecb(wrap.block.Encrypt, wrap.block.BlockSize(), m.to.Ciphertext[:], card[:])
	}
	return out, nil
}

// ecb turns 16 bytes block by block.
func ecb(turn func(dst, src []byte), size int, dst, src []byte) {
	for at := 0; at < len(src); at += size {
		turn(dst[at:at+size], src[at:at+size])
	}
}

// CardKeys are a card's own keys, in clear: only the chip has them.
type CardKeys struct {
	Alg          cryptogram.Alg
	AC, MAC, ENC cryptogram.Key
}

// UnwrapCardKeys is the card's side of CardKeys: it decrypts the three keys with
// the transport key and compares their check values. It fails with ErrKCV or
// ErrKey (an unknown algorithm).
func UnwrapCardKeys(w WrappedCardKeys, kekAlg cryptogram.Alg, kek cryptogram.Key) (CardKeys, error) {
	cipher, err := newCipher(kekAlg, kek)
	if err != nil || !w.Alg.Valid() {
		return CardKeys{}, fmt.Errorf("unwrap card keys of %v under %v: %w", w.Alg, kekAlg, ErrKey)
	}
	out := CardKeys{Alg: w.Alg}
	for _, k := range []struct {
		name string
		from WrappedKey
		to   *cryptogram.Key
	}{{"AC", w.AC, &out.AC}, {"MAC", w.MAC, &out.MAC}, {"ENC", w.ENC, &out.ENC}} {
		ecb(cipher.Decrypt, cipher.BlockSize(), k.to[:], k.from.Ciphertext[:])
		if kcv := cryptogram.KCV(w.Alg, *k.to); subtle.ConstantTimeCompare(kcv[:], k.from.KCV[:]) != 1 {
			return CardKeys{}, fmt.Errorf("unwrap card key %s: %w", k.name, ErrKCV)
		}
	}
	return out, nil
}
