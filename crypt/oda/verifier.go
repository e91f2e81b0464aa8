package oda

import (
	"crypto/sha256"
	"fmt"
	"sync"
)

// Lengths of the SM2 formats (JR/T 0025.17).
const (
	sm2IssuerSize = 1 + 4 + 2 + 3 + 4 + 64 + signatureSize
	sm2CardSize   = 1 + 10 + 2 + 3 + 4 + 64 + signatureSize
	sm2StaticSize = 1 + 1 + 2 + signatureSize
)

// MaxStaticData is how many bytes of static data a card may bring; an AFL cannot
// reach more records than that in practice.
const MaxStaticData = 4096

// CAKey is a certification authority's public key. Exactly one of SM2 and RSA is
// set, and decides the format of the certificates below it.
type CAKey struct {
	RID   [5]byte // e.g. A000000333
	Index byte    // tag 8F of the cards that use it
	SM2   *[64]byte
	RSA   *RSAPublic
}

// CardData is what a reader has read from a card, the values of the tags named.
type CardData struct {
	RID            [5]byte  // first five bytes of the application identifier
	CAIndex        byte     // 8F
	PAN            [10]byte // 5A, left justified, filled up with F
	AIP            [2]byte  // 82
	IssuerCert     []byte   // 90
	IssuerRest     []byte   // 92, RSA only, may be empty
	IssuerExponent []byte   // 9F32, RSA only
	CardCert       []byte   // 9F46
	CardRest       []byte   // 9F48, RSA only, may be empty
	CardExponent   []byte   // 9F47, RSA only
	PINCert        []byte   // 9F2D, for VerifyPINKey, may be empty
	PINRest        []byte   // 9F2F, RSA only, may be empty
	PINExponent    []byte   // 9F2E, RSA only
	SignedStatic   []byte   // 93, for VerifyStatic
	StaticData     []byte   // records that the AFL marks, EMV Book 3, 10.3; without the AIP
	StaticTags     []byte   // 9F4A: empty, or 82, which adds the AIP to the static data
}

// CardKey is a card's public key that a certificate has vouched for. It may be
// kept by the caller for as long as Expiry has not passed; the same card with the
// same certificate and static data would verify again.
type CardKey struct {
	sm2    *SM2Public
	rsa    *rsaPublic
	expiry Month
}

// Expiry is the last month in which the certificates above the key are valid.
func (k *CardKey) Expiry() Month { return k.expiry }

// SM2 gives the key if it is an SM2 key, and nil if it is RSA.
func (k *CardKey) SM2() *SM2Public { return k.sm2 }

// RSA gives the key if it is an RSA key; the modulus is shared.
func (k *CardKey) RSA() (key RSAPublic, ok bool) {
	if k.rsa == nil {
		return RSAPublic{}, false
	}
	return k.rsa.pub, true
}

// Result is the outcome of Verify. Key is set once the card certificate has
// verified, even if the dynamic signature then fails.
type Result struct {
	Reason Reason
	Key    *CardKey
}

// Verifier checks cards against CA public keys. It keeps verified issuer
// certificates, as many as it was told, the oldest leaving first.
type Verifier struct {
	cas map[caName]*publicKey

	mu      sync.Mutex
	issuers map[[sha256.Size]byte]*issuerKey
	ring    [][sha256.Size]byte // the cached hashes in order of arrival
	next    int                 // where the next one goes
}

type caName struct {
	rid   [5]byte
	index byte
}

// publicKey is one of the two.
type publicKey struct {
	sm2 *SM2Public
	rsa *rsaPublic
}

// issuerKey is what a verified issuer certificate says.
type issuerKey struct {
	publicKey
	id     [4]byte
	expiry Month
}

// NewVerifier checks the CA keys. issuers is the size of the cache of issuer
// certificates, at least 1. A key that is neither or both of SM2 and RSA, is
// unusable or comes twice is an error.
func NewVerifier(keys []CAKey, issuers int) (*Verifier, error) {
	if issuers < 1 {
		return nil, fmt.Errorf("make verifier: cache for %d issuer certificates, want at least 1", issuers)
	}
	v := &Verifier{
		cas:     make(map[caName]*publicKey, len(keys)),
		issuers: make(map[[sha256.Size]byte]*issuerKey, issuers),
		ring:    make([][sha256.Size]byte, issuers),
	}
	for _, k := range keys {
		name := caName{k.RID, k.Index}
		if v.cas[name] != nil || (k.SM2 == nil) == (k.RSA == nil) {
			return nil, fmt.Errorf("make verifier: CA key %X index %02X is there twice or is not one key", k.RID, k.Index)
		}
		var p publicKey
		var err error
		if k.SM2 != nil {
			p.sm2, err = NewSM2Public(*k.SM2)
		} else {
			p.rsa, err = k.RSA.prepare()
		}
		if err != nil {
			return nil, fmt.Errorf("make verifier: CA key %X index %02X: %w", k.RID, k.Index, err)
		}
		v.cas[name] = &p
	}
	return v, nil
}

