package livelihood_test

import (
	"encoding/hex"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/civic/livelihood"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/wire/apdu"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	check(t, err)
	return b
}

func random(seed byte) io.Reader { return mathrand.NewChaCha8([32]byte{seed}) }

// profile is the embedded one.
func profile(t testing.TB) *livelihood.Profile {
	t.Helper()
	p, err := livelihood.Embedded("livelihood")
	check(t, err)
	return p
}

// image is the development card of the profile.
func image(t testing.TB) *card.Image {
	t.Helper()
	r, err := devcard.Default("livelihood")
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	return img
}

// session talks to one card.
type session struct {
	t         testing.TB
	chip      *card.Chip
	challenge []byte // of the last GET CHALLENGE
}

func insert(t testing.TB, img *card.Image, memory []byte) *session {
	t.Helper()
	s := &session{t: t, chip: card.New()}
	s.chip.UseInterface(card.Contact)
	check(t, s.chip.Insert(img, memory))
	check(t, s.chip.PowerOn(random(1)))
	return s
}

// try sends a command; the error is a power cut.
func (s *session) try(cmd []byte) ([]byte, apdu.SW, error) {
	s.t.Helper()
	out, err := s.chip.Transmit(nil, cmd)
	if err != nil {
		return nil, 0, err
	}
	data, sw, err := apdu.ParseResponse(out)
	check(s.t, err)
	if len(cmd) > 1 && cmd[1] == 0x84 && sw == apdu.SWOK {
		s.challenge = data
	}
	return data, sw, nil
}

func (s *session) send(cmd string) ([]byte, apdu.SW) {
	s.t.Helper()
	data, sw, err := s.try(unhex(s.t, cmd))
	check(s.t, err)
	return data, sw
}

func (s *session) want(sw apdu.SW, cmd string) []byte {
	s.t.Helper()
	data, got := s.send(cmd)
	if got != sw {
		s.t.Fatalf("%s: %v, want %v", cmd, got, sw)
	}
	return data
}

// selecting is SELECT by name.
func selecting(name []byte) string {
	return hex.EncodeToString(append([]byte{0x00, 0xA4, 0x04, 0x00, byte(len(name))}, name...)) + "00"
}

// factors of the default card: account number 6228000100001117.
func factors(partition string) []epurse.Factor {
	if partition == "social-security" {
		return []epurse.Factor{{'1', '1', '0', '0', '0', '0', 's', 'x'}, {0x86, 0x60, 0x11, 0x00, 0x00, 0x00, 0x11, 0x17}}
	}
	return []epurse.Factor{{0x11, 0x00, 0x00, 0x11, 0x00, 0x00, 0x11, 0x00}, {0x10, 0x00, 0x00, 0x01, 0x00, 0x00, 0x11, 0x17}}
}

// cardKey is a key of the default card, named partition/key.
func cardKey(name string) epurse.Key {
	partition, _, _ := strings.Cut(name, "/")
	return epurse.Diversify(epurse.SM4, keystore.DevelopmentKey("civic/"+name), factors(partition)...)
}

// factorCryptogram is that of a process factor, with SM4.
func factorCryptogram(t testing.TB, k epurse.Key, factor, data []byte) [8]byte {
	t.Helper()
	b, err := sm4.NewCipher(k[:])
	check(t, err)
	var session epurse.Key
	copy(session[:], factor)
	b.Encrypt(session[:], session[:])
	return epurse.Authentication(epurse.SM4, session, data)
}

// authentication is the cryptogram command for EXTERNAL AUTHENTICATE of a key
// number; the social security card wants the process factor.
func (s *session) authentication(key string, number byte) []byte {
	s.t.Helper()
	if key == purseKey {
		return s.purseAuthentication(number)
	}
	k := cardKey(key)
	if !strings.HasPrefix(key, "social-security/") {
		c := epurse.Authentication(epurse.SM4, k, s.challenge)
		return append([]byte{0x00, 0x82, 0x00, number, 8}, c[:]...)
	}
	data := []byte("RANDOM-2")
	c := factorCryptogram(s.t, k, s.challenge, data)
	return append(append([]byte{0x00, 0x82, 0x00, number, 16}, c[:]...), data...)
}

// purseKey names the external authentication key of the purse.
const purseKey = "purse"

// purseAuthentication is EXTERNAL AUTHENTICATE of the purse, whose masters are those
// of its profile.
func (s *session) purseAuthentication(number byte) []byte {
	s.t.Helper()
	c := epurse.Authentication(epurse.TDES, s.purseCardKey("909192939495969798999A9B9C9D9E9F"), s.challenge)
	return append([]byte{0x00, 0x82, 0x00, number, 8}, c[:]...)
}

// purseBlock is APPLICATION BLOCK of the purse under its maintenance key.
func (s *session) purseBlock() []byte {
	s.t.Helper()
	line := epurse.NewLine(epurse.TDES, s.purseCardKey("404142434445464748494A4B4C4D4E4F"), s.challenge)
	h := epurse.Header{0x84, 0x1E, 0, 0}
	cmd, err := line.Protect(append(h[:], 4), h, nil, false)
	check(s.t, err)
	return cmd
}

func (s *session) purseCardKey(master string) epurse.Key {
	s.t.Helper()
	return epurse.Diversify(epurse.TDES, epurse.Key(unhex(s.t, master)),
		epurse.Factor(unhex(s.t, "0101100001011000")), epurse.Factor(unhex(s.t, "1000000100001117")))
}

// protected adds the MAC of a partition's line key to a plain command.
func (s *session) protected(key string, cmd []byte) []byte {
	s.t.Helper()
	line := epurse.NewLine(epurse.SM4, cardKey(key), s.challenge)
	h := epurse.Header{cmd[0] | 0x04, cmd[1], cmd[2], cmd[3]}
	var data []byte
	if len(cmd) > 5 {
		data = cmd[5:]
	}
	field, err := line.Protect(append(h[:], byte(len(data)+4)), h, data, false)
	check(s.t, err)
	return field
}
