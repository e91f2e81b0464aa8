package sim

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// A card is (profile, seed, number of its rider): everything about it can be
// made again, only what its memory went through has to be kept.

const cardPSN = 1

// cardOf is the card of a rider.
func (c *City) cardOf(rider uint32) txn.CardKey {
	if c.kindOf(rider) == tunionCard {
		return purseCard(rider)
	}
	is := &issuers[rider%uint32(len(issuers))]
	body := is.digits - len(is.bin) - 1
	digits := is.bin + fmt.Sprintf("%0*d", body, rider)
	pan, err := txn.ParsePAN(digits + string(rune(txn.Luhn(digits))))
	if err != nil {
		panic("sim: own card number is not valid: " + err.Error())
	}
	return txn.CardKey{PAN: pan, PSN: cardPSN}
}

// riderOf is the inverse of cardOf.
func (c *City) riderOf(card txn.CardKey) (uint32, bool) {
	digits := card.PAN.Digits()
	if c.opt.Mix.TUnion > 0 && strings.HasPrefix(digits, cardCompany.bin) {
		return c.riderOfPurse(digits)
	}
	for i := range issuers {
		is := &issuers[i]
		if strings.HasPrefix(digits, is.bin) && len(digits) == is.digits {
			n, err := strconv.ParseUint(digits[len(is.bin):len(digits)-1], 10, 32)
			if err != nil || int(n) >= c.riders.Len() || int(n)%len(issuers) != i {
				return 0, false
			}
			return uint32(n), c.kindOf(uint32(n)) != tunionCard
		}
	}
	return 0, false
}

// Issuer implements clearing.Issuers.
func (c *City) Issuer(card txn.CardKey) (id participantID, known bool) {
	bin := card.PAN.BIN()
	for i := range issuers {
		if issuers[i].bin == bin {
			return issuers[i].id, true
		}
	}
	if bin == cardCompany.bin && c.opt.Mix.TUnion > 0 {
		return cardCompany.id, true
	}
	return 0, false
}

// uidOf is what anti-collision finds: seven bytes that stand for the card, or,
// for the phones among the cards, four that change with every activation.
func (c *City) uidOf(rider uint32, tap uint64) gate.UID {
	if c.isPhone(rider) {
		h := c.draw(forUID, uint64(rider), tap)
		return mustUID([]byte{0x08, byte(h), byte(h >> 8), byte(h >> 16)})
	}
	s := rider ^ uint32(c.seed)
	return mustUID([]byte{0x04, byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s), 0x5A, 0x80})
}

// riderOfUID is the inverse of uidOf for cards that keep their UID.
func (c *City) riderOfUID(uid gate.UID) (uint32, bool) {
	b := uid.Bytes(nil)
	if len(b) != 7 {
		return 0, false
	}
	r := (uint32(b[1])<<24 | uint32(b[2])<<16 | uint32(b[3])<<8 | uint32(b[4])) ^ uint32(c.seed)
	return r, int(r) < c.riders.Len()
}

func mustUID(b []byte) gate.UID {
	u, err := gate.NewUID(b)
	if err != nil {
		panic("sim: " + err.Error())
	}
	return u
}

// isPhone: one card in a hundred is in a phone, and of those with a quota one in two.
func (c *City) isPhone(rider uint32) bool {
	phones := 100
	if c.hasQuota(rider) {
		phones = 2
	}
	return c.oneIn(phones, forPhone, uint64(rider))
}

// isEmpty: one card in five hundred has next to nothing on it.
func (c *City) isEmpty(rider uint32) bool {
	return c.oneIn(500, forEmptyCard, uint64(rider)) && !c.hasQuota(rider)
}

// openingBalance is what is on the card at the start of D: 100 to 300 yuan in
// steps of ten, or one yuan; a card with a quota has that.
func (c *City) openingBalance(rider uint32) money.Fen {
	if c.hasQuota(rider) {
		return quotaTerms.Quota
	}
	if c.isEmpty(rider) {
		return 100
	}
	return money.Fen(100_00 + 10_00*c.below(21, forBalance, uint64(rider)))
}

// openingMonth is what the card has paid in the calendar month before D.
func (c *City) openingMonth(rider uint32) money.Fen {
	return money.Fen(100 * c.below(180, forMonthSum, uint64(rider)))
}

// profileOf is the profile of a rider's bank card.
func (c *City) profileOf(rider uint32) *perso.Profile {
	list := c.profiles[c.kindOf(rider)]
	return list[int(rider/uint32(len(issuers)))%len(list)]
}

// issuing is the personalisation bureau of all issuers.
type issuing struct {
	city     *City
	sm2Certs [len(issuers)][]byte
	rsaKeys  [len(issuers)]*oda.RSAPrivate
	rsaCerts [len(issuers)]oda.RSACertificate
	pool     [devkeys.RSACards]*oda.RSAPrivate
	cache    [64]imageCache
}

type imageCache struct {
	mu     sync.Mutex
	images map[uint32]*card.Image
}

// imagesKept bounds the cache of personalised cards: about 2 KB each.
const imagesKept = 64 << 10

var certExpiry = [2]byte{0x12, 0x40}

