package keystore_test

import (
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

// TestAPublicKeyGivesTheStoreAway adds each key that this program can make to a
// store of its own, under another name and for any use.
func TestAPublicKeyGivesTheStoreAway(t *testing.T) {
	symmetric := map[string]cryptogram.Key{}
	scalars := map[string][32]byte{"CA": devkeys.SM2CA(), "files network": devkeys.SM2FilesNetwork()}
	for _, n := range []string{keystore.KEK3DESName, keystore.KEKSM4Name, "production/really"} {
		symmetric[n] = keystore.DevelopmentKey(n)
	}
	for _, n := range []string{keystore.TerminalSignName, keystore.AcquirerWrapName, keystore.AcquirerSignName, "production/really"} {
		scalars[n] = devkeys.SM2Key(n)
	}
	for _, i := range []uint{0, 1, 2, 77, keystore.MaxDevelopmentIssuers - 1} {
		for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
			m := keystore.IssuerMasters(i, alg)
			for _, n := range []string{m.AC, m.MAC, m.ENC} {
				symmetric[n] = keystore.DevelopmentKey(n)
			}
		}
		scalars[fmt.Sprint("issuer ", i)], scalars[fmt.Sprint("files ", i)] = devkeys.SM2Issuer(i), devkeys.SM2Files(i)
	}
	for name, k := range symmetric {
		other := k // the same triple DES key
		for i := range other {
			other[i] ^= byte(i) & 1
		}
		adjusted := k // odd parity, as DES keys are exchanged
		for i, b := range adjusted {
			adjusted[i] = b&^1 | byte(bits.OnesCount8(b>>1)+1)&1
		}
		for what, k := range map[string]cryptogram.Key{"": k, ", other parity": other, ", odd parity": adjusted} {
			if what != "" && name == "production/really" {
				continue // found by its own name, as it is
			}
			for usage := keystore.IssuerAC; usage <= keystore.TransportKEK; usage++ {
				for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
					s := keystore.New()
					if err := s.AddSymmetric("production/really", usage, alg, k); err != nil || !s.IsDevelopment() {
						t.Errorf("%s%s as %v for %v: a store with it calls itself secret, %v", name, what, alg, usage, err)
					}
				}
			}
		}
	}
	for name, d := range scalars {
		for usage := keystore.TerminalSign; usage <= keystore.CASign; usage++ {
			s := keystore.New()
			if err := s.AddSM2("production/really", usage, d); err != nil || !s.IsDevelopment() {
				t.Errorf("%s for %v: a store with it calls itself secret, %v", name, usage, err)
			}
		}
	}
}

// TestEveryDevelopmentKeyIsKnown: no key of the whole set passes for a secret, and
// one that is secret does not pass for public.
func TestEveryDevelopmentKeyIsKnown(t *testing.T) {
	whole := keystore.Development(keystore.MaxDevelopmentIssuers)
	names := map[string]bool{}
	for _, k := range whole.List() {
		names[k.Name] = true
	}
	for i := range uint(keystore.MaxDevelopmentIssuers) {
		for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
			m := keystore.IssuerMasters(i, alg)
			for _, n := range []string{m.AC, m.MAC, m.ENC} {
				s := keystore.New()
				if err := s.AddSymmetric("k", keystore.IssuerAC, alg, keystore.DevelopmentKey(n)); err != nil || !s.IsDevelopment() || !names[n] {
					t.Fatalf("%s: %v", n, err)
				}
			}
		}
	}
	s, random := keystore.New(), seeded(9)
	for i := range 1000 {
		var secret [32]byte
		_, _ = random.Read(secret[:])
		if err := s.AddSymmetric(fmt.Sprint("symmetric ", i), keystore.IssuerAC, cryptogram.SM4, cryptogram.Key(secret[:16])); err != nil {
			t.Fatal(err)
		}
		if i < 50 {
			if err := s.AddSM2(fmt.Sprint("scalar ", i), keystore.CASign, secret); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s.IsDevelopment() {
		t.Error("secret keys are taken for public ones")
	}
	defer func() {
		if recover() == nil {
			t.Error("more issuers than IsDevelopment knows are made")
		}
	}()
	keystore.Development(keystore.MaxDevelopmentIssuers + 1)
}

// TestNoMethodEncryptsForItsCaller: with a handle that encrypts under a master,
// every card's key could be derived. The key of tokens is no master, and TokenCipher
// takes no other.
func TestNoMethodEncryptsForItsCaller(t *testing.T) {
	store := reflect.TypeFor[*keystore.Store]()
	block := reflect.TypeFor[cryptogram.Block]()
	for i := range store.NumMethod() {
		m := store.Method(i)
		for o := range m.Type.NumOut() {
			out := m.Type.Out(o)
			if _, encrypts := out.MethodByName("Encrypt"); (encrypts || out.Implements(block)) && m.Name != "TokenCipher" {
				t.Errorf("%s gives a %v", m.Name, out)
			}
		}
	}
	if _, found := store.MethodByName("Verifier"); !found {
		t.Error("the search is blind")
	}
	set := keystore.Development(1)
	for _, k := range set.List() {
		if _, _, err := set.TokenCipher(k.Name); (err == nil) != (k.Usage == keystore.StoreToken) || err != nil && !errors.Is(err, keystore.ErrUsage) {
			t.Errorf("a cipher of tokens with the %v key %s: %v", k.Usage, k.Name, err)
		}
	}
}

// TestVerifierNeedsTwoMastersOfOneAlgorithm.
func TestVerifierNeedsTwoMastersOfOneAlgorithm(t *testing.T) {
	s := keystore.Development(1)
	sm, des := keystore.IssuerMasters(0, cryptogram.SM4), keystore.IssuerMasters(0, cryptogram.TDES)
	for name, c := range map[string]struct {
		masters keystore.MasterNames
		alg     cryptogram.Alg
		want    error
	}{
		"SM4":               {sm, cryptogram.SM4, nil},
		"3DES":              {des, cryptogram.TDES, nil},
		"without ENC":       {keystore.MasterNames{AC: sm.AC, MAC: sm.MAC}, cryptogram.SM4, nil},
		"SM4 as 3DES":       {sm, cryptogram.TDES, keystore.ErrUsage},
		"3DES as SM4":       {des, cryptogram.SM4, keystore.ErrUsage},
		"AC of the other":   {keystore.MasterNames{AC: des.AC, MAC: sm.MAC}, cryptogram.SM4, keystore.ErrUsage},
		"MAC of the other":  {keystore.MasterNames{AC: sm.AC, MAC: des.MAC}, cryptogram.SM4, keystore.ErrUsage},
		"unknown algorithm": {sm, 9, keystore.ErrUsage},
		"nothing named":     {keystore.MasterNames{}, cryptogram.SM4, keystore.ErrNotFound},
	} {
		if v, err := s.Verifier(c.masters, c.alg); !errors.Is(err, c.want) || (v == nil) != (c.want != nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
