package keystore_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/emmansun/gmsm/sm2"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

func seeded(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

var pan = [10]byte{0x62, 0x28, 0, 1, 0, 0, 0x11, 0x17, 0xFF, 0xFF}

// Example derives a card's keys for personalisation and takes them out again on
// the card's side; then a verifier is built that never sees a card key.
func Example() {
	store := keystore.Development(1)
	masters := keystore.IssuerMasters(0, cryptogram.SM4)
	wrapped, err := store.CardKeys(masters, pan, 1, keystore.KEKSM4Name)
	if err != nil {
		fmt.Println(err)
		return
	}
	card, err := keystore.UnwrapCardKeys(wrapped, cryptogram.SM4, keystore.DevelopmentKey(keystore.KEKSM4Name))
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := store.Verifier(masters, cryptogram.SM4)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The card pays; its issuer finds the cryptogram right.
	in, chip := cryptogram.TerminalInput{UN: [4]byte{1, 2, 3, 4}}, cryptogram.CardInput{ATC: 7}
	session := cryptogram.DeriveSessionKey(cryptogram.SM4, card.AC, chip.ATC)
	ac := cryptogram.MAC(cryptogram.SM4, session, cryptogram.ACData(nil, cryptogram.CVN01, &in, &chip))
	iad := cryptogram.IAD{CVN: cryptogram.CVN01, Alg: cryptogram.SM4}.Append(nil)
	fmt.Println(card.AC, verifier.Check(pan, 1, &in, &chip, iad, ac, true), store.IsDevelopment())
	// Output: [key withheld] ok true
}

func TestCardKeysComeOutOnlyUnderTheirTransportKey(t *testing.T) {
	store := keystore.Development(2)
	for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		for kek, kekAlg := range map[string]cryptogram.Alg{keystore.KEK3DESName: cryptogram.TDES, keystore.KEKSM4Name: cryptogram.SM4} {
			masters := keystore.IssuerMasters(1, alg)
			w, err := store.CardKeys(masters, pan, 1, kek)
			if err != nil {
				t.Fatal(err)
			}
			got, err := keystore.UnwrapCardKeys(w, kekAlg, keystore.DevelopmentKey(kek))
			if err != nil {
				t.Fatal(err)
			}
			for name, k := range map[string]cryptogram.Key{masters.AC: got.AC, masters.MAC: got.MAC, masters.ENC: got.ENC} {
				block, err := cryptogram.NewBlock(alg, keystore.DevelopmentKey(name))
				if err != nil {
					t.Fatal(err)
				}
				want := cryptogram.DeriveCardKey(alg, block, pan, 1)
				if !k.Equal(want) {
					t.Errorf("%v under %v: key of %s differs from the derived one", alg, kekAlg, name)
				}
				for _, c := range [][16]byte{w.AC.Ciphertext, w.MAC.Ciphertext, w.ENC.Ciphertext} {
					if want.Equal(cryptogram.Key(c)) {
						t.Errorf("a card key is carried in clear")
					}
				}
			}
			if _, err := keystore.UnwrapCardKeys(w, kekAlg, keystore.DevelopmentKey("another")); !errors.Is(err, keystore.ErrKCV) {
				t.Errorf("another transport key: %v", err)
			}
			w.ENC.Ciphertext[3] ^= 1
			if _, err := keystore.UnwrapCardKeys(w, kekAlg, keystore.DevelopmentKey(kek)); !errors.Is(err, keystore.ErrKCV) {
				t.Errorf("changed wrapped key: %v", err)
			}
		}
	}
	if _, err := keystore.UnwrapCardKeys(keystore.WrappedCardKeys{Alg: cryptogram.SM4}, 9, cryptogram.Key{}); !errors.Is(err, keystore.ErrKey) {
		t.Errorf("unknown algorithm: %v", err)
	}
	mixed := keystore.IssuerMasters(0, cryptogram.SM4)
	mixed.ENC = keystore.IssuerMasters(0, cryptogram.TDES).ENC
	if _, err := store.CardKeys(mixed, pan, 1, keystore.KEKSM4Name); !errors.Is(err, keystore.ErrUsage) {
		t.Errorf("masters of two algorithms: %v", err)
	}
}

