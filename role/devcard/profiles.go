package devcard

import (
	"encoding/hex"
	"fmt"

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
	AID   string `json:"aid"`   // hexadecimal
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
	Second     string  `json:"second_currency"`   // DF71, empty for none
	PIN        bool    `json:"pin"`               // it has a reference PIN, the public one
}

// Suite is one set of algorithms.
type Suite struct {
	Cryptogram string `json:"cryptogram"` // "3DES" or "SM4"
	Signature  string `json:"signature"`  // "RSA" or "SM2"
	CAIndex    string `json:"ca_index"`   // 8F, hexadecimal
}

func suite(alg cryptogram.Alg) Suite {
	if alg == cryptogram.SM4 {
		return Suite{"SM4", "SM2", fmt.Sprintf("%02X", devkeys.SM2CAIndex)}
	}
	return Suite{"3DES", "RSA", fmt.Sprintf("%02X", devkeys.RSACAIndex)}
}

// Profiles describes every profile, in the order of Names.
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
		list = append(list, describe(name, p, int64(r.Balance)))
	}
	return list, nil
}

func describe(name string, p *perso.Profile, opening int64) Profile {
	product := p.Product()
	out := Profile{
		Name: name, Blank: name == Blank, AID: fmt.Sprintf("%X", product.AID), Algorithms: []Suite{suite(product.Alg)},
		Opening: opening, Limit: int64(product.Limits.Balance), Single: int64(product.Limits.Single),
		Log: int(product.LogCount), Transit: product.Transit != 0, PIN: p.PIN().Len() > 0,
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
	p, err := find(profile)
	if err != nil {
		return pin.PIN{}, err
	}
	return p.PIN(), nil
}
