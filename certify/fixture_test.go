package certify_test

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/txn"
)

// chipCard is a chip of this module behind the port of the run.
type chipCard struct {
	chip *card.Chip
	seed byte
}

func (c *chipCard) ATR() []byte { return c.chip.ATR() }

func (c *chipCard) Reset() ([]byte, error) {
	c.seed++
	if err := c.chip.PowerOn(rand.NewChaCha8([32]byte{c.seed, 1})); err != nil {
		return nil, err
	}
	return c.chip.ATR(), nil
}

func (c *chipCard) Transmit(dst, cmd []byte) ([]byte, error) { return c.chip.Transmit(dst, cmd) }

// newCard is the default development card of a profile.
func newCard(t testing.TB, profile string) *chipCard {
	t.Helper()
	r, err := devcard.Default(profile)
	if err != nil {
		t.Fatal(err)
	}
	image, err := devcard.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, image, card.Auto)
}

func put(t testing.TB, image *card.Image, side card.Interface) *chipCard {
	t.Helper()
	c := &chipCard{chip: card.New()}
	c.chip.UseInterface(side)
	if err := c.chip.Insert(image, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func hexOf(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

// keys are the public development keys.
func keys(alg cryptogram.Alg, pan txn.PAN, psn byte) (certify.CardKeys, bool) {
	k, ok := devcard.Keys(alg, pan, psn)
	return certify.CardKeys{AC: k.AC, MAC: k.MAC, ENC: k.ENC, DCVN: k.DCVN}, ok
}

// secrets are the public development masters of what is beside the finance application.
func secrets(alg cryptogram.Alg, name string) (certify.Secret, bool) {
	k, ok := devcard.Secret(alg, name)
	return certify.Secret{Value: k}, ok
}

// options know everything about development cards.
func options(t testing.TB, profile string) certify.Options {
	t.Helper()
	cas, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	code, err := pin.New("123456")
	if err != nil {
		t.Fatal(err)
	}
	return certify.Options{Profile: profile, CAKeys: cas, Keys: keys, PIN: code, Secrets: secrets, CityPIN: code,
		At: time.Date(2026, 11, 21, 9, 30, 15, 0, time.UTC), Rand: rand.NewChaCha8([32]byte{7})}
}