// TestAKeyDoesOnlyWhatItsUsageAllows tries every key of the development set on
// every operation.
func TestAKeyDoesOnlyWhatItsUsageAllows(t *testing.T) {
	store := keystore.Development(1)
	m := keystore.IssuerMasters(0, cryptogram.SM4)
	card := [64]byte(devPublic(t, "someone"))
	operations := map[string]struct {
		allowed []keystore.Usage
		run     func(name string) error
	}{
		"verify AC": {[]keystore.Usage{keystore.IssuerAC}, func(n string) error {
			_, err := store.Verifier(keystore.MasterNames{AC: n, MAC: m.MAC}, cryptogram.SM4)
			return err
		}},
		"verify MAC": {[]keystore.Usage{keystore.IssuerMAC}, func(n string) error {
			_, err := store.Verifier(keystore.MasterNames{AC: m.AC, MAC: n}, cryptogram.SM4)
			return err
		}},
		"sign":    {[]keystore.Usage{keystore.TerminalSign, keystore.AcquirerSign}, func(n string) error { _, err := store.Sign(nil, n, seeded(1), []byte("m")); return err }},
		"unwrap":  {[]keystore.Usage{keystore.AcquirerWrap}, func(n string) error { _, err := store.UnwrapSM2(n, []byte("no ciphertext")); return err }},
		"card":    {[]keystore.Usage{keystore.IssuerSign}, func(n string) error { _, err := store.CertifyCard(n, seeded(1), oda.CardCert{}, card); return err }},
		"issuer":  {[]keystore.Usage{keystore.CASign}, func(n string) error { _, err := store.CertifyIssuer(n, seeded(1), oda.IssuerCert{}, card); return err }},
		"kek":     {[]keystore.Usage{keystore.TransportKEK}, func(n string) error { _, err := store.CardKeys(m, pan, 1, n); return err }},
		"ac mask": {[]keystore.Usage{keystore.IssuerAC}, func(n string) error { return derive(store, keystore.MasterNames{AC: n, MAC: m.MAC, ENC: m.ENC}) }},
	}
	for op, o := range operations {
		for _, k := range store.List() {
			allowed := slices.Contains(o.allowed, k.Usage)
			if allowed && k.Algorithm == keystore.TDES && k.Usage != keystore.TransportKEK {
				continue // refused for another reason: the other masters are SM4
			}
			if err := o.run(k.Name); errors.Is(err, keystore.ErrUsage) == allowed {
				t.Errorf("%s with %s (%v): %v", op, k.Name, k.Usage, err)
			}
		}
		if err := o.run("nobody"); !errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%s with an unknown name: %v", op, err)
		}
	}
}

func derive(s *keystore.Store, m keystore.MasterNames) error {
	_, err := s.CardKeys(m, pan, 1, keystore.KEKSM4Name)
	return err
}

func devPublic(t *testing.T, label string) []byte {
	t.Helper()
	k, err := oda.NewSM2Private(devkeys.SM2Key(label))
	if err != nil {
		t.Fatal(err)
	}
	xy := k.Public()
	return xy[:]
}

