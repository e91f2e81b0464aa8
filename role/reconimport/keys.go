package reconimport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/recon/foreign"
)

// ErrNoMasters says that a keystore holds no pair of issuer masters.
var ErrNoMasters = errors.New("no issuer masters")

// Checkers finds an issuer's masters in a keystore. A pair is two keys of usages
// IssuerAC and IssuerMAC and of one algorithm whose names differ in their last part
// only ("bank/622848/sm4/ac", "bank/622848/sm4/mac"). A part of the name that is six
// digits says for which BIN the pair is; a pair without one serves every other card.
func Checkers(store *keystore.Store) (foreign.Checkers, error) {
	pairs := map[pairName]keystore.MasterNames{}
	for _, info := range store.List() {
		if info.Usage != keystore.IssuerAC && info.Usage != keystore.IssuerMAC {
			continue
		}
		head, _, _ := cutLast(info.Name)
		alg := cryptogram.Alg(info.Algorithm)
		n := pairName{bin: binIn(head), alg: alg}
		p := pairs[n]
		slot := &p.AC
		if info.Usage == keystore.IssuerMAC {
			slot = &p.MAC
		}
		if *slot == "" || head < headOf(*slot) {
			*slot = info.Name
		}
		pairs[n] = p
	}
	found := false
	for _, p := range pairs {
		found = found || p.AC != "" && p.MAC != "" && headOf(p.AC) == headOf(p.MAC)
	}
	if !found {
		return nil, fmt.Errorf("look for two keys of usages issuer AC and issuer MAC with one name but for its last part: %w", ErrNoMasters)
	}
	return func(bin string, alg cryptogram.Alg) *cryptogram.Verifier {
		for _, n := range []pairName{{bin, alg}, {"", alg}} {
			p, there := pairs[n]
			if !there || headOf(p.AC) != headOf(p.MAC) {
				continue
			}
			if v, err := store.Verifier(p, alg); err == nil {
				return v
			}
		}
		return nil
	}, nil
}

// Development are the masters of development issuer 0, for every card.
func Development() (foreign.Checkers, error) { return Checkers(keystore.Development(1)) }

type pairName struct {
	bin string
	alg cryptogram.Alg
}

func cutLast(name string) (head, last string, found bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

func headOf(name string) string {
	head, _, _ := cutLast(name)
	return head
}

// binIn is the part of a name that is six digits, "" if there is none.
func binIn(name string) string {
	for part := range strings.SplitSeq(name, "/") {
		if len(part) == 6 && strings.Trim(part, "0123456789") == "" {
			return part
		}
	}
	return ""
}
