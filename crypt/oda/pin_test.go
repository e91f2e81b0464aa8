package oda_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
)

var (
	pinBlock  = oda.PINBlock{0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	challenge = [8]byte{0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7}
)

// rsaEncipher raises any block to the public exponent, on math/big.
func rsaEncipher(c chain, tb testing.TB, block []byte) []byte {
	pub, _ := c.key(tb).RSA()
	n := new(big.Int).SetBytes(pub.Modulus)
	return new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(pub.Exponent)), n).FillBytes(make([]byte, len(pub.Modulus)))
}

func TestAnEncipheredPINReachesTheCard(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		key, card := c.key(t), c.signer.(oda.PINDecipherer)
		rapid.Check(t, func(rt *rapid.T) {
			pin := oda.PINBlock(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(rt, "PIN block"))
			number := [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(rt, "challenge"))
			enciphered, err := key.EncipherPIN([]byte("head"), seeded(rapid.Uint64().Draw(rt, "seed")), pin, number)
			if err != nil {
				rt.Fatal(err)
			}
			got, ok := card.DecipherPIN(seeded(1), enciphered[4:], number)
			if !ok || got != pin {
				rt.Fatal("another PIN block comes out, or none")
			}
		})
	})
}

// TestRSAPINBlockLayout opens a block by plain arithmetic (EMV Book 2, 7.2), and
// gives the card one that was laid out by hand.
func TestRSAPINBlockLayout(t *testing.T) {
	c := rsaChain(t)
	card := c.signer.(*oda.RSAPrivate)
	padding := bytes.Repeat([]byte{0xDD}, card.Size()-17)
	block := append(append(append([]byte{0x7F}, pinBlock[:]...), challenge[:]...), padding...)
	want := rsaEncipher(c, t, block)
	got := must(c.key(t).EncipherPIN(nil, bytes.NewReader(padding), pinBlock, challenge))(t)
	if !bytes.Equal(got, want) {
		t.Errorf("enciphered %X, want %X", got, want)
	}
	if pin, ok := card.DecipherPIN(seeded(1), want, challenge); !ok || pin != pinBlock {
		t.Error("the card does not open a block laid out by hand")
	}
}

// TestEveryBadPINLooksAlike: whatever is wrong, the card learns no more than that.
func TestEveryBadPINLooksAlike(t *testing.T) {
	families(t, func(t *testing.T, c chain) {
		key, card := c.key(t), c.signer.(oda.PINDecipherer)
		good := must(key.EncipherPIN(nil, seeded(5), pinBlock, challenge))(t)
		refuse := func(name string, rand io.Reader, enciphered []byte, number [8]byte) {
			t.Helper()
			if pin, ok := card.DecipherPIN(rand, enciphered, number); ok || pin != (oda.PINBlock{}) {
				t.Errorf("%s: taken (%v) or a PIN block shows", name, ok)
			}
		}
		other := challenge
		other[7] ^= 1
		refuse("another challenge", seeded(1), good, other)
		refuse("nothing", seeded(1), nil, challenge)
		refuse("one byte short", seeded(1), good[:len(good)-1], challenge)
		refuse("one byte long", seeded(1), append(good[:len(good):len(good)], 0), challenge)
		refuse("zeros", seeded(1), make([]byte, len(good)), challenge)
		refuse("above the modulus or the field", seeded(1), bytes.Repeat([]byte{0xFF}, len(good)), challenge)
		for i := range good {
			bad := append([]byte(nil), good...)
			bad[i] ^= 0x20
			refuse(fmt.Sprintf("byte %d changed", i), seeded(1), bad, challenge)
		}
		if rsa, ok := card.(*oda.RSAPrivate); ok {
			refuse("no entropy", iotest.ErrReader(errors.New("no entropy")), good, challenge)
			block := append(append([]byte{0x6A}, pinBlock[:]...), challenge[:]...)
			refuse("another header", seeded(1), rsaEncipher(c, t, append(block, make([]byte, rsa.Size()-17)...)), challenge)
		} else {
			block := append(append([]byte{0x7E}, pinBlock[:]...), challenge[:]...)
			refuse("another header", seeded(1), must(key.SM2().Encrypt(seeded(1), block))(t), challenge)
			refuse("longer text", seeded(1), must(key.SM2().Encrypt(seeded(1), append(block, 0)))(t), challenge)
		}
		if _, err := key.EncipherPIN(nil, iotest.ErrReader(errors.New("no entropy")), pinBlock, challenge); err == nil {
			t.Error("the terminal enciphers without entropy")
		}
	})
}