// Verify checks a card wholly: issuer certificate, card certificate with static
// data, and the dynamic signature over terminalData for this counter. at is the
// month of the transaction.
func (v *Verifier) Verify(card *CardData, sdad []byte, atc uint16, terminalData []byte, at Month) Result {
	key, r := v.VerifyCardCert(card, at)
	if r != OK {
		return Result{Reason: r}
	}
	return Result{Reason: key.VerifyDynamic(sdad, atc, terminalData), Key: key}
}

// VerifyCardCert checks issuer and card certificate and gives the card's public
// key, or why there is none.
func (v *Verifier) VerifyCardCert(card *CardData, at Month) (*CardKey, Reason) {
	issuer, r := v.issuer(card, at)
	if r != OK {
		return nil, r
	}
	aip, r := card.staticAIP()
	if r != OK {
		return nil, r
	}
	key, pan, r := issuer.card(card, aip)
	switch {
	case r != OK:
		return nil, r
	case pan != card.PAN:
		return nil, PANMismatch
	case at > key.expiry:
		return nil, CardCertExpired
	}
	key.expiry = min(key.expiry, issuer.expiry)
	return key, OK
}

// VerifyStatic checks the issuer certificate and tag 93 over the static data,
// and gives the data authentication code inside.
func (v *Verifier) VerifyStatic(card *CardData, at Month) (dac [2]byte, r Reason) {
	issuer, r := v.issuer(card, at)
	if r != OK {
		return dac, r
	}
	aip, r := card.staticAIP()
	if r != OK {
		return dac, r
	}
	sig := card.SignedStatic
	if len(sig) == 0 {
		return dac, MissingData
	}
	if issuer.sm2 != nil {
		if len(sig) != sm2StaticSize || sig[0] != formatSM2|formatStatic {
			return dac, Format
		}
		if !issuer.sm2.Verify(sig[4:], sig[:4], card.StaticData, aip) {
			return dac, StaticDataBad
		}
		return [2]byte(sig[2:4]), OK
	}
	block, ok := issuer.rsa.open(sig, formatStatic, card.StaticData, aip)
	if !ok || block[2] != sha1Code {
		return dac, StaticDataBad
	}
	return [2]byte(block[3:5]), OK
}

// staticAIP gives what 9F4A adds to the static data (EMV Book 3, 10.3): nothing
// or the AIP; any other list is an error by that clause.
func (c *CardData) staticAIP() ([]byte, Reason) {
	switch {
	case len(c.StaticData) > MaxStaticData:
		return nil, Format
	case len(c.StaticTags) == 0:
		return nil, OK
	case len(c.StaticTags) == 1 && c.StaticTags[0] == 0x82:
		return c.AIP[:], OK
	}
	return nil, Format
}

// issuer gives the certified issuer key of a card, from the cache if it can.
func (v *Verifier) issuer(card *CardData, at Month) (*issuerKey, Reason) {
	if len(card.IssuerCert) == 0 {
		return nil, MissingData
	}
	if len(card.IssuerCert) > maxModulus || len(card.IssuerRest) > maxModulus || len(card.IssuerExponent) > 3 {
		return nil, Format
	}
	ca := v.cas[caName{card.RID, card.CAIndex}]
	if ca == nil {
		return nil, NoCAKey
	}
	hash := card.issuerHash()
	v.mu.Lock()
	k := v.issuers[hash]
	v.mu.Unlock()
	if k == nil {
		var r Reason
		if k, r = ca.issuer(card); r != OK {
			return nil, r
		}
		v.keep(hash, k)
	}
	if !issuerMatches(k.id, card.PAN) {
		return nil, IssuerMismatch
	}
	if at > k.expiry {
		return nil, IssuerCertExpired
	}
	return k, OK
}

// keep caches a verified issuer certificate in the place of the oldest.
func (v *Verifier) keep(hash [sha256.Size]byte, k *issuerKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.issuers[hash] != nil {
		return
	}
	delete(v.issuers, v.ring[v.next])
	v.ring[v.next] = hash
	v.issuers[hash] = k
	v.next = (v.next + 1) % len(v.ring)
}

// issuerHash names an issuer certificate together with all that its verification
// depends on. The lengths keep the parts apart.
func (c *CardData) issuerHash() [sha256.Size]byte {
	buf := make([]byte, 0, 2*maxModulus+16)
	buf = append(buf, c.RID[:]...)
	buf = append(buf, c.CAIndex, byte(len(c.IssuerCert)), byte(len(c.IssuerRest)))
	buf = append(buf, c.IssuerCert...)
	buf = append(buf, c.IssuerRest...)
	return sha256.Sum256(append(buf, c.IssuerExponent...))
}

// issuerMatches tells whether an issuer identifier, 3 to 8 digits filled up with
// F, is the start of a PAN (EMV Book 2, 5.3 step 7).
func issuerMatches(id [4]byte, pan [10]byte) bool {
	digits := 0
	for digits < 8 {
		d := id[digits/2] >> (4 - digits%2*4) & 15
		if d == 15 {
			break
		}
		if d > 9 || d != pan[digits/2]>>(4-digits%2*4)&15 {
			return false
		}
		digits++
	}
	for i := digits; i < 8; i++ {
		if id[i/2]>>(4-i%2*4)&15 != 15 {
			return false
		}
	}
	return digits >= 3
}
