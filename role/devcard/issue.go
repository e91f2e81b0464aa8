package devcard

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/txn"
)

// issuer is the development issuer of all cards.
const issuer = 0

// Dates of cards: long before and after any test.
var (
	effective = [3]byte{0x24, 0x01, 0x01}
	expiry    = [3]byte{0x35, 0x12, 0x31}
)

// Issue makes a card. Errors are ErrProfile and ErrRequest.
func Issue(r Request) (*card.Image, error) {
	if IsOther(r.Profile) {
		return issueOther(r)
	}
	p, err := find(r.Profile)
	if err != nil {
		return nil, err
	}
	img, err := image(p, r)
	if err != nil {
		return nil, fmt.Errorf("issue a card of profile %s: %w: %w", r.Profile, err, ErrRequest)
	}
	return img, nil
}

func image(p *perso.Profile, r Request) (*card.Image, error) {
	if r.Profile == Blank {
		return p.Blank(domain())
	}
	in, err := order(p, r)
	if err != nil {
		return nil, err
	}
	if p.Whole() {
		d := domain()
		in.Domain = &d
	}
	if isLivelihood(r.Profile) {
		return issueLivelihood(r, in)
	}
	return p.Image(in)
}

// order gathers everything about a card that its profile does not say.
func order(p *perso.Profile, r Request) (*perso.Issue, error) {
	in := &perso.Issue{
		Identity: perso.Identity{PAN: r.PAN, PSN: r.PSN, Effective: effective, Expiry: expiry},
		PIN:      r.PIN, Opening: r.Balance, SecondOpening: p.SecondOpening(),
	}
	static, err := perso.StaticData(p, in.Identity)
	if err != nil {
		return nil, err
	}
	rand := random(r)
	cert := oda.CardCert{PAN: r.PAN, Expiry: cardEnd, Serial: certSerial, StaticData: static}
	if in.First, err = secrets(rand, p.Product().Alg, cert, r); err != nil {
		return nil, err
	}
	if in.Transit, err = transitKeys(p, r.PAN, r.PSN); err != nil {
		return nil, err
	}
	if p.Dual() {
		in.Second, err = secrets(rand, p.Product().Alternative.Alg, cert, r)
	}
	return in, err
}

// secrets makes the keys and certificates of one set of algorithms.
func secrets(rand io.Reader, alg cryptogram.Alg, cert oda.CardCert, r Request) (perso.Secrets, error) {
	certify := certifyRSA
	if alg == cryptogram.SM4 {
		certify = certifySM2
	}
	out, err := certify(rand, cert, r)
	if err != nil {
		return perso.Secrets{}, err
	}
	out.Keys, err = keysOf(alg, r.PAN, r.PSN)
	return out, err
}

// random is a stream that follows from the request.
func random(r Request) io.Reader {
	h := sha256.New()
	fmt.Fprintf(h, "citycard development card: %s %s %02x", r.Profile, r.PAN.Digits(), r.PSN)
	return rand.NewChaCha8([32]byte(h.Sum(nil)))
}

// keysOf takes a card's keys out of the development keystore as a personalisation
// device does: wrapped under the transport key. The key of dynamic check values
// has a master of its own, which the keystore does not know.
func keysOf(alg cryptogram.Alg, pan txn.PAN, psn byte) (pboc.Keys, error) {
	kek := keystore.KEK3DESName
	if alg == cryptogram.SM4 {
		kek = keystore.KEKSM4Name
	}
	w, err := keystore.Development(issuer+1).CardKeys(keystore.IssuerMasters(issuer, alg), pan, psn, kek)
	if err != nil {
		return pboc.Keys{}, err
	}
	k, err := keystore.UnwrapCardKeys(w, alg, keystore.DevelopmentKey(kek))
	if err != nil {
		return pboc.Keys{}, err
	}
	master, err := cryptogram.NewBlock(alg, keystore.DevelopmentKey(dcvnMaster))
	if err != nil {
		return pboc.Keys{}, err
	}
	return pboc.Keys{AC: k.AC, MAC: k.MAC, ENC: k.ENC, DCVN: cryptogram.DeriveCardKey(alg, master, pan, psn)}, nil
}

// dcvnMaster names the master of dynamic check values of magnetic stripe data.
const dcvnMaster = "issuer/0/dcvn"

// Keys gives the keys of a development card for one algorithm, for who tests it;
// false if there are none.
func Keys(alg cryptogram.Alg, pan txn.PAN, psn byte) (pboc.Keys, bool) {
	if !alg.Valid() || pan.Validate() != nil {
		return pboc.Keys{}, false
	}
	k, err := keysOf(alg, pan, psn)
	return k, err == nil
}
