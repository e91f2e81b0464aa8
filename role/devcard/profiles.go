package devcard

import (
	"encoding/hex"
	"fmt"

	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
)

// Profile is what may be said about a profile and its development cards.
type Profile struct {
	Name  string `json:"name"`
	Blank bool   `json:"blank"` // not personalised: the rest is what it can become
	AID   string `json:"aid"`   // finance application, hexadecimal; of other cards their application
	Kind  string `json:"kind"`  // KindBank, KindPurse or KindModule
	// AIDs are the applications that SELECT finds, besides the directories.
	AIDs []string `json:"aids"`
	ATR  string   `json:"atr"` // answer to reset, hexadecimal
	ATS  string   `json:"ats"` // answer to select of the contactless side, without CRC
	// Algorithms are its sets of algorithms; a reader chooses the second one with
	// DF69.
	Algorithms []Suite `json:"algorithms"`
	Contact    bool    `json:"contact"`           // debit/credit and electronic cash over the contacts
	Opening    int64   `json:"opening_fen"`       // 9F79 if nobody says otherwise
	Limit      int64   `json:"balance_limit_fen"` // 9F77
	Single     int64   `json:"single_limit_fen"`  // 9F78
	Log        int     `json:"log_records"`       // 9F4D
	LoadLog    int     `json:"load_log_records"`  // DF4D
	Transit    bool    `json:"transit_extension"` // DF61
	// Quota: 9F79 is spent by gates only; a shop is sent online.
	Quota  bool   `json:"quota"`
	Second string `json:"second_currency"` // DF71, empty for none
	PIN    bool   `json:"pin"`             // it has a reference PIN, the public one
}

// Suite is one set of algorithms.
type Suite struct {
	Cryptogram string `json:"cryptogram"` // "3DES" or "SM4"
	Signature  string `json:"signature"`  // "RSA" or "SM2"
	CAIndex    string `json:"ca_index"`   // 8F, hexadecimal
	// Certificates are those of the profile's own card, which Default describes;
	// none for a blank card.
	Certificates *Certificates `json:"certificates,omitempty"`
}

// Certificates are the data objects with which a reader authenticates a card,
// hexadecimal; what a set of algorithms does not have is empty.
type Certificates struct {
	Issuer         string `json:"90"`
	IssuerRest     string `json:"92,omitempty"`
	IssuerExponent string `json:"9F32,omitempty"`
	Card           string `json:"9F46"`
	CardRest       string `json:"9F48,omitempty"`
	CardExponent   string `json:"9F47,omitempty"`
	SignedStatic   string `json:"93,omitempty"` // if the records hold it
}

func certificates(c *perso.Certs, static bool) *Certificates {
	text := func(b []byte) string { return fmt.Sprintf("%X", b) }
	out := &Certificates{Issuer: text(c.IssuerCert), IssuerRest: text(c.IssuerRest), IssuerExponent: text(c.IssuerExponent),
		Card: text(c.CardCert), CardRest: text(c.CardRest), CardExponent: text(c.CardExponent)}
	if static {
		out.SignedStatic = text(c.SignedStatic)
	}
	return out
}

func suite(alg cryptogram.Alg) Suite {
	if alg == cryptogram.SM4 {
		return Suite{Cryptogram: "SM4", Signature: "SM2", CAIndex: fmt.Sprintf("%02X", devkeys.SM2CAIndex)}
	}
	return Suite{Cryptogram: "3DES", Signature: "RSA", CAIndex: fmt.Sprintf("%02X", devkeys.RSACAIndex)}
}

// Profiles describes every profile of a bank card, in the order of Names.
func Profiles() ([]Profile, error) {
	var list []Profile
	for _, name := range Names() {
		p, err := find(name)
		if err != nil {
			return nil, err
		}
		r, err := Default(name)
		if err != nil {
			return nil, err
		}
		d := describe(name, p, int64(r.Balance))
		more, err := partitions(name)
		if err != nil {
			return nil, err
		}
		d.AIDs = append(d.AIDs, more...)
		img, err := Issue(r)
		if err != nil {
			return nil, err
		}
		d.ATR, d.ATS = fmt.Sprintf("%X", img.ATR()), fmt.Sprintf("%X", img.ATS())
		if !d.Blank {
			in, err := order(p, r)
			if err != nil {
				return nil, fmt.Errorf("certificates of profile %s: %w", name, err)
			}
			for i, s := range []*perso.Secrets{&in.First, &in.Second}[:len(d.Algorithms)] {
				d.Algorithms[i].Certificates = certificates(&s.Certs, p.Whole())
			}
		}
		list = append(list, d)
	}
	return list, nil
}

// names are the applications that SELECT finds on a card of a profile, besides the
// directories: the finance application and the security domain.
func names(name string, p *perso.Profile) []string {
	var list []string
	if name != Blank {
		list = append(list, fmt.Sprintf("%X", p.Product().AID))
	}
	if p.Whole() {
		list = append(list, fmt.Sprintf("%X", gp.AIDGlobalPlatform))
	}
	return list
}

func describe(name string, p *perso.Profile, opening int64) Profile {
	product := p.Product()
	out := Profile{
		Name: name, Blank: name == Blank, Kind: KindBank, AIDs: names(name, p), AID: fmt.Sprintf("%X", product.AID), Algorithms: []Suite{suite(product.Alg)},
		Opening: opening, Limit: int64(product.Limits.Balance), Single: int64(product.Limits.Single),
		Log: int(product.LogCount), Transit: product.Transit != 0, Quota: product.Extension != nil && product.Extension.Quota, PIN: p.PIN().Len() > 0,
	}
	if p.Dual() {
		out.Algorithms = append(out.Algorithms, suite(product.Alternative.Alg))
	}
	if c := product.Contact; c != nil {
		out.Contact, out.LoadLog = true, int(c.LoadLogCount)
		if c.Second != nil {
			out.Second = fmt.Sprintf("%X", c.Second.Currency)[1:]
		}
	}
	return out
}

// CAKey is the public key of a development certification authority.
type CAKey struct {
	RID      string `json:"rid"`
	Index    string `json:"index"`
	Kind     string `json:"algorithm"`          // "SM2" or "RSA"
	Point    string `json:"point,omitempty"`    // X and Y of SM2
	Modulus  string `json:"modulus,omitempty"`  // RSA
	Exponent uint32 `json:"exponent,omitempty"` // RSA
}

// CAKeys gives the public keys of the development certification authorities, in
// hexadecimal.
func CAKeys() ([]CAKey, error) {
	keys, err := devkeys.CAKeys()
	if err != nil {
		return nil, err
	}
	list := make([]CAKey, 0, len(keys))
	for i := range keys {
		list = append(list, caKey(&keys[i]))
	}
	return list, nil
}

func caKey(k *oda.CAKey) CAKey {
	out := CAKey{RID: fmt.Sprintf("%X", k.RID), Index: fmt.Sprintf("%02X", k.Index)}
	if k.SM2 != nil {
		out.Kind, out.Point = "SM2", hex.EncodeToString(k.SM2[:])
		return out
	}
	out.Kind, out.Modulus, out.Exponent = "RSA", hex.EncodeToString(k.RSA.Modulus), k.RSA.Exponent
	return out
}

// PIN gives the public reference PIN of a profile's cards; the zero PIN if they
// have none. The error is ErrProfile.
func PIN(profile string) (pin.PIN, error) {
	if IsOther(profile) {
		return pin.PIN{}, nil
	}
	p, err := find(profile)
	if err != nil {
		return pin.PIN{}, err
	}
	return p.PIN(), nil
}
