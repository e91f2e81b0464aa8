package psam_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/wire/apdu"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// Factors of the card in the vectors: its serial number and its issuer, as they
// stand in commands.
const (
	cardFactor   = "3104810010000001"
	issuerFactor = "0101100001011000"
	bothFactors  = cardFactor + issuerFactor
)

// profile is the development module.
func profile(t testing.TB) *psam.Profile {
	t.Helper()
	p, err := psam.Embedded("dev-psam")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spec is the development module with the counter of its applications set.
func spec(t testing.TB, counter uint32) psam.Spec {
	s := profile(t).Spec()
	for i := range s.Applications {
		s.Applications[i].Counter = counter
	}
	return s
}

// counter is a random source that gives 01 02 03.., or what a test has set.
type counter struct {
	next byte
	set  []byte
}

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		if len(c.set) > 0 {
			p[i], c.set = c.set[0], c.set[1:]
			continue
		}
		c.next++
		p[i] = c.next
	}
	return len(p), nil
}

// session is a module with power.
type session struct {
	t    testing.TB
	chip *card.Chip
	img  *card.Image
	rand *counter
}

func insert(t testing.TB, s psam.Spec) *session {
	t.Helper()
	img, err := psam.Image(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return place(t, img, nil)
}

func place(t testing.TB, img *card.Image, nvm []byte) *session {
	t.Helper()
	x := &session{t: t, chip: card.New(), img: img, rand: new(counter)}
	if err := x.chip.Insert(img, nvm); err != nil {
		t.Fatal(err)
	}
	x.powerOn()
	return x
}

func (s *session) powerOn() {
	s.t.Helper()
	if err := s.chip.PowerOn(s.rand); err != nil {
		s.t.Fatal(err)
	}
}

// settled is the memory as the next PowerOn leaves it.
func (s *session) settled() []byte { return s.chip.Memory().Settled(nil) }

// send gives the module a command.
func (s *session) send(cmd []byte) ([]byte, apdu.SW, error) {
	s.t.Helper()
	out, err := s.chip.Transmit(nil, cmd)
	if err != nil {
		return nil, 0, err
	}
	data, sw, err := apdu.ParseResponse(out)
	if err != nil {
		s.t.Fatalf("%X: %v", out, err)
	}
	return data, sw, nil
}

// do gives the module a command and fails the test if the power does.
func (s *session) do(hexes string) ([]byte, apdu.SW) {
	s.t.Helper()
	data, sw, err := s.send(unhex(s.t, hexes))
	if err != nil {
		s.t.Fatalf("%s: %v", hexes, err)
	}
	return data, sw
}

func (s *session) want(sw apdu.SW, hexes string) []byte {
	s.t.Helper()
	data, got := s.do(hexes)
	if got != sw {
		s.t.Fatalf("%s: %v, want %v", hexes, got, sw)
	}
	return data
}

// gives fails unless a command is answered by 9000 and these data.
func (s *session) gives(data, hexes string) {
	s.t.Helper()
	if got := s.want(apdu.SWOK, hexes); !bytes.Equal(got, unhex(s.t, data)) {
		s.t.Fatalf("%s: %X, want %s", hexes, got, data)
	}
}

func (s *session) union()     { s.want(apdu.SWOK, "00A4000C028011") }
func (s *session) cityUnion() { s.want(apdu.SWOK, "00A4000C021001") }

// lc puts the length of hexadecimal data before it.
func lc(hexes string) string {
	hexes = strings.ReplaceAll(hexes, " ", "")
	return fmt.Sprintf("%02X%s", len(hexes)/2, hexes)
}

// The purchase of the vectors, 2 yuan: its INIT_SAM_FOR_PURCHASE and MAC2 when the
// counter stands at 122.
var (
	initPurchase = "80700000" + lc("55667788 0010 000000C8 06 20260115101112 01 00"+bothFactors) + "08"
	rightMAC2    = "807200000475D66360"
	wrongMAC2    = "807200000475D66361"
)

var tears = []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}
