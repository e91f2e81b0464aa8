package keystore

import (
	"fmt"
	"strings"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// publicMasters are the development masters of issuer 0 by the end of their names.
// They are the keys of the worked examples in the tests, and are used with both
// algorithms.
var publicMasters = map[string]cryptogram.Key{
	"ac":  {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10},
	"mac": {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11},
	"enc": {0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8},
}

// publicPurses are the development masters of purses by the end of their names, used
// with both algorithms: those of the development profiles of purses and modules.
var publicPurses = map[string]cryptogram.Key{
	"purchase": publicMasters["ac"],
	"load":     publicMasters["mac"],
	"tac":      publicMasters["enc"],
	"unload":   {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x5B, 0x5C, 0x5D, 0x5E, 0x5F},
}

// Names of the development keys that are not an issuer's.
const (
	CAName           = "ca/sm2"             // CASign, index 57, devkeys.SM2CA
	TerminalSignName = "terminal/sign"      // TerminalSign, shared by the simulated terminals
	AcquirerWrapName = "acquirer/wrap"      // AcquirerWrap
	AcquirerSignName = "acquirer/sign"      // AcquirerSign
	KEK3DESName      = "transport/kek/3des" // TransportKEK
	KEKSM4Name       = "transport/kek/sm4"  // TransportKEK
	TokenName        = "store/token"        // StoreToken, of the databases of simulated cities
)

// IssuerMasters names the three masters of a development issuer for one
// algorithm, e.g. "issuer/0/sm4/ac".
func IssuerMasters(issuer uint, alg cryptogram.Alg) MasterNames {
	a := "3des"
	if alg == cryptogram.SM4 {
		a = "sm4"
	}
	name := func(use string) string { return fmt.Sprintf("issuer/%d/%s/%s", issuer, a, use) }
	return MasterNames{AC: name("ac"), MAC: name("mac"), ENC: name("enc")}
}

// IssuerSignName names a development issuer's certificate signing key.
func IssuerSignName(issuer uint) string { return fmt.Sprintf("issuer/%d/sm2", issuer) }

// MaxDevelopmentIssuers is how many development issuers there are.
const MaxDevelopmentIssuers = 256

// Development makes the documented development key set, in which nothing is
// secret: DevelopmentKey of each symmetric key's name, SM2 scalars of package
// devkeys. It panics for more than MaxDevelopmentIssuers issuers, and if these
// fixed keys should not be usable.
func Development(issuers uint) *Store {
	if issuers > MaxDevelopmentIssuers {
		panic(fmt.Sprintf("keystore: %d development issuers, there are %d", issuers, MaxDevelopmentIssuers))
	}
	s := New()
	for i := range issuers {
		for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
			n := IssuerMasters(i, alg)
			for j, name := range []string{n.AC, n.MAC, n.ENC} {
				must(s.AddSymmetric(name, []Usage{IssuerAC, IssuerMAC, IssuerENC}[j], alg, DevelopmentKey(name)))
			}
		}
		must(s.AddSM2(IssuerSignName(i), IssuerSign, devkeys.SM2Issuer(i)))
	}
	for _, alg := range []epurse.Alg{epurse.TDES, epurse.SM4} {
		for j, name := range PurseMasters(alg).list() {
			must(s.AddSymmetric(name, purseUsages[j], cipherAlg(alg), DevelopmentKey(name)))
		}
	}
	must(s.AddSymmetric(KEK3DESName, TransportKEK, cryptogram.TDES, DevelopmentKey(KEK3DESName)))
	must(s.AddSymmetric(KEKSM4Name, TransportKEK, cryptogram.SM4, DevelopmentKey(KEKSM4Name)))
	must(s.AddSymmetric(TokenName, StoreToken, cryptogram.SM4, DevelopmentKey(TokenName)))
	must(s.AddSM2(CAName, CASign, devkeys.SM2CA()))
	for name, usage := range map[string]Usage{TerminalSignName: TerminalSign, AcquirerWrapName: AcquirerWrap, AcquirerSignName: AcquirerSign} {
		must(s.AddSM2(name, usage, devkeys.SM2Key(name)))
	}
	return s
}

// DevelopmentKey makes the development symmetric key of a name: the masters of the
// worked examples for issuer 0 (IssuerMasters) and for purses (PurseMasters), else the left 16 bytes of the SM3
// hash of "citycard development key: " and the name. A simulated card takes the
// transport keys from here.
func DevelopmentKey(name string) cryptogram.Key {
	for prefix, keys := range map[string]map[string]cryptogram.Key{"issuer/0/": publicMasters, "purse/": publicPurses} {
		rest, ok := strings.CutPrefix(name, prefix)
		if alg, use, _ := strings.Cut(rest, "/"); ok && (alg == "3des" || alg == "sm4") {
			if k, known := keys[use]; known {
				return k
			}
		}
	}
	sum := sm3.Sum([]byte("citycard development key: " + name))
	return cryptogram.Key(sum[:16])
}

func must(err error) {
	if err != nil {
		panic("keystore: a development key is refused: " + err.Error())
	}
}