// pinChain adds a PIN encipherment key of its own to a card.
func pinChain(t *testing.T, rsa bool) (oda.CardData, oda.PINDecipherer) {
	cert := cardCert()
	cert.StaticData = nil
	if rsa {
		c := rsaChain(t)
		key := must(oda.NewRSAPrivate(devkeys.RSACard(5)))(t)
		p := must(must(oda.NewRSAPrivate(devkeys.RSAIssuer(0)))(t).CertifyCard(seeded(6), cert, key.Public()))(t)
		c.data.PINCert, c.data.PINRest, c.data.PINExponent = p.Certificate, p.Remainder, p.Exponent
		return c.data, key
	}
	c := sm2Chain(t)
	key := must(oda.NewSM2Private(devkeys.SM2Key("PIN key of a test")))(t)
	c.data.PINCert = must(must(oda.NewSM2Private(devkeys.SM2Issuer(0)))(t).CertifyCard(seeded(6), cert, key.Public()))(t)
	return c.data, key
}

func TestAPINKeyOfItsOwn(t *testing.T) {
	for _, rsa := range []bool{false, true} {
		data, card := pinChain(t, rsa)
		v := verifier(t, 1)
		key, r := v.VerifyPINKey(&data, january)
		if r != oda.OK {
			t.Fatalf("RSA %v: %v", rsa, r)
		}
		enciphered := must(key.EncipherPIN(nil, seeded(8), pinBlock, challenge))(t)
		if pin, ok := card.DecipherPIN(seeded(1), enciphered, challenge); !ok || pin != pinBlock {
			t.Errorf("RSA %v: the PIN key does not open what was enciphered for it", rsa)
		}
		signing, r := v.VerifyCardCert(&data, january)
		if r != oda.OK {
			t.Fatalf("RSA %v: %v", rsa, r)
		}
		sign, _ := signing.RSA()
		pin, _ := key.RSA()
		if rsa && bytes.Equal(sign.Modulus, pin.Modulus) || !rsa && signing.SM2().XY() == key.SM2().XY() {
			t.Errorf("RSA %v: the PIN key is the signature key", rsa)
		}
		// The signature key's certificate covers static data and is no PIN key's.
		swapped := data
		swapped.PINCert, swapped.PINRest, swapped.PINExponent = data.CardCert, data.CardRest, data.CardExponent
		if _, r := v.VerifyPINKey(&swapped, january); r != oda.CardCertBad {
			t.Errorf("RSA %v: signature certificate in 9F2D: %v", rsa, r)
		}
		if _, r := v.VerifyPINKey(&data, oda.MonthOf(2029, 7)); r != oda.CardCertExpired {
			t.Errorf("RSA %v: expired: %v", rsa, r)
		}
	}
}

// TestPINBlocksArePrintedWithheld in every form that contains one.
func TestPINBlocksArePrintedWithheld(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d", "%s"} {
		if s := fmt.Sprintf(verb, struct{ P oda.PINBlock }{pinBlock}); !strings.Contains(s, "[PIN withheld]") || strings.Contains(s, "34") {
			t.Errorf("%s gives %s", verb, s)
		}
	}
}

// FuzzDecipherPIN lets the fuzzer be the terminal: nothing panics, and a PIN
// block comes out of a fresh encipherment only.
func FuzzDecipherPIN(f *testing.F) {
	cards := map[bool]oda.PINDecipherer{}
	for rsa, c := range map[bool]chain{false: sm2Chain(f), true: rsaChain(f)} {
		cards[rsa] = c.signer.(oda.PINDecipherer)
		f.Add(rsa, must(c.key(f).EncipherPIN(nil, seeded(1), pinBlock, challenge))(f))
		f.Add(rsa, c.sign(f))
	}
	f.Add(false, append([]byte{4}, make([]byte, 113)...))
	f.Fuzz(func(t *testing.T, rsa bool, enciphered []byte) {
		pin, ok := cards[rsa].DecipherPIN(seeded(1), enciphered, challenge)
		if !ok && pin != (oda.PINBlock{}) {
			t.Fatal("a refused ciphertext shows a block")
		}
		if again, same := cards[rsa].DecipherPIN(seeded(2), enciphered, challenge); same != ok || again != pin {
			t.Fatal("two answers to one ciphertext")
		}
	})
}