func TestSM2Operations(t *testing.T) {
	store := keystore.Development(1)
	info, err := store.Lookup(keystore.TerminalSignName)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := store.Sign([]byte("head"), keystore.TerminalSignName, seeded(1), []byte("a"), []byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	pub, err := oda.NewSM2Public(info.Public)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(sig, []byte("head")) || !pub.Verify(sig[4:], []byte("ab")) || pub.Verify(sig[4:], []byte("ac")) {
		t.Errorf("signature %X", sig)
	}

	wrap, err := store.Lookup(keystore.AcquirerWrapName)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := sm2.NewPublicKey(append([]byte{4}, wrap.Public[:]...))
	if err != nil {
		t.Fatal(err)
	}
	c, err := sm2.Encrypt(seeded(2), ec, []byte("data key"), sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.UnwrapSM2(keystore.AcquirerWrapName, c); err != nil || string(got) != "data key" {
		t.Errorf("unwrapped %q, %v", got, err)
	}
	c[len(c)-1] ^= 1
	if got, err := store.UnwrapSM2(keystore.AcquirerWrapName, c); err == nil {
		t.Errorf("a changed ciphertext opens to %q", got)
	}
	if _, err := store.UnwrapSM2(keystore.AcquirerWrapName, nil); err == nil {
		t.Error("no ciphertext opens")
	}
}

// TestCertificatesOfTheStoreVerify issues a card under the development CA.
func TestCertificatesOfTheStoreVerify(t *testing.T) {
	store := keystore.Development(1)
	issuer, err := store.Lookup(keystore.IssuerSignName(0))
	if err != nil {
		t.Fatal(err)
	}
	expiry := [2]byte{0x12, 0x30}
	data := oda.CardData{RID: devkeys.RID, CAIndex: devkeys.SM2CAIndex, PAN: pan}
	if data.IssuerCert, err = store.CertifyIssuer(keystore.CAName, seeded(1), oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0, 0xFF}, Expiry: expiry}, issuer.Public); err != nil {
		t.Fatal(err)
	}
	if data.CardCert, err = store.CertifyCard(keystore.IssuerSignName(0), seeded(2), oda.CardCert{PAN: pan, Expiry: expiry}, [64]byte(devPublic(t, "card"))); err != nil {
		t.Fatal(err)
	}
	cas, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	v, err := oda.NewVerifier(cas, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, r := v.VerifyCardCert(&data, oda.MonthOf(2026, 1)); r != oda.OK {
		t.Error(r)
	}
}

func TestSealAndOpen(t *testing.T) {
	store := keystore.Development(1)
	if err := store.AddSymmetric("线路/密钥", keystore.IssuerAC, cryptogram.SM4, cryptogram.Key{7}); err != nil {
		t.Fatal(err)
	}
	pass := []byte("正确 horse")
	file, err := store.Seal(seeded(1), pass)
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.Seal(seeded(1), pass)
	if err != nil || !bytes.Equal(file, again) {
		t.Errorf("the same reader seals to another file: %v", err)
	}
	back, err := keystore.Open(file, pass)
	if err != nil {
		t.Fatal(err)
	}
	if !back.IsDevelopment() {
		t.Error("the development mark is lost")
	}
	if got, want := fmt.Sprint(back.List()), fmt.Sprint(store.List()); got != want {
		t.Errorf("opened to\n%s\nwant\n%s", got, want)
	}
	for name, c := range map[string]struct {
		file, pass []byte
		want       error
	}{
		"wrong passphrase":  {file, []byte("correct horse"), keystore.ErrPassphrase},
		"no passphrase":     {file, nil, keystore.ErrPassphrase},
		"last byte changed": {append(file[:len(file)-1:len(file)-1], file[len(file)-1]^1), pass, keystore.ErrPassphrase},
		"last byte cut":     {file[:len(file)-1], pass, keystore.ErrPassphrase},
		"header cut":        {file[:30], pass, keystore.ErrFormat},
		"empty":             {nil, pass, keystore.ErrFormat},
		"another file":      {[]byte(strings.Repeat("PNG", 40)), pass, keystore.ErrFormat},
		"version 2":         {append([]byte("CCKS\x02"), file[5:]...), pass, keystore.ErrFormat},
		"hostile cost":      {append([]byte("CCKS\x01\x3F"), file[6:]...), pass, keystore.ErrFormat},
		"no cost":           {append([]byte("CCKS\x01\x00"), file[6:]...), pass, keystore.ErrFormat},
		"huge":              {make([]byte, 9<<20), pass, keystore.ErrFormat},
	} {
		if s, err := keystore.Open(c.file, c.pass); !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := store.Seal(seeded(1), nil); err == nil {
		t.Error("seals without a passphrase")
	}
	if _, err := store.Seal(iotest.ErrReader(errors.New("no entropy")), pass); err == nil {
		t.Error("seals without a salt")
	}
}

func TestKeysThatMayNotBeAdded(t *testing.T) {
	s := keystore.New()
	if err := s.AddSymmetric("a", keystore.IssuerAC, cryptogram.SM4, cryptogram.Key{1}); err != nil {
		t.Fatal(err)
	}
	if s.IsDevelopment() {
		t.Error("a store of secret keys calls itself a development store")
	}
	scalar := devkeys.SM2Key("x")
	for name, c := range map[string]struct{ got, want error }{
		"name twice":          {s.AddSymmetric("a", keystore.IssuerAC, cryptogram.SM4, cryptogram.Key{2}), keystore.ErrExists},
		"name twice, SM2":     {s.AddSM2("a", keystore.CASign, scalar), keystore.ErrExists},
		"no name":             {s.AddSymmetric("", keystore.IssuerAC, cryptogram.SM4, cryptogram.Key{}), keystore.ErrKey},
		"line feed in name":   {s.AddSymmetric("a\nb", keystore.IssuerAC, cryptogram.SM4, cryptogram.Key{}), keystore.ErrKey},
		"long name":           {s.AddSymmetric(strings.Repeat("n", keystore.MaxName+1), keystore.IssuerAC, cryptogram.SM4, cryptogram.Key{}), keystore.ErrKey},
		"SM2 usage":           {s.AddSymmetric("b", keystore.TerminalSign, cryptogram.SM4, cryptogram.Key{}), keystore.ErrUsage},
		"unknown algorithm":   {s.AddSymmetric("b", keystore.IssuerAC, 2, cryptogram.Key{}), keystore.ErrKey},
		"symmetric usage":     {s.AddSM2("b", keystore.IssuerAC, scalar), keystore.ErrUsage},
		"unknown usage":       {s.AddSM2("b", 200, scalar), keystore.ErrUsage},
		"zero scalar":         {s.AddSM2("b", keystore.CASign, [32]byte{}), keystore.ErrKey},
		"look up of a nobody": {second(s.Lookup("b")), keystore.ErrNotFound},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if len(s.List()) != 1 {
		t.Errorf("a refused key was kept: %v", s.List())
	}
}

func second(_ keystore.Info, err error) error { return err }

func TestNamesOfUsagesAndAlgorithms(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range keystore.Development(1).List() {
		seen[k.Usage.String()] = true
		if k.Algorithm == keystore.SM2 != (k.Public != [64]byte{}) || k.Algorithm == keystore.SM2 != (k.KCV == [3]byte{}) {
			t.Errorf("%s: algorithm %v with public key %X and check value %X", k.Name, k.Algorithm, k.Public, k.KCV)
		}
	}
	if len(seen) != 14 { // all but a clerk's: clerks make their own
		t.Errorf("the development set has usages %v, want all fourteen", seen)
	}
	if keystore.Usage(77).String() != "usage 77" || keystore.SM4.String() != "SM4" || keystore.SM2.String() != "SM2" || keystore.TDES.String() != "3DES" {
		t.Error("names of usages or algorithms")
	}
}
