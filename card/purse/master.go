package purse

import "github.com/citycard/citycard/crypt/epurse"

// Master gives the master key of which a profile's cards have their key of one use,
// index and algorithm, for an issuer's and a tester's side of a conversation; use is
// the word of the profile, such as "purchase". False if there is none, or if its cards
// have the master itself.
func (p *Profile) Master(use string, index byte, alg epurse.Alg) (key epurse.Key, ok bool) {
	want, known := uses[use]
	for i := range p.spec.Keys {
		k := &p.spec.Keys[i]
		if known && k.Use == want && k.Index == index && k.Alg == alg && p.keys[i].levels == 2 {
			return p.keys[i].master, true
		}
	}
	return key, false
}