func newIssuing(c *City) (*issuing, error) {
	b := &issuing{city: c}
	rsaCA, err := oda.NewRSAPrivate(devkeys.RSACA())
	if err != nil {
		return nil, fmt.Errorf("RSA CA key: %w", err)
	}
	for i := range issuers {
		bin, err := txn.ParsePAN(issuers[i].bin + "000000")
		if err != nil {
			return nil, err
		}
		cert := oda.IssuerCert{IssuerID: [4]byte{bin[0], bin[1], bin[2], 0xFF}, Expiry: certExpiry, Serial: [3]byte{0, 0, byte(i + 1)}}
		info, err := c.keys.Lookup(keystore.IssuerSignName(uint(i)))
		if err != nil {
			return nil, err
		}
		rand := c.stream(forIssuer, uint64(i))
		if b.sm2Certs[i], err = c.keys.CertifyIssuer(keystore.CAName, rand, cert, info.Public); err != nil {
			return nil, fmt.Errorf("certify issuer %d: %w", i, err)
		}
		if b.rsaKeys[i], err = oda.NewRSAPrivate(devkeys.RSAIssuer(uint(i))); err != nil {
			return nil, fmt.Errorf("RSA key of issuer %d: %w", i, err)
		}
		if b.rsaCerts[i], err = rsaCA.CertifyIssuer(rand, cert, b.rsaKeys[i].Public()); err != nil {
			return nil, fmt.Errorf("certify issuer %d: %w", i, err)
		}
	}
	for i := range b.pool {
		if b.pool[i], err = oda.NewRSAPrivate(devkeys.RSACard(uint(i))); err != nil {
			return nil, fmt.Errorf("RSA card key %d: %w", i, err)
		}
	}
	for i := range b.cache {
		b.cache[i].images = map[uint32]*card.Image{}
	}
	return b, nil
}

// image personalises the card of a rider, or finds it in the cache.
func (b *issuing) image(rider uint32) (*card.Image, error) {
	shard := &b.cache[rider%uint32(len(b.cache))]
	shard.mu.Lock()
	img := shard.images[rider]
	shard.mu.Unlock()
	if img != nil {
		return img, nil
	}
	make := b.personalise
	if b.city.kindOf(rider) == tunionCard {
		make = b.purse
	}
	img, err := make(rider)
	if err != nil {
		return nil, fmt.Errorf("personalise card of rider %d: %w", rider, err)
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if len(shard.images) >= imagesKept/len(b.cache) {
		clear(shard.images)
	}
	shard.images[rider] = img
	return img, nil
}

func (b *issuing) personalise(rider uint32) (*card.Image, error) {
	p, key := b.city.profileOf(rider), b.city.cardOf(rider)
	id := perso.Identity{PAN: key.PAN, PSN: key.PSN, Effective: [3]byte{0x24, 0x01, 0x01}, Expiry: [3]byte{0x35, 0x12, 0x31}}
	static, err := perso.StaticData(p, id)
	if err != nil {
		return nil, err
	}
	keys, err := b.cardKeys(rider, p, key)
	if err != nil {
		return nil, err
	}
	cert := oda.CardCert{PAN: key.PAN, Expiry: certExpiry, Serial: [3]byte{byte(rider >> 16), byte(rider >> 8), byte(rider)}, StaticData: static}
	certs, signer, err := b.certify(rider, p, cert)
	if err != nil {
		return nil, err
	}
	if b.city.carries(rider) {
		return b.carrying(rider, p, &perso.Issue{Identity: id, First: perso.Secrets{Keys: keys, Certs: certs, Signer: signer}, Opening: b.city.openingBalance(rider)})
	}
	return perso.Build(p, id, keys, certs, signer, b.city.openingBalance(rider))
}

// cardKeys takes the card's keys out of the keystore as a personalisation device
// does: wrapped under the transport key.
func (b *issuing) cardKeys(rider uint32, p *perso.Profile, key txn.CardKey) (pboc.Keys, error) {
	alg, kek := cryptogram.TDES, keystore.KEK3DESName
	if p.SM() {
		alg, kek = cryptogram.SM4, keystore.KEKSM4Name
	}
	w, err := b.city.keys.CardKeys(keystore.IssuerMasters(uint(rider)%uint(len(issuers)), alg), key.PAN, key.PSN, kek)
	if err != nil {
		return pboc.Keys{}, err
	}
	k, err := keystore.UnwrapCardKeys(w, alg, keystore.DevelopmentKey(kek))
	return pboc.Keys{AC: k.AC, MAC: k.MAC, ENC: k.ENC}, err
}

func (b *issuing) certify(rider uint32, p *perso.Profile, cert oda.CardCert) (perso.Certs, oda.DynamicSigner, error) {
	i := rider % uint32(len(issuers))
	rand := b.city.stream(forCardKey, uint64(rider))
	if !p.SM() {
		signer := b.pool[rider/uint32(len(issuers))%devkeys.RSACards]
		c, err := b.rsaKeys[i].CertifyCard(rand, cert, signer.Public())
		issuer := b.rsaCerts[i]
		return perso.Certs{CAIndex: devkeys.RSACAIndex, IssuerCert: issuer.Certificate, IssuerRest: issuer.Remainder, IssuerExponent: issuer.Exponent,
			CardCert: c.Certificate, CardExponent: c.Exponent, CardRest: c.Remainder}, signer, err
	}
	var d [32]byte
	var signer *oda.SM2Private
	for signer == nil {
		if _, err := rand.Read(d[:]); err != nil {
			return perso.Certs{}, nil, err
		}
		signer, _ = oda.NewSM2Private(d)
	}
	c, err := b.city.keys.CertifyCard(keystore.IssuerSignName(uint(i)), rand, cert, signer.Public())
	return perso.Certs{CAIndex: devkeys.SM2CAIndex, IssuerCert: b.sm2Certs[i], CardCert: c}, signer, err
}
