package oda

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"

	"filippo.io/bigmod"
	"pgregory.net/rapid"
)

// hexFields are the inputs or expected values of a vector.
type hexFields map[string]string

func (f hexFields) bytes(t *testing.T, name string) []byte {
	t.Helper()
	s, ok := f[name]
	b, err := hex.DecodeString(s)
	if err != nil || !ok {
		t.Fatalf("field %q: %q is missing or not hexadecimal", name, s)
	}
	return b
}

// TestPublishedRSAValues checks the RSA layouts on a public test card whose
// static data are not known: what needs them is compared with the hash inside.
func TestPublishedRSAValues(t *testing.T) {
	raw, err := os.ReadFile("../testdata/pboc_ours.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Kind             string
		Inputs, Expected hexFields
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	in, want := map[string]hexFields{}, map[string]hexFields{}
	for _, v := range all {
		in[v.Kind], want[v.Kind] = v.Inputs, v.Expected
	}
	i := in["rsa_issuer"]
	ca, err := RSAPublic{Modulus: i.bytes(t, "ca_modulus"), Exponent: 3}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	block, ok := ca.open(i.bytes(t, "certificate"), formatIssuer, i.bytes(t, "remainder"), i.bytes(t, "exponent"))
	if !ok || !bytes.HasPrefix(block, want["rsa_issuer"].bytes(t, "header")) {
		t.Fatalf("issuer certificate: %v, head %X", ok, block[:15])
	}
	issuer, ok := certifiedKey(block, 6, issuerOverhead, nil, []byte{3})
	if !ok {
		t.Fatal("issuer certificate holds no key")
	}

	s := in["rsa_static"]
	block, ok = issuer.recover(s.bytes(t, "signature"))
	if !ok || !bytes.HasPrefix(block, want["rsa_static"].bytes(t, "header")) || !bytes.Equal(block[len(block)-21:len(block)-1], want["rsa_static"].bytes(t, "hash")) {
		t.Errorf("signed static data: %v, %X", ok, block)
	}

	c := in["rsa_card"]
	block, ok = issuer.recover(c.bytes(t, "certificate"))
	if !ok || !bytes.HasPrefix(block, want["rsa_card"].bytes(t, "header")) || !bytes.Equal(block[len(block)-21:len(block)-1], want["rsa_card"].bytes(t, "hash")) {
		t.Fatalf("card certificate: %v, %X", ok, block)
	}
	card, ok := certifiedKey(block, 12, cardOverhead, c.bytes(t, "remainder"), c.bytes(t, "exponent"))
	if !ok {
		t.Fatal("card certificate holds no key")
	}

	d := in["rsa_dynamic"]
	key := CardKey{rsa: card}
	if _, r := key.DynamicData(d.bytes(t, "signature"), d.bytes(t, "terminal_data")); r != OK {
		t.Errorf("dynamic signature: %v", r)
	}
	if _, r := key.DynamicData(d.bytes(t, "signature"), []byte{0x7F, 0xBC, 0x40, 0x48}); r != SDADBad {
		t.Errorf("dynamic signature over another number: %v", r)
	}
}

// testKey is a small RSA key made for one test.
func testKey(t testing.TB, bitsOfPrime int) *RSAPrivate {
	t.Helper()
	for {
		p, q := testPrime(bitsOfPrime, 1), testPrime(bitsOfPrime, 2)
		if k, err := NewRSAPrivate(RSAComponents{P: p.Bytes(), Q: q.Bytes(), Exponent: 65537}); err == nil {
			return k
		}
	}
}

// testPrime is the first prime after a seeded number with its two top bits set.
func testPrime(size int, seed byte) *big.Int {
	b := make([]byte, size/8)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	b[0] |= 0xC0
	b[len(b)-1] |= 1
	p := new(big.Int).SetBytes(b)
	for !p.ProbablyPrime(20) {
		p.Add(p, big.NewInt(2))
	}
	return p
}

// TestAComputingFaultLeaksNothing breaks one number of the key at a time, as a
// glitch on a chip would: the signature must not come out.
func TestAComputingFaultLeaksNothing(t *testing.T) {
	block := make([]byte, 64)
	block[0], block[5] = 0x6A, 1
	entropy := rand.NewChaCha8([32]byte{9})
	faults := map[string]func(k *RSAPrivate){
		"exponent modulo p": func(k *RSAPrivate) { k.dp.d[0] ^= 2 },
		"exponent modulo q": func(k *RSAPrivate) { k.dq.d[0] ^= 2 },
		"order of p":        func(k *RSAPrivate) { k.dp.order[1] ^= 1 },
		"inverse of q":      func(k *RSAPrivate) { k.qInv = bigmod.NewNat().SetUint(3).ExpandFor(k.p) },
	}
	if _, err := testKey(t, 256).power(entropy, block); err != nil {
		t.Fatalf("the whole key: %v", err)
	}
	for name, fault := range faults {
		k := testKey(t, 256)
		fault(k)
		if sig, err := k.power(entropy, block); !errors.Is(err, errFault) || sig != nil {
			t.Errorf("fault in %s: signature %X, error %v", name, sig, err)
		}
	}
}

// TestPowerAgreesWithPlainArithmetic: CRT, blinding and limbs against one
// exponentiation on math/big, also for primes whose size is not whole limbs.
func TestPowerAgreesWithPlainArithmetic(t *testing.T) {
	for _, size := range []int{256, 264, 312} {
		k := testKey(t, size)
		p, q := new(big.Int).SetBytes(k.p.Nat().Bytes(k.p)), new(big.Int).SetBytes(k.check.pub.Modulus)
		q.Div(q, p)
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(65537), phi)
		n := new(big.Int).SetBytes(k.check.pub.Modulus)
		rapid.Check(t, func(rt *rapid.T) {
			block := rapid.SliceOfN(rapid.Byte(), k.Size(), k.Size()).Draw(rt, "block")
			block[0] &= 0x7F
			blind := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "blind")
			got, err := k.power(bytes.NewReader(blind), block)
			if err != nil {
				rt.Fatal(err)
			}
			want := new(big.Int).Exp(new(big.Int).SetBytes(block), d, n).FillBytes(make([]byte, k.Size()))
			if !bytes.Equal(got, want) {
				rt.Fatalf("block %X: %X, want %X", block, got, want)
			}
		})
	}
}

func TestDERRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sig := rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature")
		zeros := rapid.IntRange(0, 31).Draw(t, "zeros")
		clear(sig[:zeros])
		clear(sig[32 : 32+zeros])
		var back [64]byte
		if !fromDER(&back, appendDER(nil, sig)) || !bytes.Equal(back[:], sig) {
			t.Fatalf("%X came back as %X", sig, back)
		}
	})
}
