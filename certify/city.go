package certify

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

// epurseAlg is an algorithm in the numbering of purses.
func epurseAlg(alg cryptogram.Alg) epurse.Alg {
	if alg == cryptogram.SM4 {
		return epurse.SM4
	}
	return epurse.TDES
}

// knownAlg is the reverse of epurseAlg.
func knownAlg(alg epurse.Alg) cryptogram.Alg {
	if alg == epurse.SM4 {
		return cryptogram.SM4
	}
	return cryptogram.TDES
}

// distrust remembers a key or PIN that the card did not take: trying it again in the
// next case could use up the last try, and lock the application.
func (s *session) distrust(name string) {
	if s.run.refused == nil {
		s.run.refused = map[string]bool{}
	}
	s.run.refused[name] = true
}

// trusted skips the case if the card did not take the key or PIN before.
func (s *session) trusted(name string) {
	if s.run.refused[name] {
		s.skip(name+" was refused by the card: it is not tried again", name+" 已被卡片拒绝，不再尝试")
	}
}

// taken sends a command that proves a key or PIN, which the card must take.
func (s *session) taken(c apdu.Command, name string) []byte {
	data, sw := s.send(c)
	if _, wrong := sw.Remaining(); wrong || slices.Contains(wrongKey, sw) {
		s.distrust(name)
	}
	s.mustOK(c, sw)
	return data
}

// wrongKey are the status words for a MAC or cryptogram that is wrong, or the end of
// all tries.
var wrongKey = []apdu.SW{apdu.SWPurseMAC, apdu.SWPurseLocked, apdu.SWMACWrong, apdu.SWFailed, apdu.SWBlocked}

// agrees judges a MAC of the card by which it shows that it has the same key. Without
// it nothing is sent to it that could be wrong.
func (s *session) agrees(want epurse.MAC, got []byte, name, what string) {
	if !epurse.Equal(want, got) {
		s.distrust(name)
		s.fail("expected %s under the key %s, got %X", what, name, got)
	}
}

// secret gives a key, or skips the case.
func (s *session) secret(alg cryptogram.Alg, name string) Secret {
	s.trusted(name)
	if s.opts.Secrets != nil {
		if k, ok := s.opts.Secrets(alg, name); ok {
			return k
		}
	}
	s.skip("the key "+name+" of "+alg.String()+" is not known", "密钥 "+name+"（"+alg.String()+"）未知")
	return Secret{}
}

// diversified gives a card's key: its own, or that of a master and factors.
func (s *session) diversified(alg cryptogram.Alg, name string, factors ...epurse.Factor) epurse.Key {
	k := s.secret(alg, name)
	if k.Own {
		return k.Value
	}
	return epurse.Diversify(epurseAlg(alg), k.Value, factors...)
}

// other tells whether the card has no finance application but something else that
// can be tested.
func (r *run) other() bool {
	return !r.found && (r.purse != nil || r.module != nil || len(r.partitions) > 0)
}

// names are the applications that can be selected beside each other.
func (r *run) names() [][]byte {
	var list [][]byte
	if r.found {
		list = append(list, r.aid)
	}
	if r.purse != nil {
		list = append(list, r.purse.aid)
	}
	for _, p := range r.partitions {
		list = append(list, p.aid)
	}
	return list
}

// cityFacts adds what was learned beside the finance application.
func (r *run) cityFacts(f *CardFacts) {
	if r.transit.support != 0 {
		f.Extension = fmt.Sprintf("%02X", r.transit.support)
	}
	f.Quota, f.Partitions = r.transit.quota, []string{}
	if r.other() {
		f.AID = "" // none of the names that were tried is on the card
		if list := r.names(); len(list) > 0 {
			f.AID = fmt.Sprintf("%X", list[0])
		}
	}
	if p := r.purse; p != nil {
		f.Purse, f.PurseBalance, f.PurseSpent = fmt.Sprintf("%X", p.aid), money.Fen(p.balance), money.Fen(p.spent)
	}
	if r.module != nil {
		f.Terminal = fmt.Sprintf("%X", r.module.terminal)
	}
	for _, p := range r.partitions {
		f.Partitions = append(f.Partitions, p.name)
	}
}
